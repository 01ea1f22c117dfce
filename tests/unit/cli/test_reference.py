"""docs/reference/cli.md, held against the command line."""

import re
import shlex
import shutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from frugal.cli.commands import COMMANDS

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\$ frugal (.+)$", PAGE, re.MULTILINE)


def test_the_page_has_the_commands_that_there_are() -> None:
    """In the order of the table, each under its heading with an example of its own."""
    assert [row.name for row in COMMANDS] == re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    for row in COMMANDS:
        section = PAGE.partition(f"\n### {row.name}\n")[2].partition("\n#")[0]
        assert f"$ frugal {row.name}" in section


def test_the_page_names_only_options_that_there_are() -> None:
    """An option that was renamed does not live on in the page."""
    known = {"--help", "--version", "--install-completion"}
    for row in COMMANDS:
        command: Any = get_command(import_module(f"frugal.cli.{row.name}").app)
        for one in (command, *getattr(command, "commands", {}).values()):
            known.update(option for parameter in one.params for option in parameter.opts)
    assert set(re.findall(r"--[a-z][a-z-]+", PAGE)) <= known


@pytest.mark.parametrize("line", EXAMPLES)
def test_every_example_runs(
    frugal: Callable[..., Any],
    week: Path,
    frugal_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    line: str,
) -> None:
    """As it stands on the page, on the default ledger, with the demo's week in it."""
    frugal_home.mkdir()
    shutil.copytree(week, frugal_home / "ledger")
    monkeypatch.chdir(tmp_path)
    ran = frugal(*shlex.split(line))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out
