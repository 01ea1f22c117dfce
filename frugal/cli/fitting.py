"""Fitting: how a table gets into the width of a terminal.

Law: figures are never cut. What gives way first are bars, then what is marked as spare, then names: each is cut no
more than the others have to be, and in its middle where the cut beginnings would no longer tell two of them apart. A
table that does not fit even so becomes a list, with a line or a few for each row.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from frugal.cli.parts import NARROWEST, WIDEST, Bar, Cell, Column, Grid

__all__ = ["GAP", "Fitted", "fitted", "listed", "shortened"]

GAP = 2
"""Cells between columns."""

_LEAST = 10  # cells of a name that are left at the least
_LIKED = 32  # cells of a name for whose sake bars give way
_MOST = 0.6  # of the width, for a name: one that goes on and on must not push the figures out of sight
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class Fitted:
    """A table as it fits: its columns, each with its width, and its cells cut to them."""

    grid: Grid
    widths: Sequence[int]


def fitted(grid: Grid, width: int, *, dots: str = "…") -> Fitted | None:
    """Return a table as it fits into a width; `None` where it does not.

    Args:
        grid: the table.
        width: how many cells there are.
        dots: what stands for what was cut.
    """
    for kept in _choices(grid):
        widths = _widths([_need(grid, at, width) for at in kept], width)
        if widths is not None:
            return _cut(_only(grid, kept), widths, dots)
    return None


def _choices(grid: Grid) -> Iterator[list[int]]:
    """Yield which columns to draw, all of them first."""
    kept = list(range(len(grid.columns)))
    yield kept
    for gives_way in ("bar", "spare"):
        fewer = [at for at in kept if not getattr(grid.columns[at], gives_way)]
        if fewer != kept:
            kept = fewer
            yield kept


@dataclass(frozen=True, slots=True)
class _Need:
    column: Column
    widest: int

    @property
    def is_fixed(self) -> bool:
        return self.column.keep or self.column.right

    @property
    def least(self) -> int:
        if self.column.bar:
            return NARROWEST
        return self.widest if self.is_fixed else min(self.widest, _LEAST)


def _need(grid: Grid, at: int, width: int) -> _Need:
    column = grid.columns[at]
    if column.bar:
        return _Need(column, WIDEST)
    cells = [row[at] for row in (*grid.rows, *([grid.total] if grid.total else []))]
    widest = max((cell_len(cell) for cell in cells if isinstance(cell, str)), default=0)
    widest = max(widest, cell_len(column.name))
    return _Need(column, widest if column.keep or column.right else min(widest, max(int(width * _MOST), _LEAST)))


def _widths(needs: Sequence[_Need], width: int) -> list[int] | None:
    """Share out a width; `None` where bars would cost names, or where it is too little."""
    room = width - GAP * (len(needs) - 1) - sum(need.widest for need in needs if need.is_fixed)
    bars = [need for need in needs if need.column.bar]
    names = [need for need in needs if not need.is_fixed and not need.column.bar]
    liked = min(_LIKED, max((need.widest for need in names), default=0))
    level = max((need.widest for need in names), default=0)
    room -= sum(need.least for need in bars)
    while level > _LEAST and sum(min(need.widest, level) for need in names) > room:
        level -= 1
    rest = room - sum(min(need.widest, level) for need in names)
    if rest < 0 or (bars and level < liked):
        return None
    found = []
    for need in needs:
        if need.column.bar:
            more = min(WIDEST - NARROWEST, rest)
            rest -= more
            found.append(NARROWEST + more)
        else:
            found.append(need.widest if need.is_fixed else min(need.widest, level))
    return found


def _only(grid: Grid, kept: Sequence[int]) -> Grid:
    rows = [[row[at] for at in kept] for row in grid.rows]
    total = None if grid.total is None else [grid.total[at] for at in kept]
    return replace(grid, columns=[grid.columns[at] for at in kept], rows=rows, total=total)


def _cut(grid: Grid, widths: Sequence[int], dots: str) -> Fitted:
    """Cut what is too wide, a column at a time."""
    columns: list[Column] = []
    shown: list[list[Cell]] = [[] for _ in grid.rows]
    total: list[Cell] = []
    for at, (column, width) in enumerate(zip(grid.columns, widths, strict=True)):
        columns.append(replace(column, name=shortened(column.name, width, dots)))
        cells = [row[at] for row in grid.rows]
        if not (column.bar or column.fold):
            cells = list(_told_apart([str(cell) for cell in cells], width, dots))
        for row, cell in zip(shown, cells, strict=True):
            row.append(cell)
        if grid.total is not None:
            last = grid.total[at]
            total.append(last if isinstance(last, Bar) else shortened(last, width, dots))
    return Fitted(replace(grid, columns=columns, rows=shown, total=total if grid.total is not None else None), widths)


def _told_apart(names: Sequence[str], width: int, dots: str) -> Sequence[str]:
    """Return names cut at their ends where that tells them apart, else with as much of their ends as it takes."""
    shown: list[str] = []
    for tail in (0, width // 4, width // 3, width // 2 - 1):
        shown = [shortened(name, width, dots, tail=tail) for name in names]
        if len(set(shown)) == len(set(names)):
            return shown
    return shown


def shortened(text: str, width: int, dots: str = "…", *, tail: int = 0) -> str:
    """Return a text in at most so many cells, of which `tail` show its end.

    >>> shortened("claude-sonnet-4-5-20250929", 16), shortened("claude-sonnet-4-5-20250929", 16, tail=4)
    ('claude-sonnet-4…', 'claude-sonn…0929')
    """
    if cell_len(text) <= width:
        return text
    room = max(width - cell_len(dots), 0)
    signs = _signs(text)
    end = _taken(signs[::-1], min(tail, room))[::-1]
    begin = _taken(signs, room - cell_len("".join(end)))
    return "".join([*begin, dots[:width], *end])


def _signs(text: str) -> list[str]:
    """Return what a person takes for one letter each: a letter with its marks, and joined pictures."""
    found: list[str] = []
    for sign in text:
        joins = sign == _JOINER or unicodedata.category(sign) in {"Mn", "Me", "Mc", "Sk"} or found[-1:] == [_JOINER]
        if found and (joins or found[-1].endswith(_JOINER)):
            found[-1] += sign
        else:
            found.append(sign)
    return found


def _taken(signs: Sequence[str], room: int) -> list[str]:
    taken: list[str] = []
    for sign in signs:
        room -= cell_len(sign)
        if room < 0:
            break
        taken.append(sign)
    return taken


def listed(grid: Grid, width: int) -> Iterator[tuple[str, str]]:
    """Yield the rows as lines with a style each: the first cell, and below it the others with their heads."""
    rows = [(row, grid.styles.get(at, "")) for at, row in enumerate(grid.rows)]
    for row, style in (*rows, *([(grid.total, "bold")] if grid.total else [])):
        names = [
            (column.name, cell)
            for column, cell in zip(grid.columns, row, strict=True)
            if isinstance(cell, str) and cell not in {"", "-"} and not column.bar
        ]
        yield names[0][1], style or "bold"
        line = " "
        for name, cell in names[1:]:
            said = f"{name} {cell}" if name else cell
            if line.strip() and cell_len(line) + 2 + cell_len(said) > width:
                yield line, style
                line = " "
            line += (" " if line == " " else ", ") + said
        if line.strip():
            yield line, style
