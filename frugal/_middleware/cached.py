"""`cached`: an answer that was bought once is found again, in memory or on disk.

Looking up, filling back and dropping is in `_mechanisms/tiers`; here a call gets its key, a hit says what it saved, and
only whole answers are kept.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from frugal._core.ambient import bypassed
from frugal._core.answers import Cost, is_whole, paid, recorded, replayed
from frugal._core.call import Call
from frugal._core.keying import Keying
from frugal._core.meter import Ports
from frugal._core.pipeline import Proceed, isinstance_stream
from frugal._mechanisms.tiers import Found, Tiers
from frugal._values.facts import Saved
from frugal._values.money import Money
from frugal._values.usage import Usage

__all__ = ["Answer", "Cached", "labels"]

_log = logging.getLogger("frugal")


class Answer(NamedTuple):
    """What is kept of an answer: plain values, so that any codec can keep it."""

    value: Any
    streamed: bool
    pico: int
    usage: tuple[int, ...]
    model: str | None
    source: str


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
        key = await self.keying.of(call)
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

    def _serve(self, call: Call, found: Found) -> Any:
        answer = Answer._make(found.value)
        call.journal.add(Saved(found.layer, Money(answer.pico), Usage(*answer.usage), answer.model, answer.source))
        return replayed(answer.value) if answer.streamed else answer.value

    async def drop(self, call: Call) -> bool:
        """Drop the answer of a call from every layer."""
        return await self.tiers(call).delete(await self.keying.of(call))

    async def foresee(self, dry: Any) -> None:
        """Say whether an answer is there."""
        found = await self.tiers(dry.call).get(await self.keying.of(dry.call))
        dry.say(self.words, "would go on inwards" if found is None else f"would answer from {found.layer}")

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
        answer = Answer(value, streamed, cost.pico, tuple(cost.usage), cost.model, cost.source)
        await self.tiers.put(
            self.key, tuple(answer), tag=labels(self.call.function, self.call.user), ticket=self.ticket
        )
