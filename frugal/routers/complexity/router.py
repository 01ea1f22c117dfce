"""The router by complexity: a tier for each level, the first eligible model of the tier.

Law: a request goes to the tier of its level; an empty tier (or one whose models are all excluded) goes
dearer first, then cheaper. Within that, a conversation stays with a model of that tier or a dearer one whose
warm prompt cache makes it cost no more.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from frugal._values.routing import Decision, Model, Request
from frugal._values.spelling import spelt
from frugal.routers.complexity.rules import LEVELS, Complexity, Rules
from frugal.routers.constraints import Pruned, prune
from frugal.routers.deciding import decided, fallback
from frugal.routers.demand import same_model

__all__ = ["ByComplexity", "by_complexity"]

_ORDER = {
    "simple": ("simple", "medium", "complex"),
    "medium": ("medium", "complex", "simple"),
    "complex": ("complex", "medium", "simple"),
}
"""Where to look, by level: the tier itself, then dearer, then cheaper."""

_RULES = Rules()


@dataclass(frozen=True, repr=False)
class ByComplexity:
    """Route by how complex a request is; made by `by_complexity`."""

    simple: tuple[str | Model, ...]
    medium: tuple[str | Model, ...]
    complex: tuple[str | Model, ...]
    analyzer: Callable[[Request], Any] | None = None

    def __repr__(self) -> str:
        return spelt(
            "by_complexity",
            simple=self.simple or None,
            medium=self.medium or None,
            complex=self.complex or None,
            analyzer=self.analyzer,
        )

    @property
    def models(self) -> tuple[str | Model, ...]:
        """Every model of every tier."""
        return (*self.simple, *self.medium, *self.complex)

    def __call__(self, request: Request) -> Decision | Awaitable[Decision]:
        """Choose; awaitable when the analyzer is async.

        Raises:
            NoEligibleModelError: every model is excluded, and there is no default.
            ValueError: the analyzer gave something that is no level.
        """
        if self.analyzer is None:
            return self._choose(_RULES(request), request)
        judged = self.analyzer(request)
        return self._later(judged, request) if inspect.isawaitable(judged) else self._choose(judged, request)

    async def _later(self, judged: Awaitable[Any], request: Request) -> Decision:
        return self._choose(await judged, request)

    def _choose(self, judged: Any, request: Request) -> Decision:
        complexity = _level(judged)
        order = _ORDER[complexity.level]
        pruned = prune((model for tier in order for model in getattr(self, tier)), request)
        tier, choice = self._first(order, pruned)
        if choice is None:
            return fallback(request, pruned.candidates)
        reason = str(complexity)
        if tier != complexity.level:
            reason = f"{reason}; nothing eligible in the {complexity.level} tier, so {tier}"
        stay = self._warm(complexity.level, choice, pruned, request)
        if stay is not None:
            return decided(pruned, stay, f"{reason}; stays with the conversation's model, whose cache is warm")
        return decided(pruned, choice, reason)

    def _first(self, order: Iterable[str], pruned: Pruned) -> tuple[str, str | None]:
        for tier in order:
            for model in getattr(self, tier):
                name = Model.of(model).name
                if name in pruned.eligible:
                    return tier, name
        return "", None

    def _warm(self, level: str, choice: str, pruned: Pruned, request: Request) -> str | None:
        """Return the conversation's model where leaving it for `choice` would save nothing."""
        if request.previous_model is None or not request.cached_tokens:
            return None
        able = [Model.of(m).name for tier in LEVELS[LEVELS.index(level) :] for m in getattr(self, tier)]
        for name in able:
            if name in pruned.eligible and name != choice and same_model(request.previous_model, name):
                warm, cold = pruned.eligible[name].cost, pruned.eligible[choice].cost
                return name if warm is not None and cold is not None and warm <= cold else None
        return None


def _level(judged: Any) -> Complexity:
    """Read what an analyzer gave: a `Complexity`, a level, or `(level, reason)`."""
    if isinstance(judged, Complexity):
        if judged.level in _ORDER:
            return judged
        judged = judged.level
    level, why = judged if isinstance(judged, tuple) and len(judged) == 2 else (judged, "the analyzer says so")
    if not isinstance(level, str) or level not in _ORDER:
        raise ValueError(f"the analyzer gave {judged!r}; return one of {', '.join(LEVELS)}, or (level, reason).")
    return Complexity(level, signals=(str(why),))


def by_complexity(
    *,
    simple: Iterable[str | Model] = (),
    medium: Iterable[str | Model] = (),
    complex: Iterable[str | Model] = (),  # noqa: A002 - The tier's name; the builtin is not used here.
    analyzer: Callable[[Request], Any] | None = None,
) -> ByComplexity:
    """Route by how complex a request is.

    Args:
        simple: the models for simple requests, the preferred one first.
        medium: the models for the others.
        complex: the models for complex requests.
        analyzer: replaces the rules: a `Rules` with other tables, or any function `(request)`, sync or async,
            that gives `"simple"`, `"medium"` or `"complex"`, or that with a reason.

    Returns:
        A router.

    Raises:
        ValueError: there is no model at all.
        TypeError: a tier is a single name rather than a list, or the analyzer cannot be called.

    >>> route = by_complexity(simple=["small"], complex=["large"])
    >>> route(Request(text="Translate: good morning")).model
    'small'
    >>> route(Request(text="Prove that the square root of 2 is irrational.")).model
    'large'
    """
    tiers = {"simple": simple, "medium": medium, "complex": complex}
    for name, models in tiers.items():
        if isinstance(models, (str, Model)):
            raise TypeError(f"{name}= is {models!r}; give a list of models: {name}=[{models!r}].")
    if analyzer is not None and not callable(analyzer):
        raise TypeError(f"analyzer= is {analyzer!r}; give a function of the request.")
    held = {name: tuple(models) for name, models in tiers.items()}
    if not any(held.values()):
        raise ValueError("by_complexity() has no models; give simple=, medium= or complex= a list of them.")
    for model in (m for models in held.values() for m in models):
        Model.of(model)
    return ByComplexity(**held, analyzer=analyzer)
