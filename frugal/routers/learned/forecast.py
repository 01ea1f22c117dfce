"""Forecast: how each model will do on a query, as far as the past tells.

Law: a new query is forecast exactly as a held-back one was: without the outcomes of a fold that chance (a digest of
its text) put it in. So what was measured on held-back queries holds for new ones. Forecast from all the outcomes, new
queries would lie a little elsewhere than the held-back ones did; and where many of them are alike, a price found on
those would send all of these to one side.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from frugal.routers.learned.line import Lines
from frugal.routers.learned.neighbours import Past
from frugal.routers.learned.space import Matrix

__all__ = ["Forecast", "Foreseen", "blend"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Hold what is foreseen of queries (rows) with each model (columns).

    Args:
        success: the predicted success, 0 to 1.
        cost: the predicted cost in dollars.
        told: how many of the neighbours know the model.
    """

    success: Matrix
    cost: Matrix
    told: Matrix


def blend(near: Matrix, line: Matrix, share: float) -> Matrix:
    """Join what neighbours say and what the line says, the latter with that share."""
    joined: Matrix = ((1 - share) * near + share * line).astype(near.dtype)
    return joined


@dataclass(frozen=True)
class Forecast:
    """Foresee.

    Args:
        past: the outcomes.
        lines: lines through them.
        count: how many neighbours count.
        share: how much the line counts, 0 to 1; the neighbours count for the rest.
    """

    past: Past
    lines: Lines
    count: int
    share: float

    def fold_of(self, text: str) -> int:
        """Return the fold that chance puts a query in; the same for the same text, everywhere."""
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.past.folds

    def at(self, points: Matrix, fold: int) -> Foreseen:
        """Return what is foreseen of points (rows) of one fold."""
        near = self.past.over(self.past.nearness(points, fold), (self.count,), fold)[self.count]
        return Foreseen(blend(near.success, self.lines.at(points, fold), self.share), near.cost, near.told)
