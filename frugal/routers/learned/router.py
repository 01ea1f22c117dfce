"""The learned router: past queries with known outcomes say which model will do.

Law: it picks the eligible model with the best predicted success less λ times cost, λ being what keeps
`quality` as a mean over traffic. When it cannot embed a query it takes the strongest model, and says so.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from frugal._values.routing import Decision, Model, PriceOf, Request
from frugal._values.spelling import spelt
from frugal.errors import EmbeddingError
from frugal.routers.constraints import Pruned, prune
from frugal.routers.deciding import decided, fallback
from frugal.routers.demand import cost_of
from frugal.routers.learned.calibration import ALWAYS_STRONGEST, LEAST_TOLD, Expected
from frugal.routers.learned.embedding import embedded, embedded_now, name_of
from frugal.routers.learned.files import loaded, saved
from frugal.routers.learned.forecast import Foreseen
from frugal.routers.learned.form import LONGEST, form_of
from frugal.routers.learned.knowledge import Knowledge, gathered
from frugal.routers.learned.rows import read
from frugal.routers.learned.space import Matrix

__all__ = ["Learned", "learned"]

_log = logging.getLogger("frugal")


@dataclass(frozen=True, repr=False)
class Learned:
    """Route by past outcomes; made by `learned`, and of use after `fit`."""

    models: tuple[str | Model, ...]
    quality: float
    embed: Any = None
    knowledge: Knowledge | None = field(default=None, repr=False, compare=False)
    price_of: PriceOf | None = field(default=None, repr=False, compare=False)

    def __repr__(self) -> str:
        return spelt("learned", self.models, quality=self.quality)

    @property
    def expected(self) -> Expected:
        """What it expects of itself: quality, cost and shares, measured on held-back outcomes.

        Raises:
            RuntimeError: it was not fitted.
        """
        return self._fitted().policy.expected

    def with_embedder(self, embed: Any) -> Learned:
        """Return this router with another embedder; one that was fitted must be given the same kind."""
        return replace(self, embed=embed)

    def fit(self, source: Any, *, price_of: PriceOf | None = None) -> Learned:
        """Learn from past outcomes.

        Args:
            source: a path to CSV or JSON Lines (`.gz` too), rows, or a ledger: `query, model, success` (true or
                false, or 0 to 1) and, where it is known, `cost` in dollars, which wins over the price table.
            price_of: prices a usage, for models of which no row has a cost; by default the price table.

        Returns:
            A router that knows.

        Raises:
            ValueError: a row cannot be read, there are too few, or a model's outcomes or costs are missing.
            TypeError: there is no embedder, or the source is not one.
            EmbeddingError: the embedder failed.
            OSError: the file cannot be read.
        """
        names = [Model.of(model).name for model in self.models]
        knowledge = gathered(
            read(source),
            names,
            quality=self.quality,
            embed=self._embed_now,
            identity=str(getattr(self.embed, "identity", "")),
            price_of=price_of or self.price_of,
        )
        return replace(self, knowledge=knowledge)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write what was learned to a file of numbers.

        Raises:
            RuntimeError: it was not fitted.
            OSError: the file cannot be written.
        """
        saved(self._fitted(), path)

    def load(self, path: str | os.PathLike[str]) -> Learned:
        """Return this router with what `save` wrote.

        Raises:
            ValueError: the file is not one of ours, of other models, of another quality, or of another embedder.
            OSError: it cannot be read.
        """
        knowledge = loaded(path)
        names = tuple(Model.of(model).name for model in self.models)
        if knowledge.names != names:
            raise ValueError(f"{os.fspath(path)!r} is about {knowledge.names}, not {names}; name the same models.")
        if knowledge.quality != self.quality:
            raise ValueError(f"{os.fspath(path)!r} keeps {knowledge.quality}, not {self.quality}; fit anew.")
        identity = str(getattr(self.embed, "identity", ""))
        if identity and knowledge.identity and identity != knowledge.identity:
            raise ValueError(f"it was learned with {knowledge.identity!r}, not {identity!r}; fit anew.")
        return replace(self, knowledge=knowledge)

    async def __call__(self, request: Request) -> Decision:
        """Choose.

        Raises:
            NoEligibleModelError: every model is excluded, and there is no default.
            RuntimeError: it was not fitted.
        """
        knowledge = self._fitted()
        pruned = prune(self.models, request)
        names = [name for name in knowledge.names if name in pruned.eligible]
        if not names:
            if pruned.eligible:
                return decided(pruned, next(iter(pruned.eligible)), "learned: only choice left")
            return fallback(request, pruned.candidates)
        try:
            foreseen = await self._foreseen(knowledge, request.text)
        except EmbeddingError as error:
            _log.warning("learned router takes the strongest model, for it cannot embed the query: %s", error)
            return decided(pruned, _strongest(knowledge, names), "learned: strongest, the query has no vector")
        return _decide(knowledge, pruned, names, foreseen, request)

    async def predicted(self, text: str) -> dict[str, float]:
        """Return the predicted success of each model on a query.

        Raises:
            EmbeddingError: the query cannot be embedded.
            RuntimeError: the router was not fitted.
        """
        knowledge = self._fitted()
        foreseen = await self._foreseen(knowledge, text)
        return dict(zip(knowledge.names, map(float, foreseen.success[0]), strict=True))

    async def _foreseen(self, knowledge: Knowledge, text: str) -> Foreseen:
        text = text[:LONGEST]
        if not text.strip():
            raise EmbeddingError(name_of(self.embed), "the query is empty")
        vector = await embedded(self.embed, [text])
        if vector.shape[1] != len(knowledge.space.centre):
            raise EmbeddingError(name_of(self.embed), f"{vector.shape[1]} numbers, other than when it was fitted")
        point = knowledge.space.points(vector, np.array([form_of(text)], dtype=np.float32))
        forecast = knowledge.policy.forecast
        return forecast.at(point, forecast.fold_of(text))

    def _fitted(self) -> Knowledge:
        if self.knowledge is None:
            raise RuntimeError("this learned router has not learned yet; call fit() with outcomes, or load().")
        return self.knowledge

    def _embed_now(self, texts: list[str]) -> Matrix:
        if self.embed is None:
            raise TypeError("learned() needs embed=: a function of a list of texts, or frugal[semantic].")
        return embedded_now(self.embed, texts)


