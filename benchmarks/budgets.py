"""What does a budget cost that many callers share, and is it kept?

Calls that bound their output, 50 at once in each process, from 1 to 8 processes (and from 8 threads with a loop of
their own), draw on one budget of a day that has room for half of them. `@budgeted` reserves in the ledger on disk
before each call and settles after it. Beside it, over Redis: the source's way, which reads the counter, calls, and
then adds up what was spent; and a reservation by a Lua script that adds only where there is room, settled by
INCRBYFLOAT. For each the time for a call, granted or refused, and how far the budget was overspent (0 is right).

Biases: the model answers after 1 ms, so that calls overlap. Redis serves from a process of its own, from memory, and
loses its counters with it; ours is durable, and keeps a record of each call as well, which the peers do not. What the
peers hold is handed to them; ours is found from the request and the prices.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from harness.question import Figure, Question, Row, asked
from harness.redis_server import redis_server

from frugal import BudgetExceededError, Ledger, budgeted

AT_ONCE = 50
COST = 260 * 2_500_000 + 100 * 10_000_000
"""What a call costs, in pico-dollars: gpt-4o, 260 tokens in, 100 out."""

ANSWER = {
    "model": "gpt-4o-2024-08-06",
    "object": "chat.completion",
    "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": "yes"}}],
    "usage": {"prompt_tokens": 260, "completion_tokens": 100, "total_tokens": 360},
}
RESERVE = """
local spent = tonumber(redis.call('GET', KEYS[1]) or '0')
if spent + tonumber(ARGV[1]) > tonumber(ARGV[2]) then return 0 end
redis.call('INCRBYFLOAT', KEYS[1], ARGV[1])
return 1
"""


async def frugal_calls(place: str, calls: int, limit: int, gate: Any) -> tuple[float, float, int]:
    """Make calls under `@budgeted`."""
    async with Ledger(place) as ledger:

        @budgeted(daily_usd=limit / 10**12, ledger=ledger)
        async def ask(messages: Any, *, model: str = "gpt-4o", max_tokens: int = 100) -> Any:
            await asyncio.sleep(0.001)
            return ANSWER

        async def one() -> bool:
            try:
                await ask([{"role": "user", "content": "x" * 1000}])
            except BudgetExceededError:
                return False
            return True

        return await many(one, calls, gate)


async def many(one: Any, calls: int, gate: Any) -> tuple[float, float, int]:
    """Make a call, wait for the others, and make so many, 50 at once; return when, and how many were granted."""
    granted = int(await one())
    await asyncio.to_thread(gate.wait)
    began, left = time.monotonic(), calls

    async def caller() -> int:
        nonlocal left
        granted = 0
        while left > 0:
            left -= 1
            granted += await one()
        return granted

    granted += sum(await asyncio.gather(*(caller() for _ in range(AT_ONCE))))
    return began, time.monotonic(), granted


async def redis_calls(place: str, calls: int, limit: int, gate: Any, *, atomic: bool) -> tuple[float, float, int]:
    """Make calls under a counter in Redis."""
    from redis import asyncio as redis

    pool = redis.BlockingConnectionPool(host="127.0.0.1", port=int(place), max_connections=AT_ONCE, timeout=30)
    client = redis.Redis(connection_pool=pool)
    reserve = client.register_script(RESERVE)

    async def one_atomic() -> bool:
        if not await reserve(keys=["spent"], args=[COST, limit]):
            return False
        await asyncio.sleep(0.001)
        await client.incrbyfloat("spent", 0)  # the hold was right: nothing to give back
        return True

    async def one_naive() -> bool:
        if float(await client.get("spent") or 0) >= limit:
            return False
        await asyncio.sleep(0.001)
        await client.incrbyfloat("spent", COST)
        return True

    try:
        return await many(one_atomic if atomic else one_naive, calls, gate)
    finally:
        await client.aclose(close_connection_pool=True)


async def redis_naive(place: str, calls: int, limit: int, gate: Any) -> tuple[float, float, int]:
    """Check, then act."""
    return await redis_calls(place, calls, limit, gate, atomic=False)


async def redis_lua(place: str, calls: int, limit: int, gate: Any) -> tuple[float, float, int]:
    """Reserve by a script."""
    return await redis_calls(place, calls, limit, gate, atomic=True)


def process(way: str, place: str, calls: int, limit: int, gate: Any, told: Any) -> None:
    """Be one of the processes."""
    told.put(asyncio.run(WAYS[way](place, calls, limit, gate)))


WAYS = {"frugal @budgeted": frugal_calls, "Redis, check then act": redis_naive, "Redis, Lua": redis_lua}


def contended(way: str, place: str, processes: int, calls: int, *, threads: bool = False) -> tuple[float, float]:
    """Return the seconds for a call, and what was spent beyond the limit, as a share of it."""
    limit = COST * (calls + 1) * processes // 2
    context = multiprocessing.get_context("spawn")
    gate: Any = threading.Barrier(processes) if threads else context.Barrier(processes)
    told: Any = context.Queue()
    make: Any = threading.Thread if threads else context.Process
    workers = [make(target=process, args=(way, place, calls, limit, gate, told)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    found = [told.get(timeout=300) for _ in workers]
    for worker in workers:
        worker.join(30)
    took = max(end for _, end, _ in found) - min(begin for begin, _, _ in found)
    spent = COST * sum(granted for _, _, granted in found)
    if way == "frugal @budgeted":
        with Ledger(place) as ledger:
            assert ledger.totals().cost.amount.pico == spent
            assert ledger.audit()
        assert spent <= limit, "overspent"
    return took / (calls * processes), max(0.0, spent / limit - 1)


def one_row(question: Question, stack: ExitStack, processes: int, calls: int, *, threads: bool = False) -> None:
    """Measure one number of processes, ours and the peers in turn."""
    taken = {name: Figure(name, []) for name in WAYS}
    over = dict.fromkeys(WAYS, 0.0)
    for turn in range(1 if question.quick else 3):
        for name in WAYS:
            if name in question.skipped:
                continue
            try:
                if name.startswith("Redis"):
                    place = str(stack.enter_context(redis_server(question.home / f"redis {name} {processes} {turn}")))
                else:
                    place = str(Path(question.home, f"ledger {processes} {threads} {turn}"))
                took, beyond = contended(name, place, processes, calls, threads=threads)
            except (ImportError, OSError) as error:
                question.skip(name, f"{type(error).__name__}: {error}")
                continue
            taken[name].values.append(took)
            over[name] = max(over[name], beyond)
    figures = [figure for figure in taken.values() if figure.values]
    note = "overspent at most: " + ", ".join(f"{figure.name} {over[figure.name]:.1%}" for figure in figures)
    of = f"{processes} {'threads' if threads else 'process' if processes == 1 else 'processes'}"
    row = question.keep(Row(f"a call under a shared budget, {of}", "s", figures[0], figures[1:], note=note))
    if not threads:
        for figure in (row.ours, *row.peers):
            lines = question.curves.get("a shared budget", {"lines": {}})["lines"]
            points = [*lines.get(figure.name, []), (processes, figure.median)]
            question.curve("a shared budget", figure.name, points, x="processes", y="seconds for a call")


def measure(question: Question) -> None:
    """Measure each number of processes, then threads."""
    calls = 100 if question.quick else 600
    with ExitStack() as stack:
        for processes in (1, 2) if question.quick else (1, 2, 4, 8):
            one_row(question, stack, processes, calls)
        one_row(question, stack, 2 if question.quick else 8, calls, threads=True)


if __name__ == "__main__":
    asked(measure, "redis", "diskcache")
