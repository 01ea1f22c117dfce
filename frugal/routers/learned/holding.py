"""Holding back: foresee every known query from the others, in the ways there are, and keep the best way.

Law: no query is foreseen with its own fold's outcomes. Ways are told apart by their squared error alone; what a way
does to cost or quality has no say, so the price on cost is not chosen twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

from frugal.routers.learned.calibration import HeldBack
from frugal.routers.learned.forecast import Forecast, Foreseen, blend
from frugal.routers.learned.line import Lines
from frugal.routers.learned.neighbours import Near, Past
from frugal.routers.learned.space import Matrix

__all__ = ["held_back", "parted"]

_FOLDS = 20
"""A query is foreseen from all but one in so many of the others."""

_MOST_JUDGED = 3_000
"""Held-back queries that are judged; more change the third decimal and cost seconds."""

_COUNTS = (16, 32, 64, 128, 256)
_PENALTIES = (10.0, 30.0, 100.0)
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


def parted(points: Matrix, success: Matrix, cost: Matrix, seed: int = 0) -> Past:
    """Return the past, put into folds by chance."""
    order = np.random.default_rng(seed).permutation(len(points))
    starts = np.linspace(0, len(points), _FOLDS + 1).round().astype(int)
    return Past(points[order], success[order], cost[order], tuple(starts.tolist()))


def held_back(past: Past) -> tuple[Forecast, HeldBack]:
    """Return the best way to foresee, and what it foresaw of held-back queries."""
    judged = _Judged(past)
    success = past.success[judged.rows]
    near = judged.near([c for c in _COUNTS if c <= max(_COUNTS[0], len(past.points) // 4)])
    lines = Lines.fitted(past, past.success, _PENALTIES)
    count, at, share, found = _best(
        success, {c: one.success for c, one in near.items()}, list(map(judged.along, lines))
    )
    known = (~np.isnan(past.success)).astype(np.float32)
    asked = np.ones_like(success)
    if not known.all():
        along = [judged.along(line) for line in Lines.fitted(past, known, _PENALTIES)]
        asked = _best(known[judged.rows], {c: one.part for c, one in near.items()}, along)[-1]
    foreseen = Foreseen(found, near[count].cost, near[count].told)
    held = HeldBack(foreseen, success, past.cost[judged.rows], asked, judged.fold)
    return Forecast(past, lines[at], count, share), held


class _Judged:
    """Foresee the queries that are judged, fold by fold."""

    def __init__(self, past: Past) -> None:
        self.past = past
        most = -(-_MOST_JUDGED // past.folds)
        # The rows of a fold lie in the order of chance, so the first of them are as good as any.
        each = [np.arange(past.starts[f], min(past.starts[f + 1], past.starts[f] + most)) for f in range(past.folds)]
        self.rows: NDArray[np.intp] = np.concatenate(each)
        self.fold: NDArray[np.intp] = np.repeat(np.arange(past.folds), [len(rows) for rows in each])
        self._each = each

    def near(self, counts: Sequence[int]) -> dict[int, Near]:
        """Return what so many neighbours say, for each number of neighbours."""
        past = self.past
        found = [past.over(past.nearness(past.points[r], f), counts, f) for f, r in enumerate(self._each) if len(r)]
        return {c: _joined([one[c] for one in found]) for c in counts}

    def along(self, lines: Lines) -> Matrix:
        """Return what lines say."""
        return np.concatenate([lines.at(self.past.points[rows], fold) for fold, rows in enumerate(self._each)])


def _joined(found: Sequence[Near]) -> Near:
    each: Callable[[str], Matrix] = lambda name: np.concatenate([getattr(one, name) for one in found])  # noqa: E731
    return Near(each("success"), each("cost"), each("told"), each("part"))


def _best(truth: Matrix, near: dict[int, Matrix], along: Sequence[Matrix]) -> tuple[int, int, float, Matrix]:
    """Return the number of neighbours, the lines and their share that foresee best, and what they foresaw."""

    def error(way: tuple[int, int, float]) -> tuple[float, int]:
        count, line, share = way
        missed = float(np.nanmean((blend(near[count], along[line], share) - truth) ** 2))
        # Of two that foresee equally well, the larger number of neighbours is the steadier.
        return round(missed, 4), -count

    count, line, share = min(product(near, range(len(along)), _SHARES), key=error)
    return count, line, share, blend(near[count], along[line], share)
