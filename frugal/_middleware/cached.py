"""`cached`: an answer that was bought once is found again, in memory or on disk.

Looking up, filling back and dropping is in `_mechanisms/tiers`; here a call gets its key, a hit says what it saved, and
only whole answers are kept.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from frugal._core.ambient import bypassed
from frugal._core.answers import Cost, is_whole, paid, recorded, replayed
from frugal._core.call import Call
from frugal._core.keying import Keying
from frugal._core.meter import Ports
from frugal._core.plan import isinstance_stream
from frugal._core.ring import NOTHING, Proceed
from frugal._mechanisms.tiers import Found, Tiers
from frugal._values.facts import Saved
from frugal._values.money import Money
from frugal._values.usage import Usage

__all__ = ["Cached", "labels"]

_log = logging.getLogger("frugal")


@lru_cache(maxsize=1024)
def _saved(layer: str, pico: int, usage: tuple[int, ...], model: str | None, source: str) -> Saved:
    """Say what a hit saved; the hits of one answer all say the same."""
    return Saved(layer, Money(pico), Usage(*usage), model, source)


def labels(function: str, user: str | None) -> str:
    """Return the labels of an entry, by which it is found again to be dropped.

    A label is a line, so a line break in a user's name must not begin another one.
    """
    if user is None:
        return f"function {function}"
    name = user.replace("\\", "\\\\").replace("\n", "\\n")
    return f"function {function}\nuser {name}"


@dataclass(frozen=True, eq=False)
class Cached:
    """Answer from layers of stores."""

    make: Callable[[Call], Tiers]
    ports: Ports
    words: str
    keying: Keying = field(default_factory=Keying)
    cache_if: Callable[[Any], Any] | None = None
    copy: Callable[[Any], Any] | None = None
    stale: bool = False
    made: dict[str, Tiers] = field(default_factory=dict)
    name: str = "cached"

    def tiers(self, call: Call) -> Tiers:
        """Return the function's layers; they are made at its first call."""
        found = self.made.get(call.function)
        if found is None:
            found = self.made[call.function] = self.make(call)
        return found

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        bypass = bypassed("cached")
        if bypass is False:
            return await proceed(call)
        key = self.keying.at_once(call) or await self.keying.of(call)
        tiers = self.tiers(call)
        ticket = tiers.ticket()
        if bypass is None:
            found = await tiers.get(key)
            if found is not None:
                return self._serve(call, found)
        before = len(call.journal.facts)
        try:
            response = await proceed(call)
        except Exception as error:
            found = await tiers.get_stale(key) if self.stale else None
            if found is None:
                raise
            _log.warning("frugal: %s failed (%s); an older answer is served", call.function, type(error).__name__)
            return self._serve(call, found)
        keep = _Keep(self, call, tiers, key, ticket, before)
        if isinstance_stream(response):
            return recorded(response, keep.stream, self.copy)
        await keep.whole(response)
        return response

    def at_once(self, call: Call) -> Any:
        """Answer from what is in memory, or say `NOTHING`; never waits."""
        if bypassed("cached") is not None:
            return NOTHING
        key = self.keying.at_once(call)
        found = None if key is None else self.tiers(call).get_near(key)
        if found is None:
            return NOTHING
        if call.plan.meter is None:  # nobody stands outside who would read what it saved
            value, streamed, *_ = found.value
            return replayed(value) if streamed else value
        return self._serve(call, found)

    def _serve(self, call: Call, found: Found) -> Any:
        value, streamed, pico, usage, model, source = found.value
        call.journal.add(_saved(found.layer, pico, tuple(usage), model, source))
        return replayed(value) if streamed else value

    async def drop(self, call: Call) -> bool:
        """Drop the answer of a call from every layer."""
        return await self.tiers(call).delete(await self.keying.of(call))

    async def foresee(self, dry: Any) -> None:
        """Say whether an answer is there."""
        found = await self.tiers(dry.call).get(await self.keying.of(dry.call))
        if found is None:
            dry.say(self.words, "has no answer, would go on inwards")
            return
        dry.say(self.words, f"would answer from {found.layer}")
        dry.answer()

    def __repr__(self) -> str:
        return self.words


@dataclass(frozen=True, slots=True)
class _Keep:
    """Keep one call's answer, if it is whole."""

    ring: Cached
    call: Call
    tiers: Tiers
    key: str
    ticket: int
    before: int

    async def whole(self, response: Any) -> None:
        """Keep a plain answer."""
        if is_whole(self.call, self.before, self.ring.ports.reader, response):
            await self._put(response, streamed=False)

    async def stream(self, chunks: list[Any]) -> None:
        """Keep a stream that was read to its end."""
        if is_whole(self.call, self.before, self.ring.ports.reader, None, chunks):
            await self._put(chunks, streamed=True)

    async def _put(self, value: Any, *, streamed: bool) -> None:
        if self.ring.cache_if is not None:
            wanted = self.ring.cache_if(value)
            if not (await wanted if inspect.isawaitable(wanted) else wanted):
                return
        cost: Cost = paid(self.call, self.before)
        # A list of plain values beside the answer: what a codec knows best.
        answer = [value, streamed, cost.pico, list(cost.usage), cost.model, cost.source]
        await self.tiers.put(self.key, answer, tag=labels(self.call.function, self.call.user), ticket=self.ticket)
