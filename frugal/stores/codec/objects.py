"""How objects with fields are written, and made again without running their own code.

Law: an object is made empty and given the fields it had, so neither `__init__` nor a validator nor `__post_init__`
sees what a row says; it equals the first one in its fields, extras, private attributes and in which fields were set.
(A msgspec struct can only be made by its constructor; its fields are put in their place again afterwards.) A row whose
fields are not those of the class as it is now is refused.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
from collections.abc import Callable
from typing import Any

import msgspec

from frugal.errors import UnencodableValueError
from frugal.stores.codec.allowed import is_model, is_named_tuple

__all__ = ["MAKERS", "Shape", "shape_of"]

_set = object.__setattr__

Shape = tuple[int, Callable[[Any], Any]]
"""A code, and what reads an object's content."""

MODEL, DATACLASS, STRUCT, ENUM, NAMED_TUPLE = 40, 41, 42, 43, 44


def shape_of(kind: Any) -> Shape | None:
    """Return how objects of a type are written; `None` for a type without a shape."""
    if issubclass(kind, enum.Enum):
        return ENUM, lambda member: [member.name, member.value]
    if issubclass(kind, msgspec.Struct):
        return STRUCT, _struct_content
    if is_model(kind):
        return MODEL, _model_content
    if dataclasses.is_dataclass(kind):
        return DATACLASS, _dataclass_content
    if is_named_tuple(kind):
        return NAMED_TUPLE, list
    return None


# --------------------------------------------------------------------------- models


def _model_content(value: Any) -> Any:
    state, fields_set = value.__dict__, value.__pydantic_fields_set__
    private = getattr(value, "__pydantic_private__", None)
    if private:
        private = {name: kept for name, kept in private.items() if type(kept).__name__ != "PydanticUndefinedType"}
    # A bool for the usual case, that exactly what is there was set.
    return [state, fields_set == state.keys() or sorted(fields_set), value.__pydantic_extra__, private]


def _make_model(kind: Any, content: Any) -> Any:
    state, fields_set, extra, private = content
    value = kind.__new__(kind)
    _set(value, "__dict__", state)
    _set(value, "__pydantic_fields_set__", set(state) if fields_set is True else set(fields_set))
    _set(value, "__pydantic_extra__", extra)
    if "__pydantic_private__" in kind.__slots__ or hasattr(kind, "__pydantic_private__"):
        _set(value, "__pydantic_private__", private)
    return value


# --------------------------------------------------------------------------- dataclasses, structs, tuples, enums


def _dataclass_content(value: Any) -> Any:
    kind = type(value)
    content = {f.name: getattr(value, f.name) for f in dataclasses.fields(kind) if _has(value, f.name)}
    for name, kept in getattr(value, "__dict__", {}).items():
        if name not in content and not isinstance(getattr(kind, name, None), functools.cached_property):
            content[name] = kept
    return content


def _has(value: Any, name: str) -> bool:
    return name in getattr(value, "__dict__", ()) or (
        isinstance(getattr(type(value), name, None), types.MemberDescriptorType) and hasattr(value, name)
    )


def _make_dataclass(kind: Any, content: dict[str, Any]) -> Any:
    value = object.__new__(kind)
    missing = {f.name for f in dataclasses.fields(kind)} - content.keys()
    if missing:
        raise ValueError(f"{kind.__qualname__} has got the fields {', '.join(sorted(missing))} since")
    state = getattr(value, "__dict__", None)
    for name, kept in content.items():
        if isinstance(getattr(kind, name, None), types.MemberDescriptorType):
            _set(value, name, kept)
        elif state is None:
            raise ValueError(f"{kind.__qualname__} has no field {name} any more")
        else:
            state[name] = kept
    return value


def _struct_content(value: Any) -> Any:
    return {name: getattr(value, name) for name in value.__struct_fields__}


def _make_struct(kind: Any, content: dict[str, Any]) -> Any:
    value = kind(**content)
    for name, kept in content.items():
        msgspec.structs.force_setattr(value, name, kept)
    return value


def _make_enum(kind: Any, content: Any) -> Any:
    name, member_value = content
    member = kind.__members__.get(name) if name is not None else None
    # A flag made of several has no member of its own; the SDKs' enums make members for values they do not know.
    return member if member is not None and member.value == member_value else kind(member_value)


def _make_named_tuple(kind: Any, content: Any) -> Any:
    if len(content) != len(kind._fields):
        raise ValueError(f"{kind.__qualname__} has {len(kind._fields)} fields now")
    return tuple.__new__(kind, content)


MAKERS: dict[int, Callable[[Any, Any], Any]] = {
    MODEL: _make_model,
    DATACLASS: _make_dataclass,
    STRUCT: _make_struct,
    ENUM: _make_enum,
    NAMED_TUPLE: _make_named_tuple,
}
"""What makes an object of an allowed type again, by code."""


def empty(kind: Any) -> None:
    """Try that a dataclass can be made empty.

    Raises:
        UnencodableValueError: it is built on a type with a layout of its own.
    """
    try:
        object.__new__(kind)
    except TypeError:
        raise UnencodableValueError(f"{kind.__module__}.{kind.__qualname__}") from None
