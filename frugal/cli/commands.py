"""The table of commands, how one is found, and how each of them ends.

Law: a command's file is imported only when that command is called, so that help and completion answer at once. What
goes wrong is one line on stderr with what to do about it, and the exit code says which kind it was.
"""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import frugal
from frugal.cli.endings import BROKEN_PIPE, BUG, INTERRUPTED, TROUBLE, Trouble, let_go_of_stdout, os_words
from frugal.errors import FrugalError

__all__ = ["COMMANDS", "Command", "app"]


class Command(NamedTuple):
    """One row of the table.

    Args:
        name: what is typed.
        line: what the list of commands says; the first line of its own help.
        panel: under which heading.
    """

    name: str
    line: str
    panel: str


_SEE, _PLAN, _KEEP = "See what is spent", "Look ahead", "Keep the books"

COMMANDS = (
    Command("demo", "Show the main job on an offline workload.", _SEE),
    Command("usage", "Show what was used, what it cost and what was saved.", _SEE),
    Command("trend", "Show the cost of each of the last days.", _SEE),
    Command("top", "Show who and what costs most.", _SEE),
    Command("budget", "Show every budget: used, held, left, and when it resets.", _SEE),
    Command("records", "Show single records, the newest first.", _SEE),
    Command("report", "Write a page with charts, tables and advice: HTML.", _SEE),
    Command("advise", "Show what would have cost less, and what would not.", _PLAN),
    Command("backtest", "Show what a stack would have done with past calls.", _PLAN),
    Command("estimate", "Estimate what a month would cost.", _PLAN),
    Command("prices", "Show what models cost.", _PLAN),
    Command("cache", "Show what the caches answered, or clear them.", _KEEP),
    Command("audit", "Add everything up again and compare with the counters.", _KEEP),
    Command("export", "Write the records to a file: CSV or JSON Lines.", _KEEP),
    Command("reprice", "Compare the records with today's prices, or with other ones.", _KEEP),
    Command("forget", "Put a random name in the place of a user's.", _KEEP),
    Command("compact", "Fold old records into daily sums.", _KEEP),
)
"""Every command. Its file is `frugal/cli/<name>.py`, which has a `typer.Typer` called `app`."""


class _Files(MutableMapping[str, Any]):
    """Commands by name, each read from its file when it is asked for."""

    def __init__(self, rows: tuple[Command, ...]) -> None:
        self._rows = {row.name: row for row in rows}
        self._found: dict[str, Any] = {}
        self._listing = False

    @contextmanager
    def listing(self) -> Iterator[None]:
        """Give, inside the block, only what a list of commands shows, without a look into the files."""
        self._listing = True
        try:
            yield
        finally:
            self._listing = False

    def __getitem__(self, name: str) -> Any:
        row = self._rows[name]
        if self._listing:
            return TyperCommand(name, help=row.line, rich_help_panel=row.panel)
        if name not in self._found:
            found = get_command(import_module(f"frugal.cli.{name}").app)
            found.name = name
            for one in (found, *getattr(found, "commands", {}).values()):
                one.help = _flowing(one.help or "")
            self._found[name] = found
        return self._found[name]

    def __setitem__(self, name: str, command: Any) -> None:
        self._rows.setdefault(name, Command(name, "", _SEE))
        self._found[name] = command

    def __delitem__(self, name: str) -> None:
        del self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _flowing(text: str) -> str:
    """Let each paragraph flow to the terminal's width, wherever the source broke its lines."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


class Program(TyperGroup):
    """The program: finds its commands in the table, and turns what goes wrong into a line and an exit code."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._files = _Files(COMMANDS)
        self.commands = self._files

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with self._files.listing():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        """Complete a command's name without importing it."""
        with self._files.listing():
            return super().shell_complete(ctx, incomplete)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,  # noqa: FBT002 click's own order
        windows_expand_args: bool = True,  # noqa: FBT002
        **extra: Any,
    ) -> Any:
        """Run a command line.

        Raises:
            SystemExit: always, in standalone mode; its code is one of `frugal.cli.endings`.
        """
        run = super().main
        if not standalone_mode:
            return run(args, prog_name, complete_var, standalone_mode, windows_expand_args, **extra)
        if sys.stdout is None:
            sys.exit(_said("there is no standard output to write to: it was closed before frugal began.", TROUBLE))
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a letter is no error
        sys.exit(
            _ended(
                lambda: run(
                    args, prog_name or "frugal", complete_var, not standalone_mode, windows_expand_args, **extra
                )
            )
        )


def _ended(run: Callable[[], Any]) -> int:
    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        let_go_of_stdout()
        return BROKEN_PIPE
    except (KeyboardInterrupt, typer.Abort):
        return _said("interrupted.", INTERRUPTED)
    except Trouble as trouble:
        return _said(str(trouble), trouble.code)
    except (FrugalError, OSError) as error:
        return _said(os_words(error) if isinstance(error, OSError) else str(error), TROUBLE)
    except Exception as error:
        if hasattr(error, "format_message"):  # whichever click typer brings: a command line that cannot be read
            return _said(_usage_line(error), TROUBLE)
        traceback.print_exc()
        return _said(f"this is a fault of frugal {frugal.__version__}, not yours: please report the lines above.", BUG)
    if code == INTERRUPTED:  # some of typer's versions catch it themselves, and say nothing
        return _said("interrupted.", INTERRUPTED)
    return code if isinstance(code, int) else 0


def _usage_line(error: Any) -> str:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "frugal"
    said = error.format_message().rstrip(".")
    return f"{said}{'' if said.endswith('?') else '.'} See '{path} --help'."


def _said(message: str, code: int) -> int:
    from frugal.cli.wording import clean  # noqa: PLC0415 only where something went wrong

    print(f"frugal: {clean(' '.join(message.split()))}", file=sys.stderr)  # noqa: T201 one line, with no console to break it
    return code


app = typer.Typer(
    cls=Program,
    name="frugal",
    help="See what language models cost you: by whom, on what, what was saved, and what is left.",
    epilog="Each command takes --help, and --json for programs. Exit codes: 0 well, 1 a check failed, 2 trouble.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"frugal {frugal.__version__}")
        raise typer.Exit


@app.callback()
def _program(
    context: typer.Context,
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    if not version and context.invoked_subcommand is None:
        typer.echo(context.get_help())
