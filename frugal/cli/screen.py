"""The screen: the one way from a command to stdout.

Law: a command says what there is to show, and here is decided how it reads: tables with bars in a terminal, aligned
plain text of any width in a pipe, one JSON document for programs. Every text is taken as text: no markup in it is
obeyed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import typer
from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, OverflowMethod, RenderableType, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from frugal.cli.endings import BROKEN_PIPE, let_go_of_stdout

__all__ = ["Bar", "Cell", "Column", "Grid", "Line", "Screen"]

_NARROWEST, _WIDEST = 6, 16  # cells of a bar
_EIGHTHS = " ▏▎▍▌▋▊▉"
_LINES = Box("    \n    \n ── \n    \n    \n ── \n    \n    \n")


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

    def text(self, width: int = _WIDEST, *, ascii_only: bool = False) -> Text:
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
        yield self.text(min(options.max_width, _WIDEST), ascii_only=options.ascii_only)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(_NARROWEST, options.max_width), min(_WIDEST, options.max_width))


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
    """

    name: str
    right: bool = False
    bar: bool = False
    keep: bool = False
    fold: bool = False


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


class Screen:
    """Show things.

    Args:
        as_json: whether a program reads.
        console: where; stdout when not given.
    """

    def __init__(self, *, as_json: bool = False, console: Console | None = None) -> None:
        self.as_json = as_json
        self.console = Console(highlight=False, markup=False, emoji=False) if console is None else console

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at it."""
        return self.console.is_terminal and not self.as_json

    def show(self, *parts: Part) -> None:
        """Show parts, one below the other."""
        if self.as_json:
            return
        if self.is_terminal:
            self._write(self.rendered(parts))
            return
        self.raw("".join(line + "\n" for part in parts for line in _plain(part)))

    def line(self, text: str = "", style: str = "") -> None:
        """Show a line of text."""
        self.show(Line(text, style))

    def document(self, value: Any) -> None:
        """Show a JSON document, if a program reads."""
        if self.as_json:
            self.raw(json.dumps(value, indent=2) + "\n")

    def documents(self, name: str, values: Iterable[Any]) -> None:
        """Show a JSON object with one list, written as it comes."""
        self.raw(f"{{\n{json.dumps(name)}: [")
        for number, value in enumerate(values):
            self.raw((",\n" if number else "\n") + json.dumps(value))
        self.raw("\n]}\n")

    def rendered(self, parts: Sequence[Part]) -> RenderableType:
        """Return parts as rich draws them."""
        return Group(*(self._drawn(part) for part in parts))

    def raw(self, text: str) -> None:
        """Write text as it is."""
        try:
            self.console.file.write(text)
            self.console.file.flush()
        except BrokenPipeError:
            let_go_of_stdout()
            raise typer.Exit(BROKEN_PIPE) from None

    def _write(self, drawn: RenderableType) -> None:
        self.console.print(drawn)

    def _drawn(self, part: Part) -> RenderableType:
        if isinstance(part, Line):
            return Text(part.text, style=part.style)
        return Group(*self._table(part))

    def _table(self, grid: Grid) -> Iterable[RenderableType]:
        if grid.title:
            yield Text(grid.title, style="bold")
        table = Table(
            box=_LINES,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
            header_style="dim",
            show_footer=grid.total is not None,
            footer_style="bold",
        )
        cut: OverflowMethod = "crop" if self.console.options.ascii_only else "ellipsis"
        totals = grid.total or [""] * len(grid.columns)
        for column, total in zip(grid.columns, totals, strict=True):
            table.add_column(
                Text(column.name),
                total if isinstance(total, Bar) else Text(total),
                justify="right" if column.right else "left",
                no_wrap=column.keep or column.right,  # rich takes room from the others, and cells of theirs are cut
                min_width=self._least(grid, column),
            )
        for number, row in enumerate(grid.rows):
            table.add_row(
                *(
                    cell
                    if isinstance(cell, Bar)
                    else Text(cell, no_wrap=not column.fold, overflow="fold" if column.fold else cut)
                    for cell, column in zip(row, grid.columns, strict=True)
                ),
                style=grid.styles.get(number),
            )
        yield table
        for note in grid.notes:
            yield Text(note, style="dim")

    @staticmethod
    def _least(grid: Grid, column: Column) -> int | None:
        """How wide a column is that must not be shortened: figures are never cut."""
        if not (column.keep or column.right):
            return None
        at = grid.columns.index(column)
        cells = [column.name, *(row[at] for row in grid.rows), *([grid.total[at]] if grid.total else [])]
        return max(cell_len(cell) for cell in cells if isinstance(cell, str))


def _plain(part: Part) -> Iterable[str]:
    """Yield the lines of a part as they stand in a pipe: aligned by spaces, and never cut."""
    if isinstance(part, Line):
        yield part.text
        return
    if part.title:
        yield part.title
    places = [at for at, column in enumerate(part.columns) if not column.bar]
    head = [part.columns[at].name for at in places]
    rows = [[str(row[at]) for at in places] for row in (*part.rows, *([part.total] if part.total else []))]
    widths = [max(cell_len(row[at]) for row in (head, *rows)) for at in range(len(places))]
    for row in (head, *rows):
        cells = []
        for place, cell, width in zip(places, row, widths, strict=True):
            gap = " " * (width - cell_len(cell))
            cells.append(gap + cell if part.columns[place].right else cell + gap)
        yield "  ".join(cells).rstrip()
    yield from part.notes


def error_console() -> Console:
    """Return the console of stderr."""
    return Console(file=sys.stderr, highlight=False, markup=False, emoji=False)
