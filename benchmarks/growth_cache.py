"""How does a hit grow with what is in a cache, from a thousand entries to a million, in memory and on disk?

A thousand calls are cached by `@cached`, and beside them as many other entries as it takes, laid into the store past
the decorator. The thousand are asked for again, each size in its turn. A put is measured as well: a call that is new.

Biases: the other entries are short (100 bytes), so that a million of them fit; the files are in the page cache.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from harness.question import Figure, Question, asked
from harness.rounds import Case, interleaved
from harness.work import ANSWER, messages

from frugal import cached, disk, memory
from frugal.stores import DiskStore

KNOWN = 1000
FAR = 10**8


def around(layer: Any) -> tuple[Any, list[int]]:
    """Return a cached function and the count of what it was asked."""
    made = [0]

    @cached(layers=[layer])
    async def ask(messages: Any, *, model: str = "gpt-4o") -> str:
        made[0] += 1
        return ANSWER

    return ask, made


async def in_memory(count: int) -> tuple[Any, list[int]]:
    """Return a function with that many entries in its memory layer."""
    layer = memory(max_items=count + 10**6, ttl=None)
    ask, made = around(layer)
    for number in range(KNOWN):
        await ask(messages(number))
    store = layer.stores[None]
    kept = _any(store)
    assert kept is not None
    for number in range(count - KNOWN):
        store.set(f"other {number}", kept, None, None)
    return ask, made


def _any(store: Any) -> Any:
    """Return what the store holds of one entry."""
    key = next(iter(store._kept))  # noqa: SLF001 an entry's own form is the only example of one
    found = store.get(key)
    return None if found is None else found.value


async def on_disk(directory: Path, count: int) -> tuple[Any, list[int]]:
    """Return a function with that many entries in its disk layer."""
    ask, made = around(disk(directory, max_bytes=2**34, ttl=None))
    for number in range(KNOWN):
        await ask(messages(number))
    store, value = DiskStore(directory, max_bytes=2**34), b"x" * 100

    def fill() -> None:
        for first in range(0, count - KNOWN, 20_000):
            for number in range(first, min(count - KNOWN, first + 20_000)):
                store.set(f"other {number * 2_654_435_761 % 2**32:08x} {number}", value, None)
            assert store.flush(300)

    await asyncio.to_thread(fill)
    return ask, made


async def compared(
    question: Question, name: str, asks: dict[int, tuple[Any, list[int]]], flushes: dict[int, Any]
) -> None:
    """Measure hits and puts at each size, in turn."""

    def hit(count: int) -> Case:
        ask = asks[count][0]

        async def once(number: int) -> None:
            await ask(messages(number % KNOWN))

        return Case(f"{count:,} entries", once)

    def put(count: int) -> Case:
        ask = asks[count][0]

        async def once(number: int) -> None:
            await ask(messages(FAR + number))

        return Case(f"{count:,} entries", once, after=flushes.get(count), loops=100)

    before = {count: made[0] for count, (_, made) in asks.items()}
    for what, make, rounds in (("hit", hit, 60), ("put", put, 8)):
        cases = [make(count) for count in asks]
        found = await interleaved(cases, rounds=3 if question.quick else rounds, seconds=0.01)
        figures = [Figure(case.name, found[case.name].wall, found[case.name].processor) for case in cases]
        if what == "hit":
            assert before == {count: made[0] for count, (_, made) in asks.items()}, "a hit was a miss"
        question.grew(f"{what} in {name}", figures, list(asks), plot="growth of the cache", x="entries", limit=None)


async def measure(question: Question) -> None:
    """Measure the memory layer, then the disk's."""
    sizes = (1_000, 5_000) if question.quick else (1_000, 10_000, 100_000, 1_000_000)
    asks = {count: await in_memory(count) for count in sizes}
    await compared(question, "memory", asks, {})
    del asks
    asks, flushes = {}, {}
    for count in sizes:
        directory = question.home / f"disk {count}"
        asks[count] = await on_disk(directory, count)
        flushes[count] = lambda directory=directory: asyncio.to_thread(DiskStore(directory).flush, 60)
    await compared(question, "disk, flushed", asks, flushes)
    for count in sizes:
        await asyncio.to_thread(DiskStore(question.home / f"disk {count}").close)


if __name__ == "__main__":
    asked(measure, "cachetools", "diskcache")
