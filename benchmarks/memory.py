"""How much memory does a call in flight take, a cached entry, a semantic entry?

In flight: 10,000 calls wait in the whole recommended stack for a model that has not answered; what Python has
allocated since (tracemalloc), less the requests themselves, over 10,000; beside the bare function's own tasks. Cached:
entries of a 1 KB answer in the memory layer, over their number, beside aiocache's, cashews', async-lru's and
cachetools'. Semantic: a fresh process opens a cache of 100,000 entries and answers one question; by how much its
memory grew (RSS), over what the vectors alone take.

Biases: tracemalloc does not see what SQLite and NumPy's own buffers take, RSS sees all, and also what the allocator
has not given back. What a library takes once (its modules, its threads) is left out, by measuring the growth only.
Each of the peers holds the answer and its own key; ours holds what it needs for records as well.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.footprint import resident
from harness.meanings import DIMENSIONS, WORDS, filled, opened
from harness.question import Figure, Question, Row, asked
from harness.work import ANSWER, Recommended, messages
from harness.work import question as words

from frugal import cached, memory

FAR = 10**9


async def waiting(around: Callable[[Any], Any], calls: int) -> float:
    """Return the bytes that each of so many calls takes that wait for the model."""
    gate, here, arrived = asyncio.Event(), 0, asyncio.Event()

    async def ask(messages: Any, *, model: str = "gpt-4o") -> str:
        nonlocal here
        here += 1
        if here >= calls:
            arrived.set()
        await gate.wait()
        return ANSWER

    stacked = around(ask)
    gate.set()
    await stacked(messages(FAR))  # what is made once is made
    here = 0
    gate.clear()
    requests = [messages(FAR + 1 + number) for number in range(calls)]
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tasks = [asyncio.create_task(stacked(request)) for request in requests]
    await arrived.wait()
    await asyncio.sleep(0.2)  # what works in threads comes to rest
    gc.collect()
    found = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    gate.set()
    await asyncio.gather(*tasks)
    return found / calls


async def in_flight(question: Question) -> None:
    """Measure calls that wait."""
    calls = 300 if question.quick else 10_000
    whole = Recommended(question.home / "flight")
    ours = await waiting(whole.around, calls)
    await whole.close()
    alone = await waiting(lambda function: function, calls)
    question.keep(
        Row(
            "memory of a call in flight, whole stack",
            "B",
            Figure("frugal, whole stack", [ours]),
            [Figure("the function's own task", [alone])],
            "in flight",
            f"{calls:,} in flight; the request's own is not in it",
        )
    )


async def grown(put: Callable[[int], Any], entries: int) -> float:
    """Return the bytes that each of so many entries takes."""
    await put(FAR)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(entries):
        await put(number)
    gc.collect()
    found = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return found / entries


async def entries(question: Question) -> None:
    """Measure cached entries; each has an answer of its own."""
    count = 500 if question.quick else 10_000

    async def ask(messages: Any, *, model: str = "gpt-4o") -> str:
        return f"{ANSWER}{messages[1]['content'][:40]}"

    def through(decorator: Any) -> Callable[[int], Any]:
        ask_ = decorator(ask)

        async def put(number: int) -> None:
            await ask_(messages(number))

        return put

    def cashews_way() -> Any:
        from cashews import Cache

        cache = Cache()
        cache.setup("mem://?size=100000")
        return through(cache(ttl="1h"))

    def aiocache_way() -> Any:
        from aiocache import cached as decorator

        return through(decorator(ttl=None))

    def async_lru_way() -> Any:
        from async_lru import alru_cache

        @alru_cache(maxsize=count + 10)
        async def text(prompt: str) -> str:
            return f"{ANSWER}{prompt[-250:-210]}"

        async def put(number: int) -> None:
            await text(str(messages(number)))

        return put

    peers = []
    for name, make in (("aiocache", aiocache_way), ("cashews, memory", cashews_way), ("async-lru", async_lru_way)):
        put = question.peer(name, make)
        if put is not None:
            peers.append(Figure(name, [await grown(put, count)]))
    ours = await grown(through(cached(layers=[memory(max_items=count + 10)])), count)
    note = f"{count:,} entries; the answer itself is {sys.getsizeof(ANSWER) + 40:,} bytes of it"
    question.keep(Row("memory of a cached entry", "B", Figure("frugal @cached(layers=[memory])", [ours]), peers,
                      note=note))  # fmt: skip


async def reopened(directory: str, count: int, *, moved: bool) -> int:
    """Open a semantic cache in this fresh process; return by how much the memory grew."""
    warm, _ = opened(Path(f"{directory} warm"), 10)
    await warm("what was asked at first?")
    await warm("what was asked at first?")
    gc.collect()
    before = resident()
    ask, made = opened(Path(directory), count)
    assert await ask(words(count - 1, WORDS)) == ANSWER
    if moved:
        from frugal._core.pipeline import plan_of

        plan = plan_of(ask)
        assert plan is not None
        (matcher,) = plan.stack[0].made.values()
        await asyncio.to_thread(matcher.collection.maintain)
        assert await ask(words(7, WORDS)) == ANSWER
    assert made == [], "a hit was a miss"
    gc.collect()
    return resident() - before


async def meanings(question: Question) -> None:
    """Measure semantic entries."""
    count = 1_000 if question.quick else 100_000
    directory = question.home / "meanings"
    await filled(directory, count, move=False)
    for moved, index in ((False, "NumPy"), (True, "usearch")):
        figures = []
        for _ in range(1 if question.quick or moved else 3):
            opening = f"memory.reopened({str(directory)!r}, {count}, moved={moved})"
            script = f"import asyncio, memory; print(asyncio.run({opening}))"
            run = await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, check=True,
                cwd=Path(__file__).parent,
            )  # fmt: skip
            figures.append(int(run.stdout.split()[-1]) / (count * DIMENSIONS * 4))
        question.keep(
            Row(
                f"memory of {count:,} semantic entries, {index}, in vectors' sizes",
                "x",
                Figure("frugal @semantic_cached", figures),
                limit="semantic memory" if not question.quick else None,
                note="" if not moved else "after the move to the graph, which makes it beside the exact index",
            )
        )


async def measure(question: Question) -> None:
    """Measure all three."""
    await in_flight(question)
    await entries(question)
    await meanings(question)


if __name__ == "__main__":
    asked(measure, "aiocache", "cashews", "async-lru", "usearch")
