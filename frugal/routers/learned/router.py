"""The learned router: past queries with known outcomes say which model will do.

Law: it picks the eligible model with the best predicted success less λ times cost, λ being what keeps
`quality` as a mean over traffic. When it cannot embed a query it takes the strongest model, and says so.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from frugal._values.routing import Decision, Model, PriceOf, Request
from frugal.errors import EmbeddingError
from frugal.routers.constraints import Pruned, decided, fallback, prune
from frugal.routers.demand import cost_of
from frugal.routers.learned.calibration import ALWAYS_STRONGEST, Expected
from frugal.routers.learned.knowledge import Knowledge, gathered, loaded, saved
from frugal.routers.learned.neighbours import LONGEST, Matrix, shape_of
from frugal.routers.learned.rows import read

__all__ = ["Learned", "learned"]

_log = logging.getLogger("frugal")

_CHUNK = 512
"""Texts that are embedded in one go while fitting."""


@dataclass(frozen=True)
class Learned:
    """Route by past outcomes; made by `learned`, and of use after `fit`."""

    models: tuple[str | Model, ...]
    quality: float
    embed: Any = None
    knowledge: Knowledge | None = field(default=None, repr=False, compare=False)

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
            price_of: prices a usage, for models of which no row has a cost.

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
            price_of=price_of,
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
            ValueError: the file is not one of ours, of other models, or of another embedder.
            OSError: it cannot be read.
        """
        knowledge = loaded(path)
        names = tuple(Model.of(model).name for model in self.models)
        if knowledge.names != names:
            raise ValueError(f"{os.fspath(path)!r} is about {knowledge.names}, not {names}; name the same models.")
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
        pruned = prune(self.models, request, priced=True)
        names = [name for name in knowledge.names if name in pruned.eligible]
        if not names:
            if pruned.eligible:
                return decided(pruned, next(iter(pruned.eligible)), "learned: only choice left")
            return fallback(request, pruned.candidates)
        try:
            point = await self._point(knowledge, request.text)
        except EmbeddingError as error:
            _log.warning("learned router takes the strongest model, for it cannot embed the query: %s", error)
            return decided(pruned, _strongest(knowledge, names), "learned: strongest, the query has no vector")
        return _decide(knowledge, pruned, names, point, request)

    async def predicted(self, text: str) -> dict[str, float]:
        """Return the predicted success of each model on a query.

        Raises:
            EmbeddingError: the query cannot be embedded.
            RuntimeError: the router was not fitted.
        """
        knowledge = self._fitted()
        success, _ = knowledge.policy.neighbours.predict(await self._point(knowledge, text))
        return dict(zip(knowledge.names, map(float, success), strict=True))

    async def _point(self, knowledge: Knowledge, text: str) -> Matrix:
        text = text[:LONGEST]
        if not text.strip():
            raise EmbeddingError(_name(self.embed), "the query is empty")
        vector = await _embedded(self.embed, [text])
        if vector.shape[1] != len(knowledge.space.centre):
            raise EmbeddingError(_name(self.embed), f"{vector.shape[1]} numbers, other than when it was fitted")
        row: Matrix = knowledge.space.points(vector, np.array([shape_of(text)], dtype=np.float32))[0]
        return row

    def _fitted(self) -> Knowledge:
        if self.knowledge is None:
            raise RuntimeError("this learned router has not learned yet; call fit() with outcomes, or load().")
        return self.knowledge

    def _embed_now(self, texts: list[str]) -> Matrix:
        """Embed from sync code, whether or not a loop runs in this thread."""
        if self.embed is None:
            raise TypeError("learned() needs embed=: a function of a list of texts, or frugal[semantic].")

        async def all_of_them() -> Matrix:
            chunks = (texts[at : at + _CHUNK] for at in range(0, len(texts), _CHUNK))
            return np.vstack([await _embedded(self.embed, chunk) for chunk in chunks])

        return _run(all_of_them())


