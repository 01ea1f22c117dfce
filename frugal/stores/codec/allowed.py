"""Which types a row may name: the allow-list, and the names that types go by in a row.

Law: a name in a row is looked up here and nowhere else; nothing is imported for it. A type is allowed if

- this codec was given it (`types=`), or it occurs in the annotations of one that it was given;
- this codec has encoded it in this process: the decorated function returned it;
- it is a pydantic model or an enum of a known provider's SDK, in a module that is already imported.

So a function without annotations, in a fresh process, misses once and then knows its type. Looking through all
imported modules for a class of that name was rejected: a row could then choose among all dataclasses of the process,
among them some whose finaliser or whose methods do harm with fields that an attacker chose.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import logging
import operator
import sys
import types
import typing
import weakref
from collections.abc import Iterable
from typing import Any, Union

import msgspec

from frugal.errors import UnencodableValueError

__all__ = ["Allowed", "is_model", "is_named_tuple"]

_log = logging.getLogger("frugal")

_SDKS = (
    "openai.types",
    "openai.lib.streaming",
    "anthropic.types",
    "anthropic.lib.streaming",
    "google.genai.types",
    "litellm.types",
    "litellm.utils",
    "mistralai",
    "cohere",
    "groq.types",
    "together.types",
    "cerebras.cloud.sdk.types",
)
"""Where the response classes of the providers' SDKs live."""

_PACKAGES = frozenset(package.partition(".")[0] for package in _SDKS)
_VARIABLE = "typing:TypeVar"

_PLAIN = (str, int, float, bool, bytes, list, dict, tuple, set, frozenset, type(None), object)
_BY_NAME: dict[str, Any] = {f"builtins:{kind.__qualname__}": kind for kind in _PLAIN} | {
    "typing:Any": Any,
    "typing:Union": Union,
    "types:UnionType": types.UnionType,
}
_TO_NAME = {id(kind): name for name, kind in _BY_NAME.items()}


def is_model(kind: Any) -> bool:
    """Return whether a type is a pydantic model; pydantic itself need not be there."""
    return hasattr(kind, "__pydantic_fields__") and hasattr(kind, "model_fields") and not dataclasses.is_dataclass(kind)


def is_named_tuple(kind: Any) -> bool:
    """Return whether a type is a named tuple."""
    return issubclass(kind, tuple) and isinstance(getattr(kind, "_fields", None), tuple)


def _has_fields(kind: Any) -> bool:
    return isinstance(kind, type) and (
        issubclass(kind, enum.Enum | msgspec.Struct)
        or dataclasses.is_dataclass(kind)
        or is_model(kind)
        or is_named_tuple(kind)
    )


