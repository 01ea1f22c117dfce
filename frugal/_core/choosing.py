"""Choosing: ask a router, of whatever kind, and hold what it says against the constraints.

Law: whatever a router returns, what comes out of here is eligible, or the user's own default; where nothing but money
excludes all, the choice is left to the budgets, who refuse in their own way.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from frugal._core.call import Call
from frugal._values.money import Money
from frugal._values.routing import Decision, Model, Request
from frugal._values.usage import Usage
from frugal.errors import NoEligibleModelError

__all__ = ["Vet", "chosen", "eligible", "left_to_the_budgets", "standing"]

Vet = Callable[[str | Model, Request, str], Decision]
"""Holds a model against a request's constraints, and gives the decision for it with a reason."""


@dataclass(frozen=True, slots=True)
class _State:
    """How a budget stands, as a router sees it; `model` names the only model that it is for."""

    name: str
    suggest: str | None
    warning: bool
    remaining: Money | None
    model: str | None


async def standing(rings: Iterable[tuple[Any, bool]], call: Call, models: Iterable[str | Model]) -> tuple[_State, ...]:
    """Return how the budgets of a stack stand for a call.

    Args:
        rings: the budgets' rings, and whether each stands outside the router.
        call: the call.
        models: the models that the router may choose, as far as known.
    """
    named = [Model.of(model).name for model in models] or ([call.model] if call.model else [])
    found = []
    for ring, outside in rings:
        # What a budget outside holds is held for this very call.
        own = min([held.pico for held in call.journal.held], default=0) if outside else 0
        for status, model, suggest in await ring.states(call, named):
            left = None if status.usd is None else status.usd.remaining
            if left is not None and own:
                left += Money(own)
            found.append(_State(status.name, suggest, status.warning or status.exceeded, left, model))
    return tuple(found)


async def chosen(router: Any, request: Request, vet: Vet) -> Decision:
    """Return what a router chooses.

    Raises:
        NoEligibleModelError: every model is excluded, and there is no default.
        TypeError: the router returned what is no model.
    """
    if hasattr(router, "ready"):
        await router.ready()
    given = router(request)
    if type(given) is not Decision and inspect.isawaitable(given):
        given = await given
    if isinstance(given, Decision):
        # One without candidates is of a user's own making: nobody has held it against anything.
        return given if given.candidates else _vetted(given, request, vet)
    reason = "chosen by the router"
    if isinstance(given, tuple) and len(given) == 2:
        given, reason = given[0], str(given[1])
    if not isinstance(given, (str, Model)) or not given:
        raise TypeError(f"a router returned {given!r}; return a model's name, or (name, reason).")
    return vet(given, request, reason)


def _vetted(given: Decision, request: Request, vet: Vet) -> Decision:
    """Hold a decision, and all that it plans to go on to, against the constraints."""
    first = vet(given.model, request, given.reason)
    then = tuple(model for model in given.then if model != first.model and eligible(model, request, vet))
    return replace(given, model=first.model, reason=first.reason, candidates=first.candidates, then=then)


def eligible(model: str, request: Request, vet: Vet) -> bool:
    """Say whether a model meets the constraints; what it costs is the budgets' business."""
    try:
        vet(model, replace(request, budgets=(), default=None), "")
    except NoEligibleModelError:
        return False
    return True


def left_to_the_budgets(error: NoEligibleModelError, request: Request, vet: Vet) -> Decision:
    """Choose the cheapest where nothing but money excludes all: the budgets refuse it in their own way.

    Raises:
        NoEligibleModelError: the constraints exclude them all.
    """
    free, found = replace(request, budgets=(), default=None), []
    for model in error.excluded if any(budget.remaining is not None for budget in request.budgets) else ():
        with suppress(NoEligibleModelError):
            found.append(vet(model, free, "no budget has room for any, and this is the cheapest"))
    if not found:
        raise error
    return min(found, key=lambda each: _cost(each.model, request))


def _cost(model: str, request: Request) -> float:
    if request.price_of is None:
        return inf
    usage = Usage(input_tokens=request.input_tokens or 0, output_tokens=request.output_tokens or 0)
    cost = request.price_of(model, usage)
    return inf if cost is None else float(cost)
