"""What a semantic hit costs with 1,000, 10,000 and 100,000 entries: embedding, search, decision and fetch.

Entries are CLINC150's questions, repeated with a number appended where there are too few; rows live in memory,
so a durable store's read comes on top (it happens in a thread). Shown beside where they are installed:
faiss-flat (search alone, with our vectors) and GPTCache (its whole `get`, with faiss and SQLite and our
embedder, so that only its own work is compared).

Biases: one thread asks, one question at a time; only search_many and faiss use all cores.
Run: ``python benchmarks/semantic_speed.py [largest number of entries]`` (usearch takes most of a minute to be
filled with 100,000).
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import importlib.util
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from typing import Any

from semantic_data import load, machine

from frugal._mechanisms.nearest import NEIGHBOURS, Fixed, Neighbour
from frugal._mechanisms.veto import veto
from frugal.embedders import WordLlamaEmbedder
from frugal.indexes import AutoIndex, Collection, ExactIndex, GraphIndex

ROUNDS = 300


def texts(count: int) -> list[str]:
    """Give that many different questions."""
    questions = [text for text, _ in load("clinc150.json.gz")["train"]]
    return [
        questions[at % len(questions)] + (f" {at // len(questions)}" if at >= len(questions) else "")
        for at in range(count)
    ]


async def timed(ask: Callable[[int], Awaitable[Any]], count: int) -> tuple[float, float]:
    """Give the minimum and the median in microseconds."""
    times = []
    for at in range(ROUNDS + 20):
        started = time.perf_counter()
        await ask((at * 7919) % count)
        times.append((time.perf_counter() - started) * 1e6)
    return min(times[20:]), statistics.median(times[20:])


def row(name: str, count: int, figures: tuple[float, float], note: str = "") -> None:
    """Print one row."""
    print(f"{name:<34}{count:>9,}{figures[0]:>10.0f}{figures[1]:>10.0f}   {note}", flush=True)


async def frugal_hit(asked: list[str], rows: Any, index: Callable[[], Any], name: str) -> None:
    """Measure the whole way of a hit, and the search in it."""
    embedder = WordLlamaEmbedder()
    collection = Collection("speed", embedder.identity, max_items=len(asked) + 1, index=index)
    started = time.perf_counter()
    for text, vector in zip(asked, rows, strict=True):
        collection.add("partition", text, vector, answer=b"answer", answer_class=text, near=())
    collection.maintain()
    filled = time.perf_counter() - started
    policy = Fixed(0.95, tie=0.0)

    async def hit(at: int) -> None:
        vector = (await embedder.embed([asked[at]]))[0]
        near = [Neighbour(*each) for each in collection.near("partition", vector, NEIGHBOURS)]
        decision = policy.decide(near, lambda id: veto(asked[at], collection.fetch(id).text))
        assert decision.action == "hit", decision
        assert collection.fetch(decision.entry).answer == b"answer"

    async def search(at: int) -> None:
        collection.near("partition", rows[at], NEIGHBOURS)

    row(f"frugal, a hit ({name})", len(asked), await timed(hit, len(asked)), f"filled in {filled:.1f} s")
    row(f"  search in it ({name})", len(asked), await timed(search, len(asked)))


async def together(rows: Any) -> None:
    """Measure eight queries answered in one product."""
    index = ExactIndex()
    for at, vector in enumerate(rows):
        index.add(at + 1, vector)

    async def eight(at: int) -> None:
        index.search_many(rows[at : at + 8], NEIGHBOURS)

    low, middle = await timed(eight, len(rows) - 8)
    row("  search_many, each of 8 (NumPy)", len(rows), (low / 8, middle / 8))


async def faiss_flat(rows: Any) -> None:
    """Measure faiss's flat index, search alone."""
    faiss = importlib.import_module("faiss")
    index = faiss.IndexFlatIP(rows.shape[1])
    index.add(rows)

    async def search(at: int) -> None:
        index.search(rows[at : at + 1], NEIGHBOURS)

    row("faiss-flat, search alone", len(rows), await timed(search, len(rows)))


async def gptcache(asked: list[str], rows: Any) -> None:
    """Measure GPTCache's `get`."""
    part = importlib.import_module
    get, put = part("gptcache.adapter.api").get, part("gptcache.adapter.api").put
    manager_of = part("gptcache.manager")
    known = dict(zip(asked, rows, strict=True))
    # Registered before GPTCache registers its last flush, so that it runs after it.
    home = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    cache = part("gptcache").Cache()
    manager = manager_of.get_data_manager(
        manager_of.CacheBase("sqlite", sql_url=f"sqlite:///{home}/cache.db"),
        manager_of.VectorBase("faiss", dimension=rows.shape[1], index_path=f"{home}/faiss.index"),
        max_size=len(asked) + 1,
    )
    cache.init(
        pre_embedding_func=part("gptcache.processor.pre").get_prompt,
        embedding_func=lambda text, **_: known[text],
        data_manager=manager,
        similarity_evaluation=part("gptcache.similarity_evaluation.distance").SearchDistanceEvaluation(),
    )
    manager.import_data(asked, ["answer"] * len(asked), list(rows), [None] * len(asked))
    put(asked[0], "answer", cache_obj=cache)

    async def hit(at: int) -> None:
        assert get(asked[at], cache_obj=cache) == "answer"

    row("GPTCache, a hit (no embedding)", len(asked), await timed(hit, len(asked)))


async def main() -> None:
    """Print the table."""
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(f"microseconds, minimum and median of {ROUNDS} ({machine()})\n")
    print(f"{'what':<34}{'entries':>9}{'min':>10}{'median':>10}")
    embedder = WordLlamaEmbedder()

    async def alone(at: int) -> None:
        await embedder.embed([few[at]])

    few = texts(1000)
    await embedder.embed(few[:1])
    row("embedding alone", 1, await timed(alone, len(few)))
    for count in (1_000, 10_000, 100_000):
        if count > largest:
            break
        asked = texts(count)
        rows = await embedder.embed(asked)
        await frugal_hit(asked, rows, ExactIndex, "NumPy")
        await together(rows)
        if GraphIndex.available():
            await frugal_hit(asked, rows, lambda: AutoIndex(limit=0), "usearch")
        if importlib.util.find_spec("faiss"):
            await faiss_flat(rows)
        if importlib.util.find_spec("gptcache") and count <= 10_000:
            await gptcache(asked, rows)
    for name, what in (("usearch", "frugal[ann]"), ("faiss", "faiss-cpu"), ("gptcache", "gptcache")):
        if not importlib.util.find_spec(name):
            print(f"not compared: {name} is not installed here ({what})")


if __name__ == "__main__":
    asyncio.run(main())
