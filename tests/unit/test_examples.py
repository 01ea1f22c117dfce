"""Every example runs, offline, and says on its first line what one learns."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_says_what_one_learns(example, tmp_path):
    """With a home of its own and no network; what goes wrong is a failure, and so is a warning."""
    source = example.read_text()
    assert source.startswith('"""Learn: ')
    assert len(source.splitlines()) <= 60
    done = subprocess.run(
        [sys.executable, "-W", "error", str(example)],
        env={"FRUGAL_HOME": str(tmp_path / "home"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
