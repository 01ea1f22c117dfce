"""Nodes: one way to look into mappings, SDK objects and plain objects alike.

Law: looking never raises, never calls a method of the response, and never changes it. A node answers `get` and
`in` by name; what has no fields (a string, a number, a list, `None`) is no node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from enum import Enum
from typing import Any, TypeAlias

__all__ = ["Attributes", "Node", "entries", "look", "size", "text", "word"]


class Attributes:
    """Show the attributes of an object by name, as a mapping would.

    Slots, properties and named tuples have no `__dict__` to read, so they are asked one name at a time.
    """

    __slots__ = ("subject",)

    def __init__(self, subject: object) -> None:
        self.subject = subject

    def get(self, name: str, default: Any = None) -> Any:
        """Return the attribute, or `default` when it is absent or cannot be read."""
        try:
            return getattr(self.subject, name, default)
        except Exception:
            return default

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None


Node: TypeAlias = Mapping[str, Any] | Attributes
"""Something with fields: asked with `get` and `in`."""


def _none(_: Any) -> Node | None:
    return None


def _itself(value: Any) -> Node | None:
    return value  # type: ignore[no-any-return]  # a Mapping, by the type that chose this function


def _pydantic(value: Any) -> Node | None:
    # `__dict__` holds the declared fields; what an SDK's model did not know (a cost, a cache hit count) is extra.
    # Reading both is ten times faster than getattr, whose misses go through `__getattr__`.
    extra = getattr(value, "__pydantic_extra__", None)
    fields: dict[str, Any] = value.__dict__
    return {**fields, **extra} if extra else fields


def _mock(value: Any) -> Node | None:
    # A mock answers to every name with another mock, which even counts as the number 1. Only what a test has set
    # is a field.
    children: dict[str, Any] = value._mock_children  # noqa: SLF001  There is no public way to ask without making one.
    return {**children, **vars(value)}


def _is_plain(kind: type) -> bool:
    """Whether all that objects of a class answer to stands in their `__dict__`."""
    parts = [vars(base) for base in kind.__mro__ if base is not object]
    return not any("__slots__" in part or any(isinstance(one, property) for one in part.values()) for part in parts)


def _way(kind: type) -> Callable[[Any], Node | None]:
    """Choose how to look into values of a type."""
    if issubclass(kind, (str, bytes, bytearray, memoryview, int, float, complex, list, tuple, set, frozenset, type)):
        return Attributes if hasattr(kind, "_fields") else _none
    if issubclass(kind, Mapping):
        return _itself
    if hasattr(kind, "__pydantic_fields__"):
        return _pydantic
    if is_dataclass(kind) and _is_plain(kind):
        return vars
    if any(base.__module__ == "unittest.mock" for base in kind.__mro__):
        return _mock
    return Attributes


_WAYS: dict[type, Callable[[Any], Node | None]] = {type(None): _none, dict: _itself}
_MANY = 1024
"""Types remembered at most: parsed completions make a new class for each output type."""


def look(value: Any) -> Node | None:
    """Return `value` as a node, or `None` when it has no fields.

    >>> look({"a": 1}).get("a"), look("text"), look(None)
    (1, None, None)
    """
    kind = type(value)
    way = _WAYS.get(kind)
    if way is None:
        if len(_WAYS) >= _MANY:
            _WAYS.clear()
        way = _WAYS[kind] = _way(kind)
    return way(value)


def entries(value: Any) -> Sequence[Any]:
    """Return a list as it is, and anything else as an empty one."""
    return value if isinstance(value, (list, tuple)) else ()


def word(value: Any) -> str | None:
    """Return a non-empty string, the name of an enumeration's member, or `None`.

    >>> word("stop"), word(""), word(3)
    ('stop', None, None)
    """
    if type(value) is str:
        return value or None
    if isinstance(value, Enum):  # google-genai and Vertex give finish reasons and traffic types as enumerations
        return value.value if isinstance(value.value, str) else value.name
    return str(value) or None if isinstance(value, str) else None


def text(value: Any) -> str:
    """Return a string as it is, and anything else as an empty one."""
    return value if isinstance(value, str) else ""


def size(value: str) -> int:
    """Return the length in UTF-8 bytes.

    >>> size("héllo")
    6
    """
    return len(value) if value.isascii() else len(value.encode("utf-8", "surrogatepass"))
