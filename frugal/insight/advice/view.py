"""The view: the lenses that look at a ledger together."""

from __future__ import annotations

from dataclasses import dataclass

from frugal.insight.advice.batches import Batches
from frugal.insight.advice.piece import Lens
from frugal.insight.advice.prefixes import Prefixes
from frugal.insight.advice.repeats import NearRepeats, Repeats, Rides
from frugal.insight.advice.rivals import Rivals
from frugal.insight.advice.traffic import Traffic
from frugal.ledger.cascading import Cascades
from frugal.ports import Prices

__all__ = ["View"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Hold what was seen.

    Args:
        prices: rates for "what if".
        traffic: sums and signs.
        exact: requests that were asked again.
        near: requests that were asked again in other words.
        tools: tools that were asked again.
        loops: requests that a run repeated.
        rides: requests that were asked while they were being answered.
        prefixes: what stays equal before the question.
        models: models that did the same work.
        variants: prompts that did the same work.
        lengths: long and short inputs to the same work.
        batches: calls that stood close together.
        cascades: what cascades cost, against always asking their strongest model.
    """

    prices: Prices
    traffic: Traffic
    exact: Repeats
    near: NearRepeats
    tools: Repeats
    loops: Repeats
    rides: Rides
    prefixes: Prefixes
    models: Rivals
    variants: Rivals
    lengths: Rivals
    batches: Batches
    cascades: Cascades

    @property
    def lenses(self) -> tuple[Lens, ...]:
        """All that look at records."""
        return (
            *(self.traffic, self.exact, self.near, self.tools, self.loops, self.rides, self.prefixes),
            *(self.models, self.variants, self.lengths, self.batches, self.cascades),
        )
