"""Facts: what a journal says of a call, each kind with one writer.

Law: money enters a journal only as `Spent`, written by the innermost step, or as `Split`, written by a batch for its
members. No cache, flight or router can write either, so a hit cannot be charged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from frugal._values.cost import FREE, Cost
from frugal._values.money import ZERO, Money
from frugal._values.usage import NO_USAGE, Usage

__all__ = ["Escalated", "Facts", "Grown", "Held", "Refused", "Routed", "Saved", "Shared", "Spent", "Split"]


class Facts(NamedTuple):
    """The ambient facts of a call: for whom, in which run, with which labels."""

    user: str | None
    run: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Spent:
    """One provider call was made; written by the innermost step alone.

    Compared by identity: two calls that cost the same are still two. `answer` is what the answer alone cost, where
    requests that an SDK sent before it may have been billed, too.
    """

    outcome: str
    started: float
    latency: float
    model_requested: str | None = None
    model: str | None = None
    provider: str | None = None
    tier: str | None = None
    usage: Usage = NO_USAGE
    cost: Cost = FREE
    rolled_up: Cost | None = None
    hold: str | None = None
    kind: str = "llm"
    finish: str | None = None
    complete: bool = True
    attempts: int = 1
    streamed: bool = False
    error: str | None = None
    answer: Cost | None = None

    @property
    def worth(self) -> Money:
        """What it would cost to buy this answer again, as far as known."""
        if self.answer is not None:
            return self.answer.known
        return (self.rolled_up if self.rolled_up is not None else self.cost).known


@dataclass(frozen=True, slots=True)
class Held:
    """A budget holds something for this call; written by budgets.

    `suggested` names the model that it holds for, where a budget at its limit put it in the place of the call's own.
    """

    id: str
    pico: int
    tokens: int
    booked: float
    left: Money | None = None
    suggested: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A budget refused the call, or what it had to add; written by budgets.

    Not the error itself: its frames may hold a stream, whose end the journal waits for.
    """

    budget: str


@dataclass(frozen=True, slots=True)
class Grown:
    """A hold was raised to this, in pico-dollars; written by budgets."""

    id: str
    pico: int


@dataclass(frozen=True, slots=True)
class Saved:
    """An answer was found instead of bought; written by caches."""

    layer: str
    cost: Money = ZERO
    usage: Usage = NO_USAGE
    model: str | None = None
    source_id: str | None = None
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Shared:
    """Another caller's flight answered; written by flights."""

    cost: Money = ZERO
    usage: Usage = NO_USAGE
    model: str | None = None
    source_id: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """This call's share of what its batch spent; written by batches.

    `releases` are holds that the handler's own calls took; they end with the first member's settlement. `attempt` names
    the handling that it was spent in: a batch that is split is handled again.
    """

    spent: Spent
    releases: tuple[str, ...] = ()
    attempt: str = ""


@dataclass(frozen=True, slots=True)
class Routed:
    """A router chose the model; written by routers.

    `instead` asks it, with a name and the reason, whether another model may stand in; if so it writes that down.
    """

    model: str
    reason: str
    detail: Any = None
    instead: Callable[[str, str], bool] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Escalated:
    """A cascade refused the answer of this provider call and went on; written by routers."""

    spent: Spent
