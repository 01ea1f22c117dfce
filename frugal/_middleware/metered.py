"""`metered`: a mark on the stack that says who prices and records its calls.

It is no ring: the innermost step writes down what was spent and the outermost exit commits it, so its place among
the other decorators cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from frugal._core.meter import Metering
from frugal._core.ring import Mark
from frugal._values.spelling import spelt

__all__ = ["Metered"]


@dataclass(frozen=True)
class Metered(Mark):
    """Mark a stack as metered."""

    metering: Metering
    name: str = "metered"

    def __repr__(self) -> str:
        said = self.metering
        return spelt("metered", ledger=said.ledger, prices=said.prices, tags=dict(said.tags) or None, read=said.read)
