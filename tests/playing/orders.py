"""Orders of the decorators: which there are, which may not be, and how each decorator is set up in a world."""

import asyncio
import itertools
import warnings
from contextlib import contextmanager

from worlds import embed

from frugal import (
    Budget,
    OrderWarning,
    batched,
    budgeted,
    by_complexity,
    cached,
    cascade,
    deduplicated,
    memory,
    metered,
    middleware,
    rate_limited,
    routed,
    semantic_cached,
)
from frugal._core.order import UNDER_BATCHED
from frugal._core.rehearsal import rehearsal
from frugal._values.clock import clock
from frugal.indexes.rows import MemoryRows
from frugal.stores import SafeCodec

NAMES = (
    "batched",
    "budgeted",
    "cached",
    "deduplicated",
    "metered",
    "middleware",
    "rate_limited",
    "routed",
    "semantic_cached",
)


def orders(sizes):
    """Yield every order of every choice of so many decorators, outermost first."""
    for size in sizes:
        yield from itertools.permutations(NAMES, size)


def runs(names):
    """Say whether an order is one that design.md lets run."""
    return "batched" not in names or set(names[names.index("batched") + 1 :]) <= set(UNDER_BATCHED)


# --------------------------------------------------------------------------- rings of a user's own


@middleware
async def passing(call, proceed):
    """Go on inwards."""
    return await proceed(call)


@middleware
async def retrying(call, proceed):
    """Ask once more where the first answer is an error."""
    try:
        return await proceed(call)
    except Exception:
        return await proceed(call)


@middleware
async def shortening(call, proceed):
    """Ask for less than the caller did."""
    return await proceed(call.replace(max_tokens=48))


@middleware
async def hedging(call, proceed):
    """Ask twice at once; the first answer counts, and the other is called off."""
    races = [asyncio.ensure_future(proceed(call)) for _ in range(2)]
    winner = None
    try:
        done, _ = await asyncio.wait(races, return_when=asyncio.FIRST_COMPLETED)
        winner = next(race for race in races if race in done)
        return await winner
    finally:
        for race in races:
            race.cancel()
        for race, answer in zip(races, await asyncio.gather(*races, return_exceptions=True), strict=True):
            if race is not winner and hasattr(answer, "aclose"):
                await answer.aclose()


OWN = (passing, retrying, shortening, hedging)


# --------------------------------------------------------------------------- each decorator in a world


def by_meaning(request):
    """Route by what is asked: a user's own router."""
    return ("gpt-4o-mini", "short") if len(request.text) < 24 else ("gpt-4.1-mini", "long")


async def curt(answer):
    """Accept what is short: an answer about cats is not."""
    return "cats" not in str(answer)


def _routed(world):
    return routed(
        (
            by_meaning,
            cascade(["gpt-4o-mini", "gpt-4o"], accept=curt),
            by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]),
        )[world.tape(3)]
    )


def _budgeted(world):
    amount = ("100", "0.004", "0.0015", "0.0003")[world.tape(4)]
    return budgeted(
        Budget(usd=amount),
        Budget(usd=amount, per="user", window="hour"),
        Budget(tokens=40_000 if amount == "100" else 400, window="run"),
    )


def _semantic(world):
    rate = (None, None, 0.5)[world.tape(3)]
    return semantic_cached(
        **({"threshold": 0.95} if rate is None else {"max_error_rate": rate}),
        embed=embed,
        per=("user", None)[world.tape(2)],
        veto=bool(world.tape(4)),
    )


CODEC = SafeCodec()  # making one for each function is most of what a short world costs

SET_UP = {
    "batched": lambda world: batched(max_size=3, max_wait=0.05, split=bool(world.tape(2))),
    "budgeted": _budgeted,
    "cached": lambda world: cached(layers=[memory], codec=CODEC),
    "deduplicated": lambda world: deduplicated(linger=(0, 5)[world.tape(2)]),
    "metered": lambda world: metered(ledger=world.ledger),
    "middleware": lambda world: OWN[world.tape(len(OWN))],
    "rate_limited": lambda world: rate_limited(
        **({"max_concurrency": 1}, {"rpm": 120}, {"tpm": 4_000, "max_concurrency": 2})[world.tape(3)]
    ),
    "routed": _routed,
    "semantic_cached": _semantic,
}


class _InMemory:
    """Keep a semantic cache's rows in memory: what stands in the place of its directory while it is decorated."""

    def __init__(self, ports):
        self.ports = ports

    def ring(self, ring):
        return ring

    def layer(self, layer):
        return layer

    def rows(self, directory):
        return MemoryRows(clock)


@contextmanager
def in_memory():
    """Let nothing that is decorated inside touch a disk."""
    from frugal.decorators.wiring import ports

    token = rehearsal.set(_InMemory(ports()))
    try:
        yield
    finally:
        rehearsal.reset(token)


def decorated(names, world):
    """Return the world's function under these decorators, outermost first; metered in any case."""
    function = (world.ask_all, world.ask_each)[world.tape(2)] if "batched" in names else world.ask
    with warnings.catch_warnings(), in_memory():
        warnings.simplefilter("ignore", OrderWarning)
        for name in reversed(names):
            function = SET_UP[name](world)(function)
        return function if "metered" in names else metered(ledger=world.ledger)(function)
