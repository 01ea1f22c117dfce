"""Lines: success as a straight line over the directions of the space, by ridge regression.

Law: the line of a fold and a model was fitted without that fold's outcomes.
"""

from __future__ import annotations

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
    def fitted(cls, past: Past, values: Matrix, penalty: float) -> Lines:
        """Fit the lines.

        Args:
            past: the past queries.
            values: what is to be foreseen, by query and model, 0 to 1; NaN where it is not known.
            penalty: what holds slopes back, in past queries' worth for each direction.
        """
        wide, models = past.points.shape[1], values.shape[1]
        slopes = np.zeros((past.folds, wide, models), np.float32)
        levels = np.zeros((past.folds, models), np.float32)
        points = np.hstack([past.points, np.ones((len(past.points), 1))]).astype(np.float64)
        for model in range(models):
            known = ~np.isnan(values[:, model])
            seen = np.where(known[:, None], points, 0.0)
            right = np.where(known, values[:, model], 0.0).astype(np.float64)
            squares = np.array([seen[rows].T @ seen[rows] for rows in map(past.rows, range(past.folds))])
            crossed = np.array([seen[rows].T @ right[rows] for rows in map(past.rows, range(past.folds))])
            for fold in range(past.folds):
                square, cross = squares.sum(axis=0) - squares[fold], crossed.sum(axis=0) - crossed[fold]
                slopes[fold, :, model], levels[fold, model] = _solved(square, cross, penalty)
        return cls(slopes, levels)

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