class Allowed:
    """Hold the types that rows may name.

    Args:
        types: types and annotations; `list[Answer] | None` allows `Answer`.
    """

    def __init__(self, types: Iterable[Any]) -> None:
        self._types: dict[str, type] = {}
        self._names: dict[type, Any] = {}
        self._generics: dict[str, Any] = {}
        self._refused: set[str] = set()
        for annotation in types:
            self._add_all(annotation)

    # ------------------------------------------------------------------ writing

    def name(self, kind: Any, where: str = "") -> Any:
        """Return what a type is called in a row, and allow it from now on.

        Raises:
            UnencodableValueError: rows cannot hold it.
        """
        known = self._names.get(kind)
        if known is not None:
            return known
        generic = getattr(kind, "__pydantic_generic_metadata__", None)
        if isinstance(kind, type) and generic and generic["origin"]:
            name: Any = [self.name(generic["origin"], where), [self._expression(a, where) for a in generic["args"]]]
            self._generics[repr(name)] = kind
        else:
            if not isinstance(kind, type):
                raise UnencodableValueError(repr(kind), where)
            name = f"{kind.__module__}:{kind.__qualname__}"
            self._check(kind, name, where)
            self._types[name] = kind
        self._names[kind] = name
        return name

    def _expression(self, annotation: Any, where: str) -> Any:
        origin = typing.get_origin(annotation)
        if isinstance(annotation, typing.TypeVar):  # what an SDK's generic class leaves open
            variable = [_VARIABLE, annotation.__module__, annotation.__name__]
            self._generics[repr(variable)] = annotation
            return variable
        if origin is None:
            return _TO_NAME.get(id(annotation)) or self.name(annotation, where)
        known = _TO_NAME.get(id(origin))
        if known is None:
            raise UnencodableValueError(repr(annotation), where)
        return [known, [self._expression(argument, where) for argument in typing.get_args(annotation)]]

    @staticmethod
    def _check(kind: Any, name: str, where: str) -> None:
        if not _has_fields(kind):
            raise UnencodableValueError(name.replace(":", "."), where)
        if getattr(kind, "__del__", None) is not None:
            raise UnencodableValueError(f"{name.replace(':', '.')} with a finaliser", where)

    # ------------------------------------------------------------------ reading

    def find(self, name: Any) -> Any:
        """Return the type of that name.

        Raises:
            LookupError: it is not allowed here; logged once for each name.
        """
        if type(name) is str:
            return self._types.get(name) or self._of_sdk(name)
        known = self._generics.get(repr(name))
        if known is not None:
            return known
        if name[0] == _VARIABLE:
            return self._variable(*name[1:])
        origin, arguments = name
        of = tuple(map(self._found, arguments))
        if origin == "types:UnionType":
            return functools.reduce(operator.or_, of)
        return self._found(origin)[of]

    def _found(self, name: Any) -> Any:
        if type(name) is str and name in _BY_NAME:
            return _BY_NAME[name]
        return self.find(name)

    def _variable(self, module: str, name: str) -> typing.TypeVar:
        """Return a type variable of an SDK's module; nothing can be done with one but to name a class."""
        found = getattr(sys.modules.get(module), name, None)
        if module.partition(".")[0] in _PACKAGES and isinstance(found, typing.TypeVar):
            return found
        raise LookupError(f"type variable {module}.{name} is not known to this reader")

    def _of_sdk(self, name: str) -> type:
        module, _, path = name.partition(":")
        if any(module == package or module.startswith(f"{package}.") for package in _SDKS):
            found: Any = sys.modules.get(module)
            for part in path.split("."):
                found = vars(found).get(part) if isinstance(found, type | types.ModuleType) else None
            if (
                isinstance(found, type)
                and (is_model(found) or issubclass(found, enum.Enum))
                and (found.__module__, found.__qualname__) == (module, path)
                and getattr(found, "__del__", None) is None
            ):
                self._types[name] = found
                return found
        if name not in self._refused:
            self._refused.add(name)
            _log.warning(
                "a cached answer is a %s, which this process has not seen yet, so it counts as a miss; "
                "annotate the decorated function's return type, or give codec=SafeCodec(types=[...])",
                name.replace(":", "."),
            )
        raise LookupError(f"type {name!r} is not known to this reader")

    # ------------------------------------------------------------------ annotations

    def _add_all(self, annotation: Any) -> None:
        waiting, seen = [annotation], set()
        while waiting:
            found = waiting.pop()
            if id(found) in seen:
                continue
            seen.add(id(found))
            waiting += typing.get_args(found)
            if not _has_fields(found):
                continue
            try:
                self.name(found)
            except UnencodableValueError as error:
                _log.debug("not in the allow-list: %s", error)
            if not found.__module__.startswith(_SDKS):
                waiting += _annotations(found)


def _annotations(kind: Any) -> list[Any]:
    if is_model(kind):
        return [field.annotation for field in kind.__pydantic_fields__.values()]
    known = _hints.get(kind)
    if known is not None:
        return known
    try:
        found = _hints[kind] = list(typing.get_type_hints(kind).values())
    except Exception:  # an annotation names what is not there; what is named otherwise still counts
        return [hint for hint in getattr(kind, "__annotations__", {}).values() if not isinstance(hint, str)]
    return found


_hints: weakref.WeakKeyDictionary[Any, list[Any]] = weakref.WeakKeyDictionary()
"""The annotations of types that were asked before: reading them compiles each, and every function asks."""
