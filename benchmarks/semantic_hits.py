"""What does a hit by meaning cost among 1,000, 10,000 and 100,000 entries, embedding included?

`@semantic_cached` as it is used, in a directory, with WordLlama's 256 numbers: the question is embedded, its partition
searched, the nearest entry judged (threshold and veto), and its answer decoded. Beside it GPTCache's whole `get`
(faiss and SQLite), and the search alone with nothing kept, judged or decoded, in NumPy, faiss and usearch; all of them
embed by the same model, and find the same entry. Where a partition is large, ours has gone over to `usearch`, as it
does in a thread of its own.

Biases: made-up questions of seventy characters, asked again word for word, one at a time. A hit in GPTCache touches
its SQLite database on the caller's thread; ours decides in a thread, so that the loop goes on, and pays for the way
there and back. GPTCache is left out at 100,000: it takes minutes to fill.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import numpy as np
from harness.meanings import WORDS, filled
from harness.question import Question, asked
from harness.rounds import Case
from harness.work import ANSWER, question

from frugal.embedders import WordLlamaEmbedder

STEP = 7919
"""Which entry is asked for next: a prime, so that all have their turn."""

FOUND = 0.95
"""The share of entries that a search must find."""

_embedder = WordLlamaEmbedder()


def vector_of(text: str) -> Any:
    """Embed a short text, which waits for nothing once the weights are loaded."""
    try:
        _embedder.embed([text]).send(None)
    except StopIteration as done:
        return done.value[0]
    raise AssertionError("it waits")


def searching(name: str, search: Callable[[Any], int], entries: int) -> Case:
    """Embed and search; a graph may miss one in a hundred."""

    def once(number: int) -> int:
        return search(vector_of(question(number * STEP % entries, WORDS)))

    found = sum(once(number) == number * STEP % entries for number in range(200))
    assert found >= FOUND * 200, (name, found)
    return Case(name, once)


def numpy_way(rows: Any) -> Callable[[Any], int]:
    """The product of all rows with the query."""
    return lambda vector: int(np.argmax(rows @ vector))


def faiss_way(rows: Any) -> Callable[[Any], int]:
    """Faiss's flat index."""
    index = importlib.import_module("faiss").IndexFlatIP(rows.shape[1])
    index.add(rows)
    return lambda vector: int(index.search(vector[None, :], 1)[1][0, 0])


def usearch_way(rows: Any) -> Callable[[Any], int]:
    """Usearch's graph, twice as thorough as by default: of 100,000 it would find fewer than it must."""
    index = importlib.import_module("usearch.index").Index(
        ndim=rows.shape[1], metric="ip", dtype="f32", expansion_add=256, expansion_search=128
    )
    index.add(np.arange(len(rows)), rows)
    return lambda vector: int(index.search(vector, 1).keys[0])


def gptcache_case(rows: Any) -> Case:
    """GPTCache with faiss and SQLite."""
    part = importlib.import_module
    get = part("gptcache.adapter.api").get
    manager_of = part("gptcache.manager")
    home = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, home, ignore_errors=True)  # before GPTCache registers its last flush: runs after it
    cache = part("gptcache").Cache()
    manager = manager_of.get_data_manager(
        manager_of.CacheBase("sqlite", sql_url=f"sqlite:///{home}/cache.db"),
        manager_of.VectorBase("faiss", dimension=rows.shape[1], index_path=f"{home}/faiss.index"),
        max_size=len(rows) + 1,
    )
    cache.init(
        pre_embedding_func=part("gptcache.processor.pre").get_prompt,
        embedding_func=lambda text, **_: vector_of(text),
        data_manager=manager,
        similarity_evaluation=part("gptcache.similarity_evaluation.distance").SearchDistanceEvaluation(),
    )
    texts = [question(number, WORDS) for number in range(len(rows))]
    manager.import_data(texts, [ANSWER] * len(rows), list(rows), [None] * len(rows))

    def once(number: int) -> None:
        assert get(question(number * STEP % len(rows), WORDS), cache_obj=cache) == ANSWER

    once(3)
    return Case("GPTCache", once)


async def among(entries: int, question_: Question, limit: str | None) -> None:
    """Measure a hit among that many."""
    ask, made, rows = await filled(question_.home / str(entries), entries)

    async def once(number: int) -> None:
        assert await ask(question(number * STEP % entries, WORDS)) == ANSWER

    await once(3)
    peers = [
        searching("NumPy, search alone", numpy_way(rows), entries),
        question_.peer("faiss", lambda: searching("faiss flat, search alone", faiss_way(rows), entries)),
        question_.peer("usearch", lambda: searching("usearch, search alone", usearch_way(rows), entries)),
        question_.peer("GPTCache", lambda: gptcache_case(rows)) if entries <= 10_000 else None,
    ]
    case = Case("frugal @semantic_cached", once)
    row = await question_.measure(f"semantic hit among {entries:,}", case, peers, limit=limit, rounds=60, seconds=0.01)
    print(f"    ({len(made)} of ours were misses)")
    assert len(made) < 50, "too many hits were misses"
    for figure in (row.ours, *row.peers):
        curve = question_.curves.get("a semantic hit", {"lines": {}})["lines"].get(figure.name, [])
        points = [*curve, (entries, figure.median)]
        question_.curve("a semantic hit", figure.name, points, x="entries", y="seconds, embedding included")


async def measure(question_: Question) -> None:
    """Measure all sizes."""
    await _embedder.embed(["to load the weights"])
    await asyncio.sleep(0)
    await among(1_000, question_, None)
    if not question_.quick:
        await among(10_000, question_, "semantic 10,000")
        await among(100_000, question_, "semantic 100,000")


if __name__ == "__main__":
    asked(measure, "gptcache", "faiss-cpu", "usearch", "numpy", "wordllama")
