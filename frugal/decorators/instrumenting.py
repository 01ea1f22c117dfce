"""`instrument`: rings on a method of a live SDK client, and a watch on what the client sends.

Law: the client stays its user's. It is the same object of the same class, what it returns and raises is what it
returned and raised before, its copies (`with_options`) are seen to as it is, and undoing leaves no trace.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from functools import cached_property, partial
from types import ModuleType
from typing import Any

from frugal._core.pipeline import plan_of
from frugal._core.wire import exchange
from frugal.decorators.composing import Stack
from frugal.decorators.layering import Put, following, put, reference, same_rings
from frugal.errors import NotAsyncError
from frugal.providers import watch

__all__ = ["instrument"]

_COPIES = ("copy", "with_options")
_VIEWS = ("with_raw_response", "with_streaming_response")
"""What SDKs make of a resource once, round the methods that it had then."""


def instrument(target: Any, path: str | None = None, *decorators: Callable[[Any], Any]) -> Callable[[], None]:
    """Put a stack on a method of a live SDK client, and count what the client sends, its own retries too.

    Args:
        target: the client, or any object.
        path: the method's dotted path from it, such as `"chat.completions.create"`; without one nothing is
            decorated, and what the client sends is counted for the decorated functions that use it.
        decorators: what to put on it, outermost first; `frugal.metered` when none is named.

    Returns:
        A function that takes the stack off again; calling it twice does nothing more.

    Raises:
        AttributeError: there is nothing at that path; or no path was given, and the target has no HTTP client.
        NotAsyncError: what is there can be seen not to be async.
        TypeError: a decorator stands where the path belongs.

    >>> import asyncio, types
    >>> from frugal import metered
    >>> from frugal.testing import FakeModel
    >>> client = types.SimpleNamespace(chat=types.SimpleNamespace(create=FakeModel(answer="Paris.")))
    >>> undo = instrument(client, "chat.create", metered)
    >>> asyncio.run(client.chat.create("Capital of France?", model="gpt-4o")).choices[0].message.content
    'Paris.'
    >>> undo()
    """
    if path is not None and not isinstance(path, str):
        raise TypeError(f"instrument(..., {path!r}): the second argument is the method's path, such as "
                        "'chat.completions.create'; the decorators follow it.")  # fmt: skip
    if path is None:
        return _instrumented(target, None, None)
    if not decorators:
        from frugal.decorators.metering import metered  # noqa: PLC0415 the one default

        decorators = (metered,)
    return _instrumented(target, path, Stack(decorators))


def _instrumented(target: Any, path: str | None, decorate: Put | None, *, copied: bool = False) -> Callable[[], None]:
    """Do what `instrument` does, to a client or to a copy of one."""
    offs: list[Callable[[], None]] = []

    def undo() -> None:
        """Take the stack off again."""
        while offs:
            offs.pop()()

    try:
        again = None
        if path is not None and decorate is not None:
            again = _decorated(target, path, decorate, offs)
        # A copy mostly shares its HTTP client with the first, and that is watched already.
        watching = watch(target, exchange, once=copied)
        if watching is not None:
            offs.append(watching)
        elif path is None:
            raise AttributeError(
                f"instrument({_named(target)}): it has no HTTP client that frugal knows how to watch. "
                "Name the method to decorate, such as 'chat.completions.create'."
            )
        names = tuple(name for name in _COPIES if _makes_copies(target, name))
        if names:
            offs.append(following(target, names, lambda other: _instrumented(other, path, again, copied=True)))
    except BaseException:
        undo()
        raise
    return undo


def _decorated(target: Any, path: str, decorate: Put, offs: list[Callable[[], None]]) -> Put:
    """Put a stack on the method at a path; return what puts the same on a copy's."""
    *way, name = path.split(".")
    owner = target
    for step in way:
        if not hasattr(owner, step):
            raise AttributeError(f"instrument({path!r}): {owner!r} has no {step!r}. Check the path.")
        owner = getattr(owner, step)
    if not hasattr(owner, name):
        raise AttributeError(f"instrument({path!r}): {owner!r} has no {name!r}. Check the path.")
    _check_async(owner, name, path)
    function, off = put(owner, name, decorate)
    offs.append(partial(_forget_views, _reached(target, way), way))
    offs.append(off)
    again = target
    for step in way:
        again = getattr(again, step)
    if plan_of(getattr(again, name, None)) is not plan_of(function):
        raise AttributeError(
            f"{_named(target)}.{'.'.join(way)} is made anew at each reading, so nothing can be put on it. "
            "Decorate a function of your own that calls it instead."
        )
    _forget_views(_reached(target, way), way)
    return same_rings(function) or decorate


def _check_async(owner: Any, name: str, path: str) -> None:
    """Refuse a method that has an async twin beside it: it is the sync one, and would block the loop.

    Raises:
        NotAsyncError: naming the twin.
    """
    if isinstance(owner, ModuleType):
        twin = f"a{name}" if inspect.iscoroutinefunction(getattr(owner, f"a{name}", None)) else None
    else:
        kind = owner if isinstance(owner, type) else type(owner)
        twin = f"Async{kind.__name__}"
        twin = twin if isinstance(getattr(sys.modules.get(kind.__module__), twin, None), type) else None
    if twin is not None:
        raise NotAsyncError(f"{_named(owner)}.{name}", f"Instrument {path!r} of the async client ({twin}).")


def _makes_copies(target: Any, name: str) -> bool:
    return (
        not isinstance(target, type | ModuleType)
        and hasattr(target, "__dict__")
        and inspect.isfunction(inspect.getattr_static(type(target), name, None))
    )


def _reached(target: Any, way: list[str]) -> list[Callable[[], Any]]:
    """Return what stands along a path, without keeping it alive."""
    reached = [target]
    for step in way:
        reached.append(getattr(reached[-1], step))
    return [reference(one) for one in reached]


def _forget_views(reached: list[Callable[[], Any]], way: list[str]) -> None:
    """Let views of a resource be made anew, round the methods that it has now."""
    for one in reached:
        thing = one()
        for name in _VIEWS:
            made = isinstance(inspect.getattr_static(type(thing), name, None), cached_property)
            if made and name not in way:
                vars(thing).pop(name, None)


def _named(thing: Any) -> str:
    return str(getattr(thing, "__name__", None) or type(thing).__name__)
