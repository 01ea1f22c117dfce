"""What do the parts take on this machine that nothing of the kind can leave out?

The floors under the other questions, each in the barest code that does it: calling a Python function, waiting for a
coroutine or a task, going to a thread and coming back, getting the interpreter's lock back beside a busy thread,
committing a row to SQLite, hashing a request, embedding a question, comparing it with ten thousand vectors. Then four
sums that are run rather than added: a hit, a batch item, a durable record, and a miss made of nothing but those parts.

Biases: none of it is safe. Nothing is cancelled, counted, bounded or told apart; no error has anywhere to go. A loop
over one part finds it in the processor's nearest cache, where a whole call does not: one call at a time pays two to
three times as much for the same code (the row of a function's call with the caches cold says how much).
"""

from __future__ import annotations

import asyncio
import itertools
import queue
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import wrapt
from harness.question import Figure, Question, Row, asked
from harness.rounds import Case
from harness.work import ANSWER, messages, question

from frugal.embedders import WordLlamaEmbedder

AT_ONCE = 1000
RECORD = msgspec.json.encode({"id": "0" * 32, "model": "gpt-4o", "said": "x" * 300}).decode()
TABLE = "CREATE TABLE rows (key TEXT PRIMARY KEY, value TEXT)"
_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_embedder = WordLlamaEmbedder()


def nothing(value: Any) -> Any:
    """Do nothing."""
    return value


async def nothing_async(value: Any) -> Any:
    """Do nothing."""
    return value


def key_of(request: Any) -> str:
    """Digest a request."""
    return sha256(_encode(request)).hexdigest()


def opened(path: Path) -> sqlite3.Connection:
    """Open a database that survives the death of the process, as the ledger does."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(TABLE)
    return connection


class Writer:
    """A thread that commits what is queued, all that waits in one transaction."""

    def __init__(self, path: Path) -> None:
        self._connection = opened(path)
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self) -> asyncio.Future[None]:
        """Queue a row; the future is done when it is durable."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._queue.put((loop, future))
        return future

    def _run(self) -> None:
        while True:
            waiting = [self._queue.get()]
            while len(waiting) < 256 and not self._queue.empty():
                waiting.append(self._queue.get())
            self._connection.execute("BEGIN IMMEDIATE")
            rows = [(str(next(self._numbers)), RECORD) for _ in waiting]
            self._connection.executemany("INSERT INTO rows VALUES (?, ?)", rows)
            self._connection.execute("COMMIT")
            waiting[0][0].call_soon_threadsafe(_told, [future for _, future in waiting])


def _told(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        future.set_result(None)


def comparing(count: int) -> tuple[Any, Callable[[Any], int]]:
    """Return vectors, and what finds the nearest one on this thread alone."""
    rows = np.random.default_rng(0).standard_normal((count, 256)).astype(np.float32)
    blocks = rows.reshape(-1, 100, 256)
    return rows, lambda vector: int(np.argmax(np.matmul(blocks, vector)))


# --------------------------------------------------------------------------- one part at a time


async def parts(question_: Question) -> None:
    """Measure each part by itself."""
    loop = asyncio.get_running_loop()
    connection = opened(question_.home / "alone.db")
    numbers = itertools.count()

    async def task(_: int) -> None:
        await loop.create_task(nothing_async(1))

    async def hop(_: int) -> None:
        await loop.run_in_executor(None, nothing, 1)

    def commit(_: int) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO rows VALUES (?, ?)", (str(next(numbers)), RECORD))
        connection.execute("COMMIT")

    async def embed(number: int) -> None:
        await _embedder.embed([question(number)])

    await embed(0)
    request = messages(0)
    _, nearest = comparing(10_000)
    vector = (await _embedder.embed([question(1)]))[0]

    async def awaited(_: int) -> None:
        await nothing_async(1)

    wrapped = wrapt.FunctionWrapper(nothing, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))
    cold = np.zeros(16 * 2**20, dtype=np.uint8)  # as large as what lies nearest to the processor

    def walk() -> None:
        cold.sum()

    for name, case in {
        "a Python function": Case("called", lambda _: nothing(1)),
        "a function through wrapt": Case("called", lambda _: wrapped(1)),
        "a coroutine": Case("awaited", awaited),
        "a task": Case("made and awaited", task),
        "a way to a thread and back": Case("run_in_executor", hop),
        "a row in SQLite": Case("begun, written and committed", commit),
        "the key of a request of 1 KB": Case("msgpack and SHA-256", lambda _: key_of(request)),
        "a question of 280 characters": Case("embedded by WordLlama", embed),
        "10,000 vectors of 256": Case("compared by NumPy, one thread", lambda _: nearest(vector)),
        "10,000 vectors of 256, caches cold": Case(
            "compared by NumPy, one thread", lambda _: nearest(vector), loops=1, before=walk
        ),
        "the key of a request of 1 KB, caches cold": Case(
            "msgpack and SHA-256", lambda _: key_of(request), loops=1, before=walk
        ),
    }.items():
        await question_.measure(name, case)
    connection.close()


