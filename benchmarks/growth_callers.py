"""How does the cost of a call grow with how many are made at once, from 1 to 10,000, and with processes, from 1 to 8?

The whole recommended stack, every question a new one, until all is on disk: 1, 10, 100, 1,000 and 10,000 callers on
one loop, in turn. Then `@metered` and the whole stack in 1 to 8 processes that share one ledger and one cache, 100
callers in each.

Biases: the function answers at once. On a machine with two cores, more than two processes can only show what sharing
costs: flat is as good as it gets beyond two, and the time is that of a call on the wall, over all processes together.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from pathlib import Path
from typing import Any

from harness.question import Figure, Question, asked
from harness.rounds import Case, interleaved
from harness.work import ANSWER, Recommended, messages

from frugal import Ledger, metered

FAR = 10**9


async def ask_new(ask: Any, first: int, calls: int, at_once: int) -> None:
    """Ask so many new questions, so many at once."""
    left = iter(range(first, first + calls))

    async def caller() -> None:
        for number in left:
            await ask(messages(number))

    await asyncio.gather(*(caller() for _ in range(min(at_once, calls))))


async def answer(messages: Any, *, model: str = "gpt-4o") -> str:
    """Be the model."""
    await asyncio.sleep(0)
    return ANSWER


async def by_callers(question: Question) -> None:
    """Measure 1 to 10,000 callers, each in a stack of its own, in turn."""
    sizes = (1, 100) if question.quick else (1, 10, 100, 1_000, 10_000)
    stacks, cases = [], []
    for at_once in sizes:
        whole = Recommended(question.home / f"callers {at_once}")
        ask = whole.around(answer)
        await ask(messages(FAR))
        calls = max(100, at_once)

        async def once(number: int, ask: Any = ask, calls: int = calls, at_once: int = at_once) -> None:
            await ask_new(ask, number * calls, calls, at_once)

        stacks.append(whole)
        cases.append(Case(f"{at_once:,} at once", once, per=calls, loops=1, after=whole.flush))
    found = await interleaved(cases, rounds=1 if question.quick else 3, seconds=0.01)
    figures = [Figure(case.name, found[case.name].wall, found[case.name].processor) for case in cases]
    question.grew("a miss through the whole stack", figures, sizes, plot="callers at once", x="callers", limit=None)
    for whole in stacks:
        await whole.close()


async def _work(way: str, home: Path, first: int, calls: int, gate: Any) -> tuple[float, float]:
    if way == "whole stack":
        whole = Recommended(home)
        ask, flush, close = whole.around(answer), whole.flush, whole.close
    else:
        ledger = Ledger(home)
        ask, flush, close = metered(ledger=ledger)(answer), ledger.flush, ledger.aclose
    await ask(messages(FAR + first))
    await asyncio.to_thread(gate.wait)
    began = time.monotonic()
    await ask_new(ask, first, calls, 100)
    await flush()
    ended = time.monotonic()
    await close()
    return began, ended


def work(way: str, home: Path, first: int, calls: int, gate: Any, told: Any) -> None:
    """Be one of the processes."""
    told.put(asyncio.run(_work(way, home, first, calls, gate)))


def shared(way: str, home: Path, processes: int, calls: int) -> float:
    """Return the seconds for a call of that many processes together."""
    context = multiprocessing.get_context("spawn")
    gate, told = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=work, args=(way, home, number * 10**6, calls, gate, told)) for number in range(processes)
    ]
    for worker in workers:
        worker.start()
    found = [told.get(timeout=600) for _ in workers]
    for worker in workers:
        worker.join(60)
    with Ledger(home / "ledger" if way == "whole stack" else home) as ledger:
        assert ledger.totals().calls == (calls + 1) * processes
        assert ledger.audit()
    return (max(end for _, end in found) - min(begin for begin, _ in found)) / (calls * processes)


def by_processes(question: Question) -> None:
    """Measure 1 to 8 processes."""
    sizes = (1, 2) if question.quick else (1, 2, 4, 8)
    for way, calls in (("@metered", 2000), ("whole stack", 300)):
        if question.quick:
            calls //= 20  # noqa: PLW2901 only to see that it works
        figures = {processes: Figure(f"{processes} processes", []) for processes in sizes}
        for turn in range(1 if question.quick else 3):
            for processes in sizes:
                home = question.home / f"{way} {processes} {turn}"
                figures[processes].values.append(shared(way, home, processes, calls))
        question.grew(f"a call through {way}, shared", list(figures.values()), sizes, plot="processes", x="processes",
                      limit=None)  # fmt: skip


def measure(question: Question) -> None:
    """Measure callers, then processes."""
    asyncio.run(by_callers(question))
    by_processes(question)


if __name__ == "__main__":
    asked(measure, "diskcache")
