"""The forms of what is not JSON: scalars, containers, objects with fields, arrays, and what a module names.

Law: a form is the name of a type and plain content; both are in the canonical form, so two types never share one. A
type that is in no table here, and is neither a dataclass, a struct, a model, an enum nor built on a built-in type,
has none.
"""

from __future__ import annotations

import array
import collections
import copyreg
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import functools
import ipaddress
import pathlib
import re
import sys
import types
import uuid
import weakref
import zoneinfo
from collections.abc import Callable
from typing import Any

import msgspec

from frugal._values.canonical.named import Unkeyable, named, type_name

__all__ = ["Form", "form_of"]

Form = tuple[bytes, object]
"""What stands for a value: the name of its type, and content that has a form itself."""

_Reader = Callable[[Any], object]


def form_of(value: object) -> Form:
    """Return the form of a value that is not a plain JSON type.

    Raises:
        Unkeyable: it has none.
    """
    kind = type(value)
    known = _known.get(kind)
    if known is None:
        found = named(value)
        if found is not None:
            return found
        known = _known[kind] = _find(kind)
    name, reader = known
    return name, reader(value)


def _find(kind: type) -> tuple[bytes, _Reader]:
    for decide in (_scalar, _array, _model, _fields, _sentinel, _built_on):
        found = decide(kind)
        if found is not None:
            word, reader = found
            return f"{word} {type_name(kind)}".encode(), reader
    raise Unkeyable(type_name(kind))


# --------------------------------------------------------------------------- scalars and containers


def _moment(value: dt.datetime | dt.time) -> object:
    return value.isoformat(), value.fold, _zone(value.tzinfo, value)


def _zone(zone: dt.tzinfo | None, value: dt.datetime | dt.time) -> object:
    if zone is None or type(zone) in {dt.timezone, zoneinfo.ZoneInfo}:
        return zone
    return type_name(type(zone)), value.tzname()


def _named_zone(value: zoneinfo.ZoneInfo) -> object:
    if value.key is None:
        raise Unkeyable("ZoneInfo without a key")
    return value.key


def _view(value: memoryview) -> object:
    return value.format, value.shape, value.tobytes()


_TABLE: dict[type, _Reader] = {
    complex: lambda value: (value.real, value.imag),
    decimal.Decimal: str,
    fractions.Fraction: lambda value: (value.numerator, value.denominator),
    dt.datetime: _moment,
    dt.time: _moment,
    dt.date: dt.date.isoformat,
    dt.timedelta: lambda value: (value.days, value.seconds, value.microseconds),
    dt.timezone: repr,
    zoneinfo.ZoneInfo: _named_zone,
    uuid.UUID: lambda value: value.bytes,
    range: lambda value: (value.start, value.stop, value.step),
    slice: lambda value: (value.start, value.stop, value.step),
    type(...): lambda _: (),
    type(NotImplemented): lambda _: (),
    bytearray: bytes,
    memoryview: _view,
    array.array: lambda value: (value.typecode, value.tobytes()),
    re.Pattern: lambda value: (value.pattern, value.flags),
    collections.deque: lambda value: (value.maxlen, list(value)),
    collections.OrderedDict: dict,
    collections.Counter: dict,
    collections.defaultdict: lambda value: (value.default_factory, dict(value)),
    types.MappingProxyType: dict,
    types.SimpleNamespace: lambda value: dict(vars(value)),
    functools.partial: lambda value: (value.func, value.args, value.keywords, dict(vars(value))),
    msgspec.UnsetType: lambda _: (),
    msgspec.Raw: bytes,
    **dict.fromkeys(
        (
            ipaddress.IPv4Address, ipaddress.IPv6Address, ipaddress.IPv4Network, ipaddress.IPv6Network,
            ipaddress.IPv4Interface, ipaddress.IPv6Interface,
        ),
        str,
    ),
}  # fmt: skip


def _scalar(kind: type) -> tuple[str, _Reader] | None:
    reader = _TABLE.get(kind)
    if reader is None and issubclass(kind, pathlib.PurePath) and kind.__module__.split(".")[0] == "pathlib":
        reader = str
    if reader is None and kind.__module__ == "pydantic.types" and hasattr(kind, "get_secret_value"):
        reader = kind.get_secret_value
    if reader is None and kind.__module__ == "pydantic.networks":
        reader = str
    return None if reader is None else ("value", reader)


