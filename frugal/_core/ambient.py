"""Ambient facts: the scope that a call is made in, and the call that is being served.

Law: facts are those at the moment of the call. They travel by context variables, so awaits, tasks and
`asyncio.to_thread` keep them, and nothing is left set where a block or a chunk ends.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar, Token
from types import TracebackType
from typing import TYPE_CHECKING

from frugal._values.cost import Cost
from frugal._values.record import CallSummary
from frugal._values.usage import NO_USAGE, Usage

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["Scope", "bypass", "bypassed", "current_call", "current_scope", "leave", "scope", "serving"]

serving: ContextVar[Call | None] = ContextVar("frugal_serving", default=None)
"""The call whose innermost function is running here."""

_scope: ContextVar[Scope | None] = ContextVar("frugal_scope", default=None)
_bypassed: ContextVar[Mapping[str, bool]] = ContextVar("frugal_bypassed", default={})  # noqa: B039 never mutated


class Scope:
    """Add up what happens inside a `with scope(...)` block.

    It can be read from any thread, inside the block and after it.
    """

    __slots__ = ("_calls", "_lock", "_outer", "_token", "id", "run", "tags", "user")

    def __init__(self, user: str | None, run: str | None, tags: Mapping[str, str]) -> None:
        self.user = user
        self.run = run
        self.tags = dict(tags)
        self.id = run or uuid.uuid4().hex
        self._outer: Scope | None = None
        self._calls: list[CallSummary] = []
        self._lock = threading.RLock()  # a stream collected while it is held adds to the same scope
        self._token: object = None

    def __enter__(self) -> Scope:
        outer = _scope.get()
        if self._token is not None:
            raise RuntimeError("this scope is already entered; call scope() again for another one.")
        if outer is not None:  # an inner scope inherits what it does not say itself
            self._outer = outer
            self.user = self.user if self.user is not None else outer.user
            self.run = self.run if self.run is not None else outer.run
            self.tags = {**outer.tags, **self.tags}
        self._token = _scope.set(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Not reset(token): a fixture or an async generator may leave in another context than it entered.
        if _scope.get() is self:
            _scope.set(self._outer)

    def add(self, summary: CallSummary) -> None:
        """Count one call here and in every scope around."""
        with self._lock:
            self._calls.append(summary)
        if self._outer is not None:
            self._outer.add(summary)

    @property
    def calls(self) -> list[CallSummary]:
        """A summary of each record written inside, in the order in which they ended."""
        with self._lock:
            return list(self._calls)

    @property
    def cost(self) -> Cost:
        """What the calls inside cost together."""
        return Cost.total(call.cost for call in self.calls)

    @property
    def usage(self) -> Usage:
        """The tokens of the calls inside."""
        return sum((call.usage for call in self.calls), NO_USAGE)

    def __repr__(self) -> str:
        return f"Scope(user={self.user!r}, run={self.run!r}, tags={self.tags!r})"


def scope(*, user: str | None = None, run: str | None = None, **tags: object) -> Scope:
    """Say on whose behalf, in which run and with which labels the calls inside are made.

    Args:
        user: on whose behalf; budgets and caches with `per="user"` tell users apart by it.
        run: which run of an agent; budgets with `window="run"` add up by it. Without one, each outermost call is
            a run of its own.
        tags: free labels, kept as text.

    Returns:
        A context manager that yields the `Scope`; `cost`, `usage` and `calls` add up what happened inside.

    Raises:
        TypeError: `user` or `run` is not text.

    >>> with scope(user="ada", feature="search") as run:
    ...     run.cost.status
    'exact'
    """
    for name, value in (("user", user), ("run", run)):
        if value is not None and not isinstance(value, str):
            raise TypeError(f"scope({name}={value!r}): give text, such as {str(value)!r}.")
    # Text alone, not a subclass of it: a member of an enumeration, say, which nothing could write down.
    plain = [None if text is None else str.__str__(text) for text in (user, run)]
    return Scope(plain[0], plain[1], {name: str(value) for name, value in tags.items()})


def leave(token: Token[Call | None]) -> None:
    """Stop serving; what is collected from another context, where nothing was set, has nothing to undo."""
    with suppress(ValueError):
        serving.reset(token)


def current_scope() -> Scope | None:
    """Return the innermost scope, or `None`."""
    return _scope.get()


def current_call() -> Call:
    """Return the call that is being served here.

    Returns:
        The `Call`; its `id` is its record's, to hand to `feedback`.

    Raises:
        LookupError: no decorated function is running here.

    >>> import asyncio
    >>> from frugal import current_call, metered
    >>> @metered
    ... async def ask(prompt):
    ...     return len(current_call().id)
    >>> asyncio.run(ask("Hello"))
    32
    """
    call = serving.get()
    if call is None:
        raise LookupError(
            "current_call() is for use inside a decorated function or a middleware; none is running here."
        )
    return call


@contextmanager
def bypass(*layers: str, store: bool = True) -> Iterator[None]:
    """Skip the lookup of caches for the calls inside.

    Args:
        layers: `"cached"`, `"semantic_cached"`, `"deduplicated"`; all of them when none is named.
        store: whether the fresh answers are kept all the same.

    Returns:
        A context manager.

    Raises:
        ValueError: a name is none of these.

    >>> import asyncio
    >>> from frugal import bypass, cached, memory
    >>> asked = []
    >>> @cached(layers=[memory])
    ... async def ask(prompt):
    ...     asked.append(prompt)
    >>> async def main():
    ...     await ask("news?")
    ...     with bypass("cached"):
    ...         await ask("news?")
    ...     return len(asked)
    >>> asyncio.run(main())
    2
    """
    known = ("cached", "semantic_cached", "deduplicated")
    for name in layers:
        if name not in known:
            raise ValueError(f"bypass({name!r}): it is one of {', '.join(known)}.")
    outer = _bypassed.get()
    _bypassed.set({**outer, **dict.fromkeys(layers or known, store)})
    try:
        yield
    finally:
        _bypassed.set(outer)


def bypassed(layer: str) -> bool | None:
    """Return `None` when a layer is in use, else whether it still stores fresh answers."""
    return _bypassed.get().get(layer)
