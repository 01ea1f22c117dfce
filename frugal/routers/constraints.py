"""Constraints: which models may serve a request, and why the others may not.

Law: a model is eligible when every check lets it pass, and no check looks at another model; so one
constraint more never makes a model eligible that was not. What nobody knows excludes nothing, and is said. A
budget near its limit is a preference (`heeded`), not a check: as a check, a suggestion that a constraint
excludes would let dearer models back in.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from frugal._values.money import Money
from frugal._values.routing import Candidate, Constraints, Decision, Model, Request
from frugal.errors import NoEligibleModelError
from frugal.routers.demand import cost_of, window_bound, window_needed
from frugal.routers.facts import resolved

__all__ = [
    "Pruned",
    "checked",
    "decided",
    "fallback",
    "heeded",
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
    remaining: Money | None
    remaining_of: str

    @classmethod
    def of(cls, request: Request) -> _Asked:
        limits = request.constraints
        window = window_needed(request)
        remaining, remaining_of = _tightest(request)
        return cls(
            tools=_why(len(request.tools), "the request has tools", limits.requires_tools),
            vision=_why(len(request.images), "the request has images", limits.requires_vision),
            window=window,
            window_bound=window_bound(request),
            window_matters=window > _LONG or limits.min_context_length is not None,
            least_window=limits.min_context_length or 0,
            max_cost=limits.max_cost_per_request,
            remaining=remaining,
            remaining_of=remaining_of,
        )


def _why(how_many: int, has: str, required: object) -> str:
    """Return why an ability is asked for; `""` when it is not."""
    return has if how_many else "it is required" if required else ""


def _tightest(request: Request) -> tuple[Money | None, str]:
    """Return what the tightest budget has left, and its name."""
    left = [(b.remaining, str(getattr(b, "name", "") or "budget")) for b in request.budgets if b.remaining is not None]
    return min(left, key=lambda pair: pair[0].pico) if left else (None, "")


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


def _unaffordable(cost: Money | None, asked: _Asked) -> tuple[str | None, tuple[str, ...]]:
    """Return why a model's cost excludes it, or that the cost was asked for in vain."""
    if asked.max_cost is None and asked.remaining is None:
        return None, ()
    if cost is None:
        return None, ("price",)
    if asked.max_cost is not None and cost > asked.max_cost:
        return f"would cost {cost}, above the {asked.max_cost} allowed for a request", ()
    if asked.remaining is not None and cost > asked.remaining:
        return f"would cost {cost}, above the {asked.remaining} that {asked.remaining_of!r} has left", ()
    return None, ()


@dataclass(frozen=True)
class Pruned:
    """Hold the candidates of a request, each with what excluded it.

    Args:
        candidates: in the order in which they were given, a suggested model last.
        suggested: the model that a budget near its limit suggests.
        suggestion: whose suggestion that is.
    """

    candidates: tuple[Candidate, ...]
    suggested: str | None = None
    suggestion: str = ""

    @cached_property
    def eligible(self) -> dict[str, Candidate]:
        """The candidates that may serve, by name."""
        return {c.model: c for c in self.candidates if c.excluded is None}

    @property
    def excluded(self) -> dict[str, str]:
        """Why each of the others may not."""
        return {c.model: c.excluded for c in self.candidates if c.excluded is not None}


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
    suggested, suggestion = _suggested(request)
    limited = asked.max_cost is not None or asked.remaining is not None
    priced = priced or limited or suggested is not None or request.cached_tokens > 0
    found: dict[str, Candidate] = {}
    for given in (*models, *((suggested,) if suggested else ())):
        model = resolved(given, request.facts_of)
        if model.name in found:
            continue
        cost = cost_of(request, model.name) if priced else None
        why, unknown = _unable(model, asked)
        if why is None:
            why, unpriced = _unaffordable(cost, asked)
            unknown += unpriced
        found[model.name] = Candidate(model.name, why, cost, None, unknown)
    return Pruned(tuple(found.values()), suggested, suggestion)


# --------------------------------------------------------------------------- preferences and endings


def _suggested(request: Request) -> tuple[str | None, str]:
    for budget in request.budgets:
        if budget.warning and budget.suggest:
            name = str(getattr(budget, "name", "") or "a budget")
            return budget.suggest, f"{name!r} is near its limit and suggests {budget.suggest}"
    return None, ""


def heeded(pruned: Pruned, choice: str) -> tuple[str, str]:
    """Return what a budget near its limit suggests instead of a dearer choice, with a note for the reason."""
    suggested = pruned.suggested
    if suggested is None or suggested == choice:
        return choice, ""
    if suggested not in pruned.eligible:
        return choice, f"; {pruned.suggestion}, which is not eligible"
    ours, theirs = pruned.eligible[choice].cost, pruned.eligible[suggested].cost
    if ours is not None and theirs is not None and ours <= theirs:
        return choice, f"; {pruned.suggestion}, which is not cheaper"
    return suggested, f"; {pruned.suggestion}"


def decided(pruned: Pruned, choice: str, reason: str, scores: Mapping[str, float] | None = None) -> Decision:
    """Make the decision for an eligible choice: heed a suggestion, and say what is not known of the model."""
    model, note = heeded(pruned, choice)
    unknown = pruned.eligible[model].unknown
    doubt = f"; unknown for {model}: {', '.join(unknown)}" if unknown else ""
    candidates = pruned.candidates
    if scores:
        candidates = tuple(replace(c, score=scores.get(c.model)) for c in candidates)
    return Decision(model, f"{reason}{note}{doubt}", candidates)


def fallback(request: Request, candidates: Sequence[Candidate]) -> Decision:
    """Return the default when every candidate is excluded.

    Raises:
        NoEligibleModelError: there is no default; it says what excluded each.
    """
    left = next((c for c in candidates if c.excluded is None), None)
    if left is not None:  # none of the router's own, but what a budget near its limit suggests
        return Decision(left.model, "suggested by a budget, and the only choice left", tuple(candidates))
    excluded = {c.model: c.excluded or "" for c in candidates}
    if request.default is None:
        raise NoEligibleModelError(excluded)
    why = "; ".join(f"{model}: {reason}" for model, reason in excluded.items())
    return Decision(request.default, f"default, nothing else is eligible ({why})", tuple(candidates))
