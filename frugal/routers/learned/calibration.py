"""Calibration: what a dollar is worth in success, so that the mean over traffic keeps its quality.

Law: what is judged here was foreseen without the outcome it is judged by, and a price on cost is taken only where,
with 95 % confidence, the mean over new traffic keeps the quality. Prices are tried from the lowest up, and the first
that fails is the end: in that order, one test each at 95 % bounds the risk of them all (fixed sequence testing;
Angelopoulos et al., "Learn then Test", arXiv 2110.01052). The bar is on the mean over traffic: choosing for each query
the cheapest model above a bar is worse than mixing models at random on real outcomes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugal.routers.learned.forecast import Forecast, Foreseen
from frugal.routers.learned.space import Matrix

__all__ = ["ALWAYS_STRONGEST", "LEAST_TOLD", "Expected", "HeldBack", "Policy", "above", "calibrated", "chosen_of"]

_CONFIDENT = 1.645
"""Standard errors by which held-back quality lies above the bar: one-sided 95 %."""

LEAST_TOLD = 4
"""Neighbours that must know a model before it is taken for a query, but for the strongest."""

_LEAST_ASKED = 0.05
"""The least likelihood that an outcome stands for: one in a hundred would count a hundredfold."""

_LEAST_SHARED = 20
"""Queries on which all models are known well enough to tell which is the strongest."""

_GRID = 300

_APART = 1e-4
"""How far apart two prices must lie, as a share, for one between them: about a thousand times what rounding does."""

ALWAYS_STRONGEST = -1.0
"""The price that stands for "no price on cost keeps the quality"."""


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
        forecast: what is foreseen of a query.
        price: λ, in success per dollar; `math.inf` for always the cheapest, `ALWAYS_STRONGEST` for that.
        expected: what to expect of it.
    """

    forecast: Forecast
    price: float
    expected: Expected


@dataclass(frozen=True)
class HeldBack:
    """Hold what was foreseen of held-back queries (rows) with each model (columns), and what came of it.

    Args:
        foreseen: what was foreseen.
        success: what came of it; NaN where the model was not asked.
        cost: what that cost in dollars; NaN where unknown.
        asked: how likely it was that a query like it was asked of the model; 1 where all were.
        fold: in which fold each query is.
    """

    foreseen: Foreseen
    success: Matrix
    cost: Matrix
    asked: Matrix
    fold: NDArray[np.intp]

    @property
    def worth(self) -> NDArray[np.float64]:
        """An unbiased value of each model's success on each query, known or not.

        What was foreseen, put right by the known outcomes, each of which stands for the queries like it that were asked
        of other models (doubly robust: Dudík, Langford and Li, arXiv 1103.4601). Known for every model, it is the
        outcome itself. What was foreseen alone would flatter whatever is chosen for being foreseen well.
        """
        known = ~np.isnan(self.success)
        foreseen = self.foreseen.success.astype(np.float64)
        missed = np.where(known, self.success, foreseen) - foreseen
        return np.asarray(foreseen + missed / np.maximum(self.asked, _LEAST_ASKED), np.float64)

    @property
    def paid(self) -> Matrix:
        """The cost of each model on each query; what was foreseen where it is not known."""
        return np.where(np.isnan(self.cost), self.foreseen.cost, self.cost)

    @property
    def told(self) -> NDArray[np.bool_]:
        """Whether enough neighbours know the model."""
        return np.asarray(self.foreseen.told >= LEAST_TOLD)


