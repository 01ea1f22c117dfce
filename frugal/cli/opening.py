"""Opening a ledger to look at, and what to say where there is nothing to see.

Law: looking makes nothing on disk; a directory that somebody named must be there, so that a slip of the pen is not
reported as "nothing spent".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from frugal._values.record import UsageRow
from frugal.cli.endings import Trouble
from frugal.cli.parts import Line
from frugal.cli.screen import Screen
from frugal.cli.times import Period
from frugal.cli.wording import clean
from frugal.ledger import Ledger

__all__ = ["calls_in", "nothing", "opened"]

_FILE = "cache.db"  # what makes a directory a ledger


@contextmanager
def opened(directory: Path | None) -> Iterator[Ledger]:
    """Yield the ledger there, or the default one.

    Raises:
        Trouble: a directory was named and is not there.
    """
    if directory is not None:
        place = directory.expanduser()
        if not place.exists():
            raise Trouble(
                f"there is no ledger at {str(directory)!r}: name the directory of one, or leave --ledger out."
            )
        inside = place / "ledger"
        if place.is_dir() and not (place / _FILE).exists() and (inside / _FILE).exists():
            raise Trouble(f"{str(directory)!r} is not a ledger, but has one in it: --ledger {inside}.")
    with Ledger(directory) as ledger:
        yield ledger


def calls_in(row: UsageRow) -> int:
    """Return how many records a row adds up, the attempts that are no call of the user's too."""
    return sum(row.outcomes.values())


def nothing(screen: Screen, ledger: Ledger, asked: Period | None = None, *, filtered: bool = False) -> None:
    """Say why there is nothing to show, and what to do next."""
    if calls_in(ledger.totals()):
        words = "" if asked is None else f" ({asked.words})"
        more = ", or leave a filter out" if filtered else ""
        screen.show(Line(f"Nothing was recorded there{words}. Widen --since and --until{more}."))
        return
    screen.show(
        Line("This ledger is empty: nothing was recorded yet.", "bold"),
        Line(f"  It is {clean(ledger.directory)}"),
        Line("  Put @metered on an async function that calls a model, and run it:"),
        Line("      from frugal import metered"),
        Line("  To see what it will show, run:  frugal demo"),
        Line("  A ledger elsewhere:             --ledger DIR, or set FRUGAL_HOME"),
    )
