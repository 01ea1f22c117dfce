"""Rounds: ours and the peers in turn, in one process, so that the machine's noise hits all of them alike.

pyperf's own Runner gives each benchmark a row of processes of its own, one benchmark after the other. On a machine
that others use, too, ours would then be timed in one minute and the peer in the next. So the rounds are ours, a round
of every case before the next round of any, and pyperf is the clock, the statistics' home and the format on disk.
"""

from __future__ import annotations

import gc
import inspect
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pyperf

__all__ = ["Case", "Taken", "interleaved"]

# Many short rounds rather than few long ones: on a machine that others use, a round that is shorter than the
# scheduler's slice has a chance to be left alone, and the rest is for the median to bear.


@dataclass(frozen=True, slots=True)
class Case:
    """One way to do the work.

    Args:
        name: ours or the peer's.
        once: does the work once, given the running number of the repeat; sync or async.
        per: for how many items that is.
        loops: repeats in a round; found by trying when `None`.
        before: called before each round, untimed; sync or async.
        after: called after each round and timed with it, for work that goes on behind; sync or async.
    """

    name: str
    once: Callable[[int], Any]
    per: int = 1
    loops: int | None = None
    before: Callable[[], Any] | None = None
    after: Callable[[], Any] | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What an item took, in seconds, by the order of the rounds: on the wall, and of processors in all threads."""

    wall: list[float]
    processor: list[float]


async def interleaved(cases: Sequence[Case], *, rounds: int, seconds: float) -> dict[str, Taken]:
    """Time the cases in turn.

    Args:
        cases: each with a name of its own.
        rounds: timed rounds of each.
        seconds: what a round takes about.

    Returns:
        What each took, by the case's name.
    """
    if len({case.name for case in cases}) != len(cases):
        raise ValueError(f"two cases have one name: {[case.name for case in cases]}")
    counters = dict.fromkeys((case.name for case in cases), 0)
    loops = {case.name: case.loops or await _calibrated(case, counters, seconds) for case in cases}
    found = {case.name: Taken([], []) for case in cases}
    order, chance = list(cases), random.Random(0)
    gc.collect()
    warm = 1 if rounds < 10 else 2  # where there are few they are long
    for turn in range(warm + rounds):
        chance.shuffle(order)
        for case in order:
            items = loops[case.name] * case.per
            if loops[case.name] > 10:  # so that nobody pays for what another one left in the processor's caches
                await _round(case, counters, loops[case.name] // 10)
            wall, processor = await _round(case, counters, loops[case.name])
            if turn >= warm:
                found[case.name].wall.append(wall / items)
                found[case.name].processor.append(processor / items)
    return found


async def _calibrated(case: Case, counters: dict[str, int], seconds: float) -> int:
    """Return how many repeats fill a round: by the processors' time, which a busy machine does not stretch as much."""
    loops = 1
    while True:
        wall, processor = await _round(case, counters, loops)
        taken = max(processor, wall / 10)
        if taken >= seconds / 4:
            return max(1, round(loops * seconds / taken))
        loops *= 2 if taken > seconds / 50 else 8


async def _round(case: Case, counters: dict[str, int], loops: int) -> tuple[float, float]:
    if case.before is not None:
        await _settled(case.before())
    first = counters[case.name]
    counters[case.name] += loops
    once, numbers = case.once, range(first, first + loops)
    asynchronous = inspect.iscoroutinefunction(once)
    busy, begun = time.process_time(), pyperf.perf_counter()
    if asynchronous:
        for number in numbers:
            await once(number)
    else:
        for number in numbers:
            once(number)
    if case.after is not None:
        await _settled(case.after())
    return pyperf.perf_counter() - begun, time.process_time() - busy


async def _settled(result: Awaitable[Any] | Any) -> None:
    if inspect.isawaitable(result):
        await result