def calibrated(forecast: Forecast, held: HeldBack, names: Sequence[str], quality: float) -> Policy:
    """Choose the price on cost.

    Args:
        forecast: what the held-back queries were foreseen by.
        held: the held-back queries.
        names: the models, in the order of the columns.
        quality: the share of the strongest model's success to keep.
    """
    strongest, overlap = _strongest(held)
    worth, paid = held.worth, held.paid
    rows = np.arange(len(worth))
    prices = [ALWAYS_STRONGEST, *(_prices(held.foreseen) if overlap else ())]
    choices = np.array([chosen_of(held.foreseen, price, strongest) for price in prices])
    ahead = worth[rows, choices] - quality * worth[:, strongest]
    chosen = np.empty(len(worth), dtype=np.intp)
    # What to expect is measured on queries that had no say in the price.
    for fold in np.unique(held.fold):
        ours = held.fold == fold
        chosen[ours] = choices[_last(ahead[:, ~ours], -quality)][ours]
    expected = Expected(
        quality=float(np.clip(worth[rows, chosen].mean(), 0, 1)),
        cost=float(paid[rows, chosen].mean()),
        strongest=names[strongest],
        strongest_quality=float(np.clip(worth[:, strongest].mean(), 0, 1)),
        strongest_cost=float(paid[:, strongest].mean()),
        shares={name: float((chosen == at).mean()) for at, name in enumerate(names)},
        held_back=len(chosen),
        observed=float((~np.isnan(held.success))[rows, chosen].mean()),
    )
    return Policy(forecast, prices[_last(ahead, -quality)], expected)


def _strongest(held: HeldBack) -> tuple[int, bool]:
    """Return the strongest model, and whether the models were asked alike queries.

    Where each was asked its own kind of query (the hard ones of the one, the easy ones of the other), their means
    compare the queries rather than the models; the dearest passes for the strongest then, and is always taken.
    """
    shared = held.told.all(axis=1)
    if shared.sum() < _LEAST_SHARED:
        return int(np.argmax(held.paid.mean(axis=0))), False
    return int(np.argmax(held.worth[shared].mean(axis=0))), True


def chosen_of(foreseen: Foreseen, price: float, strongest: int) -> NDArray[np.intp]:
    """Return the model (a column) that is taken for each query.

    Args:
        foreseen: what is foreseen of the queries.
        price: λ, as in a `Policy`.
        strongest: the strongest model; it alone may be taken where few neighbours know it.
    """
    if price == ALWAYS_STRONGEST:
        return np.full(len(foreseen.success), strongest, dtype=np.intp)
    cost = foreseen.cost.astype(np.float64)
    scores = -cost if math.isinf(price) else foreseen.success - price * cost
    may = foreseen.told >= LEAST_TOLD
    may[:, strongest] = True
    return np.asarray(np.argmax(np.where(may, scores, -np.inf), axis=1), dtype=np.intp)


def _last(ahead: NDArray[np.float64], worst: float) -> int:
    """Return the last price (a row) up to which every one keeps the quality; the first row needs no proof."""
    fails = np.flatnonzero(~above(ahead[1:], worst))
    return int(fails[0]) if len(fails) else len(ahead) - 1


def above(ahead: NDArray[np.float64], worst: float) -> NDArray[np.bool_]:
    """Return whether the mean of each row is above 0 with 95 % confidence.

    As if one more query had come out at the worst: twenty that all went well are no proof that one in thirty does not
    go wrong, and have no spread to say so.
    """
    count = ahead.shape[-1] + 1
    mean = (ahead.sum(axis=-1) + worst) / count
    spread = ((ahead * ahead).sum(axis=-1) + worst * worst) / count - mean * mean
    return np.asarray(mean >= _CONFIDENT * np.sqrt(np.maximum(spread, 0) / count))


def _prices(foreseen: Foreseen) -> list[float]:
    """Return prices between those at which choices change, from none to all that counts.

    Never one at which a choice changes: there the last bit of a sum would decide for all queries that are alike.
    """
    success, cost = foreseen.success.astype(np.float64), foreseen.cost.astype(np.float64)
    turns: list[NDArray[Any]] = []
    models = success.shape[1]
    for one in range(models):
        for other in range(models):
            dearer, better = cost[:, one] - cost[:, other], success[:, one] - success[:, other]
            counts = (dearer > 0) & (better > 0)
            turns.append(better[counts] / dearer[counts])
    found = np.sort(np.concatenate(turns))
    apart = np.flatnonzero(np.diff(found) > _APART * found[1:])
    if len(apart) > _GRID:
        apart = apart[np.linspace(0, len(apart) - 1, _GRID).round().astype(int)]
    return [0.0, *((found[apart] + found[apart + 1]) / 2).tolist(), math.inf]
