"""The adaptive router: it learns from outcomes which model serves which kind of task best.

Law: a decision is a function of the state, the seed and the request, so a dry run shows what the call
would do, and nothing but outcomes changes what is known. What it cannot read of its state it logs, and
starts without.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from frugal._values.routing import Cell, Decision, Model, Outcome, Request
from frugal._values.spelling import spelt
from frugal.routers.adaptive.standing import Objective, View, choose, success_and_satisfaction, view
from frugal.routers.adaptive.state import MEMORY, MemoryState, RouterState, cells, heard, recorded, task_name
from frugal.routers.constraints import prune
from frugal.routers.deciding import decided, fallback
from frugal.routers.facts import resolved

__all__ = ["Adaptive", "adaptive"]

_log = logging.getLogger("frugal")

EXPLORE = 0.03
"""The share of requests that always explores. With it and the memory of 200 outcomes, a stream of 1,319 real
questions was served within 3 % of the better model, and the better model found again after a swap (benchmarks)."""

_MOST_TOLD = 100
"""Different faults of a state that are logged."""

LEAST_MEMORY = 20
"""A shorter memory never holds the ten observations of two models."""

_ANY = "any"
"""The task of a router that tells none apart."""


@dataclass(frozen=True, repr=False)
class Adaptive:
    """Learn which model is best for which kind of task; made by `adaptive`."""

    models: tuple[str | Model, ...]
    base: str
    task_type: Callable[[Request], Any] | None = None
    objective: Objective = success_and_satisfaction
    seed: int | None = None
    explore: float = EXPLORE
    memory: int = MEMORY
    state: RouterState = field(default_factory=MemoryState, compare=False)
    _salt: int = field(default_factory=lambda: secrets.randbits(64), repr=False, compare=False)
    _told: set[str] = field(default_factory=set, repr=False, compare=False)

    def __repr__(self) -> str:
        return spelt(
            "adaptive",
            self.models,
            base=None if self.base == Model.of(self.models[0]).name else self.base,
            task_type=self.task_type,
            objective=None if self.objective is success_and_satisfaction else self.objective,
            seed=self.seed,
            explore=None if self.explore == EXPLORE else self.explore,
            memory=None if self.memory == MEMORY else self.memory,
        )

    def bound(self, state: RouterState) -> Adaptive:
        """Return this router with its knowledge kept elsewhere."""
        return replace(self, state=state)

    async def ready(self) -> None:
        """Have what is known at hand, where the state has to be read from somewhere slow."""
        ready = getattr(self.state, "ready", None)
        if ready is not None:
            await ready()

    def __call__(self, request: Request) -> Decision | Awaitable[Decision]:
        """Choose; awaitable when `task_type` is async.

        Raises:
            NoEligibleModelError: every model is excluded, and there is no default.
            ValueError: the objective gave something that is no finite number.
        """
        task = _ANY if self.task_type is None else self.task_type(request)
        return self._later(task, request) if inspect.isawaitable(task) else self._choose(task, request)

    async def _later(self, task: Awaitable[Any], request: Request) -> Decision:
        return self._choose(await task, request)

    def learn(self, outcomes: Iterable[Outcome]) -> None:
        """Take outcomes in, atomically; may wait for the state's disk, so not on an event loop."""
        taken = tuple(outcomes)
        self.state.update(lambda state: recorded(state, taken, memory=self.memory))

    def _choose(self, given: Any, request: Request) -> Decision:
        task = task_name(given)
        pruned = prune(self.models, request, priced=True)
        known, so_far = self._known(task)
        names = [Model.of(m).name for m in self.models]
        eligible = [name for name in names if name in pruned.eligible]
        if not eligible:
            # A suggestion of a budget may still stand where all of ours fell.
            if pruned.eligible:
                return decided(pruned, next(iter(pruned.eligible)), f"adaptive[{task}]: only choice left")
            return fallback(request, pruned.candidates)
        views = self._views(eligible, known, request)
        base = self.base if self.base in views else eligible[0]
        choice = choose(
            views,
            base=base,
            costs={name: pruned.eligible[name].cost for name in eligible},
            explore=self.explore,
            objective=self.objective,
            generator=self._generator(task, so_far, request),
        )
        scores = {name: seen.score for name, seen in views.items()}
        decision = decided(pruned, choice.model, f"adaptive[{task}]: {choice.reason}", scores)
        return replace(decision, cell=Cell(task, decision.model))

    def _known(self, task: str) -> tuple[Mapping[str, Mapping[str, float]], int]:
        try:
            state = self.state.load()
            return cells(state, task), heard(state, task)
        except Exception as error:
            # Once for each thing that is wrong: a decision is made for every call.
            if str(error) not in self._told and len(self._told) < _MOST_TOLD:
                self._told.add(str(error))
                _log.warning("adaptive router goes on without what it had learned: %s", error)
            return {}, 0

    def _views(
        self, eligible: Iterable[str], known: Mapping[str, Mapping[str, float]], request: Request
    ) -> dict[str, View]:
        judged_by = [
            name for name in ("success", "satisfaction") if any(sums[f"{name}_count"] > 0 for sums in known.values())
        ] or ["success"]
        given = {Model.of(m).name: m for m in self.models}
        views = {}
        for name in eligible:
            quality = resolved(given[name], request.facts_of).quality
            views[name] = view(known.get(name, {}), judged_by, 0.5 if quality is None else quality, self.objective)
        return views

    def _generator(self, task: str, so_far: int, request: Request) -> random.Random:
        """Return a source of chance that is the same for the same state, seed and request."""
        seed = self._salt if self.seed is None else self.seed
        said = f"{seed}|{task}|{so_far}|{request.turns}|{len(request.text)}|{request.text[:512]}"
        digest = hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return random.Random(int.from_bytes(digest, "big"))


