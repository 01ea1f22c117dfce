"""`stack` and `middleware`: rings as values, and rings of one's own."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from frugal._core.call import Call
from frugal._core.ring import Proceed
from frugal.decorators.wiring import Attach, Decorator

__all__ = ["Stack", "middleware", "stack"]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Stack:
    """Hold decorators in order, outermost first; itself a decorator.

    Args:
        decorators: what is applied, the last one first.

    >>> from frugal import deduplicated, metered, stack
    >>> stack(metered, stack(deduplicated))
    stack(metered, deduplicated)
    """

    decorators: tuple[Callable[[Any], Any], ...]

    def __call__(self, function: F, /) -> F:
        """Apply them all, the last one first."""
        for decorator in reversed(self.decorators):
            function = decorator(function)
        return function

    def __repr__(self) -> str:
        return f"stack({', '.join(getattr(d, '__name__', None) or repr(d) for d in self.decorators)})"


def stack(*decorators: Callable[[Any], Any]) -> Stack:
    """Combine decorators into one, in the order in which they would be written above a function.

    Args:
        decorators: decorators of frugal or any others, outermost first.

    Returns:
        A decorator equal to writing them one under another; `stack()` is the identity.

    Raises:
        TypeError: one of them is not callable.

    >>> from frugal import metered, deduplicated
    >>> usual = stack(metered, deduplicated)
    >>> @usual
    ... async def ask(prompt): return prompt
    """
    for decorator in decorators:
        if not callable(decorator):
            raise TypeError(f"stack() takes decorators, not {decorator!r}.")
    flat: list[Callable[[Any], Any]] = []
    for decorator in decorators:
        flat += decorator.decorators if isinstance(decorator, Stack) else (decorator,)
    return Stack(tuple(flat))


@dataclass(frozen=True)
class _Own:
    """A ring that a user wrote."""

    run: Callable[[Call, Proceed], Awaitable[Any]]
    name: str

    def __call__(self, call: Call, proceed: Proceed, /) -> Awaitable[Any]:
        return self.run(call, proceed)

    def __repr__(self) -> str:
        return self.name


def middleware(ring: Callable[[Call, Proceed], Awaitable[Any]], /) -> Decorator:
    """Turn `async def f(call, proceed)` into a decorator of the same standing as the built-in ones.

    Args:
        ring: answers a call; it awaits `proceed(call)` never, once or many times, with the call it was given or with
            `call.replace(...)`.

    Returns:
        A decorator.

    Raises:
        TypeError: `ring` is not an `async def` of two arguments.

    >>> import asyncio
    >>> @middleware
    ... async def shouting(call, proceed):
    ...     return (await proceed(call)).upper()
    >>> @shouting
    ... async def greet(name): return f"hello {name}"
    >>> asyncio.run(greet("ada"))
    'HELLO ADA'
    """
    seen = ring if inspect.isroutine(ring) else getattr(type(ring), "__call__", ring)  # noqa: B004
    if not inspect.iscoroutinefunction(seen):
        raise TypeError(f"middleware() takes an `async def f(call, proceed)`, not {ring!r}.")
    # The plain name: where a function makes rings, it is called what the function is.
    name = getattr(ring, "__name__", None) or repr(ring)
    try:
        inspect.signature(ring).bind(None, None)
    except TypeError:
        raise TypeError(f"{name} must take two arguments: the call, and proceed to go on inwards.") from None
    return Attach(lambda: _Own(ring, name), name)
