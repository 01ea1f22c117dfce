"""Collect single items into batches: one call of a handler for many callers.

Law: every caller gets the result or the error of its own item, or leaves; nobody waits for ever, whatever the
handler returns or raises and whoever is cancelled. A batch goes when it is full, when its tokens are full, or
`max_wait` after its first item; batches are handled side by side, and no lock is held while they are. Nothing
waits across loops.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Generic, TypeVar

from frugal._mechanisms.dispatch import Dispatch
from frugal._mechanisms.load import Item, Load
from frugal._mechanisms.loops import Alarm, PerLoop
from frugal._values.clock import clock as ambient
from frugal.ports import Clock

__all__ = ["Batch"]

T = TypeVar("T")
R = TypeVar("R")


class _Deck:
    """What one loop is collecting and handling."""

    __slots__ = ("alarm", "collecting", "tasks")

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self.collecting: Load | None = None
        self.alarm = Alarm(ring, clock=clock)
        self.tasks: set[asyncio.Task[None]] = set()  # The loop itself keeps tasks only weakly.

    def clear(self) -> None:
        """Collect nothing."""
        self.collecting = None
        self.alarm.cancel()


class Batch(Generic[T, R]):
    """Gather the items of many callers and hand them to one handler.

    The handler runs in a task of its own, in a fresh copy of the context that the first item's caller was in
    when it submitted. It is called as `handler(items, contexts)`: `contexts` are the opaque objects that came
    with these very items, in their order, for each attempt anew (for each half too, when a batch is split),
    so that whoever keeps accounts can share out each attempt among its own items.

    Args:
        handler: takes items and their contexts, returns one result for each item, in order. max_size: the
        most items in a batch. max_wait: seconds after its first item that a batch goes at the latest; 0 is
        the loop's next turn. max_tokens: the most tokens in a batch; a larger single item goes alone.
        size_of: the tokens of an item; needed with `max_tokens`. What it raises is raised to that caller
        only. split: whether a batch that fails is halved until only those items fail that fail alone; a
        function of the
            error decides for each failure. Halves are handled side by side, as batches of their own. A wrong
            number of results is a failure like others; cancellation is not.
        name: the function's name, for errors.
        clock: measures `max_wait`.

    >>> import asyncio
    >>> async def double(numbers, contexts):
    ...     print("one call for", numbers)
    ...     return [2 * number for number in numbers]
    >>> async def main():
    ...     batch = Batch(double, max_size=3)
    ...     return await asyncio.gather(batch.submit(1), batch.submit(2), batch.submit(3))
    >>> asyncio.run(main())
    one call for [1, 2, 3]
    [2, 4, 6]
    """

    __slots__ = ("_decks", "_dispatch", "_max_size", "_max_tokens", "_max_wait", "_name", "_size_of")

    def __init__(
        self,
        handler: Callable[[Sequence[T], tuple[Any, ...]], Awaitable[Sequence[R]]],
        *,
        max_size: int = 10,
        max_wait: float = 0.1,
        max_tokens: float | None = None,
        size_of: Callable[[T], float] | None = None,
        split: bool | Callable[[BaseException], bool] = False,
        name: str = "handler",
        clock: Clock = ambient,
    ) -> None:
        if isinstance(max_size, bool) or not isinstance(max_size, int) or max_size < 1:
            raise ValueError(f"max_size is {max_size!r}: give a whole number of items, 1 or more")
        if not 0 <= max_wait < math.inf:
            raise ValueError(f"max_wait is {max_wait!r}: give seconds, 0 or more")
        if max_tokens is not None and not max_tokens > 0:
            raise ValueError(f"max_tokens is {max_tokens!r}: give a number above 0, or None for no limit.")
        if max_tokens is not None and size_of is None:
            raise ValueError("max_tokens needs size_of=, a function that counts an item's tokens")
        self._dispatch = Dispatch(handler, split=split, name=name)
        self._max_size = max_size
        self._max_wait = max_wait
        self._max_tokens = max_tokens
        self._size_of = size_of
        self._name = name
        self._decks: PerLoop[_Deck] = PerLoop(lambda: _Deck(clock, self.flush))

    async def submit(self, item: T, *, context: object = None, enrolled: Callable[[], None] | None = None) -> R:
        """Return the handler's result for one item.

        Args:
            item: what is handed to the handler with others.
            context: an opaque object that the handler is given beside the item.
            enrolled: called once the item stands in a batch; whoever submits several at once may count them
                so, and `flush` when all are there.

        Returns:
            This item's own result.

        Raises:
            asyncio.CancelledError: the caller was cancelled, or the handler was.
            BatchSizeMismatchError: the handler returned another number of results than it got items.
            TypeError: the handler returned no sequence, or `size_of` no number.
            ValueError: `size_of` gave a negative number.
            Exception: what `size_of` raised for this item, or what the handler raised.
        """
        entry = self._enroll(self._decks.here(), item, context)
        if enrolled is not None:
            try:
                enrolled()
            except BaseException:
                entry.leave()
                raise
        try:
            result: R = await entry.future
        except (asyncio.CancelledError, GeneratorExit):
            entry.leave()
            raise
        else:
            return result
        finally:
            del entry  # The frame is in the traceback of an error that the entry's future holds.

    async def many(self, items: Iterable[T], *, contexts: Iterable[object] | None = None) -> list[R]:
        """Return the results of many items, in order, without waiting for others to join.

        Args:
            items: what single `submit` calls would be given.
            contexts: their contexts, one for each; `None` for none.

        Returns:
            What the single calls would return.

        Raises:
            asyncio.CancelledError: the caller was cancelled, or the handler was.
            ValueError: not as many contexts as items.
            Exception: the first error in the order of the items, after all have settled; see `submit`.
        """
        values = list(items)
        deck = self._decks.here()
        companions = [None] * len(values) if contexts is None else list(contexts)
        if len(companions) != len(values):
            raise ValueError(f"{len(values)} items came with {len(companions)} contexts; give one for each")
        entries: list[Item] = []
        futures: list[asyncio.Future[R]] = []
        for value, context in zip(values, companions, strict=True):
            try:
                entries.append(self._enroll(deck, value, context))
                futures.append(entries[-1].future)
            except Exception as error:
                # It is this item's alone, and raised in its turn.
                futures.append(asyncio.get_running_loop().create_future())
                futures[-1].set_exception(error)
        self.flush()
        try:
            if futures:
                await asyncio.wait(futures)
        except (asyncio.CancelledError, GeneratorExit):
            for entry in entries:
                entry.leave()
            raise
        errors = [future for future in futures if future.cancelled() or future.exception() is not None]
        try:
            for future in errors:
                future.result()
            return [future.result() for future in futures]
        finally:
            del entries, futures, errors

    def flush(self) -> None:
        """Send what the running loop has collected, without waiting for more."""
        deck = self._decks.here()
        load = deck.collecting
        if load is not None:
            deck.clear()
            self._dispatch.send(load, deck.tasks)

    async def aclose(self) -> None:
        """Cancel this loop's batches and whoever waits for them, and wait until their handlers ended."""
        deck = self._decks.here()
        load = deck.collecting
        deck.clear()
        if load is not None:
            load.cancel()
        tasks = deck.tasks - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    # ------------------------------------------------------------------- collecting

    def _enroll(self, deck: _Deck, value: T, context: object) -> Item:
        tokens = 0.0 if self._size_of is None else self._measured(self._size_of(value))
        load = deck.collecting
        if load is not None and self._max_tokens is not None and load.tokens + tokens > self._max_tokens:
            self.flush()
            load = None
        first = load is None
        if load is None:
            load = deck.collecting = Load(asyncio.get_running_loop(), emptied=deck.clear)
        item = Item(value, context, tokens, load)
        load.add(item)
        if len(load.items) >= self._max_size or (self._max_tokens is not None and load.tokens >= self._max_tokens):
            self.flush()
        elif first:
            deck.alarm.aim(self._max_wait)
        return item

    def _measured(self, tokens: float) -> float:
        if isinstance(tokens, bool) or not isinstance(tokens, int | float):
            raise TypeError(f"size_of for {self._name}() returned {tokens!r}, not a number of tokens")
        if not 0 <= tokens < math.inf:
            raise ValueError(f"size_of for {self._name}() returned {tokens!r}; give 0 tokens or more")
        return tokens