def beside_a_busy_thread(question_: Question) -> None:
    """Measure a commit in a thread that must wait for the interpreter each time it comes back from SQLite."""
    connection = opened(question_.home / "busy.db")
    found: list[float] = []
    done = threading.Event()

    def commit() -> None:
        for number in range(20 if question_.quick else 200):
            began = time.perf_counter()
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO rows VALUES (?, ?)", (str(number), RECORD))
            connection.execute("COMMIT")
            found.append(time.perf_counter() - began)
        done.set()

    threading.Thread(target=commit).start()
    while not done.is_set():
        nothing(1)
    question_.keep(
        Row("a row in SQLite beside a busy thread", "s", Figure("begun, written and committed", found),
            note=f"the slowest took {max(found) * 1e3:.1f} ms: a thread that wants the interpreter gets it after 5 ms")
    )  # fmt: skip


# --------------------------------------------------------------------------- sums, run


async def sums(question_: Question) -> None:
    """Measure a hit, an item, a record and a miss made of nothing but the parts."""
    request = messages(0)
    kept = {key_of(request): ANSWER}

    async def ask(messages: Any) -> Any:
        return kept[key_of(messages)]

    around = wrapt.FunctionWrapper(ask, lambda wrapped, _, args, kwargs: wrapped(*args, **kwargs))

    async def hit(_: int) -> None:
        assert await around(request) == ANSWER

    await question_.measure("floor of a memory hit", Case("wrapt, coroutine, key, dictionary", hit))

    async def items(_: int) -> None:
        waiting: list[asyncio.Future[int]] = []
        loop = asyncio.get_running_loop()

        async def item() -> int:
            future: asyncio.Future[int] = loop.create_future()
            waiting.append(future)
            if len(waiting) == 100:
                taken, waiting[:] = list(waiting), []
                for number, each in enumerate(taken):
                    each.set_result(number)
            return await future

        await asyncio.gather(*(item() for _ in range(AT_ONCE)))

    case = Case("a task and a future each", items, per=AT_ONCE)
    await question_.measure("floor of a batch item", case, seconds=0.01)

    writer = Writer(question_.home / "group.db")

    async def recorded() -> None:
        await writer.put()

    async def records(_: int) -> None:
        await asyncio.gather(*(recorded() for _ in range(AT_ONCE)))

    case = Case("a task, a queue, a group commit", records, per=AT_ONCE, loops=1)
    await question_.measure("floor of a durable record, 1,000 at once", case, rounds=40)

    _, nearest = comparing(2_000)

    async def miss(number: int) -> None:
        await missed(messages(number), question(number), nearest, writer.put)

    case = Case("key, embedding, comparison, two commits", miss)
    await question_.measure("floor of a miss, one at a time", case, rounds=60, seconds=0.02)


async def missed(request: Any, text: str, nearest: Callable[[Any], int], put: Callable[[], Awaitable[None]]) -> None:
    """Do what a miss cannot do without: look it up, hold, ask, settle."""
    key_of(request)
    nearest((await _embedder.embed([text]))[0])
    await put()
    await asyncio.sleep(0)
    await put()


async def measure(question_: Question) -> None:
    """Measure the parts and the sums."""
    await parts(question_)
    await asyncio.to_thread(beside_a_busy_thread, question_)
    await sums(question_)


if __name__ == "__main__":
    asked(measure, "wrapt", "msgspec", "numpy", "wordllama")
