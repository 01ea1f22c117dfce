"""docs/reference/cli.md, held against the command line."""

import re
import shlex
import shutil
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from frugal.cli.commands import COMMANDS

PLACE = Path(__file__).parents[3] / "docs" / "reference" / "cli.md"
PAGE = PLACE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^\$ frugal (.+)$", PAGE, re.MULTILINE)


def test_the_page_has_the_commands_that_there_are() -> None:
    """In the order of the table, each under its heading with an example of its own."""
    assert [row.name for row in COMMANDS] == re.findall(r"^### (.+)$", PAGE, re.MULTILINE)
    for row in COMMANDS:
        section = PAGE.partition(f"\n### {row.name}\n")[2].partition("\n#")[0]
        assert f"$ frugal {row.name}" in section


COMMON = {"--help", "--json", "--ledger"}


def options_of(row: Any) -> str:
    """Return the line of the page that says what a command takes, beyond what all take."""
    command: Any = get_command(import_module(f"frugal.cli.{row.name}").app)
    parts = getattr(command, "commands", {"": command})
    said = []
    for name, one in parts.items():
        names = [max(parameter.opts, key=len) for parameter in one.params if parameter.opts[0].startswith("-")]
        own = ", ".join(f"`{option}`" for option in names if option not in COMMON)
        said.append(f"`{name}`: {own or 'none'}" if name else own or "none")
    return f"Options: {'; '.join(said)}."


def section_of(row: Any) -> str:
    return PAGE.partition(f"\n### {row.name}\n")[2].partition("\n#")[0]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_the_page_has_every_option_of_a_command(row: Any) -> None:
    """None is missing and none lives on; `python tests/unit/cli/test_reference.py` writes these lines anew."""
    assert options_of(row) in section_of(row).splitlines()


def test_the_page_names_only_options_that_there_are() -> None:
    """An option that was renamed does not live on in the text either."""
    known = {"--help", "--version", "--install-completion", "--show-completion"}
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
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "my_app.py").write_text(
        "from frugal import cached, memory, stack as of\n\nstack = of(cached(layers=[memory]))\n"
    )
    (tmp_path / "calls.csv").write_text("time,model,input_tokens,output_tokens\n2026-01-15T09:00:00Z,gpt-4o,10,1\n")
    ran = frugal(*shlex.split(line))
    assert (ran.code, ran.err) == (0, "")
    assert ran.out


def written() -> str:
    """Return the page with the lines of options as they should be."""
    page = PAGE
    for row in COMMANDS:
        before, head, after = page.partition(f"\n### {row.name}\n")
        section, end, rest = after.partition("\n#")
        kept = "\n".join(line for line in section.rstrip().splitlines() if not line.startswith("Options: "))
        page = f"{before}{head}{kept.rstrip()}\n\n{options_of(row)}\n{end}{rest}"
    return page


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
