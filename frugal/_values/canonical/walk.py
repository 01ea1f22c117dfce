"""The walk over a value: plain JSON values at the speed of C, everything else node by node.

Law: one value has one form. A value made of nothing but exact `dict` (with text keys), `list`, `str`, `bytes`, `int`,
`float`, `bool` and `None` is encoded by msgspec as MessagePack with sorted keys, which is injective on these types and
on no more: it merges tuples with lists, enums and dates with texts. So the types of everything within are proved
first (`frugal._values.plain`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from frugal._values.canonical.forms import WALKER, form_of
from frugal._values.canonical.named import Unkeyable
from frugal._values.plain import LEAVES, PLAIN, is_plain

__all__ = ["Unkeyable", "canonical", "locate"]

_Write = Callable[[bytes], None]

_DEPTH = 64  # of the search for what has no form; a cycle has no end
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_NOT_IN_MESSAGEPACK = (OverflowError, UnicodeEncodeError, TypeError, RecursionError)
"""An integer beyond 64 bits, a lone surrogate, a type or a key that it does not know, a depth."""


def canonical(value: object) -> bytes:
    """Return the canonical form of a value.

    Args:
        value: what a function was given.

    Returns:
        Bytes that no other value has.

    Raises:
        Unkeyable: the value, or something in it, has no canonical form.

    >>> canonical({"a": 1, "b": 2}) == canonical({"b": 2, "a": 1})
    True
    >>> canonical([1]) == canonical([1.0])
    False
    """
    data = _plain(value)
    if data is not None:
        return data
    pieces: list[bytes] = []
    try:
        _walk(value, pieces.append)
    except RecursionError:
        raise Unkeyable(f"cyclic or too deeply nested {type(value).__name__}") from None
    return b"".join(pieces)


def _plain(value: Any) -> bytes | None:
    """Return the form of a value that is plain all through; `None` for any other."""
    kind = type(value)
    if kind not in PLAIN:
        return None
    try:
        data = _encode(value)  # before the proof, since what has been encoded has an end
    except _NOT_IN_MESSAGEPACK:
        return None
    return b"p%d:%b" % (len(data), data) if kind in LEAVES or is_plain(value) else None


def _walk(value: Any, write: _Write) -> None:
    data = _plain(value)
    if data is not None:
        write(data)
        return
    kind = type(value)
    if kind is dict or kind is set or kind is frozenset:
        _unordered(kind, value, write)
    elif kind is list or kind is tuple:
        write((b"l%d:" if kind is list else b"u%d:") % len(value))
        for item in value:
            _walk(item, write)
    elif kind is int:
        write(b"i%x;" % value)  # hexadecimal, since Python limits decimal digits
    elif kind is str:
        data = value.encode("utf-8", "surrogatepass")  # a lone surrogate is a text all the same
        write(b"s%d:" % len(data))
        write(data)
    else:
        name, content = form_of(value)
        write(b"o%d:" % len(name))
        write(name)
        _walk(content, write)


def _unordered(kind: type, value: Any, write: _Write) -> None:
    tag = b"m" if kind is dict else b"e" if kind is set else b"z"
    write(tag + b"%d:" % len(value))
    if kind is dict:
        for form, child in sorted(((_apart(key), child) for key, child in value.items()), key=_first):
            write(form)
            _walk(child, write)
    else:
        for form in sorted(map(_apart, value)):
            write(form)


def _apart(value: object) -> bytes:
    pieces: list[bytes] = []
    _walk(value, pieces.append)
    return b"".join(pieces)


def _first(pair: tuple[bytes, object]) -> bytes:
    return pair[0]


# --------------------------------------------------------------------------- where it went wrong


def locate(value: object) -> tuple[str, str]:
    """Return where in a value the thing without a form is, and its type's name; called when the walk has failed."""
    path, reason = "", _reason(value)
    for _ in range(_DEPTH):
        for name, child in _children(value):
            why = _reason(child)
            if why is not None:
                path, value, reason = path + name, child, why
                break
        else:
            return path, reason or type(value).__name__
        if reason is not None and reason.startswith("cyclic"):
            return path, reason
    return path, reason or type(value).__name__


def _reason(value: object) -> str | None:
    try:
        canonical(value)
    except Unkeyable as error:
        return error.type_name
    return None


def _children(value: Any) -> Iterable[tuple[str, object]]:
    kind = type(value)
    if kind is dict:
        for key, child in value.items():
            yield (f".{key}" if type(key) is str and key.isidentifier() else f"[{_shown(key)}]"), child
            yield f"[key {_shown(key)}]", key
    elif kind is set or kind is frozenset:
        yield from (("[in set]", child) for child in value)
    elif kind is list or kind is tuple:
        yield from ((f"[{index}]", child) for index, child in enumerate(value))
    else:
        yield from _content(value)


def _content(value: object) -> Iterable[tuple[str, object]]:
    try:
        _, content = form_of(value)
    except Unkeyable:
        return
    for child in content if type(content) is tuple else (content,):
        if type(child) is dict:
            yield from _children(child)
        else:
            yield "", child


def _shown(key: object) -> str:
    try:
        shown = repr(key)
    except Exception:
        shown = type(key).__name__
    return shown if len(shown) <= 40 else shown[:37] + "…"


WALKER.append(canonical)
