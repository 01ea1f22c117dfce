"""Nearest neighbours: how the models did on the past queries most like this one.

Law: a prediction is a mean over neighbours, drawn towards a model's overall mean where few of them know
it; so it lies within what was seen, and a model without neighbours is predicted as it does in general.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix", "Neighbours", "Space", "shape_of"]

Matrix: TypeAlias = NDArray[np.float32]
"""Rows of float32."""

_NUMBER = re.compile(r"[0-9]+")

_SHAPE_WEIGHT = 0.2
"""How much a standard deviation of the text's shape weighs beside an embedding of length 1. On the GSM8K outcomes
the embedding alone needs 39 to 46 % of strong calls for half of the gap, with the shape 37 to 40 %."""

_DRAW = 4.0
"""How many neighbours' worth a model's overall mean weighs in a prediction."""

LONGEST = 8_000
"""Characters of a query that are looked at."""


def shape_of(text: str) -> tuple[float, ...]:
    """Return what the form of a text says, beside what it is about: length, numbers, sentences, questions."""
    text = text[:LONGEST]
    numbers = _NUMBER.findall(text)
    return (
        math.log1p(len(text)),
        math.log1p(len(numbers)),
        float(len(set(numbers))),
        float(text.count("?") + text.count("？")),
        float(text.count("%") + text.count("％")),
        float(text.count(".") + text.count("。")),
    )


@dataclass(frozen=True)
class Space:
    """Turn an embedding and a shape into a point; made from the points it was fitted to.

    Args:
        centre: the mean embedding.
        shape_mean: the mean shape; empty where queries came as vectors, without text.
        shape_scale: its standard deviations.
    """

    centre: Matrix
    shape_mean: Matrix
    shape_scale: Matrix

    @classmethod
    def fitted(cls, vectors: Matrix, shapes: Matrix) -> Space:
        """Make the space of these queries."""
        mean, scale = shapes.mean(axis=0), shapes.std(axis=0)
        # Outliers in form (a pasted log) would otherwise be nobody's neighbours.
        return cls(vectors.mean(axis=0), mean, np.where(scale > 1e-6, scale, 1.0).astype(np.float32))

    def points(self, vectors: Matrix, shapes: Matrix) -> Matrix:
        """Return the points of queries, as rows."""
        centred = vectors - self.centre
        lengths = np.linalg.norm(centred, axis=1, keepdims=True)
        unit = centred / np.where(lengths > 1e-9, lengths, 1.0)
        formed = np.clip((shapes - self.shape_mean) / self.shape_scale, -3, 3) * _SHAPE_WEIGHT
        return np.ascontiguousarray(np.hstack([unit, formed]), dtype=np.float32)


@dataclass(frozen=True)
class Neighbours:
    """Predict from the past.

    Args:
        points: one row for each past query.
        success: how each model (columns) did on it; NaN where it was not asked.
        cost: what that cost in dollars; NaN where unknown.
        count: how many neighbours count.
    """

    points: Matrix
    success: Matrix
    cost: Matrix
    count: int

    # Both are worked out once: a decision reads every row, and should read no more than that.

    @cached_property
    def _half_squares(self) -> Matrix:
        return np.asarray((self.points * self.points).sum(axis=1) / 2, dtype=np.float32)

    @cached_property
    def _means(self) -> tuple[Matrix, Matrix]:
        return _column_means(self.success), _column_means(self.cost)

    def nearness(self, points: Matrix) -> Matrix:
        """Return how near each row (columns) is to these points (rows); only its order has a meaning."""
        near: Matrix = points @ self.points.T
        near -= self._half_squares
        return near

    def predict(self, point: Matrix) -> tuple[Matrix, Matrix]:
        """Return the predicted success and cost of each model for one point; NaN where nothing is known."""
        # One product for each row, in this thread: a threaded product is twice as fast on an idle machine and
        # takes 10 ms and more on a busy one.
        near = np.vecdot(self.points, point) - self._half_squares
        count = min(self.count, len(near))
        chosen = np.argpartition(near, len(near) - count)[len(near) - count :]
        return self.over(chosen)

    def over(self, chosen: NDArray[np.intp]) -> tuple[Matrix, Matrix]:
        """Return the prediction from these rows; from each set of them where there are several."""
        success, cost = self._means
        return _drawn(self.success[chosen], success), _drawn(self.cost[chosen], cost)


def _column_means(values: Matrix) -> Matrix:
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)


def _drawn(values: Matrix, overall: Matrix) -> Matrix:
    """Return the means of the columns over the last axis but one, drawn towards the overall ones."""
    known = ~np.isnan(values)
    sums = np.where(known, values, 0.0).sum(axis=-2)
    drawn: Matrix = ((sums + _DRAW * overall) / (known.sum(axis=-2) + _DRAW)).astype(np.float32)
    return drawn
