"""Forms of what a module names: functions, classes, and the expressions that annotations are made of.

Law: a name is a form only while it leads back to the very object, so a lambda, a nested function, a bound method and
a class made inside a function have none. What would change an answer without changing a name goes along: a function's
code, a class's schema.
"""

from __future__ import annotations

import dataclasses
import enum
import re
import sys
import types
import typing
import weakref
from typing import Any

import msgspec

__all__ = ["Unkeyable", "code_form", "named", "type_name"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_schemas: weakref.WeakKeyDictionary[type, str] = weakref.WeakKeyDictionary()


class Unkeyable(TypeError):  # noqa: N818  # the public error says which function and argument
    """A value has no canonical form.

    Args:
        type_name: the type of what has none.
    """

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name
        super().__init__(type_name)


def type_name(kind: type) -> str:
    """Return a type's module and qualified name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def named(value: Any) -> tuple[bytes, object] | None:
    """Return the form of a function, a class or an annotation; `None` when the value is none of these.

    Raises:
        Unkeyable: it is one, but no module names it.
    """
    # A generic alias passes for the class that it is of, `list[int].__class__` being `type`.
    origin = typing.get_origin(value)
    if origin is not None:
        return b"annotation", (_special(origin), typing.get_args(value))
    if isinstance(value, type):
        return b"class", _class(value)
    name = getattr(value, "__qualname__", None)
    if type(name) is str:
        if _resolved(getattr(value, "__module__", None), name) is not value:
            what = "lambda" if "<lambda>" in name else type(value).__name__
            raise Unkeyable(f"{what} ({name})" if what != "lambda" else what)
        return b"named", (value.__module__, name, _code(value))
    if type(value).__module__ == "typing" and not isinstance(value, typing.TypeVar | typing.ParamSpec):
        return b"typing", repr(value)
    return None


def _special(origin: Any) -> object:
    return origin if isinstance(origin, type) else repr(origin)


def _class(value: type) -> object:
    generic = getattr(value, "__pydantic_generic_metadata__", None)
    if generic and generic.get("origin"):
        return generic["origin"], generic["args"]
    module, name = value.__module__, value.__qualname__
    if value is not type(None) and _resolved(module, name) is not value:
        raise Unkeyable(f"class ({name}) that its module does not name")
    return module, name, _schema(value)


def _resolved(module: object, name: str) -> object:
    found: object = sys.modules.get(module) if type(module) is str else None
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _code(value: Any) -> object:
    for _ in range(16):  # through decorators
        inner = getattr(value, "__wrapped__", None)
        if inner is None:
            break
        value = inner
    code = getattr(value, "__code__", None)
    return code_form(code) if isinstance(code, types.CodeType) else None


def code_form(code: types.CodeType) -> object:
    """Return what code does, as plain values; where it stands in a file is left out."""
    constants = tuple(code_form(c) if isinstance(c, types.CodeType) else c for c in code.co_consts)
    return code.co_code, code.co_names, code.co_varnames, constants


def _schema(value: type) -> str:
    schema = _schemas.get(value)
    if schema is None:
        schema = _schemas[value] = _ADDRESS.sub("", _read_schema(value))
    return schema


def _read_schema(value: Any) -> str:
    model_schema = getattr(value, "model_json_schema", None)
    if callable(model_schema):
        try:
            return msgspec.json.encode(model_schema(), order="deterministic").decode()
        except Exception:  # some types have no JSON schema: the fields say nearly as much
            return repr(sorted(getattr(value, "model_fields", {}).items()))
    if dataclasses.is_dataclass(value):
        fields = [(f.name, f.type, f.default) for f in dataclasses.fields(value)]
        return repr((fields, value.__doc__))
    if isinstance(value, enum.EnumMeta):
        return repr([(name, value[name].value) for name in value.__members__])
    if typing.is_typeddict(value) or issubclass(value, msgspec.Struct):
        return repr((sorted(value.__annotations__.items()), getattr(value, "__total__", None), value.__doc__))
    return ""
