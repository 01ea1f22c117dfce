"""Cells: from what stands in a log to the values that it means.

Law: an empty cell is `None`; what cannot be read raises `ValueError`, and never becomes another value. Times without a
zone are in UTC.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from frugal._values.money import Money, usd
from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError

__all__ = ["amount", "count", "document", "instant", "labels", "number", "text", "truth", "usage_of"]

_YES = frozenset({"1", "true", "t", "yes", "y"})
_NO = frozenset({"0", "false", "f", "no", "n", "none", "null"})
_MILLISECONDS, _MICROSECONDS = 1e11, 1e14  # larger figures are not seconds: 1e11 s is the year 5138


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def text(value: Any) -> str | None:
    """Return a text; `None` where there is none."""
    return None if _empty(value) else str(value)


def number(value: Any) -> float | None:
    """Return a finite number, 0 or more.

    >>> number("2.5"), number("")
    (2.5, None)
    """
    if _empty(value):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is not a number") from None
    if isinstance(value, bool) or not math.isfinite(found) or found < 0:
        raise ValueError(f"{value!r} is not a number of 0 or more")
    return found


def count(value: Any) -> int | None:
    """Return a whole number, 0 or more.

    >>> count("1500"), count(1500.0)
    (1500, 1500)
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
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
    """Return Unix seconds of a time: ISO 8601, or seconds, milliseconds or microseconds since 1970.

    >>> instant("1970-01-01T00:01:00Z"), instant("1970-01-01 00:01:00"), instant(1_700_000_000_000)
    (60.0, 60.0, 1700000000.0)
    """
    if _empty(value):
        return None
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    try:
        found = float(value)
    except (TypeError, ValueError):
        try:
            return instant(datetime.fromisoformat(str(value).strip()))
        except ValueError:
            raise ValueError(f"{value!r} is not a time: give ISO 8601, or seconds since 1970") from None
    if isinstance(value, bool) or not math.isfinite(found):
        raise ValueError(f"{value!r} is not a time")
    return found / (1e6 if found > _MICROSECONDS else 1e3 if found > _MILLISECONDS else 1)


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
    except ValueError:
        return value


def labels(value: Any) -> dict[str, str]:
    """Return free labels: a mapping, or a list of names that are labels without a value."""
    found = document(value)
    if isinstance(found, Mapping):
        return {str(name): str(label) for name, label in found.items() if label is not None}
    if isinstance(found, (list, tuple)):
        return {str(name): "yes" for name in found}
    return {}


def usage_of(
    sent: Any,
    made: Any,
    *,
    read: Any = None,
    written: Any = None,
    reasoning: Any = None,
    whole: bool = True,
) -> Usage:
    """Return disjoint buckets of a log's counts.

    Args:
        sent: input tokens.
        made: output tokens.
        read: those read from the provider's cache.
        written: those written to it.
        reasoning: hidden output tokens.
        whole: whether `sent` has `read` and `written` in it, and `made` has `reasoning` in it.

    >>> usage_of("100", "20", read="60")
    Usage(input_tokens=40, cache_read_tokens=60, cache_write_5m_tokens=0, cache_write_1h_tokens=0, \
input_audio_tokens=0, input_image_tokens=0, output_tokens=20, reasoning_tokens=0, output_audio_tokens=0)
    """
    given, back = count(sent) or 0, count(made) or 0
    cached, kept, hidden = count(read) or 0, count(written) or 0, count(reasoning) or 0
    if whole:
        if cached + kept > given:
            raise ValueError(f"{cached + kept} input tokens are cached, and only {given} were sent")
        if hidden > back:
            raise ValueError(f"{hidden} output tokens are reasoning, and there are only {back}")
        given, back = given - cached - kept, back - hidden
    try:
        return Usage(
            input_tokens=given,
            cache_read_tokens=cached,
            cache_write_5m_tokens=kept,
            output_tokens=back,
            reasoning_tokens=hidden,
        )
    except InvalidUsageError as error:
        raise ValueError(str(error)) from None
