"""Threads: calling what may wait, or is not ours, off a loop's thread.

Law: whatever the function raises reaches whoever called it. A `StopIteration`, which a careless `next()` in a user's
function raises, is taken by no future: uncaught, it would leave its caller waiting for ever. It becomes a
`RuntimeError`, as it does in a coroutine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["in_thread", "sealed", "stopped"]

T = TypeVar("T")


def stopped(error: StopIteration) -> RuntimeError:
    """Return what a future takes in the place of a `StopIteration`."""
    taken = RuntimeError("a function that was called in a thread raised StopIteration")
    taken.__cause__ = error
    return taken


def sealed(function: Callable[..., T], *args: Any) -> T:
    """Call a function, from which no `StopIteration` comes out.

    Raises:
        RuntimeError: it raised StopIteration.
    """
    try:
        return function(*args)
    except StopIteration as error:
        raise stopped(error) from error


async def in_thread(function: Callable[..., T], *args: Any) -> T:
    """Call a function in one of the loop's threads, with the caller's context.

    Raises:
        RuntimeError: it raised StopIteration, or the loop's threads are gone.
    """
    return await asyncio.to_thread(sealed, function, *args)
