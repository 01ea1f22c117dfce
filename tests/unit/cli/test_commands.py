"""The table of commands, help, and how a command line ends."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from typer.main import get_command

from frugal.cli import app
from frugal.cli.commands import COMMANDS

SCRIPT = [sys.executable, "-c", "from frugal.cli import app; app()"]


def subcommands() -> list[list[str]]:
    """Return every command line that takes --help."""
    found = []
    for row in COMMANDS:
        command: Any = get_command(import_module(f"frugal.cli.{row.name}").app)
        found += [[row.name, name] for name in getattr(command, "commands", {})] or [[row.name]]
    return found


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_the_table_says_what_the_file_says(row: Any) -> None:
    """The line in the list of commands is the first line of the command's own help."""
    command = get_command(import_module(f"frugal.cli.{row.name}").app)
    assert row.line == (command.help or "").splitlines()[0]


def test_help_lists_every_command_and_imports_none() -> None:
    """Help answers at once: neither a command's file nor the ledger nor the prices are imported for it."""
    code = (
        "import sys, json\n"
        "from frugal.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit as end: code = end.code\n"
        "print(json.dumps([code, sorted(sys.modules)]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    shown, _, last = ran.stdout.rstrip().rpartition("\n")
    code, modules = json.loads(last)
    assert code == 0
    for row in COMMANDS:
        assert row.name in shown
        assert row.line in shown
    heavy = {"frugal.ledger", "frugal.prices", "genai_prices", "numpy", "diskcache", "rich.live", "frugal.testing"}
    assert not heavy & set(modules)
    assert not {f"frugal.cli.{row.name}" for row in COMMANDS} & set(modules)


@pytest.mark.parametrize("words", subcommands(), ids=" ".join)
def test_every_command_has_help_and_json(frugal: Callable[..., Any], words: list[str]) -> None:
    """Each takes --help, which fits 80 columns, and --json."""
    ran = frugal(*words, "--help")
    assert ran.code == 0
    assert "--json" in ran.out
    assert max(map(cell_len, ran.out.splitlines())) <= 80


def test_nothing_typed_shows_the_help(frugal: Callable[..., Any]) -> None:
    """`frugal` alone is not an error."""
    ran = frugal()
    assert ran.code == 0
    assert "usage" in ran.out
    assert ran.err == ""


def test_the_version_is_told(frugal: Callable[..., Any]) -> None:
    """`frugal --version` says the package's."""
    import frugal as package

    assert frugal("--version").out == f"frugal {package.__version__}\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["usge"], "usge"),
        (["usage", "--nope"], "--nope"),
        (["usage", "--by", "colour"], "tag:NAME"),
        (["usage", "--since", "someday"], "2026-01-31"),
        (["usage", "--outcome", "odd"], "provider"),
        (["usage", "--tag", "feature"], "NAME=VALUE"),
        (["usage", "--limit", "-1"], "--limit"),
        (["usage", "--watch"], "terminal"),
        (["trend", "--days", "3", "--since", "7d"], "--days"),
        (["trend", "--since", "1990-01-01"], "--by month"),
        (["records", "no-such-call"], "--ids"),
        (["export", "records.txt"], ".csv"),
        (["export", "no/such/place.csv"], "no/such"),
        (["estimate"], "MODEL"),
        (["estimate", "gtp-4o"], "gpt-4o"),
        (["estimate", "gpt-4o", "--hit-rate", "2"], "--hit-rate"),
        (["prices", "gtp-4o"], "gpt-4o"),
        (["prices", "gpt-4o", "--prices", "no-such.json"], "no-such.json"),
        (["compact"], "--keep-days"),
        (["compact", "--keep-days", "30"], "--yes"),
        (["forget", ""], "empty"),
        (["cache", "clear", "--cache", "no-such-place"], "no-such-place"),
        (["usage", "--ledger", "no-such-place"], "no-such-place"),
        (["audit", "--ledger", "/dev"], "Ledger(directory=)"),
        (["budget", "--timezone", "Mars/Olympus"], "Europe/Berlin"),
    ],
    ids=" ".join,
)
def test_bad_usage_is_one_line_with_the_fix_and_code_2(frugal: Callable[..., Any], words: list[str], said: str) -> None:
    """Nothing on stdout, one line on stderr."""
    ran = frugal(*words)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("frugal: ")
    assert said in ran.err


def test_what_a_user_typed_is_not_obeyed_in_an_error(frugal: Callable[..., Any]) -> None:
    """An error message spells escapes out too."""
    ran = frugal("usage", "--by", "\x1b]0;owned\x07")
    assert "\x1b" not in ran.err
    assert "\x07" not in ran.err


def test_a_fault_of_ours_is_code_3(frugal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bug is never mistaken for a check that failed."""
    from frugal import Ledger

    monkeypatch.setattr(Ledger, "audit", lambda self: 1 // 0)
    ran = frugal("audit")
    assert ran.code == 3
    assert "ZeroDivisionError" in ran.err


def test_ctrl_c_is_code_130(frugal: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted work says so, in one line."""
    from frugal import Ledger

    def interrupted(self: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Ledger, "audit", interrupted)
    assert frugal("audit").code == 130


def test_a_reader_that_went_away_is_no_error(week: Path) -> None:
    """`frugal records | head` ends quietly, with the code that shells give for a broken pipe."""
    command = [*SCRIPT, "records", "--limit", "0", "--json", "--ledger", str(week)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


def test_a_terminal_gets_tables_with_bars_and_a_pipe_does_not(week: Path) -> None:
    """The same command, as a person and as a program sees it, in real processes."""
    words = [*SCRIPT, "usage", "--ledger", str(week)]
    environment = {**os.environ, "COLUMNS": "80", "TERM": "xterm"}
    piped = subprocess.run(words, capture_output=True, check=True, env=environment).stdout.decode()
    main, side = pty.openpty()
    with subprocess.Popen(words, stdout=side, stdin=side, stderr=side, env=environment) as process:
        os.close(side)
        seen = b""
        try:
            while chunk := os.read(main, 65_536):
                seen += chunk
        except OSError:  # how Linux says that the terminal has no other side any more
            pass
        assert process.wait() == 0
    os.close(main)
    assert "█" in seen.decode()
    assert "\x1b[" in seen.decode()
    assert not {"█", "\x1b", "\t"} & set(piped)
    assert "gpt-4o" in piped


def test_a_shell_completes_commands_and_options() -> None:
    """Completion is typer's, over the commands that are not imported yet."""
    ran = subprocess.run(
        SCRIPT,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ, "_FRUGAL_COMPLETE": "complete_bash", "COMP_WORDS": "frugal us", "COMP_CWORD": "1",
        },
    )  # fmt: skip
    assert ran.stdout.split() == ["usage"]


def test_the_app_is_what_the_package_installs() -> None:
    """`frugal` on the command line is `frugal.cli:app`."""
    assert callable(app)
