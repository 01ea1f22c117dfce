"""Knowledge: what a learned router knows, made from rows.

Law: a query counts once, however many rows tell of it; what no row tells of a cost is asked of the prices.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from frugal._values.routing import PriceOf
from frugal._values.usage import Usage
from frugal.routers.learned.calibration import Policy, calibrated
from frugal.routers.learned.form import LONGEST, form_of
from frugal.routers.learned.holding import held_back, parted
from frugal.routers.learned.rows import Row
from frugal.routers.learned.space import Matrix, Space

__all__ = ["Knowledge", "gathered"]

_log = logging.getLogger("frugal")

LEAST_QUERIES = 20
"""Queries below which a calibration says nothing."""

_TYPICAL_OUTPUT = 500
"""Output tokens of a past call of which only the text is known; the source's number."""


@dataclass(frozen=True)
class Knowledge:
    """Hold what was learned.

    Args:
        names: the models, in the order of the columns.
        space: how a query becomes a point.
        policy: what is foreseen of a query, and the price on cost.
        quality: the share of the strongest model's success that it was told to keep.
        identity: the embedder's, `""` when it has none.
    """

    names: tuple[str, ...]
    space: Space
    policy: Policy
    quality: float
    identity: str


def gathered(
    rows: Iterable[Row],
    names: Sequence[str],
    *,
    quality: float,
    embed: Callable[[list[str]], Matrix],
    identity: str,
    price_of: PriceOf | None,
) -> Knowledge:
    """Learn from rows.

    Args:
        rows: the outcomes; those of other models are left out, with a log line.
        names: the models.
        quality: the share of the strongest model's success to keep.
        embed: turns texts into vectors.
        identity: the embedder's.
        price_of: prices a usage, for rows without a cost.

    Raises:
        ValueError: there are too few queries, a model has no outcome, or its cost is nowhere to be found.
    """
    table = _Table(names)
    for row in rows:
        table.add(row)
    table.check()
    success, cost = table.means()
    _price(cost, names, table.texts, price_of)
    vectors = _embedded(table, embed)
    forms = np.array([form_of(text) for text in table.texts], dtype=np.float32)
    space = Space.fitted(vectors, forms)
    forecast, held = held_back(parted(space.points(vectors, forms), success, cost))
    return Knowledge(tuple(names), space, calibrated(forecast, held, names, quality), quality, identity)


class _Table:
    """Collect rows by query; two outcomes of one model for one query are averaged."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.texts: list[str] = []
        self.vectors: list[tuple[float, ...] | None] = []
        self._at: dict[object, int] = {}
        self._found: list[dict[int, list[tuple[float, float | None]]]] = []
        self._left_out: dict[str, int] = {}

    def add(self, row: Row) -> None:
        if row.model not in self.names:
            self._left_out[row.model] = self._left_out.get(row.model, 0) + 1
            return
        key: object = row.vector if row.vector is not None else row.query
        at = self._at.setdefault(key, len(self.texts))
        if at == len(self.texts):
            self.texts.append(row.query)
            self.vectors.append(row.vector)
            self._found.append({})
        self._found[at].setdefault(self.names.index(row.model), []).append((row.success, row.cost))

    def check(self) -> None:
        if self._left_out:
            _log.info("learned router left out rows of models that it does not route to: %s", self._left_out)
        if len(self.texts) < LEAST_QUERIES:
            raise ValueError(f"{len(self.texts)} queries are too few to learn from; give {LEAST_QUERIES} or more.")
        for column, name in enumerate(self.names):
            if not any(column in found for found in self._found):
                raise ValueError(f"no row tells of model {name!r}; give outcomes for it, or leave it out.")

    def means(self) -> tuple[Matrix, Matrix]:
        success = np.full((len(self.texts), len(self.names)), np.nan, dtype=np.float32)
        cost = success.copy()
        for at, found in enumerate(self._found):
            for column, outcomes in found.items():
                success[at, column] = sum(s for s, _ in outcomes) / len(outcomes)
                paid = [c for _, c in outcomes if c is not None]
                if paid:
                    cost[at, column] = sum(paid) / len(paid)
        return success, cost


def _price(cost: Matrix, names: Sequence[str], texts: Sequence[str], price_of: PriceOf | None) -> None:
    """Fill in by price what the rows do not say, for the models of which no row does."""
    for column, name in enumerate(names):
        if not np.isnan(cost[:, column]).all():
            continue
        for at, text in enumerate(texts):
            usage = Usage(input_tokens=max(1, len(text.encode()) // 4), output_tokens=_TYPICAL_OUTPUT)
            price = price_of(name, usage) if price_of is not None else None
            if price is None:
                raise ValueError(f"what {name!r} costs is not known; give the rows a cost, or fit(price_of=).")
            cost[at, column] = float(price)


def _embedded(table: _Table, embed: Callable[[list[str]], Matrix]) -> Matrix:
    missing = [at for at, vector in enumerate(table.vectors) if vector is None]
    got = embed([table.texts[at][:LONGEST] for at in missing]) if missing else None
    widths = {len(vector) for vector in table.vectors if vector is not None}
    widths |= {int(got.shape[1])} if got is not None else set()
    if len(widths) != 1:
        raise ValueError(f"vectors of {sorted(widths)} numbers cannot be compared; embed all rows alike.")
    vectors = np.empty((len(table.texts), widths.pop()), dtype=np.float32)
    for at, vector in enumerate(table.vectors):
        if vector is not None:
            vectors[at] = vector
    if got is not None:
        vectors[missing] = got
    return vectors
