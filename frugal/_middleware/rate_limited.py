"""`rate_limited`: hold a function to requests a minute, tokens a minute, and so many calls at once.

What a call will use is reserved from its request and corrected by what its answer says. Everything about waiting is in
`_mechanisms/pace.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from frugal._core.call import Call
from frugal._core.estimate import DEFAULT_OUTPUT, limit_of, sizes_of
from frugal._core.plan import isinstance_stream
from frugal._core.ring import Proceed
from frugal._core.stream import Ending, tap
from frugal._mechanisms.pace import Pace, Slot
from frugal._values.facts import Spent
from frugal.errors import RequestTooLargeError
from frugal.ports import RequestReader, UsageReader

__all__ = ["RateLimited"]


@dataclass(frozen=True, eq=False)
class RateLimited:
    """Let a call go out when every limit has room for it."""

    pace: Pace
    requests: RequestReader
    reader: UsageReader
    words: str
    tpm: float | None = None
    holding: Counter[str] = field(default_factory=Counter)
    name: str = "rate_limited"

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        if call.parent is not None and self.pace.concurrency is not None:
            self._see_that_it_ends(call, self.pace.concurrency.limit)
        slot = self.pace.slot(self._tokens(call))
        try:
            await slot.acquire()
        except RequestTooLargeError as error:  # one decorator may limit many functions: the pace knows none of them
            raise RequestTooLargeError(call.function, error.requested, error.limit) from None
        self.holding[call.id] += 1
        before = len(call.journal.facts)
        try:
            response = await proceed(call)
        except BaseException:
            _correct(slot, _spent(call, before))
            self.release(slot, call)
            raise
        if isinstance_stream(response):
            return tap(response, _Release(self, slot, call, before))
        used = _spent(call, before)
        if used is None and self.tpm is not None:  # nothing meters this stack, so read it here
            reading = self.reader.read(response)
            used = reading.usage.total_tokens if reading is not None and reading.usage is not None else None
        _correct(slot, used)
        self.release(slot, call)
        return response

    def release(self, slot: Slot, call: Call) -> None:
        """Let the next call go."""
        slot.release()
        self.holding[call.id] -= 1
        if not self.holding[call.id]:
            del self.holding[call.id]

    def _see_that_it_ends(self, call: Call, limit: int) -> None:
        """Refuse a call that would wait for those that it is made inside of, which wait for it.

        Raises:
            RuntimeError: all the places are held by them.
        """
        held, around = 0, call.parent
        while around is not None:
            held += self.holding.get(around.id, 0)
            around = around.parent
        if held >= limit:
            raise RuntimeError(
                f"{call.function} is limited to {limit} at once and was called inside itself {held} times: it would "
                "wait for itself for ever. Raise max_concurrency=, or limit what it calls in its place."
            )

    def _tokens(self, call: Call) -> int:
        """Return what a call is expected to use: its typical input and the output that it allows."""
        if self.tpm is None:
            return 0
        limit = limit_of(call, self.requests)
        typical, _ = sizes_of(call, self.requests)
        return typical + (limit if limit is not None else min(DEFAULT_OUTPUT, int(self.tpm)))

    async def foresee(self, dry: Any) -> None:
        """Say what this ring would do."""
        dry.say(self.words, f"would ask for {self._tokens(dry.call)} tokens" if self.tpm else "would wait its turn")

    def __repr__(self) -> str:
        return self.words


def _spent(call: Call, before: int) -> int | None:
    """Return the tokens that this call's attempts are known to have used."""
    found = [fact for fact in call.journal.facts[before:] if type(fact) is Spent]
    known = [fact.usage.total_tokens for fact in found if fact.cost.status == "exact" and fact.rolled_up is None]
    return sum(known) if known else None


def _correct(slot: Slot, tokens: int | None) -> None:
    if tokens is not None:
        slot.correct(tokens)


class _Release:
    """Gives the slot back when the stream has ended."""

    __slots__ = ("before", "call", "ring", "slot")

    def __init__(self, ring: RateLimited, slot: Slot, call: Call, before: int) -> None:
        self.ring = ring
        self.slot = slot
        self.call = call
        self.before = before

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> None:
        _correct(self.slot, _spent(self.call, self.before))
        self.ring.release(self.slot, self.call)
