"""The screen: the one way from a command to stdout.

Law: a command says what there is to show, and here is decided how it reads: tables with bars in a terminal, aligned
plain text of any width in a pipe, one JSON document for programs. Every text is taken as text: no markup in it is
obeyed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import typer
from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.table import Table
from rich.text import Text

from frugal.cli.endings import BROKEN_PIPE, let_go_of_stdout
from frugal.cli.parts import NARROWEST, Bar, Column, Grid, Line, Part

__all__ = ["Screen", "error_console"]

_NAME = 10  # cells of a name that are left at the least
_GAP = 2  # cells between columns
_LINES = Box("    \n    \n ── \n    \n    \n ── \n    \n    \n")


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
        fitting = _fitting(part, self.console.width)
        if fitting is None:  # too narrow for any table: the lines as in a pipe, which the terminal breaks
            return Group(*(Text(line, no_wrap=False, overflow="fold") for line in _plain(part)))
        return Group(*self._table(fitting))

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
                min_width=_least(grid, column) if column.keep or column.right else None,
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


def _least(grid: Grid, column: Column) -> int:
    """How wide a column must be: figures are never cut, and of names something must be left."""
    if column.bar:
        return NARROWEST
    at = grid.columns.index(column)
    cells = [column.name, *(row[at] for row in grid.rows), *([grid.total[at]] if grid.total else [])]
    widest = max(cell_len(cell) for cell in cells if isinstance(cell, str))
    return widest if column.keep or column.right else min(widest, _NAME)


def _fitting(grid: Grid, width: int) -> Grid | None:
    """Return a table as it fits, without its bars where it must be; `None` where it does not at all."""
    places = range(len(grid.columns))
    for kept in (list(places), [at for at in places if not grid.columns[at].bar]):
        if sum(_least(grid, grid.columns[at]) for at in kept) + _GAP * (len(kept) - 1) <= width:
            rows = [[row[at] for at in kept] for row in grid.rows]
            total = None if grid.total is None else [grid.total[at] for at in kept]
            return replace(grid, columns=[grid.columns[at] for at in kept], rows=rows, total=total)
    return None


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
