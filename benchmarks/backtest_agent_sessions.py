"""Replay 21,798 real agent requests through a stack of decorators on a virtual clock, and take the time.

Question: can somebody try a stack on a month of agents' traffic while they wait for it? The limit is a minute.

    python benchmarks/backtest_agent_sessions.py

It is what `frugal backtest` does, without the process's start: reading the log, every request through a flight, two
caches and two budgets, and the tables. Without the decorators, the same log says what the bookkeeping alone takes.
"""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

TRACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "traces" / "agent_sessions.csv.gz"
LIMIT = 60.0  # seconds


def main() -> int:
    """Replay, check, print."""
    if not TRACE.exists():
        print(f"the real data is not in this clone: {TRACE} is absent")
        return 0
    from frugal import Budget, budgeted, cached, deduplicated, disk, memory, metered, stack
    from frugal.insight import backtest

    stacks = {
        "metered": stack(metered),
        "metered, deduplicated, cached, budgeted": stack(
            metered,
            deduplicated,
            cached(layers=[memory, disk]),
            budgeted(Budget(usd=600, timezone="Europe/Berlin"), monthly_usd=50_000),
        ),
    }
    print(f"{platform.platform()}, Python {platform.python_version()}")
    short = False
    for name, decorators in stacks.items():
        began, processor = time.perf_counter(), time.process_time()
        found = backtest(TRACE, decorators)
        took, used = time.perf_counter() - began, time.process_time() - processor
        assert found.requests == 21_798
        assert found.baseline.status == "exact"
        assert (found.refused > 0) == ("budgeted" in name)
        short = short or took > LIMIT
        print(
            f"{'!' if took > LIMIT else ' '} {name:42} {took:6.1f} s, {used:6.1f} s of processors, "
            f"{1000 * took / found.requests:.2f} ms a request; {found.baseline} without, {found.cost} with"
        )
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main())
