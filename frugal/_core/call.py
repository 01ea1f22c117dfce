"""A call: everything that is known of one use of a decorated function, frozen.

Law: changing a request makes a new `Call` that shares the journal; nothing here is ever assigned to afterwards. Every
ring may go on with a copy of its own, and thousands of calls wait at a time, so a copy is small: its fields are slots,
and copies with the same arguments share what was computed from them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import FrozenInstanceError, dataclass, field
from typing import TYPE_CHECKING, Any

from frugal._core.estimate import WHOEVER_IS_ASKED
from frugal._core.journal import Inner, Journal
from frugal._core.lazy import lazy
from frugal._values.facts import Facts

if TYPE_CHECKING:
    from frugal._core.cover import Cover
    from frugal._core.plan import Plan

__all__ = ["Call", "begun"]


class Computed:
    """Keep what is computed from the arguments of a call in a `__dict__`, beside the slots of its fields."""

    __slots__ = ("__dict__", "__weakref__")


@dataclass(frozen=True, eq=False, slots=True)
class Call(Computed):
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
        alike = WHOEVER_IS_ASKED if changes.keys() <= {self.plan.model_argument} else ()
        memo = {name: self.memo[name] for name in alike if name in self.memo}
        return self._with(args=args, kwargs=kwargs, origin=self.asked, __dict__={"memo": memo})

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
        """Make a call of its fields by name.

        Args:
            said: every field without a plain default; nothing is checked.

        Returns:
            The call.
        """
        return begun(**{"parent": None, "scope": None, **said})

    def _with(self, **changes: Any) -> Call:
        """Return a copy with other fields, keeping what was computed from the arguments."""
        call: Any = _Open()
        call.__dict__ = self.__dict__
        call.id = self.id
        call.plan = self.plan
        call.target = self.target
        call.instance = self.instance
        call.args = self.args
        call.kwargs = self.kwargs
        call.facts = self.facts
        call.started = self.started
        call.parent = self.parent
        call.journal = self.journal
        call.holds = self.holds
        call.covers = self.covers
        call.inner = self.inner
        call.span = self.span
        call.scope = self.scope
        call.extras = self.extras
        call.origin = self.origin
        for name, value in changes.items():
            setattr(call, name, value)
        call.__class__ = Call
        copy: Call = call
        return copy

    def __repr__(self) -> str:
        return f"Call({self.function}, id={self.id!r}, model={self.model!r})"


def _refuse(call: Call, name: str, _: object = None) -> None:
    raise FrozenInstanceError(f"cannot assign to {name!r} of {call!r}: go on with call.replace(...) instead.")


# What a dataclass with slots has of its own knows its fields only (gh-105936), and fails at any other name.
Call.__setattr__ = _refuse  # type: ignore[method-assign, assignment]  # for that reason
Call.__delattr__ = _refuse  # type: ignore[method-assign, assignment]  # for that reason


class _Open(Computed):
    """A call that is being made, whose slots may be filled; then it becomes a `Call`, and they may not any more."""

    __slots__ = Call.__slots__


def begun(
    id: str,
    plan: Plan,
    target: Callable[..., Any],
    instance: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    facts: Facts,
    started: float,
    parent: Call | None,
    journal: Journal,
    scope: Any,
    extras: Mapping[Any, Any],
    holds: tuple[str, ...] = (),
    covers: tuple[Cover, ...] = (),
    inner: Inner | None = None,
    span: Any = None,
    origin: Call | None = None,
) -> Call:
    """Make a call of its fields, in a third of the time that its own way takes to fill frozen slots."""
    call: Any = _Open()
    call.__dict__ = {"memo": {}}
    call.id = id
    call.plan = plan
    call.target = target
    call.instance = instance
    call.args = args
    call.kwargs = kwargs
    call.facts = facts
    call.started = started
    call.parent = parent
    call.journal = journal
    call.holds = holds
    call.covers = covers
    call.inner = inner
    call.span = span
    call.scope = scope
    call.extras = extras
    call.origin = origin
    call.__class__ = Call
    made: Call = call
    return made
