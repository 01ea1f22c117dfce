"""`rate_limited`: hold a function to requests a minute, tokens a minute, and so many calls at once.

What a call will use is reserved from its request and corrected by what its answer says. Everything about waiting is in
`_mechanisms/pace.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from frugal._core.call import Call
from frugal._core.estimate import DEFAULT_OUTPUT
from frugal._core.pipeline import Proceed, isinstance_stream
from frugal._core.stream import Ending, tap
from frugal._mechanisms.pace import Pace, Slot
from frugal._values.facts import Spent
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
    name: str = "rate_limited"

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        slot = self.pace.slot(self._tokens(call))
        await slot.acquire()
        before = len(call.journal.facts)
        try:
            response = await proceed(call)
        except BaseException:
            _correct(slot, _spent(call, before))
            slot.release()
            raise
        if isinstance_stream(response):
            return tap(response, _Release(slot, call, before))
        used = _spent(call, before)
        if used is None and self.tpm is not None:  # nothing meters this stack, so read it here
            reading = self.reader.read(response)
            used = reading.usage.total_tokens if reading is not None and reading.usage is not None else None
        _correct(slot, used)
        slot.release()
        return response

    def _tokens(self, call: Call) -> int:
        """Return what a call is expected to use: its typical input and the output that it allows."""
        if self.tpm is None:
            return 0
        limit = self.requests.output_limit(call.arguments)
        typical, _ = self.requests.input_tokens(call.arguments)
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

    __slots__ = ("before", "call", "slot")

    def __init__(self, slot: Slot, call: Call, before: int) -> None:
        self.slot = slot
        self.call = call
        self.before = before

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> None:
        _correct(self.slot, _spent(self.call, self.before))
        self.slot.release()
