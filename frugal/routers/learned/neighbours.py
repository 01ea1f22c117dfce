"""Nearest neighbours: how the models did on the past queries most like this one.

Law: a prediction is a mean over neighbours, drawn towards a model's overall mean where few of them know it; so it
lies within what was seen. Queries that are as near as the last neighbour count too, so that no prediction hangs on
the order of rows or on the last bit of a sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from frugal.routers.learned.space import Matrix

__all__ = ["Near", "Past"]

_DRAW = 4.0
"""How many neighbours' worth a model's overall mean weighs in a prediction."""

_TIE = 1e-5
"""Nearness that counts as equal; a sum of float32 products is about a hundred times more exact."""

_BLOCK = 32_768
"""Numbers that are multiplied in one go for one point. A larger product is given to several threads, which is
twice as fast on an idle machine and takes 10 ms and more on a busy one."""


@dataclass(frozen=True, slots=True)
class Near:
    """Hold what the neighbours of some queries (rows) say of each model (columns).

    Args:
        success: the mean success.
        cost: the mean cost in dollars.
        told: how many of the neighbours know the model.
        part: the share of neighbours that know the model, drawn to the overall share.
    """

    success: Matrix
    cost: Matrix
    told: Matrix
    part: Matrix


@dataclass(frozen=True)
class Past:
    """Hold past queries and their outcomes, fold by fold.

    Args:
        points: one row for each past query.
        success: how each model (columns) did on it; NaN where it was not asked.
        cost: what that cost in dollars; NaN where unknown.
        starts: where each fold starts in the rows, and where the last one ends.
    """

    points: Matrix
    success: Matrix
    cost: Matrix
    starts: tuple[int, ...]

    @property
    def folds(self) -> int:
        """How many folds there are."""
        return len(self.starts) - 1

    @cached_property
    def _half_squares(self) -> Matrix:
        return np.asarray((self.points * self.points).sum(axis=1) / 2, dtype=np.float32)

    @cached_property
    def _asked(self) -> tuple[Matrix, Matrix]:
        """What is summed over neighbours: success and cost with 0 for unknown, and what is known of each."""
        known = ~np.isnan(self.success)
        paid = ~np.isnan(self.cost)
        values = np.hstack([np.where(known, self.success, 0), known, np.where(paid, self.cost, 0), paid])
        return values.astype(np.float32), self._overall(values)

    def _overall(self, values: Matrix) -> Matrix:
        """Return what is summed over all queries outside each fold (rows)."""
        each = np.array([values[a:b].sum(axis=0) for a, b in zip(self.starts, self.starts[1:], strict=False)])
        return np.asarray(each.sum(axis=0) - each, np.float64)

    def rows(self, fold: int) -> slice:
        """Return the rows of a fold."""
        return slice(self.starts[fold], self.starts[fold + 1])

    def nearness(self, points: Matrix, fold: int) -> Matrix:
        """Return how near each row (columns) is to these points (rows); those of a fold are nowhere near.

        Only the order of a row's numbers has a meaning.
        """
        if len(points) == 1:
            step = max(1, _BLOCK // self.points.shape[1])
            near = np.empty((1, len(self.points)), np.float32)
            for at in range(0, len(self.points), step):
                np.dot(self.points[at : at + step], points[0], out=near[0, at : at + step])
        else:
            near = points @ self.points.T
        near -= self._half_squares
        near[:, self.rows(fold)] = -np.inf
        return near

    def over(self, near: Matrix, counts: Sequence[int], fold: int) -> dict[int, Near]:
        """Return what so many neighbours outside a fold say, for each number of neighbours."""
        values, overall = self._asked
        models = self.success.shape[1]
        outside = near.shape[1] - (self.starts[fold + 1] - self.starts[fold])
        last = {count: near.shape[1] - min(count, outside) for count in counts}
        parted = np.partition(near, sorted(set(last.values())), axis=1)
        found = {}
        for count in counts:
            among = near >= parted[:, last[count], None] - _TIE
            sums = among.astype(np.float32) @ values
            success, told, cost, paid = (sums[:, at : at + models] for at in range(0, 4 * models, models))
            all_success, all_told, all_cost, all_paid = overall[fold].reshape(4, models)
            many = among.sum(axis=1, keepdims=True)
            found[count] = Near(
                _drawn(success, told, all_success / np.maximum(all_told, 1)),
                _drawn(cost, paid, all_cost / np.maximum(all_paid, 1)),
                told,
                _drawn(told, many, all_told / outside),
            )
        return found


def _drawn(sums: Matrix, counts: Matrix, overall: Matrix) -> Matrix:
    drawn: Matrix = ((sums + _DRAW * overall) / (counts + _DRAW)).astype(np.float32)
    return drawn
