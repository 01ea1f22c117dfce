"""Entering: SDK methods whose request begins when what they return is entered, such as `messages.stream()`.

Law: what is decorated is that request, so the rings see the raw stream, however the SDK's own object is then read:
event by event, as text, or at once by its final message. The object itself is the SDK's, hits and followers included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from frugal._core.deferred import Deferred

__all__ = ["entered", "enters", "requested"]


def enters(function: Any) -> bool:
    """Say whether a plain function gives a stream's context manager, by what it says that it returns."""
    returns = getattr(function, "__annotations__", {}).get("return", "")
    return "StreamManager" in (returns if isinstance(returns, str) else repr(returns))


def entered(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any], begin: Callable[[], Any]
) -> Any:
    """Return what a function gives, with its request replaced by a decorated one.

    Args:
        function: makes the context manager; nothing is sent by that.
        args: its arguments.
        kwargs: its arguments.
        begin: makes the coroutine of the decorated request.
    """
    manager = function(*args, **kwargs)
    name = _request_of(manager)
    if name is not None:
        close = getattr(vars(manager)[name], "close", None)
        if close is not None:
            close()  # a coroutine that will not be awaited
        vars(manager)[name] = Deferred(begin)
    return manager


def requested(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function that makes the request of what another gives, and its raw stream."""

    async def request(*args: Any, **kwargs: Any) -> Any:
        manager = function(*args, **kwargs)
        name = _request_of(manager)
        return manager if name is None else await vars(manager)[name]

    return request


def _request_of(manager: Any) -> str | None:
    """Return where a context manager keeps its request: under a mangled private name, the SDKs' only trace of it."""
    return next(
        (
            name
            for kind in type(manager).__mro__
            if (name := f"_{kind.__name__.lstrip('_')}__api_request") in getattr(manager, "__dict__", ())
        ),
        None,
    )
