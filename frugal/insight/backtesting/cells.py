"""Cells: from what stands in a log to the values that it means.

Law: an empty cell is `None`; what cannot be read raises `ValueError`, and never becomes another value. Times without a
zone are in UTC.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from frugal._values.money import Money, usd

__all__ = ["amount", "count", "document", "instant", "labels", "number", "parsed", "text", "truth", "whole"]

_YES = frozenset({"1", "true", "t", "yes", "y"})
_NO = frozenset({"0", "false", "f", "no", "n", "none", "null"})
_UNITS = ((1e11, 1e3), (1e14, 1e6), (1e17, 1e9))  # from here on milliseconds, microseconds, nanoseconds
_ABSURD = 10**12  # as `Usage` has it
_LAST = 253_402_300_800.0  # the year 10000, which no calendar of Python's has
_DIGITS = re.compile(r"\s*\d{1,17}\s*", re.ASCII)
_DATE = re.compile(r"\s*(19|20)\d{6}\s*", re.ASCII)


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and (not value or value.isspace()))


def text(value: Any) -> str | None:
    """Return a text; `None` where there is none."""
    if _empty(value):
        return None
    if value != value:  # noqa: PLR0124 a table's "not a number" stands for a missing text
        raise ValueError(f"{value!r} is no text; leave an empty cell empty")
    return str(value)


def number(value: Any) -> float | None:
    """Return a finite number, 0 or more.

    >>> number("2.5"), number("")
    (2.5, None)
    """
    if _empty(value):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{value!r} is not a number") from None
    if isinstance(value, bool) or not math.isfinite(found) or found < 0:
        raise ValueError(f"{value!r} is not a number of 0 or more")
    return found


def count(value: Any) -> int | None:
    """Return a count of tokens or requests: a whole number, 0 or more.

    >>> count("1500"), count(1500.0)
    (1500, 1500)
    """
    found = whole(value)
    if found is not None and found > _ABSURD:
        raise ValueError(f"{found:.4g} is more than any request has" if found < 10**300 else "it is absurdly large")
    return found


def whole(value: Any) -> int | None:
    """Return a whole number, 0 or more, however large."""
    if type(value) is int and value >= 0:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    found = number(value)
    if found is None:
        return None
    if found != int(found):
        raise ValueError(f"{value!r} is not a whole number")
    return int(found)


def amount(value: Any) -> Money | None:
    """Return dollars, 0 or more."""
    if _empty(value):
        return None
    # A comma is thousands to one and decimals to another: one of them would be wrong by a factor of a thousand.
    if isinstance(value, str) and "," in value:
        raise ValueError(f"{value!r} is not an amount of dollars: write it with a point, and without commas")
    try:
        found = usd(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not an amount of dollars") from None
    if found.pico < 0:
        raise ValueError(f"{value!r} is less than nothing")
    return found


def truth(value: Any) -> bool | None:
    """Return yes or no.

    >>> truth("1"), truth("False"), truth("")
    (True, False, None)
    """
    if _empty(value):
        return None
    said = str(value).strip().lower()
    if said not in _YES and said not in _NO:
        raise ValueError(f"{value!r} is neither yes nor no")
    return said in _YES


def instant(value: Any) -> float | None:
    """Return Unix seconds of a time: ISO 8601, or seconds (or milli-, micro- or nanoseconds) since 1970.

    >>> instant("1970-01-01T00:01:00Z"), instant("1970-01-01 00:01:00"), instant(1_700_000_000_000)
    (60.0, 60.0, 1700000000.0)
    """
    if _empty(value):
        return None
    found = _clocked(value)
    if isinstance(value, bool) or not math.isfinite(found) or not 0 <= found < _LAST:
        raise ValueError(f"{value!r} is not a time between 1970 and 9999")
    return found


def _clocked(value: Any) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, str) and _DATE.fullmatch(value):
        raise ValueError(f"{value!r} may be a date or a count of seconds: write a date as 2026-01-15")
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        try:
            return _clocked(datetime.fromisoformat(str(value).strip()))
        except (ValueError, OverflowError):
            raise ValueError(f"{value!r} is not a time: give ISO 8601, or seconds since 1970") from None
    for least, unit in reversed(_UNITS):
        if found > least:
            return found / unit
    return found


def parsed(line: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not JSON, a name stands twice in it, or it is nested too deeply.
    """
    try:
        return json.loads(line, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} stands twice in one object")
    return found


def document(value: Any) -> Any:
    """Return a value that may stand as JSON in a text; a text that is not JSON is itself."""
    if not isinstance(value, str):
        return value
    stripped = value.strip()
    if not stripped:
        return None
    if stripped[0] not in '[{"':
        return value
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return value


def labels(value: Any) -> dict[str, str]:
    """Return free labels: a mapping, or a list of names that are labels without a value."""
    found = document(value)
    if isinstance(found, Mapping):
        return {str(name): str(label) for name, label in found.items() if label is not None}
    if isinstance(found, (list, tuple)):
        return {str(name): "yes" for name in found}
    return {}
