"""Install the peers one by one, where they cannot be had together; what cannot be had is skipped, with the reason."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Install what can be installed."""
    text = Path(__file__).parents[2].joinpath("pyproject.toml").read_text()
    for peer in tomllib.loads(text)["dependency-groups"]["bench"]:
        pip = [sys.executable, "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--no-input", peer]
        run = subprocess.run(pip, capture_output=True, text=True, check=False)
        if run.returncode:
            print(f"{peer} is left out: {(run.stderr.strip().splitlines() or ['it could not be installed'])[-1]}")


if __name__ == "__main__":
    main()
