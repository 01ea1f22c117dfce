"""A call: everything that is known of one use of a decorated function, frozen.

Law: changing a request makes a new `Call` that shares the journal; nothing here is ever assigned to afterwards.
"""

from __future__ import annotations

import inspect
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

from frugal._core.estimate import WHOEVER_IS_ASKED
from frugal._core.identity import identity_of
from frugal._core.journal import Inner, Journal
from frugal._core.lazy import lazy
from frugal._values.facts import Facts

if TYPE_CHECKING:
    from frugal._core.cover import Cover
    from frugal._core.pipeline import Plan

__all__ = ["Call", "Function", "new_id"]


class _Names:
    """Make ids: the millisecond, 48 random bits that are this process's own, and a number.

    Not uuid4: it asks the kernel for each one, which lets go of the interpreter's lock and waits to have it back. These
    are names, not secrets.
    """

    def __init__(self) -> None:
        self.numbers = count(int.from_bytes(os.urandom(3), "big"))
        self.process = os.urandom(6).hex()
        self.head = (0, "")  # the last millisecond, and what ids begin with in it


_names = _Names()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_names.__init__)  # type: ignore[misc]  # made anew, where it is


def new_id() -> str:
    """Return a fresh id for a call or a record, in 32 hexadecimal digits; ids sort by the millisecond they were made.

    So they are written where the last ones were: at a million records, random ones would touch a page of the index
    each.
    """
    now = time.time_ns() // 1_000_000
    at, head = _names.head
    if at != now:
        head = f"{now:012x}{_names.process}"
        _names.head = (now, head)
    return f"{head}{next(_names.numbers) & 0xFFFFFFFF:08x}"


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


_OF_ARGUMENTS = frozenset({"arguments", "model", "memo"})
"""What is computed from a call's arguments, and goes when they change."""


@dataclass(frozen=True, eq=False)
class Call:
    """Hold one use of a decorated function, on its way through the rings.

    Args:
        id: the id of the call and of the record that answers it.
        plan: the pipeline that it goes through.
        target: the callable at the centre, bound where it is a method.
        instance: the object of a method, or `None`.
        args: positional arguments, without the object.
        kwargs: keyword arguments.
        facts: user, run and tags, as they were at the call.
        started: when it began, in Unix seconds.
        parent: the decorated call inside which it was made.
        journal: its facts.
        holds: ids of the holds under which the next provider call is made, outermost budget first.
        covers: see that each hold covers that call.
        inner: adds up the decorated calls made inside, while the function runs.
        span: the telemetry of the call, or `None`.
        scope: the scope that it was made in.
        extras: facts of third parties, by their own typed keys.
        origin: the call as it was made, where a ring has changed its arguments since.

    >>> import asyncio
    >>> from frugal import current_call, metered
    >>> @metered
    ... async def ask(prompt, *, model="gpt-4o"):
    ...     call = current_call()
    ...     return call.model, call.arguments["prompt"]
    >>> asyncio.run(ask("Hello"))
    ('gpt-4o', 'Hello')
    """

    id: str
    plan: Plan
    target: Callable[..., Any]
    instance: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    facts: Facts
    started: float
    parent: Call | None = None
    journal: Journal = field(default_factory=Journal)
    holds: tuple[str, ...] = ()
    covers: tuple[Cover, ...] = ()
    inner: Inner | None = None
    span: Any = None
    scope: Any = None
    extras: Mapping[Any, Any] = field(default_factory=dict)
    origin: Call | None = None

    @property
    def function(self) -> str:
        """The qualified name of the decorated function."""
        return self.plan.function.name

    @lazy
    def arguments(self) -> dict[str, Any]:
        """Every argument by name, with defaults applied; treat it as read-only."""
        return self.plan.function.bind(self.instance, self.args, self.kwargs)

    @lazy
    def model(self) -> str | None:
        """The model asked for, where the arguments name one."""
        return self.plan.model_of(self.arguments)

    @lazy
    def memo(self) -> dict[Any, Any]:
        """What was computed from these arguments once, such as their digest; copies with the same ones share it."""
        return {}

    @property
    def user(self) -> str | None:
        """On whose behalf."""
        return self.facts.user

    @property
    def run(self) -> str | None:
        """In which run."""
        return self.facts.run

    @property
    def tags(self) -> Mapping[str, str]:
        """Free labels."""
        return self.facts.tags

    @property
    def key(self) -> str:
        """The digest of everything that the function received.

        Raises:
            UnkeyableCallError: an argument has no canonical form.
        """
        return self.plan.key_of(self)

    @property
    def asked(self) -> Call:
        """This call with the arguments that it was made with, whatever rings have put in their place."""
        return self if self.origin is None else self.origin

    def replace(self, **changes: Any) -> Call:
        """Return this call with some arguments of the request changed; it shares the journal.

        Args:
            changes: arguments of the decorated function, by name.

        Returns:
            The call to go on with: `await proceed(call.replace(model="gpt-4o-mini"))`.

        Raises:
            TypeError: the function takes no argument of that name.
        """
        args, kwargs = self.args, dict(self.kwargs)
        for name, value in changes.items():
            args, kwargs = self.plan.function.place(name, value, self.instance, args, kwargs)
        fields = {name: value for name, value in self.__dict__.items() if name not in _OF_ARGUMENTS}
        fields |= {"args": args, "kwargs": kwargs, "origin": self.asked}
        alike = WHOEVER_IS_ASKED if changes.keys() <= {self.plan.model_argument} else ()
        fields["memo"] = {name: self.memo[name] for name in alike if name in self.memo}
        return Call.of(fields)

    def under(self, hold: str) -> Call:
        """Return this call as made under a further hold; its arguments, and what is known of them, stay.

        Args:
            hold: the hold's id.

        Returns:
            The call to go on with.
        """
        return self._with(holds=(*self.holds, hold))

    def covered(self, cover: Cover) -> Call:
        """Return this call with one more that sees to its hold.

        Args:
            cover: what is asked before each provider call.

        Returns:
            The call to go on with.
        """
        return self._with(covers=(*self.covers, cover))

    @classmethod
    def of(cls, said: dict[str, Any]) -> Call:
        """Make a call of its fields by name; a frozen dataclass takes three times as long to make one.

        Args:
            said: every field without a plain default; nothing is checked.

        Returns:
            The call.
        """
        call = object.__new__(cls)
        object.__setattr__(call, "__dict__", said)
        return call

    def _with(self, **changes: Any) -> Call:
        """Return a copy with other fields, keeping what was computed from the arguments."""
        return Call.of({**self.__dict__, **changes})

    def __repr__(self) -> str:
        return f"Call({self.function}, id={self.id!r}, model={self.model!r})"
