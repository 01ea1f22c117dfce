"""The key of a call, and its parts: what a cache or a flight tells calls apart by.

Law: everything that the function received is in the key, unless it was left out by name; two calls have one key
exactly when function and arguments have the same canonical form (`frugal._values.canonical`). SHA-256, since
processors have it: 9 µs for 18 KB against 13 µs for BLAKE2b.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import sha256

from frugal._values.canonical import Unkeyable, canonical, locate
from frugal.errors import UnkeyableCallError

__all__ = ["canonical", "diff", "digest", "digest_call", "parts"]

_VERSION = b"frugal key 1"
_DIGITS = 40  # 160 bits


def digest(*pieces: bytes) -> str:
    """Return the digest of byte strings, in 40 hexadecimal digits; where one ends and the next begins matters."""
    hasher = sha256(_VERSION)
    for piece in pieces:
        hasher.update(b"%d:" % len(piece))
        hasher.update(piece)
    return hasher.hexdigest()[:_DIGITS]


@lru_cache(maxsize=1024)
def _begun(function: str) -> bytes:
    """Return what a digest whose first piece is a function's identity begins with."""
    name = function.encode()
    return b"%b%d:%b" % (_VERSION, len(name), name)


def digest_call(function: str, arguments: Mapping[str, object], ignore: Collection[str] = ()) -> str:
    """Return the key of a call.

    Args:
        function: the function's identity.
        arguments: every argument by name, defaults applied.
        ignore: names of arguments to leave out.

    Returns:
        40 hexadecimal digits.

    Raises:
        UnkeyableCallError: an argument has no canonical form.

    >>> one = digest_call("app.ask", {"prompt": "Hello", "model": "small"})
    >>> one == digest_call("app.ask", {"model": "small", "prompt": "Hello"})
    True
    >>> one == digest_call("app.ask", {"prompt": "Hello", "model": "large"})
    False
    """
    kept = {name: value for name, value in arguments.items() if name not in ignore} if ignore else arguments
    try:
        form = canonical(kept if type(kept) is dict else dict(kept))
        # As `digest(function, form)` does, in one step.
        return sha256(b"%b%d:%b" % (_begun(function), len(form), form)).hexdigest()[:_DIGITS]
    except Unkeyable:
        raise _explained(function, kept) from None


def parts(function: str, arguments: Mapping[str, object], ignore: Collection[str] = ()) -> dict[str, str]:
    """Return the parts of a call's key, each with its digest, named as deep as one level into an argument.

    Args:
        function: the function's identity.
        arguments: every argument by name, defaults applied.
        ignore: names of arguments to leave out.

    Returns:
        Digests by name: `function`, `model`, `messages` (what kind of thing it is), `messages[2]`, `extra_body.x`.

    Raises:
        UnkeyableCallError: an argument has no canonical form.

    >>> list(parts("app.ask", {"messages": ["Hi", "Ho"], "model": "small"}))
    ['function', 'messages', 'messages[0]', 'messages[1]', 'model']
    """
    found = {"function": digest(function.encode())}
    for name, value in arguments.items():
        if name in ignore:
            continue
        try:
            found.update((label, digest(canonical(part))) for label, part in _split(name, value))
        except Unkeyable:
            raise _explained(function, {name: value}) from None
    return found


def _split(name: str, value: object) -> list[tuple[str, object]]:
    if type(value) in {list, tuple} and value:
        children = [(f"{name}[{index}]", child) for index, child in enumerate(value)]  # type: ignore[var-annotated,arg-type]  # by its type
    elif type(value) is dict and value and all(type(key) is str for key in value):
        children = [(f"{name}.{key}", child) for key, child in value.items()]
    else:
        return [(name, value)]
    return [(name, type(value)()), *children]


def diff(a: Mapping[str, str], b: Mapping[str, str]) -> list[str]:
    """Return the names of the parts in which two calls differ, in the order of the first call's.

    >>> hello, bye = parts("app.ask", {"messages": ["Hi"]}), parts("app.ask", {"messages": ["Bye", "now"]})
    >>> diff(hello, bye)
    ['messages[0]', 'messages[1]']
    """
    return [name for name in {**a, **b} if a.get(name) != b.get(name)]


def _explained(function: str, arguments: Mapping[str, object]) -> UnkeyableCallError:
    for name, value in arguments.items():
        try:
            canonical(value)
        except Unkeyable:
            path, kind = locate(value)
            return UnkeyableCallError(function, name + path, kind)
    return UnkeyableCallError(function, "?", "value that changed meanwhile")
