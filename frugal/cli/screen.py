"""The screen: the one way from a command to stdout.

Law: a command says what there is to show, and here is decided how it reads: tables with bars in a terminal, aligned
plain text of any width in a pipe, one JSON document for programs. Every text is taken as text: no markup in it is
obeyed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.box import Box
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from frugal.cli.endings import BROKEN_PIPE, let_go_of_stdout
from frugal.cli.fitting import GAP, Fitted, fitted, listed
from frugal.cli.parts import Bar, Grid, Line, Part

__all__ = ["Screen", "error_console"]

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
        return Group(*self._table(part))

    def _table(self, grid: Grid) -> Iterable[RenderableType]:
        if grid.title:
            yield Text(grid.title, style="bold")
        width = self.console.width
        fits = fitted(grid, width, dots="..." if self.console.options.ascii_only else "…")
        if fits is None:
            yield from (Text(text, style=style, overflow="fold") for text, style in listed(grid, width))
        else:
            yield _aligned(fits)
        for note in grid.notes:
            yield Text(note, style="dim")


def _aligned(fits: Fitted) -> Table:
    grid = fits.grid
    table = Table(
        box=_LINES,
        show_edge=False,
        pad_edge=False,
        padding=(0, GAP - 1, 0, 0),
        header_style="dim",
        border_style="dim",
        show_footer=grid.total is not None,
        footer_style="bold",
    )
    totals = grid.total or [""] * len(grid.columns)
    for column, total, width in zip(grid.columns, totals, fits.widths, strict=True):
        table.add_column(
            Text(column.name),
            total if isinstance(total, Bar) else Text(total),
            justify="right" if column.right else "left",
            width=width,
            no_wrap=not column.fold,
            overflow="fold" if column.fold else "crop",
        )
    for number, row in enumerate(grid.rows):
        cells = (cell if isinstance(cell, Bar) else Text(cell) for cell in row)
        table.add_row(*cells, style=grid.styles.get(number))
    return table


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
