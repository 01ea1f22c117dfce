"""A decorated function: its identity, and how its arguments bind."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import partial
from typing import Any

from frugal._core.identity import identity_of

__all__ = ["Function"]


class Function:
    """Know a decorated function's identity and how its arguments bind.

    Binding through `inspect.Signature` takes ten microseconds a call, so the plain case is done by hand.
    """

    __slots__ = (
        "_defaults",
        "_identity",
        "_plain",
        "_positional",
        "_signature",
        "_var_positional",
        "function",
        "name",
        "names",
        "takes_self",
    )

    def __init__(self, function: Any) -> None:
        inner = getattr(function, "__func__", function)
        bound = inspect.ismethod(function)
        unwrapped = inspect.unwrap(inner)
        while isinstance(unwrapped, partial):
            unwrapped = inspect.unwrap(unwrapped.func)
        self.function = function
        module = getattr(unwrapped, "__module__", None) or type(unwrapped).__module__
        name = getattr(unwrapped, "__qualname__", None) or type(unwrapped).__qualname__
        self.name = f"{module}.{name}"
        self._identity: str | None = None
        # A bound method's object is not an argument of the call: the caller chose it when they bound it.
        self.takes_self = not bound and not isinstance(function, staticmethod)
        try:
            self._signature: inspect.Signature | None = inspect.signature(function if bound else inner)
        except (TypeError, ValueError):  # some builtins and C functions have none
            self._signature = None
        kinds = inspect.Parameter
        parameters = list(self._signature.parameters.values()) if self._signature else []
        self._positional = tuple(p.name for p in parameters if p.kind in {kinds.POSITIONAL_ONLY,
                                                                         kinds.POSITIONAL_OR_KEYWORD})  # fmt: skip
        self._var_positional = next((p.name for p in parameters if p.kind is kinds.VAR_POSITIONAL), None)
        self._defaults = {p.name: p.default for p in parameters if p.default is not kinds.empty}
        self.names = frozenset(p.name for p in parameters)
        self._plain = not any(p.kind is kinds.POSITIONAL_ONLY for p in parameters)

    def bind(self, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return every argument by name, with defaults applied; extra positional ones as `*name`."""
        if instance is not None and self.takes_self:
            args = (instance, *args)
        if not kwargs and len(args) == 1 and self._positional and self._plain:
            return {**self._defaults, self._positional[0]: args[0]}
        if self._signature is not None and (not self._plain or (kwargs and any(name[:1] == "*" for name in kwargs))):
            return self._bind_slowly(args, kwargs)
        names = self._positional
        arguments = dict(self._defaults)
        arguments.update(zip(names, args, strict=False))
        arguments.update(kwargs)
        if len(args) > len(names):
            arguments[f"*{self._var_positional or 'args'}"] = tuple(args[len(names) :])
        return arguments

    def _bind_slowly(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Bind where a positional-only name may stand again among the keywords."""
        assert self._signature is not None  # noqa: S101 checked by the caller
        try:
            bound = self._signature.bind(*args, **kwargs)
        except TypeError:
            return {"*args": tuple(args), **{f"**{name}": value for name, value in kwargs.items()}}
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            kind = self._signature.parameters[name].kind
            if kind is inspect.Parameter.VAR_KEYWORD:
                odd = {k: k in self._positional or k[:1] == "*" for k in value}
                arguments.update({(f"**{k}" if odd[k] else k): v for k, v in value.items()})
            elif kind is inspect.Parameter.VAR_POSITIONAL:
                if value:
                    arguments[f"*{name}"] = value
            else:
                arguments[name] = value
        return arguments

    @property
    def identity(self) -> str:
        """What tells it from all other functions: the function's part of every key."""
        found = self._identity
        if found is None:  # not before the first call: what it closes over may not be bound until then
            found = self._identity = identity_of(self.function, self.name)
        return found

    @property
    def first(self) -> str | None:
        """The name of the first argument, the object of a method aside."""
        names = self._positional[1:] if self.takes_self and self._positional[:1] in {("self",), ("cls",)} else (
            self._positional)  # fmt: skip
        return names[0] if names else None

    def passed(self, name: str, instance: Any, args: tuple[Any, ...]) -> bool:
        """Say whether an argument was passed by position."""
        names = self._positional[1:] if instance is not None and self.takes_self else self._positional
        return name in names and names.index(name) < len(args)

    def accepts(self, name: str) -> bool:
        """Say whether the function takes an argument of that name."""
        if self._signature is None:
            return True
        return name in self._signature.parameters or any(
            p.kind is inspect.Parameter.VAR_KEYWORD for p in self._signature.parameters.values()
        )

    def place(
        self, name: str, value: Any, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the positional and keyword arguments with one of them replaced."""
        names = self._positional[1:] if instance is not None and self.takes_self else self._positional
        if name in names and names.index(name) < len(args):
            at = names.index(name)
            return (*args[:at], value, *args[at + 1 :]), dict(kwargs)
        return args, {**kwargs, name: value}

    def __repr__(self) -> str:
        return f"Function({self.name})"
