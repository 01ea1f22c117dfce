"""A request on its way through the stack, and what became of it.

Law: whatever is recorded while a request is played is that request's, in whichever task it happens.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal.insight.backtesting.logged import Logged

__all__ = ["Playing", "playing"]


@dataclass(slots=True, eq=False)
class Playing:
    """Hold one request while it is played.

    Args:
        logged: what the log says of it.
        number: its place in the log, from 1.
        baseline: what it costs with no ring at all.
        latency: seconds that the provider takes.
        records: what was recorded of it.
        refusal: the error that refused it.
        taken: whether a batch has it.
    """

    logged: Logged
    number: int
    baseline: Cost
    latency: float
    records: list[Record] = field(default_factory=list)
    refusal: Exception | None = None
    taken: bool = False


playing: ContextVar[Playing | None] = ContextVar("frugal_playing", default=None)
"""The request that is played here."""
