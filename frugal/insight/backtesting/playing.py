"""A request on its way through the stack, and what became of it.

Law: whatever is recorded while a request is played is that request's, in whichever task it happens.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal.insight.backtesting.logged import Logged
from frugal.ports import Reading

__all__ = ["Playing", "playing"]


@dataclass(slots=True, eq=False)
class Playing:
    """Hold one request while it is played.

    Args:
        logged: what the log says of it.
        number: its place in the log, from 1.
        baseline: what it costs with no ring at all.
        latency: seconds that the provider takes.
        spent: what its own records cost so far, in pico-dollars.
        answer: the record that says how it ended.
        last: the record that was written last.
        refusal: the error that refused it.
        counted: what it was counted as once it had ended: outcome, ring, and the pico-dollars that ring saved.
        given: what the provider answered, by the answer's name: what was used, and what that costs.
        taken: whether a batch has it.
        asked: whether the provider was asked for it.
    """

    logged: Logged
    number: int
    baseline: Cost
    latency: float
    spent: int = 0
    answer: Record | None = None
    last: Record | None = None
    refusal: Exception | None = None
    counted: tuple[str, str, int] | None = None
    given: dict[str, tuple[Reading, Cost]] = field(default_factory=dict)
    taken: bool = False
    asked: bool = False


playing: ContextVar[Playing | None] = ContextVar("frugal_playing", default=None)
"""The request that is played here."""
