"""`stack`, `middleware`, `instrument`: rings as values, rings of one's own, and rings on a live SDK client."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from frugal._core.call import Call
from frugal._core.pipeline import Proceed, plain_methods, plan_of
from frugal.decorators.wiring import Attach, Decorator

__all__ = ["Stack", "instrument", "middleware", "stack"]

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
    name = getattr(ring, "__qualname__", None) or repr(ring)
    try:
        inspect.signature(ring).bind(None, None)
    except TypeError:
        raise TypeError(f"{name} must take two arguments: the call, and proceed to go on inwards.") from None
    return Attach(lambda: _Own(ring, name), name)


def instrument(target: Any, path: str, *decorators: Callable[[Any], Any]) -> Callable[[], None]:
    """Put a stack on a method of a live SDK client.

    Args:
        target: the client, or any object.
        path: the method's dotted path from it, such as `"chat.completions.create"`.
        decorators: what to put on it, outermost first; `frugal.metered` when none is named.

    Returns:
        A function that takes the stack off again; calling it twice does nothing more.

    Raises:
        AttributeError: there is nothing at that path.
        NotAsyncError: what is there can be seen not to be async.

    >>> import asyncio, types
    >>> from frugal import metered
    >>> from frugal.testing import FakeModel
    >>> client = types.SimpleNamespace(chat=types.SimpleNamespace(create=FakeModel(answer="Paris.")))
    >>> undo = instrument(client, "chat.create", metered)
    >>> asyncio.run(client.chat.create("Capital of France?", model="gpt-4o")).choices[0].message.content
    'Paris.'
    >>> undo()
    """
    *way, name = path.split(".")
    owner = target
    for step in way:
        if not hasattr(owner, step):
            raise AttributeError(f"instrument({path!r}): {owner!r} has no {step!r}. Check the path.")
        owner = getattr(owner, step)
    if not hasattr(owner, name):
        raise AttributeError(f"instrument({path!r}): {owner!r} has no {name!r}. Check the path.")
    if not decorators:
        from frugal.decorators.metering import metered  # noqa: PLC0415 the one default

        decorators = (metered,)
    original = getattr(owner, name)
    namespace = getattr(owner, "__dict__", {})
    own = namespace.get(name, _ABSENT)
    with plain_methods():
        function = Stack(decorators)(original)
    _put(owner, way, target, name, function)
    done = False

    def undo() -> None:
        """Take the stack off again."""
        nonlocal done
        if done:
            return
        done = True
        if own is _ABSENT:
            try:
                object.__delattr__(owner, name)
            except AttributeError:
                delattr(owner, name)
        else:
            _set(owner, name, own)

    return undo


_ABSENT = object()


def _put(owner: Any, way: list[str], target: Any, name: str, function: Any) -> None:
    """Set the method where the next reader of the path finds it.

    SDKs make their resources with `cached_property`, so the object read here is the one that is read next; where a
    resource is made anew at each reading, putting something on it would be lost, and that must be said.
    """
    _set(owner, name, function)
    again = target
    for step in way:
        again = getattr(again, step)
    if plan_of(getattr(again, name, None)) is not plan_of(function):
        raise AttributeError(
            f"{type(target).__name__}.{'.'.join(way)} is made anew at each reading, so nothing can be put on it. "
            "Decorate a function of your own that calls it instead."
        )


def _set(owner: Any, name: str, value: Any) -> None:
    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError, ValueError):
        object.__setattr__(owner, name, value)  # frozen models guard their attributes
