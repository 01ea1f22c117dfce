"""How long does the event loop stall under large prompts, with others holding the locks, or with a busy disk?

Sixteen callers ask the whole recommended stack, one question in two a new one, each prompt of 1 MB (or of 1 KB), at a
pace of one call each 50 ms, so that the loop has time to spare. A callback is due each millisecond; the figure is the
wait at the 99.9th percentile of all milliseconds, not of all wake-ups (see `harness/stalls.py`). Three conditions:
nothing else; another process holds the write locks of the ledger, of the disk layer and of the semantic cache for half
of the time, 200 ms at a stretch; another process writes and syncs 64 MB files beside them. Beside ours, in turns of
some seconds: the same load on the bare function, which shows the stalls that are the machine's own, on `json.dumps` of
the prompt and nothing else, which every client does that sends it, and on aiocache's decorator.

The column "processor" is the part of the stall in which processors worked for this very process: the rest is the
machine's doing, or a wait for a disk or a lock (no writing call to a disk runs on the loop's thread: that is tested).

Biases: a machine that others use stalls every process; compare with the bare function. An idle loop's timers come up
to a millisecond late by themselves. `str` answers of 1 KB.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.question import Figure, Question, Row, asked
from harness.stalls import Stalls, within
from harness.work import ANSWER, Recommended
from harness.work import question as words

CALLERS, PACE = 16, 0.05
LARGE, SMALL = 2**20, 2**10
SHARE = 0.999


def prompt(number: int, size: int) -> list[dict[str, Any]]:
    """Return a request of that many characters, whose end tells it apart."""
    filling = "The report says that the tender was late, and that nobody knew why. "
    text = filling * (size // len(filling)) + words(number)
    return [{"role": "user", "content": "What of this is new?"}, {"role": "user", "content": text}]


async def load(ask: Callable[[Any], Any], requests: list[Any], seconds: float) -> None:
    """Ask at a pace, each question twice."""
    ends = time.monotonic() + seconds

    async def caller(at: int) -> None:
        await asyncio.sleep(at * PACE)
        turn = 0
        while time.monotonic() < ends:
            await ask(requests[(at + turn // 2 * CALLERS) % len(requests)])
            turn += 1
            await asyncio.sleep(PACE * CALLERS)

    await asyncio.gather(*(caller(at) for at in range(CALLERS)))


def holding(databases: list[str], stop: Any) -> None:
    """Hold the write locks, 200 ms at a stretch, half of the time."""
    while not stop.is_set():
        held = []
        for database in databases:
            if Path(database).exists():
                connection = sqlite3.connect(database, isolation_level=None, timeout=0.2)
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    held.append(connection)
                except sqlite3.OperationalError:
                    connection.close()
        time.sleep(0.2)
        for connection in held:
            connection.execute("ROLLBACK")
            connection.close()
        time.sleep(0.2)


def writing(directory: list[str], stop: Any) -> None:
    """Write and sync, without a pause."""
    block = os.urandom(2**20)
    while not stop.is_set():
        with Path(directory[0], "busy").open("wb") as file:
            file.writelines(block for _ in range(64))
            file.flush()
            os.fsync(file.fileno())


@contextmanager
def beside(work: Callable[[list[str], Any], None] | None, what: list[str]) -> Iterator[None]:
    """Have another process do something meanwhile."""
    if work is None:
        yield
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    process = context.Process(target=work, args=(what, stop), daemon=True)
    process.start()
    try:
        yield
    finally:
        stop.set()
        process.join(10)


def aiocache_ask(function: Any) -> Any:
    """Aiocache's decorator round the function."""
    from aiocache import cached

    return cached(ttl=3600)(function)


async def watched(ask: Any, requests: list[Any], seconds: float) -> tuple[float, float]:
    """Return the loop's stall at the 99.9th percentile under a load: all of it, and this process's own part."""
    with Stalls() as stalls:
        await load(ask, requests, seconds)
    return within(stalls.waits, SHARE), within(stalls.own, SHARE)


async def condition(question: Question, name: str, size: int, work: Any, *, limited: bool) -> None:
    """Measure one condition, ours and the others in turn."""
    home = question.home / name
    whole = Recommended(home)

    async def bare(messages: Any, *, model: str = "gpt-4o") -> str:
        return ANSWER

    async def dumping(messages: Any) -> None:
        json.dumps(messages)

    stacked = whole.around(bare)
    asks = {"frugal, whole stack": stacked, "the function alone": bare, "json.dumps of the prompt": dumping}
    peer = question.peer("aiocache", lambda: aiocache_ask(bare))
    if peer is not None:
        asks["aiocache"] = peer
    await stacked(prompt(-7, SMALL))  # what is opened once is opened
    databases = [str(path) for path in home.rglob("cache.db")]
    assert databases
    turns, seconds = (1, 2.5) if question.quick else (5, 4.0)
    found = {each: Figure(each, []) for each in asks}
    with beside(work, databases if work is holding else [str(question.home)]):
        await asyncio.sleep(0.5 if work else 0)
        for turn in range(turns):
            for each, ask in asks.items():
                requests = [prompt(10**6 * turn + 1000 * len(each) + at, size) for at in range(CALLERS * 4)]
                wall, own = await watched(ask, requests, seconds)
                found[each].values.append(wall)
                found[each].processor.append(own)
    figures = list(found.values())
    question.keep(Row(f"stall, {name}", "s", figures[0], figures[1:], "stall" if limited else None))
    outcomes = whole.ledger.totals().outcomes
    assert outcomes["provider"], outcomes
    assert outcomes.get("memory", 0) + outcomes.get("disk", 0), outcomes
    await whole.close()


async def measure(question: Question) -> None:
    """Measure all conditions."""
    await condition(question, "1 KB prompts", SMALL, None, limited=True)
    await condition(question, "1 MB prompts", LARGE, None, limited=True)
    await condition(question, "1 MB prompts, locks held", LARGE, holding, limited=True)
    await condition(question, "1 MB prompts, disk busy", LARGE, writing, limited=True)


if __name__ == "__main__":
    asked(measure, "aiocache")