# --------------------------------------------------------------------------- arrays


def _array(kind: type) -> tuple[str, _Reader] | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or not (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
        return None
    return "array", _buffer


def _buffer(value: Any) -> object:
    if value.dtype.hasobject:
        raise Unkeyable("numpy array of objects")
    return value.dtype.str, repr(value.dtype.descr) if value.dtype.names else None, value.shape, value.tobytes()


# --------------------------------------------------------------------------- objects with fields


def _model(kind: Any) -> tuple[str, _Reader] | None:
    if not hasattr(kind, "__pydantic_fields__") or not hasattr(kind, "__pydantic_validator__"):
        return None
    if dataclasses.is_dataclass(kind):
        return None

    def read(value: Any) -> object:
        state, fields = value.__dict__, kind.__pydantic_fields__
        # Which fields were set is seen by whoever dumps a model without its defaults, as the SDKs do.
        return (
            {name: state[name] for name in fields if name in state},
            value.__pydantic_extra__,
            value.__pydantic_fields_set__,
            *_private(getattr(value, "__pydantic_private__", None)),
        )

    return "model", read


WALKER: list[Callable[[object], object]] = []
"""The walk itself, which walks by these forms and so hands itself in."""


def _private(kept: dict[str, object] | None) -> tuple[object, ...]:
    """Return what of a model's private attributes a function may answer by; a client or a lock is not content."""
    if not kept:
        return ()

    def has_form(value: object) -> bool:
        try:
            WALKER[0](value)
        except Unkeyable:
            return False
        return True

    said = {name: value for name, value in kept.items() if value is not None and has_form(value)}
    return (said,) if said else ()


def _fields(kind: Any) -> tuple[str, _Reader] | None:
    if issubclass(kind, enum.Enum):
        return "enum", lambda member: (member.name, member.value)
    if issubclass(kind, msgspec.Struct):
        names = kind.__struct_fields__
        return "struct", lambda value: {name: getattr(value, name) for name in names}
    if not dataclasses.is_dataclass(kind):
        return None
    fields = [field.name for field in dataclasses.fields(kind)]

    def read(value: Any) -> object:
        # A field may be unset, and an attribute may be no field; what a cached property keeps is neither.
        content = {name: getattr(value, name) for name in fields if hasattr(value, name)}
        for name, child in getattr(value, "__dict__", {}).items():
            if name not in content and not isinstance(getattr(kind, name, None), functools.cached_property):
                content[name] = child
        return content

    return "dataclass", read


def _sentinel(kind: type) -> tuple[str, _Reader] | None:
    """Know the SDKs' marks for an argument that was not given: they say all by their type."""
    if kind.__name__ == "PydanticUndefinedType" or (
        kind.__name__ in {"NotGiven", "Omit"} and kind.__bases__ == (object,) and _is_python(kind)
    ):
        return "mark", lambda _: ()
    return None


# --------------------------------------------------------------------------- subclasses of built-in types

_BUILT_IN: dict[type, _Reader] = {
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    bytes: lambda value: memoryview(value).tobytes(),
    bytearray: lambda value: memoryview(value).tobytes(),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    list: lambda value: list(list.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
}


def _built_on(kind: Any) -> tuple[str, _Reader] | None:
    base = next((base for base in _BUILT_IN if issubclass(kind, base)), None)
    # In C, a subclass may keep what no attribute shows.
    if base is None or not all(c in _SHOWN or _is_python(c) for c in kind.__mro__):
        return None
    read = _BUILT_IN[base]
    slots = copyreg._slotnames(kind)  # type: ignore[attr-defined]  # noqa: SLF001  # as copy and pickle find them

    def content(value: Any) -> object:
        kept = {name: getattr(value, name) for name in slots if hasattr(value, name)}
        return read(value), {**getattr(value, "__dict__", {}), **kept}

    return "built on", content


_SHOWN = {object, *_BUILT_IN}


def _is_python(kind: type) -> bool:
    return bool(kind.__flags__ & (1 << 9)) and not kind.__flags__ & (1 << 8)  # a heap type that may be changed


_known: weakref.WeakKeyDictionary[type, tuple[bytes, _Reader]] = weakref.WeakKeyDictionary()
