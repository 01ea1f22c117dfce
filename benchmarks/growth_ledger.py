"""How do recording, reading, opening and memory grow with a ledger, from ten thousand records to a million?

Three ledgers, of 10,000, 100,000 and 1,000,000 records of one function over the same 7 days, 10 users and 2 models,
side by side, so that the rounds of each are taken in turn. Even the smallest has nearly every hour of every user and
model, so that what grows, grows with the records. Measured in each: 200 records at once until they are durable;
`usage(by=("model", "user"))` and `trend(7)`; and, in a fresh process each time, opening it and asking for `totals()`,
with the memory that this process has at its most.

Biases: the ledgers were filled 500 records to a commit, so their pages are laid out as a busy service's would be
rather than a slow one's. The files are in the page cache.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.footprint import peak
from harness.question import Figure, Question, Row, asked
from harness.rounds import Case, interleaved

from frugal import Cost, Ledger, Record, Usage, usd
from frugal._core.names import new_id
from frugal.ports import Settlement

DAYS, USERS = 7, 10
MODELS = ("gpt-4o", "gpt-4o-mini")
AT_ONCE = 200
PLOT = "growth of the ledger"


def record_of(rng: random.Random, at: float) -> Record:
    """Return a record of a call at that time."""
    name = new_id()
    return Record(
        id=name,
        call=name,
        time=datetime.fromtimestamp(at, UTC),
        function="shop.assistant.answer",
        model_requested=(model := rng.choice(MODELS)),
        model=model,
        provider="openai",
        outcome="provider",
        usage=Usage(input_tokens=rng.randrange(100, 4000), output_tokens=rng.randrange(20, 900)),
        cost=Cost.exact(usd("0.00125"), source="benchmark"),
        latency=0.8,
        user=f"user-{rng.randrange(USERS)}",
        run=name,
        key=name,
    )


async def filled(directory: Path, count: int) -> Ledger:
    """Return a ledger with that many records."""
    ledger = Ledger(directory, patience=60)
    rng, now = random.Random(count), time.time()
    for first in range(0, count, 5000):
        tickets = []
        for begin in range(first, min(count, first + 5000), 500):
            size = min(500, count - begin)
            # Oldest first, as they would have come.
            times = [now - DAYS * 86_400 * (1 - (begin + at) / count) * 0.99 for at in range(size)]
            tickets.append(ledger.commit(Settlement(records=tuple(record_of(rng, at) for at in times))))
        for ticket in tickets:
            assert await ticket.wait()
    assert ledger.totals().calls == count
    return ledger


def fresh(directory: str) -> None:
    """Open a ledger and ask for its totals, in this fresh process; print seconds, calls and bytes."""
    Ledger(Path(directory).with_name("none")).totals()  # what is imported late is imported
    began = time.perf_counter()
    ledger = Ledger(directory)
    total = ledger.totals()
    took = time.perf_counter() - began
    ledger.usage(by=("model", "user", "day"))
    ledger.trend(DAYS)
    print(took, total.calls, peak())


async def opening(question: Question, ledgers: dict[int, Ledger]) -> None:
    """Open each in fresh processes, in turn."""
    taken = {count: Figure(f"{count:,} records", []) for count in ledgers}
    peaks = {count: Figure(f"{count:,} records", []) for count in ledgers}
    for _ in range(2 if question.quick else 8):
        for count, ledger in ledgers.items():
            run = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-c", f"import growth_ledger; growth_ledger.fresh({ledger.directory!r})"],
                capture_output=True, text=True, check=True, cwd=Path(__file__).parent,
            )  # fmt: skip
            took, calls, most = run.stdout.split()
            assert int(calls) >= count
            taken[count].values.append(float(took))
            peaks[count].values.append(float(most))
    question.grew("opening and totals(), in a fresh process", list(taken.values()), list(ledgers), plot=PLOT,
                  x="records", limit="opening flat")  # fmt: skip
    *smaller, largest = peaks.values()
    question.keep(Row(f"memory to open and query {largest.name}", "B", largest, smaller,
                      "ledger memory" if not question.quick else None,
                      "all that the process has, Python and frugal included"))  # fmt: skip


async def timed(question: Question, name: str, cases: dict[int, Case], limit: str, *, rounds: int) -> None:
    """Time one thing at every size, in turn."""
    found = await interleaved(list(cases.values()), rounds=3 if question.quick else rounds, seconds=0.02)
    figures = [Figure(case.name, found[case.name].wall, found[case.name].processor) for case in cases.values()]
    question.grew(name, figures, list(cases), plot=PLOT, x="records", limit=limit)


async def measure(question: Question) -> None:
    """Fill the ledgers, and measure them in turn."""
    sizes = (10_000, 20_000) if question.quick else (10_000, 100_000, 1_000_000)
    ledgers: dict[int, Ledger] = {}
    for count in sizes:
        began = time.monotonic()
        ledgers[count] = await filled(question.home / f"ledger {count}", count)
        print(f"    ({count:,} records filled in {time.monotonic() - began:.0f} s)", flush=True)

    def recording(count: int) -> Case:
        rng = random.Random(count)

        async def once(_: int) -> None:
            tickets = [
                ledgers[count].commit(Settlement(records=(record_of(rng, time.time()),))) for _ in range(AT_ONCE)
            ]
            assert all(await asyncio.gather(*(ticket.wait() for ticket in tickets)))

        return Case(f"{count:,} records", once, per=AT_ONCE, loops=1)

    def reading(count: int, read: Any) -> Case:
        return Case(f"{count:,} records", lambda _: read(ledgers[count]))

    await opening(question, ledgers)
    usage = {count: reading(count, lambda ledger: ledger.usage(by=("model", "user"))) for count in sizes}
    await timed(question, "usage(by=(model, user))", usage, "usage flat", rounds=20)
    trend = {count: reading(count, lambda ledger: ledger.trend(DAYS)) for count in sizes}
    await timed(question, "trend(7)", trend, "usage flat", rounds=20)
    await timed(question, "a record, 200 at once, durable", {count: recording(count) for count in sizes},
                "recording flat", rounds=10)  # fmt: skip
    for ledger in ledgers.values():
        await ledger.aclose()


if __name__ == "__main__":
    asked(measure, "diskcache")
