"""One batch on its way: the items that travel together and those who wait for them.

Law: every item is settled once, by its own result or an error, or leaves with its caller; the last caller to
leave takes the handler's task along. What ends the task against its will, or before its first step, settles
its items too: nobody waits for ever.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

__all__ = ["Item", "Load"]


class Item:
    """One item, its caller's context and the future that its caller waits on."""

    __slots__ = ("caller", "context", "future", "load", "tokens", "value")

    def __init__(self, value: Any, context: object, tokens: float, load: Load) -> None:
        self.value = value
        self.context = context
        self.tokens = tokens
        self.load = load
        self.caller = contextvars.copy_context()
        self.future: asyncio.Future[Any] = load.loop.create_future()

    def leave(self) -> None:
        """Give the item up, because its caller was cancelled."""
        self.future.cancel()
        self.load.leave(self)


class Load:
    """The items of one batch, while it is collected and while it is handled.

    Args:
        loop: the loop that all its callers run on.
        emptied: called when the last caller has left before the batch was sent.
    """

    __slots__ = ("emptied", "items", "loop", "task", "tokens", "waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, *, emptied: Callable[[], None] | None = None) -> None:
        self.loop = loop
        self.emptied = emptied
        self.items: dict[Item, None] = {}  # An ordered set: one that leaves must not cost a search.
        self.tokens = 0.0
        self.waiting = 0
        self.task: asyncio.Task[None] | None = None

    def add(self, item: Item) -> None:
        """Take one more item along."""
        item.load = self
        self.items[item] = None
        self.tokens += item.tokens

    def leave(self, item: Item) -> None:
        """Let an item go whose caller left: unsent if there is time, with the task if it was the last."""
        if self.waiting:
            self.waiting -= 1
            if not self.waiting and self.task is not None and not self.loop.is_closed():
                self.task.cancel()
        elif self.items.pop(item, self) is None:
            self.tokens -= item.tokens
            if not self.items and self.emptied is not None:
                self.emptied()

    def live(self) -> list[Item]:
        """Return the items whose callers still wait, in their order."""
        return [item for item in self.items if not item.future.done()]

    def settle(self, items: list[Item], results: list[Any]) -> None:
        """Give each item its own result."""
        for item, result in zip(items, results, strict=True):
            if not item.future.done():
                item.future.set_result(result)

    def cancel(self) -> None:
        """Cancel every caller that still waits."""
        for item in self.items:
            item.future.cancel()

    def close(self) -> None:
        """Cancel every caller that still waits, and let go of the items: each knows its load, which is a cycle."""
        self.cancel()
        self.items = {}
