"""What does it cost to gather single items into batches, for each item?

A thousand items are asked for at once, each by a call of its own, and go to the handler a hundred at a time: through
`@batched`, aiodataloader's `load` and async-batcher's `process`. Then the same through `.many` and `load_many`.

Biases: the handler answers at once. aiodataloader's cache is off, since the same items are asked for again; it starts
a batch at the loop's next turn, and its futures know nothing of a cancelled caller. async-batcher runs up to ten
batches at once (by default one after the other). Ours runs each call through the pipeline, with a journal of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from harness.question import Question, asked
from harness.rounds import Case

from frugal import batched

ITEMS, SIZE = 1000, 100
TEXTS = [f"item {number}" for number in range(ITEMS)]
EXPECTED = [len(text) for text in TEXTS]


async def handle(texts: Sequence[str]) -> list[int]:
    """Answer a batch."""
    assert len(texts) <= SIZE
    return [len(text) for text in texts]


def dataloader_cases() -> tuple[Case, Case]:
    """aiodataloader, one by one and many."""
    from aiodataloader import DataLoader

    loaders: list[DataLoader[str, int]] = []

    def loader() -> DataLoader[str, int]:
        if not loaders:  # it belongs to the running loop
            loaders.append(DataLoader(handle, cache=False, max_batch_size=SIZE))
        return loaders[0]

    async def single(_: int) -> None:
        load = loader().load
        assert await asyncio.gather(*(load(text) for text in TEXTS)) == EXPECTED

    async def many(_: int) -> None:
        assert await loader().load_many(TEXTS) == EXPECTED

    return Case("aiodataloader", single, per=ITEMS), Case("aiodataloader, load_many", many, per=ITEMS)


def batcher_case() -> Case:
    """async-batcher."""
    from async_batcher.batcher import AsyncBatcher

    class Lengths(AsyncBatcher[str, int]):
        async def process_batch(self, batch: list[str]) -> list[int]:
            return await handle(batch)

    batcher = Lengths(max_batch_size=SIZE, max_queue_time=0.001, concurrency=10)

    async def single(_: int) -> None:
        assert await asyncio.gather(*(batcher.process(text) for text in TEXTS)) == EXPECTED

    return Case("async-batcher", single, per=ITEMS)


async def measure(question: Question) -> None:
    """Check and time."""
    lengths = batched(max_size=SIZE, max_wait=0.001)(handle)

    async def single(_: int) -> None:
        assert await asyncio.gather(*(lengths(text) for text in TEXTS)) == EXPECTED

    async def many(_: int) -> None:
        assert await lengths.many(TEXTS) == EXPECTED

    loaders = question.peer("aiodataloader", dataloader_cases) or (None, None)
    batcher = question.peer("async-batcher", batcher_case)
    case = Case("frugal @batched", single, per=ITEMS)
    await question.measure("an item, 1,000 asked for at once", case, [loaders[0], batcher], limit="batch item",
                           rounds=60, seconds=0.01)  # fmt: skip
    case = Case("frugal @batched, .many", many, per=ITEMS)
    await question.measure("an item, 1,000 given at once", case, [loaders[1]], rounds=60, seconds=0.01)


if __name__ == "__main__":
    asked(measure, "aiodataloader", "async-batcher")
