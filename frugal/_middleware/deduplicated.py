"""`deduplicated`: calls that ask for the same thing at the same time share one flight.

The flight has a journal of its own (a `Branch`) and is charged to the caller that started it, even after that caller
left; followers record `shared` at cost 0 and get copies of their own. Everything about waiting is in
`_mechanisms/flight.py`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from frugal._core.ambient import bypassed
from frugal._core.branch import Branch
from frugal._core.burst import BURST
from frugal._core.call import Call
from frugal._core.keying import Keying
from frugal._core.plan import isinstance_stream
from frugal._core.ring import NOTHING, Mark, Proceed
from frugal._core.shared_stream import finishing, is_iterable, reading, unshared
from frugal._core.stream import Stream
from frugal._mechanisms.broadcast import Broadcast
from frugal._mechanisms.flight import Flight
from frugal._values.facts import Saved, Shared, Spent
from frugal._values.money import ZERO

__all__ = ["Deduplicated"]

_log = logging.getLogger("frugal")


@dataclass(frozen=True, slots=True)
class _Landed:
    """What a flight brings back: the answer, whose account it was made on, and what followers copy.

    The leader has the answer itself and may change it before a follower has had its turn, so followers copy a copy.
    """

    response: Any
    branch: Branch
    unshared: bool = False
    pristine: Any = None


class _Fan(Broadcast[Any]):
    """Fan one metered stream out to the callers of a flight."""

    __slots__ = ("branch", "stream")

    def __init__(self, stream: Stream, branch: Branch) -> None:
        self.stream = stream
        self.branch = branch
        super().__init__(finishing(stream, branch))


@dataclass(frozen=True, eq=False)
class Deduplicated:
    """Let concurrent identical calls share one flight."""

    flight: Flight[Any]
    keying: Keying = field(default_factory=Keying)
    copy: Callable[[Any], Any] | None = None
    linger: float = 0
    words: str = "deduplicated"
    answered: Callable[[Call], Any] | None = None
    name: str = "deduplicated"

    def joined(self, stack: tuple[Any, ...]) -> Deduplicated:
        """Learn whether the next ring inside can answer at once: what is in memory needs no flight."""
        inside = [ring for ring in stack[stack.index(self) + 1 :] if not isinstance(ring, Mark)]
        return replace(self, answered=getattr(inside[0], "at_once", None)) if inside else self

    def at_once(self, call: Call) -> Any:
        """Have the next ring inside answer at once, if it can and nobody flies for it, or say `NOTHING`."""
        if self.answered is None:
            return NOTHING
        if bypassed("deduplicated") is None:
            key = self.keying.at_once(call)
            if key is None or self.flight.has(key):
                return NOTHING
        return self.answered(call)

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        if bypassed("deduplicated") is not None:
            return await proceed(call)
        key = self.keying.at_once(call) or await self.keying.of(call)
        leads = not self.flight.has(key)
        branch = Branch(call)
        if leads:
            branch.begin()
        if BURST in call.extras and self.flight.has(key):  # it will join no batch itself
            burst, number = call.extras[BURST]
            burst.left(number)
        try:
            landing, led = self.flight.board(key, partial(self._fly, key, branch, proceed))
            landed = await landing
        except BaseException:
            # Either the flight failed, and its facts are its leader's; or the leader leaves while it goes on.
            if leads:
                branch.abandon()
            raise
        if not isinstance(landed, _Landed):  # this caller's subscription of a shared stream
            fan = landed.broadcast
            return reading(landed, fan.stream, call, fan.branch, led=led, copy=self.copy)
        if landed.unshared:  # it serves one caller only
            if led and not isinstance_stream(landed.response):
                branch.adopt()
            return landed.response if led else await proceed(call)
        if led:
            branch.adopt()
            return landed.response
        call.journal.add(shared_from(landed.branch))
        call.journal.inner = landed.branch.call.journal.inner
        return self.copy(landed.pristine) if self.copy is not None else landed.response

    async def _fly(self, key: str, branch: Branch, proceed: Proceed) -> Any:
        """Run the flight on its own account."""
        try:
            response = await proceed(branch.call)
        except BaseException:
            branch.finish()
            raise
        if isinstance_stream(response):
            if is_iterable(response):
                return _Fan(response, branch)
            return _Landed(unshared(response, branch), branch, unshared=True)
        ticket = branch.finish()
        if ticket is not None and not ticket.done:
            await ticket.wait()
        if self.copy is None or (self.flight.waiting(key) < 2 and not self.linger):
            return _Landed(response, branch, pristine=response)
        try:
            return _Landed(response, branch, pristine=self.copy(response))
        except Exception as error:  # what cannot be copied is not shared
            _log.warning("frugal: %s cannot be shared, so each caller asks alone: %s", branch.call.function, error)
            return _Landed(response, branch, unshared=True)

    async def foresee(self, dry: Any) -> None:
        """Say what this ring would do."""
        key = await self.keying.of(dry.call)
        dry.say(repr(self), f"would share the answer of an equal call under way (key {key[:12]})")

    def __repr__(self) -> str:
        return self.words


def shared_from(branch: Branch) -> Shared:
    """Say what a follower was spared: what the flight cost, or what the hit that answered it had saved."""
    journal = branch.call.journal
    spent = journal.last(Spent)
    if spent is not None:
        return Shared(spent.worth, spent.usage, spent.model, branch.owner.id)
    saved = journal.last(Saved)
    if saved is not None:
        return Shared(saved.cost, saved.usage, saved.model, saved.source_id or branch.owner.id)
    return Shared(ZERO, source_id=branch.owner.id)
