"""Constraints: which models may serve a request, and why the others may not.

Law: a model is eligible when every check lets it pass, and no check looks at another model; so one
constraint more never makes a model eligible that was not. What nobody knows excludes nothing, and is said. A
budget near its limit is a preference (a `Suggestion`), not a check: as a check, a suggestion that a constraint
excludes would let dearer models back in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from frugal._values.money import Money
from frugal._values.routing import Candidate, Constraints, Model, Request
from frugal.routers.demand import cost_of, held_for, window_bound, window_needed
from frugal.routers.facts import resolved

__all__ = [
    "Pruned",
    "Suggestion",
    "checked",
    "prune",
    "resolve",
]

_LONG = 4_000
"""Tokens from which on an unknown context window is worth a word."""


def checked(constraints: object) -> None:
    """Check `constraints=` when a function is decorated.

    Raises:
        TypeError: it is neither a mapping nor callable, or the mapping has a name or a type that is wrong.
        ValueError: a bound is negative or not a number.
    """
    if not callable(constraints):
        Constraints.of(constraints)  # type: ignore[arg-type]  # It says what is wrong with anything else.


async def resolve(constraints: Mapping[str, Any] | Callable[[Request], Any] | None, request: Request) -> Constraints:
    """Return the constraints of a request: the mapping, or what the function says of this request.

    Args:
        constraints: a mapping, or a function `(request)`, sync or async, that returns one.
        request: the request that the function is asked about.

    Raises:
        TypeError: what comes back is not a mapping of constraints.
        ValueError: a bound is negative or not a number.
    """
    given: Any = constraints
    if callable(constraints):
        given = constraints(request)
        if inspect.isawaitable(given):
            given = await given
    return given if isinstance(given, Constraints) else Constraints.of(given)


# --------------------------------------------------------------------------- the checks


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of every candidate, worked out once for a request."""

    tools: str
    vision: str
    window: int
    window_bound: int
    window_matters: bool
    least_window: int
    max_cost: Money | None
    remaining: Mapping[str | None, tuple[Money, str]]

    @classmethod
    def of(cls, request: Request) -> _Asked:
        limits = request.constraints
        window = window_needed(request)
        return cls(
            tools=_why(len(request.tools), "the request has tools", limits.requires_tools),
            vision=_why(len(request.images), "the request has images", limits.requires_vision),
            window=window,
            window_bound=window_bound(request),
            window_matters=window > _LONG or limits.min_context_length is not None,
            least_window=limits.min_context_length or 0,
            max_cost=limits.max_cost_per_request,
            remaining=_tightest(request),
        )

    def left_for(self, model: str) -> tuple[Money, str] | None:
        """Return what the tightest budget of a model has left, and its name."""
        everyones, own = self.remaining.get(None), self.remaining.get(model)
        if everyones is None or own is None:
            return everyones or own
        return own if own[0].pico < everyones[0].pico else everyones


def _why(how_many: int, has: str, required: object) -> str:
    """Return why an ability is asked for; `""` when it is not."""
    return has if how_many else "it is required" if required else ""


def _tightest(request: Request) -> dict[str | None, tuple[Money, str]]:
    """Return what the tightest budget has left, and its name; by the model that it is for, `None` for all."""
    found: dict[str | None, tuple[Money, str]] = {}
    for budget in request.budgets:
        model, left = getattr(budget, "model", None), budget.remaining
        if left is not None and (model not in found or left < found[model][0]):
            found[model] = left, _named(budget, "budget")
    return found


def _named(budget: Any, otherwise: str) -> str:
    return str(getattr(budget, "name", "") or otherwise)


