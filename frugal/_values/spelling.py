"""How limits, routers and decorators are written in explanations and errors: as their user typed them.

Law: what is at its default is left out, and a function stands by its name, so that a line says what was chosen and
nothing else. Where no function is involved, Python reads it back as an equal value.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["NONE", "spelt"]


class _Said:
    """A `None` that was chosen, and is said."""

    def __repr__(self) -> str:
        return "None"


NONE = _Said()
"""Stands for `None` where that is not the default."""


def spelt(name: str, /, *given: object, **named: object) -> str:
    """Return a call as it is typed; what is `None` is left out, and without arguments it is the bare name.

    Args:
        name: what is called.
        given: its arguments by position.
        named: its arguments by name.

    Returns:
        The text.

    >>> spelt("cascade", ["small", "large"], accept=len, default=None)
    "cascade(['small', 'large'], accept=len)"
    >>> spelt("metered", tags=None)
    'metered'
    """
    words = [_value(value) for value in given if value is not None]
    words += [f"{key}={_value(value)}" for key, value in named.items() if value is not None]
    return f"{name}({', '.join(words)})" if words else name


def _value(value: object) -> str:
    """Return one argument: a function by its name, a sequence as a list."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key!r}: {_value(one)}' for key, one in value.items())}}}"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    if inspect.isroutine(value):
        named: Any = value
        return str(getattr(named, "__qualname__", None) or named.__name__).rpartition("<locals>.")[2]
    return repr(value)
