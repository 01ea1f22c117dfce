"""Rows: what the presets share in reading one.

Law: a row is given back with its number, so that whatever is wrong with it can be said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields as fields_of
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal.insight.backtesting.cells import amount, document
from frugal.insight.backtesting.logged import LeftOut, Logged
from frugal.providers import text_of

__all__ = ["Fields", "Found", "Read", "Row", "each", "first", "made", "stated", "words_in"]

Row = Mapping[str, Any]
"""A row of a log, by the names of its columns."""

Fields = dict[str, Any]
"""What a row says, by the names of the fields of `Logged`; absent or `None` where it says nothing."""

Found = Logged | LeftOut
Read = Callable[[Iterable[Row]], Iterator[Found]]
"""Reads the rows of a log."""

_NAMES = frozenset(field.name for field in fields_of(Logged))


def each(one: Callable[[Row], Iterable[Fields | LeftOut]]) -> Read:
    """Make a reader of rows from one of a single row."""

    def read(rows: Iterable[Row]) -> Iterator[Found]:
        for number, row in enumerate(rows, 1):
            try:
                for fields in one(row):
                    yield fields if isinstance(fields, LeftOut) else made(fields)
            except ValueError as error:
                raise ValueError(f"row {number}: {error}.") from None

    return read


def made(fields: Fields) -> Logged:
    """Make a request of its fields.

    Raises:
        ValueError: it has no time or no model.
    """
    for name, remedy in (
        ("time", "map the column that has it, columns={'time': …}"),
        ("model", "map the column that has it, columns={'model': …}, or name one for all, model=…"),
    ):
        if fields.get(name) is None:
            raise ValueError(f"it has no {name}; {remedy}")
    return Logged(**{name: value for name, value in fields.items() if value is not None and name in _NAMES})


def first(row: Row, *names: str) -> Any:
    """Return the first cell of these that is not empty."""
    for name in names:
        value = row.get(name)
        if value is not None and value != "":
            return value
    return None


def stated(dollars: Any) -> Cost | None:
    """Return a cost that a log states in dollars."""
    found: Money | None = amount(dollars)
    return None if found is None else Cost.exact(found, source="provider", price_table="log")


def words_in(cell: Any) -> str | None:
    """Return the text of a logged answer, whatever shape it has."""
    found = document(cell)
    if found is None or isinstance(found, str):
        return found or None
    if isinstance(found, Mapping) and isinstance(found.get("content"), str):
        return str(found["content"])
    return text_of(found)
