"""Put an hour of real chat traffic through a budget of half its cost, at its own arrival times.

Question: is anything overspent, and is good traffic refused while there is room?

    python benchmarks/budget_azure_trace.py [--limit N]

19,366 requests of the Azure LLM trace on a fake clock; an answer takes 0.3 s and 20 ms a token. First with outputs
capped at the trace's own counts (`max_tokens`), where the promise is that nothing is overspent; then without caps,
where holds are learned and the overruns are what the quantile says.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import logging
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from frugal import Budget, BudgetExceededError, Ledger, Money, Usage, budgeted
from frugal.prices import default_prices
from frugal.testing import FakeClock, FakeModel, virtual

TRACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "traces" / "azure_conversations.csv.gz"
MODEL = "gpt-4o"


def rows(limit: int | None) -> list[tuple[float, int, int]]:
    """Return arrival (seconds since the first), input and output tokens of each request."""
    with gzip.open(TRACE, "rt") as file:
        read = [
            (
                datetime.fromisoformat(row["TIMESTAMP"][:26]).replace(tzinfo=UTC).timestamp(),
                int(row["ContextTokens"]),
                int(row["GeneratedTokens"]),
            )
            for row in islice(csv.DictReader(file), limit)
        ]
    first = read[0][0]
    return sorted((at - first, context, generated) for at, context, generated in read)


def price(context: int, generated: int) -> int:
    """Return what a request truly costs, in pico-dollars."""
    usage = Usage(input_tokens=context, output_tokens=generated)
    return default_prices().cost(MODEL, usage, at=0).known.pico


class Traffic:
    """Drive the trace through a budgeted function on a fake clock."""

    def __init__(self, requests: list[tuple[float, int, int]], limit: Money, directory: str, *, capped: bool) -> None:
        self.requests = requests
        self.limit = limit
        self.capped = capped
        self.clock = FakeClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
        self.ledger = Ledger(directory, clock=self.clock)
        self.provider = FakeModel(usage=self.used, clock=self.clock)
        self.refusals: list[BudgetExceededError] = []
        self.done = 0

    def used(self, text: str, _answer: str, _model: str) -> Usage:
        """Return the trace's own counts: the prompt is as long as its tokens, its first digits say the output."""
        return Usage(input_tokens=len(text), output_tokens=int(text[:6]))

    async def run(self) -> None:
        """Send every request at its time."""

        @budgeted(Budget(usd=self.limit, warn_at=1.0), ledger=self.ledger)
        async def ask(prompt: str, *, model: str = MODEL, max_tokens: int | None = None) -> None:
            await self.clock.sleep(0.3 + 0.02 * int(prompt[:6]))
            return await self.provider(prompt=prompt, model=model)

        async def send(context: int, generated: int) -> None:
            prompt = f"{generated:06d}" + "x" * max(0, context - 6)
            try:
                await ask(prompt, max_tokens=generated if self.capped else None)
            except BudgetExceededError as error:
                self.refusals.append(error)
            finally:
                self.done += 1

        tasks: set[asyncio.Task[None]] = set()
        start = self.clock.now()
        for number, (at, context, generated) in enumerate(self.requests, 1):
            await self.until(start + at, number - 1)
            tasks.add(asyncio.create_task(send(context, generated)))
            await self.quiet(number)
        await self.until(None, len(self.requests))
        await asyncio.gather(*tasks)
        await self.ledger.aclose()

    async def until(self, instant: float | None, started: int) -> None:
        """Let time pass, stopping wherever an answer is due."""
        while (due := self.clock.next_due) is not None and (instant is None or due <= instant):
            self.clock.advance(max(0.0, due - self.clock.now()))
            await self.quiet(started)
        if instant is not None:
            self.clock.advance(max(0.0, instant - self.clock.now()))

    async def quiet(self, started: int) -> None:
        """Wait until every call that began has ended or sleeps on the clock."""
        while started - self.done > self.clock.sleepers:  # noqa: ASYNC110 the clock counts, and tells nobody
            await asyncio.sleep(0)


def main() -> None:
    """Run both ways and print what they show."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--limit", type=int)
    limit = parser.parse_args().limit
    if not TRACE.exists():
        print(f"skipped: the trace is not in this clone ({TRACE} is absent)")
        return
    logging.getLogger("frugal").setLevel(logging.ERROR)
    requests = rows(limit)
    costs = sorted(price(context, generated) for _, context, generated in requests)
    cap, top = Money(sum(costs) // 2), costs[int(0.99 * len(costs))]
    print(f"{len(requests)} requests, true cost {Money(sum(costs))}, cap {cap}, 99th percentile of a call {Money(top)}")
    for capped in (True, False):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as directory:
            traffic = Traffic(requests, cap, directory, capped=capped)
            with virtual(traffic.clock):
                asyncio.run(traffic.run())
            with Ledger(directory, clock=traffic.clock) as ledger:
                records = [record for record in ledger.records() if record.outcome == "provider"]
                audit = ledger.audit()
        spent = traffic.provider.charged
        early = [
            error
            for error in traffic.refusals
            if error.limit.pico - error.spent.pico - error.held.pico >= 2 * top + error.requested.pico
        ]
        overruns = [record for record in records if record.overrun]
        print(f"\noutputs {'capped by max_tokens' if capped else 'open'}, in {time.perf_counter() - began:.0f} s")
        print(f"  answered {len(records)}, refused {len(traffic.refusals)}, spent {spent} of {cap}")
        share, early_share = len(overruns) / max(1, len(records)), len(early) / len(requests)
        print(f"  overspent {Money(max(0, spent.pico - cap.pico))}; overruns {len(overruns)} ({share:.1%})")
        print(f"  refused with room for two 99th-percentile calls besides: {len(early)} ({early_share:.2%})")
        print(f"  audit: {'clean' if audit else audit.problems}")
        if capped and (spent > cap or overruns or len(early) > 0.01 * len(requests)):
            sys.exit("WRONG: the promise for bounded outputs is broken")


if __name__ == "__main__":
    main()