def adaptive(
    models: Iterable[str | Model],
    *,
    base: str | None = None,
    task_type: Callable[[Request], Any] | None = None,
    objective: Objective | None = None,
    seed: int | None = None,
    explore: float = EXPLORE,
    memory: int = MEMORY,
) -> Adaptive:
    """Learn from feedback which model is best for which kind of task.

    Args:
        models: the models to choose from.
        base: the choice without evidence; by default the first.
        task_type: names the kind of task of a request, sync or async; by default all are one kind.
        objective: turns a `Standing` into a number, higher for better; by default the mean of success and
            satisfaction. Ties go to the cheaper model.
        seed: makes decisions repeatable; by default each router draws one.
        explore: the share of requests that go to another model than the best, 0 to 0.5.
        memory: after how many judged outcomes of a task an old one counts for a third.

    Returns:
        A router; it keeps what it learns in this process until `bound` to a lasting state.

    Raises:
        TypeError: `models` is a single name, or a function cannot be called.
        ValueError: there are no models, one comes twice, the base is none of them, or a number is out of
            range.

    >>> route = adaptive(["small", "large"], seed=1, explore=0)
    >>> route.learn([Outcome(cell=Cell("any", "large"), success=True)] * 30)
    >>> route.learn([Outcome(cell=Cell("any", "small"), success=False)] * 30)
    >>> route(Request(text="hello")).model
    'large'
    """
    if isinstance(models, (str, Model)):
        raise TypeError(f"adaptive() was given {models!r}; give a list of models.")
    held = tuple(models)
    names = [Model.of(model).name for model in held]
    if not names:
        raise ValueError("adaptive() has no models; give it two or more.")
    if len(set(names)) < len(names):
        raise ValueError(f"adaptive() has a model twice in {names}; name each once.")
    if base is not None and base not in names:
        raise ValueError(f"base= is {base!r}, which is none of {', '.join(names)}; add it to the models.")
    for name, function in (("task_type", task_type), ("objective", objective)):
        if function is not None and not callable(function):
            raise TypeError(f"{name}= is {function!r}; give a function.")
    if not 0 <= explore <= 0.5:
        raise ValueError(f"explore= is {explore!r}; it is a share of the requests, from 0 to 0.5.")
    if isinstance(memory, bool) or not isinstance(memory, int) or memory < LEAST_MEMORY:
        raise ValueError(f"memory= is {memory!r}; give {LEAST_MEMORY} outcomes or more.")
    return Adaptive(
        held,
        names[0] if base is None else base,
        task_type,
        objective or success_and_satisfaction,
        seed,
        explore,
        memory,
    )
