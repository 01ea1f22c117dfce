"""Lines: success as a straight line over the directions of the space, by ridge regression.

Law: the line of a fold and a model was fitted without that fold's outcomes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from frugal.routers.learned.neighbours import Past
from frugal.routers.learned.space import Matrix

__all__ = ["Lines"]


@dataclass(frozen=True)
class Lines:
    """Hold a line for each fold and model.

    Args:
        slopes: by fold, direction and model.
        levels: by fold and model: the line's value at the origin.
    """

    slopes: Matrix
    levels: Matrix

    @classmethod
    def fitted(cls, past: Past, values: Matrix, penalties: Sequence[float]) -> list[Lines]:
        """Fit lines, for each of some penalties.

        Args:
            past: the past queries.
            values: what is to be foreseen, by query and model, 0 to 1; NaN where it is not known.
            penalties: what holds slopes back, in past queries' worth for each direction.
        """
        folds, wide, models = past.folds, past.points.shape[1], values.shape[1]
        slopes = np.zeros((len(penalties), folds, wide, models), np.float32)
        levels = np.zeros((len(penalties), folds, models), np.float32)
        points = np.hstack([past.points, np.ones((len(past.points), 1))]).astype(np.float64)
        rows = [past.rows(fold) for fold in range(folds)]
        for model in range(models):
            known = ~np.isnan(values[:, model])
            seen = np.where(known[:, None], points, 0.0)
            right = np.where(known, values[:, model], 0.0).astype(np.float64)
            squares = np.array([seen[each].T @ seen[each] for each in rows])
            crossed = np.array([seen[each].T @ right[each] for each in rows])
            for fold in range(folds):
                square, cross = squares.sum(axis=0) - squares[fold], crossed.sum(axis=0) - crossed[fold]
                for at, penalty in enumerate(penalties):
                    slopes[at, fold, :, model], levels[at, fold, model] = _solved(square, cross, penalty)
        return [cls(*found) for found in zip(slopes, levels, strict=True)]

    def at(self, points: Matrix, fold: int) -> Matrix:
        """Return what is foreseen of each model (columns) at these points (rows), 0 to 1."""
        found: Matrix = np.clip(points @ self.slopes[fold] + self.levels[fold], 0.0, 1.0)
        return found


def _solved(square: Matrix, cross: Matrix, penalty: float) -> tuple[Matrix, float]:
    """Return slopes and level from the sums of products; the last row and column are those of the constant."""
    count = square[-1, -1]
    if count <= 0:
        return np.zeros(len(square) - 1, np.float32), 0.0
    mean, level = square[-1, :-1] / count, cross[-1] / count
    spread = square[:-1, :-1] - count * np.outer(mean, mean) + penalty * np.eye(len(mean))
    slopes = np.linalg.solve(spread, cross[:-1] - count * mean * level)
    return slopes, float(level - mean @ slopes)
