"""Rings: what stands round a function, and how they are folded into one way inwards."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import Any, Protocol, cast

from frugal._core.call import Call

__all__ = ["NOTHING", "Mark", "Middleware", "Proceed", "compose"]


NOTHING: Any = object()
"""What a ring's `at_once` says where it has no answer without waiting: any value at all may be an answer."""


Proceed = Callable[[Call], Awaitable[Any]]
"""What a ring calls to go on inwards; it may call it never, once or many times."""


class Middleware(Protocol):
    """A ring of the onion."""

    def __call__(self, call: Call, proceed: Proceed, /) -> Awaitable[Any]:
        """Answer the call, going on inwards as often as it likes."""
        ...


class Mark:
    """Something that stands in a stack without being a ring: its place cannot matter."""

    __slots__ = ()


def compose(stack: tuple[Any, ...], centre: Proceed) -> Proceed:
    """Fold the rings of `stack` around `centre`, first ring outermost."""
    proceed = centre
    for ring in reversed(stack):
        if not isinstance(ring, Mark):
            proceed = partial(ring, proceed=proceed) if _named(ring) else _enter(ring, proceed)
    return proceed


def _named(ring: Any) -> bool:
    """Say whether a ring takes its continuation by the name `proceed`."""
    return _takes_proceed(ring if inspect.isroutine(ring) else type(ring).__call__)


@lru_cache(maxsize=256)
def _takes_proceed(function: Any) -> bool:
    try:
        parameter = inspect.signature(function).parameters.get("proceed")
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.kind is not inspect.Parameter.POSITIONAL_ONLY


def _enter(ring: Any, proceed: Proceed) -> Proceed:
    def entered(call: Call) -> Awaitable[Any]:
        return cast("Awaitable[Any]", ring(call, proceed))

    return entered
