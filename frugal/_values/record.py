"""Records: what the ledger keeps of a call, and the summaries that are read from it.

Law: a dollar stands in one record, and no record holds a prompt or an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import datetime
from typing import Any

from frugal._values.cost import FREE, Cost
from frugal._values.money import ZERO, Money
from frugal._values.usage import NO_USAGE, Usage

__all__ = [
    "FREE_OUTCOMES",
    "OUTCOMES",
    "UNCOUNTED_OUTCOMES",
    "BudgetFigure",
    "BudgetStatus",
    "CallSummary",
    "CascadeRow",
    "Record",
    "UsageRow",
]

OUTCOMES = (
    "provider",  # a model (or tool) was called and answered
    "memory",  # answered by the memory layer
    "disk",  # answered by the disk layer
    "semantic",  # answered by an entry of near meaning
    "shared",  # answered by another caller's flight
    "batched",  # answered as a member of a batch
    "escalated",  # answered, but refused by a cascade, which went on
    "composite",  # made of decorated calls, which have the cost
    "shadow",  # asked again after a hit, to measure how often hits are wrong
    "rejected",  # refused by a budget or a constraint before anything was sent
    "failed",  # raised
    "cancelled",  # cancelled, or a stream closed early or thrown away
    "presumed",  # its owner died; charged at what it held
)
"""Every outcome of a record."""

FREE_OUTCOMES = frozenset({"memory", "disk", "semantic", "shared", "composite", "rejected"})
"""Outcomes that cost nothing by construction."""

UNCOUNTED_OUTCOMES = frozenset({"escalated", "shadow"})
"""Outcomes that are not a call of the user's: `calls` counts the record that answered."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """Hold one row of the ledger.

    Without slots, so that `of` can make one in a sixth of the time.

    Args:
        id: the record's own id; unique.
        call: the id of the decorated call that it belongs to (its first record has the same id).
        parent: the call inside which that call was made, or `None`.
        time: when the call started, aware and in UTC.
        kind: `"llm"`, `"tool"`, or what a record by hand named.
        function: the decorated function's qualified name.
        model_requested: the model that was asked for.
        model: the model that served, as the provider names it.
        provider: who served it.
        outcome: one of `OUTCOMES`.
        usage: the tokens, in disjoint buckets.
        cost: what it cost.
        rolled_up: for a composite, what the calls inside it cost; for information.
        saved: what a hit or a follower would have cost.
        overrun: whether the true cost was above what was held.
        latency: from the start of the call, or of this attempt, to its end, in seconds.
        user: on whose behalf, or `None`.
        run: in which run.
        tags: free labels.
        route_reason: why a router chose the model.
        similarity: cosine between the query and the entry that answered it.
        source_id: the call whose answer this is.
        price_table: which price table gave the rates.
        key: the digest of the whole request.
        attempts: how many times the provider was asked over the wire, as far as known.
        tier: the service tier that was served.
        booked: the instant whose budget windows the cost belongs to, in Unix seconds; `None` for `time`.
        digests: further digests for analysis, such as `"prefix"`.
        success: what `feedback` said, or `None`.
        satisfaction: what `feedback` said, 0 to 1, or `None`.

    >>> import asyncio, tempfile
    >>> from frugal import Ledger
    >>> async def spend(directory):
    ...     async with Ledger(directory) as ledger:
    ...         await ledger.record(kind="server", cost="0.25")
    ...         return [(record.kind, str(record.cost)) for record in ledger.records()]
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     asyncio.run(spend(directory))
    [('server', '$0.2500')]
    """

    id: str
    call: str
    parent: str | None = None
    time: datetime
    kind: str = "llm"
    function: str = ""
    model_requested: str | None = None
    model: str | None = None
    provider: str | None = None
    outcome: str = "provider"
    usage: Usage = NO_USAGE
    cost: Cost = FREE
    rolled_up: Cost | None = None
    saved: Money = ZERO
    overrun: bool = False
    latency: float = 0.0
    user: str | None = None
    run: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    route_reason: str | None = None
    similarity: float | None = None
    source_id: str | None = None
    price_table: str = ""
    key: str | None = None
    attempts: int = 1
    tier: str | None = None
    booked: float | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    success: bool | None = None
    satisfaction: float | None = None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Record:
        """Make a record from its fields by name; for the core, which makes one for each call.

        Args:
            said: as the constructor takes them; at the least those without a plain default (`id`, `call`, `time`,
                `tags`, `digests`).

        Returns:
            The record; nothing is checked.
        """
        record = object.__new__(cls)
        object.__setattr__(record, "__dict__", {**_UNSAID, **said})
        return record

    @property
    def instant(self) -> float:
        """The Unix seconds whose budget windows the cost belongs to."""
        return self.time.timestamp() if self.booked is None else self.booked


_UNSAID = {field.name: field.default for field in fields(Record) if field.default is not MISSING}
"""What a record says where nobody said otherwise."""


@dataclass(frozen=True, slots=True)
class CallSummary:
    """Say in brief what one call inside a scope did.

    Args:
        id: the record's id.
        function: the decorated function's qualified name.
        model: the model that answered, or `None`.
        outcome: one of the outcomes of a `Record`.
        cost: what it cost.
        usage: the tokens.
        kind: `"llm"`, `"tool"`, or what a record by hand named.

    >>> import asyncio
    >>> from frugal import metered, scope
    >>> @metered
    ... async def weather(city): return "rain"
    >>> async def main():
    ...     with scope() as run:
    ...         await weather("Oslo")
    ...     return run.calls[0]
    >>> asyncio.run(main()).outcome
    'provider'
    """

    id: str
    function: str
    model: str | None
    outcome: str
    cost: Cost
    usage: Usage = NO_USAGE
    kind: str = "llm"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Hold one group of a usage report.

    Args:
        group: the group's names and values, such as `{"model": "gpt-4o"}`; empty for totals.
        calls: decorated calls; refused attempts of a cascade and shadow checks are only in `outcomes`.
        usage: the tokens.
        cost: the sum of the costs.
        saved: the sum of what hits and followers would have cost.
        outcomes: how many records had which outcome.
        latency: the sum of the latencies, in seconds.

    >>> UsageRow({"model": "gpt-4o"}, calls=2).cost.status
    'exact'
    """

    group: Mapping[str, str]
    calls: int = 0
    usage: Usage = NO_USAGE
    cost: Cost = FREE
    saved: Money = ZERO
    outcomes: Mapping[str, int] = field(default_factory=dict)
    latency: float = 0.0


