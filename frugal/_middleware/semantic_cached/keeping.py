"""Keeping: an answer becomes an entry, and the policy learns what the cache would have said."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from frugal._core.answers import is_whole, paid
from frugal._core.call import Call
from frugal._core.meter import Ports
from frugal._mechanisms.tiers.layer import is_large
from frugal._middleware.semantic_cached.matcher import Found, Matcher, Place

__all__ = ["Keep"]


class Ring(Protocol):
    """What is kept for."""

    @property
    def ports(self) -> Ports:
        """The adapters."""
        ...

    def fault(self, call: Call, operation: str, error: Exception, /) -> None:
        """Tell what went wrong."""
        ...


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep one call's answer, and learn from it what the cache would have said.

    Args:
        call: the call.
        matcher: the function's.
        place: the question.
        vector: of its text.
        found: what was decided of it.
        before: how many facts the call had before it was made.
        ticket: from before the question was looked for.
        ring: knows how to read answers, and is told what went wrong.
    """

    call: Call
    matcher: Matcher
    place: Place
    vector: Any
    found: Found
    before: int
    ticket: int
    ring: Ring

    async def whole(self, response: Any) -> None:
        """Keep a plain answer."""
        if is_whole(self.call, self.before, self.ring.ports.reader, response):
            await self._put(response, streamed=False)

    async def stream(self, chunks: list[Any]) -> None:
        """Keep a stream that was read to its end."""
        if is_whole(self.call, self.before, self.ring.ports.reader, None, chunks):
            await self._put(chunks, streamed=True)

    async def _put(self, value: Any, *, streamed: bool) -> None:
        matcher = self.matcher
        cost = paid(self.call, self.before)
        try:
            near = [self.found.entry] if self.found.entry is not None else []
            named = matcher.classify(value, near)
            if inspect.isawaitable(named):
                named = await named
            if self.found.decision.action == "explore" and self.found.entry is not None:
                right = named == self.found.entry.answer_class
                await matcher.run(partial(matcher.learn, self.found.decision, right=right))
            kept = (value, streamed, cost.pico, tuple(cost.usage), cost.model, cost.source)
            if matcher.ready() and self.found.alike is not None and not is_large(value):
                with suppress(BlockingIOError):
                    matcher.errands.here(partial(self._add, kept, named, cost, wait=False))
                    return
            await matcher.run(self._add, kept, named, cost)
        except Exception as error:
            self.ring.fault(self.call, "keep", error)

    def _add(self, kept: tuple[Any, ...], named: str, cost: Any, *, wait: bool = True) -> None:
        if self.matcher.drops.void(self.place.name, self.ticket):
            return
        added = self.matcher.collection.add(
            self.place.partition,
            self.place.text,
            self.vector,
            answer=self.matcher.codec.dumps(kept),
            answer_class=named,
            ttl=self.matcher.ttl,
            user=self.call.user,
            source=cost.source,
            saved=cost.pico,
            alike=self.found.alike,
            wait=wait,
        )
        if self.matcher.drops.void(self.place.name, self.ticket):  # meanwhile, by a loop in another thread
            self.matcher.collection.remove(added)
