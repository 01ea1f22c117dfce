"""Replay 21,798 real agent requests through one `@metered` function, and hold the ledger against genai-prices.

Question: are the totals of a ledger on disk exact to the pico-dollar on real traffic, and what does metering cost?

    python benchmarks/replay_agent_sessions.py [--limit N] [--at-once 200]

The provider answers offline in Anthropic's shape, with what the trace says was read from the prompt cache. The oracle
is a separate computation with genai-prices over the same CSV, which shares no code with frugal.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import gzip
import sys
import tempfile
import time
from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

TRACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "traces" / "agent_sessions.csv.gz"
START = datetime(2026, 10, 20, tzinfo=UTC)


def rows(limit: int | None) -> list[dict[str, str]]:
    """Return the requests of the trace."""
    with gzip.open(TRACE, "rt") as file:
        return list(islice(csv.DictReader(file), limit))


def oracle(requests: list[dict[str, str]], *, cached: bool) -> dict[str, dict[str, Decimal]]:
    """Compute the totals with genai-prices alone."""
    from genai_prices import Usage as GenaiUsage
    from genai_prices import calc_price

    totals: dict[str, dict[str, Decimal]] = {"model": defaultdict(Decimal), "session": defaultdict(Decimal)}
    for row in requests:
        shared = int(row["shared_prefix_tokens"]) if cached else 0
        usage = GenaiUsage(
            input_tokens=int(row["input_tokens"]),
            cache_read_tokens=shared,
            output_tokens=int(row["output_tokens"]),
        )
        price = calc_price(usage, row["model"], provider_id="anthropic", genai_request_timestamp=START).total_price
        totals["model"][row["model"]] += price
        totals["session"][row["session"]] += price
    return totals


async def replay(
    requests: list[dict[str, str]], directory: str, at_once: int, *, cached: bool
) -> tuple[dict[str, dict[str, Decimal]], float, float]:
    """Meter every request; return the ledger's totals, the seconds it took, and the loop's worst stall."""
    from frugal import Ledger, Usage, metered, scope
    from frugal.testing import FakeClock, FakeModel

    clock = FakeClock(START)

    def used(text: str, answer: str, model: str) -> Usage:
        whole, shared, output = map(int, text.split())
        return Usage(input_tokens=whole - shared, cache_read_tokens=shared, output_tokens=output)

    provider = FakeModel("anthropic", usage=used, answer="ok", clock=clock)
    ledger = Ledger(directory, clock=clock)

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str) -> object:
        return await provider(prompt=prompt, model=model)

    pending = iter(requests)

    async def worker() -> None:
        for row in pending:
            shared = row["shared_prefix_tokens"] if cached else "0"
            with scope(session=row["session"]):
                await ask(f"{row['input_tokens']} {shared} {row['output_tokens']}", model=row["model"])

    stall = 0.0

    async def watch() -> None:
        nonlocal stall
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            stall = max(stall, time.perf_counter() - before - 0.001)

    watching = asyncio.create_task(watch())
    began = time.perf_counter()
    from frugal._values.clock import replaced

    with replaced(clock):
        await asyncio.gather(*(worker() for _ in range(at_once)))
        await ledger.flush()
    took = time.perf_counter() - began
    watching.cancel()
    totals: dict[str, dict[str, Decimal]] = {}
    for name, by in (("model", "model"), ("session", "tag:session")):
        totals[name] = {
            row.group[by]: row.cost.amount.usd
            for row in await asyncio.to_thread(ledger.usage, by=(by,))
            if row.cost.amount
        }
    whole = await asyncio.to_thread(ledger.totals)
    if whole.calls != len(requests) or whole.cost.amount.pico != provider.charged.pico:
        sys.exit(f"WRONG: {whole.calls} calls and {whole.cost.amount} recorded, {provider.charged} charged")
    audit = await asyncio.to_thread(ledger.audit)
    if not audit:
        sys.exit(f"WRONG: the audit found {audit.problems}")
    await ledger.aclose()
    return totals, took, stall


def main() -> None:
    """Run both replays and print what they show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int)
    parser.add_argument("--at-once", type=int, default=200)
    arguments = parser.parse_args()
    if not TRACE.exists():
        print(f"skipped: the trace is not in this clone ({TRACE} is absent)")
        return
    requests = rows(arguments.limit)
    sessions = len({row["session"] for row in requests})
    print(f"{len(requests)} requests of {sessions} sessions, {arguments.at_once} at once")
    for cached in (True, False):
        label = "with the cached-input price" if cached else "without it (every input token at the full price)"
        expected = oracle(requests, cached=cached)
        with tempfile.TemporaryDirectory() as directory:
            totals, took, stall = asyncio.run(replay(requests, directory, arguments.at_once, cached=cached))
        wrong = [
            (kind, name, totals[kind].get(name), price)
            for kind in ("model", "session")
            for name, price in expected[kind].items()
            if totals[kind].get(name, Decimal(0)) != price
        ]
        print(f"\n{label}")
        for name, price in sorted(totals["model"].items()):
            print(f"  {name:32} ${price:>18,.6f}")
        print(f"  {'total':32} ${sum(totals['model'].values()):>18,.6f}")
        print(f"  equal to genai-prices, to the pico-dollar: {not wrong}, by {len(expected['model'])} models and "
              f"{len(expected['session'])} sessions")  # fmt: skip
        print(f"  {len(requests) / took:,.0f} calls a second; worst stall of the event loop {stall * 1000:.1f} ms")
        if wrong:
            sys.exit(f"WRONG: {wrong[:3]}")


if __name__ == "__main__":
    main()