@dataclass(frozen=True, slots=True)
class CascadeRow:
    """Hold what a cascade cost, against always asking its strongest model.

    Args:
        function: the decorated function.
        models: the models in their order; the last one passes for the strongest.
        calls: the calls that could be judged; the figures are theirs.
        refused: how many answers were refused.
        cost: what all attempts cost together.
        refused_cost: what the refused answers among them cost.
        strongest_cost: what always asking the last model would have cost.
        estimated_calls: for how many calls that is estimated, from the tokens of a cheaper model's answer; it is
            known where the last model answered.
        not_judged: calls that are not in the figures: without an answer, a price or known tokens.
    """

    function: str
    models: tuple[str, ...]
    calls: int = 0
    refused: int = 0
    cost: Money = ZERO
    refused_cost: Money = ZERO
    strongest_cost: Money = ZERO
    estimated_calls: int = 0
    not_judged: int = 0

    @property
    def saved(self) -> Money:
        """What the cascade saved; below zero where it cost more than always asking the last model."""
        return self.strongest_cost - self.cost


@dataclass(frozen=True, slots=True)
class BudgetFigure:
    """Hold one unit's state of a budget: `Money` for dollars, `int` for tokens.

    Args:
        used: what was spent in the window.
        held: what calls under way hold.
        limit: the limit.
        remaining: the limit less what is used and held; never below zero.
        fraction: used as a share of the limit.

    >>> BudgetFigure(used=250, held=50, limit=1000, remaining=700, fraction=0.25).remaining
    700
    """

    used: Money | int
    held: Money | int
    limit: Money | int
    remaining: Money | int
    fraction: float


@dataclass(frozen=True, slots=True)
class BudgetStatus:
    """Hold the state of a budget in its current window.

    Args:
        name: the budget's name.
        window: `"hour"`, `"day"`, `"week"`, `"month"` or `"run"`.
        subject: whose it is, for a budget `per` something; `""` for everyone's.
        usd: dollars; `None` for a budget of tokens alone.
        tokens: tokens; `None` for a budget of dollars alone.
        warning: whether it is at or above `warn_at`.
        exceeded: whether what is used has reached the limit.
        resets_at: when the window ends, aware; `None` for a run.
        suggest: the cheaper model to go on with, where one is named.

    >>> from frugal import Budget, Ledger
    >>> Ledger().budget_status(Budget(tokens=1_000)).exceeded
    False
    """

    name: str
    window: str
    subject: str
    usd: BudgetFigure | None
    tokens: BudgetFigure | None
    warning: bool
    exceeded: bool
    resets_at: datetime | None
    suggest: str | None = None

    @property
    def fraction(self) -> float:
        """The higher of dollars and tokens used, as a share of the limit."""
        return max(figure.fraction for figure in (self.usd, self.tokens) if figure is not None)