def _decide(
    knowledge: Knowledge, pruned: Pruned, names: Sequence[str], foreseen: Foreseen, request: Request
) -> Decision:
    price = knowledge.policy.price
    at = {name: knowledge.names.index(name) for name in names}
    success = {name: float(foreseen.success[0, at[name]]) for name in names}
    strongest = _strongest(knowledge, names)
    if price == ALWAYS_STRONGEST:
        return decided(pruned, strongest, "learned: strongest, no mixture keeps the quality", success)
    costs = {name: _cost(pruned, name, float(foreseen.cost[0, at[name]]), request) for name in names}
    if np.isinf(price):
        scores = {name: -costs[name] for name in names}
    else:
        scores = {name: success[name] - price * costs[name] for name in names}
    known = [name for name in names if foreseen.told[0, at[name]] >= LEAST_TOLD or name == strongest]
    choice = max(known, key=lambda name: (scores[name], -costs[name]))
    told = ", ".join(f"{name} {success[name]:.2f}" for name in names)
    reason = f"learned: predicted success {told}, less {price:.4g} a dollar"
    if len(known) < len(names):
        reason += f"; too little known on queries like it of {', '.join(name for name in names if name not in known)}"
    return decided(pruned, choice, reason, scores)


def _cost(pruned: Pruned, name: str, usual: float, request: Request) -> float:
    """Return what to expect to pay: what queries like it cost, less the part that a warm prompt cache saves.

    What this request would cost by its own tokens is not asked: where all requests became longer, the price on cost
    would give up quality that was promised.
    """
    warm = pruned.eligible[name].cost
    if not request.cached_tokens or warm is None:
        return usual
    cold = cost_of(replace(request, cached_tokens=0), name)
    return usual * warm.pico / cold.pico if cold is not None and cold.pico else usual


def _strongest(knowledge: Knowledge, names: Sequence[str]) -> str:
    expected = knowledge.policy.expected
    if expected.strongest in names:
        return expected.strongest
    means = np.nanmean(knowledge.policy.forecast.past.success, axis=0)
    return max(names, key=lambda name: float(means[knowledge.names.index(name)]))


def learned(
    models: Iterable[str | Model],
    *,
    quality: float,
    embed: Callable[[list[str]], Any] | Any = None,
    price_of: PriceOf | None = None,
) -> Learned:
    """Route by past queries with known outcomes.

    Args:
        models: the models; the outcomes say which is the strongest.
        quality: the share of the strongest model's success to keep as a mean over traffic, above 0 to 1.
        embed: turns a list of texts into vectors, sync or async, or an `Embedder`.
        price_of: prices a usage while learning, where outcomes say no cost.

    Returns:
        A router to be given outcomes: `learned(...).fit(path)`.

    Raises:
        TypeError: `models` is a single name, or `embed` cannot be called.
        ValueError: there are fewer than two models, one comes twice, or the quality is out of range.

    >>> rows = [{"query": f"add {n} and {n}", "model": m, "success": m == "large" or n % 2, "cost": c}
    ...         for n in range(40) for m, c in (("small", 0.001), ("large", 0.01))]
    >>> route = learned(["small", "large"], quality=0.5, embed=lambda texts: [[1.0, len(t)] for t in texts])
    >>> route.fit(rows).expected.strongest
    'large'
    """
    if isinstance(models, (str, Model, Mapping)):
        raise TypeError(f"learned() was given {models!r}; give a list of models.")
    held = tuple(models)
    names = [Model.of(model).name for model in held]
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"learned() has the models {names}; give two or more, each once.")
    if isinstance(quality, bool) or not isinstance(quality, (int, float)) or not 0 < quality <= 1:
        raise ValueError(f"quality= is {quality!r}; it is a share of the strongest model's, above 0 to 1.")
    if embed is not None and not callable(embed) and not hasattr(embed, "embed"):
        raise TypeError(f"embed= is {embed!r}; give a function of a list of texts.")
    return Learned(held, float(quality), embed, price_of=price_of)
