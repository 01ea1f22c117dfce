"""Rows: what the presets share in reading one.

Law: whatever is wrong with a row is said with its place in the file and the column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields as fields_of
from typing import Any, Protocol, TypeVar

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal.insight.backtesting import cells
from frugal.insight.backtesting.logged import LeftOut, Logged, Remark
from frugal.providers import text_of

__all__ = ["Fields", "Found", "Line", "Read", "Row", "Rows", "each", "made", "words_in"]

T = TypeVar("T")

Row = Mapping[str, Any]
"""A row of a log, by the names of its columns."""

Fields = dict[str, Any]
"""What a row says, by the names of the fields of `Logged`; absent or `None` where it says nothing."""

Found = Logged | LeftOut | Remark


class Rows(Protocol):
    """The rows of a log, which know where they are."""

    def __iter__(self) -> Iterator[Row]: ...

    def where(self) -> str:
        """Return where the row stands that was given last."""
        ...


Read = Callable[[Rows], Iterator[Found]]
"""Reads the rows of a log."""

_NAMES = frozenset(field.name for field in fields_of(Logged))
_NAMED = frozenset({"model", "served", "provider", "tier", "function", "user", "session", "finish", "usage"})


class Line:
    """Reads the cells of a row, each from the first of its columns that is not empty.

    Args:
        row: the row.
        within: what stands before the names of its columns, where it stands in a cell of another row.

    Raises:
        ValueError: from every method, with the column: a cell cannot be read.

    >>> Line({"tokens": "12"}).count("input_tokens", "tokens")
    12
    """

    __slots__ = ("_within", "row")

    def __init__(self, row: Row, within: str = "") -> None:
        self.row = row
        self._within = within

    def any(self, *names: str) -> Any:
        """Return a cell as it is."""
        for name in names:
            value = self.row.get(name)
            if value is not None and value != "":
                return value
        return None

    def _read(self, read: Callable[[Any], T], names: tuple[str, ...]) -> T | None:
        for name in names:
            value = self.row.get(name)
            if value is not None and value != "":
                try:
                    return read(value)
                except ValueError as error:
                    raise ValueError(f"column {self._within + name!r}: {error}") from None
        return None

    def text(self, *names: str) -> str | None:
        """Return a text."""
        return self._read(cells.text, names)

    def number(self, *names: str) -> float | None:
        """Return a number, 0 or more."""
        return self._read(cells.number, names)

    def count(self, *names: str) -> int | None:
        """Return a count of tokens or requests."""
        return self._read(cells.count, names)

    def whole(self, *names: str) -> int | None:
        """Return a whole number, 0 or more, however large."""
        return self._read(cells.whole, names)

    def amount(self, *names: str) -> Money | None:
        """Return dollars, 0 or more."""
        return self._read(cells.amount, names)

    def truth(self, *names: str) -> bool | None:
        """Return yes or no."""
        return self._read(cells.truth, names)

    def instant(self, *names: str) -> float | None:
        """Return Unix seconds."""
        return self._read(cells.instant, names)

    def labels(self, *names: str) -> dict[str, str]:
        """Return free labels."""
        return self._read(cells.labels, names) or {}

    def document(self, *names: str) -> Any:
        """Return what stands there as JSON, or the text."""
        return self._read(cells.document, names)

    def inside(self, *names: str) -> Line:
        """Return the line in a cell that holds a mapping; an empty line where it holds none."""
        for name in names:
            found = cells.document(self.row.get(name))
            if isinstance(found, Mapping) and found:
                return Line(found, f"{self._within}{name}.")
        return Line({})

    def stated(self, *names: str) -> Cost | None:
        """Return a cost in dollars."""
        found = self.amount(*names)
        return None if found is None else Cost.exact(found, source="provider", price_table="log")


def each(one: Callable[[Line], Iterable[Fields | LeftOut | Remark]]) -> Read:
    """Make a reader of rows from one of a single row."""

    def read(rows: Rows) -> Iterator[Found]:
        same: dict[Any, Any] = {}
        for row in rows:
            try:
                for fields in one(Line(row)):
                    yield made(fields, row, same) if isinstance(fields, dict) else fields
            except ValueError as error:
                raise ValueError(f"{rows.where()}, {error}") from None

    return read


def made(fields: Fields, row: Row, same: dict[Any, Any]) -> Logged:
    """Make a request of its fields.

    Args:
        fields: what the row says.
        row: the row.
        same: the texts of the rows before, so that a name stands in memory once, however many rows have it.

    Raises:
        ValueError: it has no time or no model.
    """
    for name, remedy in (("time", ""), ("model", ", or name one for all, model=…")):
        if fields.get(name) is None:
            raise ValueError(
                f"column {name!r}: it is empty or not there, and the row has {_shown(row)}; "
                f"of a plain log say which column it is, columns={{{name!r}: …}}{remedy}"
            )
    said = {name: value for name, value in fields.items() if value is not None and name in _NAMES}
    for name in _NAMED & said.keys():
        said[name] = same.setdefault(said[name], said[name])
    return Logged(**said)


def _shown(row: Row) -> str:
    names = [str(name) for name in row]
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")


def words_in(cell: Any) -> str | None:
    """Return the text of a logged answer, whatever shape it has."""
    found = cells.document(cell)
    if found is None or isinstance(found, str):
        return found or None
    if isinstance(found, Mapping) and isinstance(found.get("content"), str):
        return str(found["content"])
    return text_of(found)