def _decide(knowledge: Knowledge, pruned: Pruned, names: Sequence[str], point: Matrix, request: Request) -> Decision:
    price = knowledge.policy.price
    success, cost = knowledge.policy.neighbours.predict(point)
    at = {name: knowledge.names.index(name) for name in names}
    costs = {name: _cost(knowledge, pruned, name, float(cost[at[name]]), request) for name in names}
    if price == ALWAYS_STRONGEST:
        choice = _strongest(knowledge, names)
        scores = {name: float(success[at[name]]) for name in names}
        return decided(pruned, choice, "learned: strongest, no mixture keeps the quality", scores)
    if np.isinf(price):
        scores = {name: -costs[name] for name in names}
    else:
        scores = {name: float(success[at[name]]) - price * costs[name] for name in names}
    choice = max(names, key=lambda name: (scores[name], -costs[name]))
    told = ", ".join(f"{name} {float(success[at[name]]):.2f}" for name in names)
    return decided(pruned, choice, f"learned: predicted success {told}, less {price:.4g} a dollar", scores)


def _cost(knowledge: Knowledge, pruned: Pruned, name: str, learned_cost: float, request: Request) -> float:
    """Return what to expect to pay: as the rows say, else by price; less what a warm prompt cache saves."""
    priced = pruned.eligible[name].cost
    if not knowledge.costs_known:
        return float(priced) if priced is not None else learned_cost
    if not request.cached_tokens or priced is None:
        return learned_cost
    cold = cost_of(replace(request, cached_tokens=0), name)
    return learned_cost if cold is None else max(0.0, learned_cost + float(priced) - float(cold))


def _strongest(knowledge: Knowledge, names: Sequence[str]) -> str:
    expected = knowledge.policy.expected
    if expected.strongest in names:
        return expected.strongest
    means = np.nanmean(knowledge.policy.neighbours.success, axis=0)
    return max(names, key=lambda name: float(means[knowledge.names.index(name)]))


async def _embedded(embed: Any, texts: list[str]) -> Matrix:
    """Embed with a port's embedder or a plain function, and check what comes back.

    Raises:
        EmbeddingError: it failed, or gave no usable vectors.
    """
    try:
        if hasattr(embed, "embed"):
            given = await embed.embed(texts)
        elif inspect.iscoroutinefunction(embed):
            given = await embed(texts)
        else:
            # It may compute for long, so it does not run on the loop.
            given = await asyncio.to_thread(embed, texts)
            given = await given if inspect.isawaitable(given) else given
        rows = np.asarray(given, dtype=np.float32)
    except EmbeddingError:
        raise
    except Exception as error:
        raise EmbeddingError(_name(embed), f"it raised {type(error).__name__}: {error}") from error
    if rows.ndim != 2 or len(rows) != len(texts) or not rows.shape[1] or not np.isfinite(rows).all():
        raise EmbeddingError(_name(embed), f"{len(texts)} texts gave an array of shape {rows.shape}")
    return rows


def _name(embed: Any) -> str:
    return str(getattr(embed, "identity", None) or getattr(embed, "__qualname__", type(embed).__qualname__))


def _run(work: Coroutine[Any, Any, Matrix]) -> Matrix:
    """Run a coroutine to its end from sync code; in a thread of its own where this one has a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    ended: list[Matrix | BaseException] = []

    def run() -> None:
        try:
            ended.append(asyncio.run(work))
        except BaseException as error:  # It is raised again below.
            ended.append(error)

    thread = threading.Thread(target=run, name="frugal-fit")
    thread.start()
    thread.join()
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def learned(
    models: Iterable[str | Model],
    *,
    quality: float,
    embed: Callable[[list[str]], Any] | Any = None,
) -> Learned:
    """Route by past queries with known outcomes.

    Args:
        models: the models; the outcomes say which is the strongest.
        quality: the share of the strongest model's success to keep as a mean over traffic, above 0 to 1.
        embed: turns a list of texts into vectors, sync or async, or an `Embedder`.

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
    return Learned(held, float(quality), embed)
