"""What kind of traffic it is: sums, and the three signs that bring tips.

Law: sums are those of `Ledger.totals()` for the same time, over the records that are still single.
"""

from __future__ import annotations

from collections import Counter

from frugal._values.cost import Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import UNCOUNTED_OUTCOMES, Record
from frugal._values.usage import Usage
from frugal.insight.wording import percent
from frugal.ports import Prices

__all__ = ["ASKED", "HITS", "LONG_INPUT", "Traffic", "share"]

HITS = frozenset({"memory", "disk", "semantic"})
"""Outcomes that a cache answered."""

ASKED = frozenset({"provider", "batched", "escalated", "failed", "cancelled", "presumed"})
"""Outcomes for which a provider may have billed, and that stand for a call of the user's."""

LOW_HIT_RATE = 0.3
EXPENSIVE_SHARE = 0.5
LONG_INPUT = 2_000
"""The source's triggers: hits below 30 %, more than half on expensive models, inputs above 2,000 tokens."""

_EXPENSIVE = Money(10**13)
"""Ten dollars for a million tokens of output: from here on a model is called expensive."""

_PROBE = 1_000
_BATCH = 256  # costs added up at a time


def share(part: Money, whole: Money) -> float:
    """Return a part as a share; 0 of nothing."""
    return part.pico / whole.pico if whole.pico else 0.0


class Traffic:
    """Add up what a ledger holds.

    Args:
        prices: tells which models are expensive.
    """

    def __init__(self, prices: Prices) -> None:
        self._prices = prices
        self._pending: list[Cost] = []
        self._cost = Cost.total(())
        self._dear: dict[tuple[str, str | None], bool] = {}
        self._input = 0
        self._inputs = 0
        self.records = 0
        self.calls = 0
        self.outcomes: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.saved = ZERO
        self.expensive = ZERO
        self.reasoning = 0
        self.output = 0
        self.semantic_saved = ZERO
        self.shadow_cost = ZERO

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        self.records += 1
        self.calls += record.outcome not in UNCOUNTED_OUTCOMES
        self.outcomes[record.outcome] += 1
        if record.kind == "llm":
            self.answered[record.outcome] += 1
        self.kinds[record.kind] += 1
        self.saved += record.saved
        if record.outcome == "semantic":
            self.semantic_saved += record.saved
        elif record.outcome == "shadow":
            self.shadow_cost += record.cost.known
        self._pending.append(record.cost)
        if len(self._pending) >= _BATCH:
            self._add()
        if record.kind == "llm" and record.usage:
            self._input += record.usage.total_input_tokens
            self._inputs += 1
            self.reasoning += record.usage.reasoning_tokens
            self.output += record.usage.total_output_tokens
        if record.model is not None and record.cost.known and self._is_dear(record.model, record.provider, start):
            self.expensive += record.cost.known

    def _add(self) -> None:
        self._cost = Cost.total((self._cost, *self._pending))
        self._pending.clear()

    def _is_dear(self, model: str, provider: str | None, at: float) -> bool:
        found = self._dear.get((model, provider))
        if found is None:
            if len(self._dear) >= 4096:  # names come from responses
                self._dear.clear()
            price = self._prices.cost(model, Usage(output_tokens=_PROBE), at=at, provider=provider)
            found = self._dear[model, provider] = price.known * (10**6 // _PROBE) >= _EXPENSIVE
        return found

    @property
    def cost(self) -> Cost:
        """What everything cost."""
        self._add()
        return self._cost

    @property
    def hit_rate(self) -> float:
        """How many of the calls that a cache or a model answered a cache answered; tools are no such calls."""
        hits = sum(self.answered[name] for name in HITS)
        answered = hits + self.answered["provider"] + self.answered["batched"]
        return hits / answered if answered else 0.0

    @property
    def mean_input(self) -> float:
        """The average input of a call that reached a model, in tokens."""
        return self._input / self._inputs if self._inputs else 0.0

    def sign(self, category: str) -> tuple[bool, str]:
        """Return whether the traffic shows the sign of a category of tips, and the sign in words."""
        if category == "caching":
            low = self.hit_rate < LOW_HIT_RATE and bool(self.answered)
            return low, f"Caches answered {percent(self.hit_rate)} of the calls (below 30% is low)."
        if category == "model":
            dear = share(self.expensive, self.cost.known)
            return dear > EXPENSIVE_SHARE, f"{percent(dear)} of the cost is of expensive models (above half is much)."
        if category == "prompt":
            long = self.mean_input > LONG_INPUT
            return long, f"A call sends {self.mean_input:,.0f} tokens on average (above {LONG_INPUT:,} is long)."
        return False, ""
