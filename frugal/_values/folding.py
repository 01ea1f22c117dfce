"""Folding: when two answers say the same.

Law: equal up to Unicode, case and white space; numbers and JSON by value. Free text that says one thing in two ways is
not equal here: only its user knows when it is.
"""

from __future__ import annotations

import json
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

from frugal._values.key import canonical, digest
from frugal.errors import UnkeyableCallError

__all__ = ["answer_class", "folded"]


def folded(text: str) -> str:
    """Return what of a text counts when it is compared.

    >>> folded("  Paris. ") == folded("paris.")
    True
    >>> folded('{"a": 1, "b": 2}') == folded('{"b":2,"a":1.0}')
    True
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if plain[:1] in '{["' or plain[:1].isdigit() or plain[:1] in "+-.":
        try:
            return "json " + digest(canonical(_by_value(json.loads(plain, parse_float=Decimal))))
        except (ValueError, RecursionError, UnkeyableCallError):
            pass
        try:
            return f"number {Decimal(plain.replace(',', '')).normalize()}"
        except (InvalidOperation, ValueError):
            pass
    return "text " + " ".join(plain.casefold().split())


def _by_value(value: Any) -> Any:
    """Give every number one form: 1 and 1.0 are one value."""
    if isinstance(value, dict):
        return {key: _by_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_by_value(item) for item in value]
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return f"number {Decimal(value).normalize()}"
    return value


def answer_class(value: Any, text: str | None) -> str:
    """Name the class of equal answers that an answer belongs to.

    Args:
        value: the answer.
        text: its text, where it has one.
    """
    if text is not None:
        return digest(folded(text).encode("utf-8", "surrogatepass"))
    try:
        return digest(canonical(value))
    except UnkeyableCallError:
        return digest(repr(value).encode("utf-8", "surrogatepass"))