def _unable(model: Model, asked: _Asked) -> tuple[str | None, tuple[str, ...]]:
    """Return why a model's abilities exclude it, and which facts were asked for in vain."""
    unknown: list[str] = []
    for fact, why in (("tools", asked.tools), ("vision", asked.vision)):
        able = getattr(model, fact)
        if why and able is False:
            return f"no {fact}, and {why}", ()
        if why and able is None:
            unknown.append(fact)
    window = model.context_window
    if window is None:
        return None, (*unknown, "context window") if asked.window_matters else tuple(unknown)
    if window < asked.least_window:
        return f"context window {window:,} is below the required {asked.least_window:,}", ()
    if window < asked.window:
        return f"context window {window:,} is below the {asked.window:,} tokens that the request may need", ()
    if window < asked.window_bound:
        unknown.append("whether the input, estimated, fits for certain")
    return None, tuple(unknown)


def _unaffordable(
    model: str, cost: Money | None, asked: _Asked, request: Request
) -> tuple[str | None, tuple[str, ...]]:
    """Return why a model's cost excludes it, or that the cost was asked for in vain."""
    left = asked.left_for(model)
    if asked.max_cost is None and left is None:
        return None, ()
    if cost is None:
        return None, ("price",)
    if asked.max_cost is not None and cost > asked.max_cost:
        return f"would cost {cost}, above the {asked.max_cost} allowed for a request", ()
    if left is not None:
        held = held_for(request, model, cost) or cost
        if held > left[0]:
            return f"would hold {held}, above the {left[0]} that {left[1]!r} has left", ()
    return None, ()


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Hold what a budget near its limit suggests.

    Args:
        model: the cheaper model.
        words: whose suggestion that is.
        instead_of: the only model that it stands in for; `None` for any.
    """

    model: str
    words: str
    instead_of: str | None = None


@dataclass(frozen=True)
class Pruned:
    """Hold the candidates of a request, each with what excluded it.

    Args:
        candidates: in the order in which they were given, suggested models last.
        suggestions: what budgets near their limit suggest, those for any model first.
    """

    candidates: tuple[Candidate, ...]
    suggestions: tuple[Suggestion, ...] = ()

    @cached_property
    def eligible(self) -> dict[str, Candidate]:
        """The candidates that may serve, by name."""
        return {c.model: c for c in self.candidates if c.excluded is None}

    @property
    def excluded(self) -> dict[str, str]:
        """Why each of the others may not."""
        return {c.model: c.excluded for c in self.candidates if c.excluded is not None}

    def suggestion(self, choice: str) -> Suggestion | None:
        """Return what is suggested in the place of a choice."""
        return next((each for each in self.suggestions if each.instead_of in (None, choice)), None)


def prune(models: Iterable[str | Model], request: Request, *, priced: bool = False) -> Pruned:
    """Check every model against what the request, its constraints and its budgets ask.

    Args:
        models: names or models; a name that comes twice counts once.
        request: the request.
        priced: whether to work out every cost even where no check needs it.

    Returns:
        Each candidate with its cost, where one was asked for, and what excluded it.
    """
    asked = _Asked.of(request)
    suggestions = _suggestions(request)
    limited = asked.max_cost is not None or bool(asked.remaining)
    priced = priced or limited or bool(suggestions) or request.cached_tokens > 0
    found: dict[str, Candidate] = {}
    for given in (*models, *(each.model for each in suggestions)):
        model = resolved(given, request.facts_of)
        if model.name in found:
            continue
        cost = cost_of(request, model.name) if priced else None
        why, unknown = _unable(model, asked)
        if why is None:
            why, unpriced = _unaffordable(model.name, cost, asked, request)
            unknown += unpriced
        found[model.name] = Candidate(model.name, why, cost, None, unknown)
    return Pruned(tuple(found.values()), suggestions)


def _suggestions(request: Request) -> tuple[Suggestion, ...]:
    found = []
    for budget in request.budgets:
        if budget.warning and budget.suggest:
            words = f"{_named(budget, 'a budget')!r} is near its limit and suggests {budget.suggest}"
            found.append(Suggestion(budget.suggest, words, getattr(budget, "model", None)))
    return tuple(sorted(found, key=lambda each: each.instead_of is not None))
