"""The parts of a screen as values: tables, columns, bars and lines.

Law: a part says what there is to show, and knows nothing of where it is shown; a bar alone draws itself, in whatever
room it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.text import Text

__all__ = ["NARROWEST", "WIDEST", "Bar", "Cell", "Column", "Grid", "Line", "Part"]

NARROWEST = 6
"""Cells that a bar needs at the least."""

WIDEST = 16
"""Cells that a bar takes at the most."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


@dataclass(frozen=True, slots=True)
class Bar:
    """A share as a bar; in a pipe its column is left out.

    Args:
        share: 0 to 1; more is drawn as full.
        held: a second share behind it.
        style: a style of rich for the first one.
    """

    share: float
    held: float = 0.0
    style: str = "cyan"

    def text(self, width: int = WIDEST, *, ascii_only: bool = False) -> Text:
        """Draw it, in that many cells."""
        share = min(max(self.share, 0.0), 1.0)
        held = min(max(self.held, 0.0), 1.0 - share)
        if ascii_only or held:
            full = _cells(share, width)
            more = min(_cells(held, width), width - full)
            marks = ("#", "=", ".") if ascii_only else ("█", "▒", "·")
            return Text.assemble(
                (marks[0] * full, self.style), (marks[1] * more, "yellow"), (marks[2] * (width - full - more), "dim")
            )
        full, rest = divmod(max(round(share * width * 8), 1 if share else 0), 8)
        drawn = "█" * full + (_EIGHTHS[rest] if rest else "")
        return Text.assemble((drawn, self.style), ("·" * (width - len(drawn)), "dim"))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text(min(options.max_width, WIDEST), ascii_only=options.ascii_only)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(NARROWEST, options.max_width), min(WIDEST, options.max_width))


def _cells(share: float, width: int) -> int:
    return max(round(share * width), 1) if share else 0


Cell = str | Bar
"""What stands in a table."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Args:
        name: its head.
        right: whether it is aligned to the right.
        bar: whether it holds bars.
        keep: whether it must not be shortened.
        fold: whether what is too long goes on in the next line, rather than being cut.
        spare: whether it may be left out of a narrow terminal, since other columns tell it too.
    """

    name: str
    right: bool = False
    bar: bool = False
    keep: bool = False
    fold: bool = False
    spare: bool = False


@dataclass(frozen=True, slots=True)
class Grid:
    """A table to show.

    Args:
        columns: its columns.
        rows: its rows, a cell for each column; texts from users are clean already.
        title: what stands above it.
        total: a last row, apart.
        notes: lines below it.
        styles: a style of rich for a row, by its place.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    title: str = ""
    total: Sequence[Cell] | None = None
    notes: Sequence[str] = ()
    styles: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text."""

    text: str = ""
    style: str = ""


Part = Grid | Line
"""What a command shows."""
