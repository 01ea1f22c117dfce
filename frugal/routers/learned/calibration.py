"""Calibration: what a dollar is worth in success, so that the mean over traffic keeps its quality.

Law: every prediction that is judged here was made without the outcome it is judged by (cross-fitting),
and the expected quality and cost are those of a price on cost that was chosen on other queries than it is
judged on. The bar is on the mean over traffic: choosing for each query the cheapest model above a bar is
worse than mixing models at random on real outcomes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugal.routers.learned.neighbours import Matrix, Neighbours

__all__ = ["Expected", "Policy", "calibrated"]

_FOLDS = 5
_MOST_JUDGED = 3_000
"""Held-back queries that are judged; more change the third decimal and cost seconds."""

_CAUTION = 0.5
"""Standard errors by which held-back quality must lie above the bar. The highest price that just reaches it is
chosen by its luck as well: without caution, splits of the GSM8K outcomes kept 1 % less than was asked."""

_COUNTS = (16, 32, 64, 128, 256)
_GRID = 300


@dataclass(frozen=True, slots=True)
class Expected:
    """Say what a learned router expects of itself, measured on held-back outcomes.

    Args:
        quality: its mean success.
        cost: its mean cost of a query, in dollars.
        strongest: the model with the highest mean success.
        strongest_quality: that success.
        strongest_cost: its mean cost of a query, in dollars.
        shares: the share of queries that each model gets.
        held_back: how many held-back queries were judged.
        observed: the share of them where the outcome of the chosen model was known, not predicted.
    """

    quality: float
    cost: float
    strongest: str
    strongest_quality: float
    strongest_cost: float
    shares: dict[str, float]
    held_back: int
    observed: float

    @property
    def kept(self) -> float:
        """The share of the strongest model's quality that it keeps."""
        return self.quality / self.strongest_quality if self.strongest_quality else 1.0

    def __str__(self) -> str:
        saved = 1 - self.cost / self.strongest_cost if self.strongest_cost else 0.0
        return (
            f"expected quality {self.quality:.3f} ({self.kept:.1%} of {self.strongest}'s "
            f"{self.strongest_quality:.3f}) at ${self.cost:.6f} a query, {saved:.0%} less than "
            f"${self.strongest_cost:.6f}; from {self.held_back} held-back queries"
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold what calibration found.

    Args:
        neighbours: the past, with the number of neighbours that predicts best.
        price: λ, in success per dollar; `math.inf` for always the cheapest, `-1` for always the strongest.
        expected: what to expect of it.
    """

    neighbours: Neighbours
    price: float
    expected: Expected


ALWAYS_STRONGEST = -1.0
"""The price that stands for "no price on cost keeps the quality"."""


@dataclass(frozen=True, slots=True)
class _Judged:
    """Held-back queries: what was predicted of each model, and what came of it where it is known."""

    success: Matrix
    cost: Matrix
    true_success: Matrix
    true_cost: Matrix
    observed: NDArray[np.bool_]

    def part(self, rows: NDArray[np.intp]) -> _Judged:
        return _Judged(*(getattr(self, name)[rows] for name in self.__slots__))

    def outcome(self, chosen: NDArray[np.intp]) -> tuple[float, float]:
        rows = np.arange(len(chosen))
        return float(self.true_success[rows, chosen].mean()), float(self.true_cost[rows, chosen].mean())


def calibrated(past: Neighbours, names: tuple[str, ...], quality: float, seed: int = 0) -> Policy:
    """Choose the number of neighbours and the price on cost.

    Args:
        past: the outcomes; every model has some, and a cost for each.
        names: the models, in the order of the columns.
        quality: the share of the strongest model's success to keep.
        seed: of the folds.
    """
    generator = np.random.default_rng(seed)
    count, judged = _held_back(past, generator)
    strongest = int(np.nanargmax(np.nanmean(past.success, axis=0)))
    price = _price(judged, strongest, quality)
    halves = np.array_split(generator.permutation(len(judged.success)), 2)
    chosen = np.empty(len(judged.success), dtype=np.intp)
    for ours, others in (halves, halves[::-1]):
        chosen[ours] = _choices(judged.part(ours), _price(judged.part(others), strongest, quality), strongest)
    got, paid = judged.outcome(chosen)
    best, top = judged.outcome(np.full(len(chosen), strongest, dtype=np.intp))
    expected = Expected(
        quality=got,
        cost=paid,
        strongest=names[strongest],
        strongest_quality=best,
        strongest_cost=top,
        shares={name: float((chosen == at).mean()) for at, name in enumerate(names)},
        held_back=len(chosen),
        observed=float(judged.observed[np.arange(len(chosen)), chosen].mean()),
    )
    return Policy(replace(past, count=count), price, expected)


def _held_back(past: Neighbours, generator: np.random.Generator) -> tuple[int, _Judged]:
    """Predict every held-back query from the other folds; return the best number of neighbours too."""
    total = len(past.points)
    fold = generator.permutation(total) % _FOLDS
    rows = generator.permutation(total)[:_MOST_JUDGED]
    counts = [c for c in _COUNTS if c <= max(_COUNTS[0], total // 4)]
    success = {c: np.empty((len(rows), past.success.shape[1]), np.float32) for c in counts}
    cost = {c: np.empty_like(success[c]) for c in counts}
    for held in range(_FOLDS):
        kept = np.flatnonzero(fold != held)
        others = Neighbours(past.points[kept], past.success[kept], past.cost[kept], counts[-1])
        at = np.flatnonzero(fold[rows] == held)
        near = others.nearness(past.points[rows[at]])
        most = min(counts[-1], len(kept))
        top = np.argpartition(near, len(kept) - most, axis=1)[:, len(kept) - most :]
        order = np.take_along_axis(top, np.argsort(-np.take_along_axis(near, top, 1), axis=1), 1)
        for c in counts:
            success[c][at], cost[c][at] = others.over(order[:, :c])
    truth, paid = past.success[rows], past.cost[rows]
    # Of two that predict equally well, the larger number of neighbours is the steadier.
    best = min(counts, key=lambda c: (round(float(np.nanmean((success[c] - truth) ** 2)), 4), -c))
    known = ~np.isnan(truth)
    return best, _Judged(
        success[best],
        cost[best],
        np.where(known, truth, success[best]).astype(np.float32),
        np.where(np.isnan(paid), cost[best], paid).astype(np.float32),
        known,
    )


def _choices(judged: _Judged, price: float, strongest: int) -> NDArray[np.intp]:
    if price == ALWAYS_STRONGEST:
        return np.full(len(judged.success), strongest, dtype=np.intp)
    if math.isinf(price):
        return np.asarray(np.argmin(judged.cost, axis=1), dtype=np.intp)
    return np.asarray(np.argmax(judged.success - price * judged.cost, axis=1), dtype=np.intp)


def _price(judged: _Judged, strongest: int, quality: float) -> float:
    """Return the highest price on cost that keeps the quality, and below which every price does."""
    rows = np.arange(len(judged.success))
    bar = quality * judged.true_success[:, strongest].astype(np.float64)
    kept = ALWAYS_STRONGEST
    for price in _prices(judged):
        ahead = judged.true_success[rows, _choices(judged, price, strongest)] - bar
        if ahead.mean() < _CAUTION * ahead.std() / math.sqrt(len(rows)):
            break
        kept = price
    return kept


def _prices(judged: _Judged) -> list[float]:
    """Return the prices at which choices change, or a grid of them, from none to all that counts."""
    turns: list[NDArray[np.floating[Any]]] = []
    models = judged.success.shape[1]
    for one in range(models):
        for other in range(models):
            dearer = judged.cost[:, one] - judged.cost[:, other]
            better = judged.success[:, one] - judged.success[:, other]
            turns.append((better / np.where(dearer > 0, dearer, np.nan))[(dearer > 0) & (better > 0)])
    found = np.concatenate(turns) if turns else np.empty(0)
    if not len(found):
        return [0.0, math.inf]
    return [0.0, *np.quantile(found.astype(np.float64), np.linspace(0, 1, _GRID)).tolist(), math.inf]
