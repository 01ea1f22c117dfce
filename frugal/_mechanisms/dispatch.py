"""Handling a batch: the one call of the handler, what it gives to whom, and the halving when it fails.

Law: a handler's task settles every item of its batch or passes them on to the halves; a result reaches the
item that stands in the same place, and a handler that breaks that order (another number of results, a text, a
set) gives nothing to anybody.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from frugal._mechanisms.load import Item, Load
from frugal.errors import BatchSizeMismatchError

__all__ = ["Dispatch"]

_LOG = logging.getLogger("frugal")


class Dispatch:
    """Send batches to one handler.

    Args:
        handler: takes items and their contexts, returns one result for each item, in order.
        split: whether a batch that fails is halved; a function of the error decides for each failure.
        name: the function's name, for errors.
    """

    __slots__ = ("_handler", "_name", "_split")

    def __init__(
        self,
        handler: Callable[[Sequence[Any], tuple[Any, ...]], Awaitable[Sequence[Any]]],
        *,
        split: bool | Callable[[BaseException], bool],
        name: str,
    ) -> None:
        self._handler = handler
        self._split = split
        self._name = name

    def send(self, load: Load, tasks: set[asyncio.Task[None]]) -> None:
        """Handle a batch in a task of its own, in a fresh copy of the context of its first item's caller.

        Args:
            load: the batch, with one item at least.
            tasks: keeps the task for as long as it runs; the loop itself keeps tasks only weakly.
        """
        load.waiting = len(load.items)
        first = next(iter(load.items))
        task = load.loop.create_task(self._handle(load, tasks), context=first.caller.copy())
        if task.done():  # As an eager task may be.
            load.close()
            return
        load.task = task
        tasks.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            tasks.discard(task)
            load.close()  # Whoever still waits, does so because the task never took its first step.

        task.add_done_callback(ended)

    async def _handle(self, load: Load, tasks: set[asyncio.Task[None]]) -> None:
        items = load.live()
        if not items:  # All were cancelled in this very moment, and have yet to leave.
            return
        try:
            answer = self._handler([item.value for item in items], tuple([item.context for item in items]))
            load.settle(items, self._checked(await answer, len(items)))
        except Exception as error:
            if len(items) > 1 and self._splits(error):
                self._halve(load, tasks)
            else:
                self._fail(load, error)
        except BaseException:
            load.cancel()
            raise

    def _checked(self, results: Any, expected: int) -> list[Any]:
        # A text, a mapping and a set have a length too, and would hand everyone something that is not theirs.
        unordered = isinstance(results, str | bytes | bytearray | Mapping | AbstractSet)
        if unordered or not hasattr(results, "__len__"):
            raise TypeError(
                f"{self._name}() returned a {type(results).__name__}; "
                "return a list with one result for each item, in the order of the items"
            )
        received = len(results)
        if received != expected:
            raise BatchSizeMismatchError(self._name, expected, received)
        return list(results)

    def _splits(self, error: Exception) -> bool:
        try:
            return self._split if isinstance(self._split, bool) else bool(self._split(error))
        except Exception:
            _LOG.exception("split= of %s() failed on %r; the batch is not split", self._name, error)
            return False

    def _halve(self, load: Load, tasks: set[asyncio.Task[None]]) -> None:
        items = load.live()
        load.items = {}
        middle = (len(items) + 1) // 2
        for half in (items[:middle], items[middle:]):
            if half:
                part = Load(load.loop)
                for item in half:
                    part.add(item)
                self.send(part, tasks)

    def _fail(self, load: Load, error: Exception) -> None:
        live: list[Item] = load.live()
        if not live:
            _LOG.info("%s() failed for a batch that nobody waited for any more", self._name, exc_info=error)
        for item in live:
            if isinstance(error, BatchSizeMismatchError) and error.function == self._name:
                error = BatchSizeMismatchError(self._name, error.expected, error.received)
            item.future.set_exception(error)
