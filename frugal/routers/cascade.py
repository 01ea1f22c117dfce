"""The cascade: cheap first, and on to the next model while the answer is refused.

Law: this only lays out the plan, the eligible models in the order given, with the judge beside it;
whoever makes the calls walks it. The last model's answer is taken unjudged.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from frugal._values.plan import told
from frugal._values.routing import Decision, Model, Request
from frugal._values.spelling import spelt
from frugal.routers.constraints import Pruned, prune
from frugal.routers.deciding import decided, fallback

__all__ = ["CascadeRouter", "cascade"]


@dataclass(frozen=True, repr=False)
class CascadeRouter:
    """Try models in order until an answer is accepted; made by `cascade`."""

    models: tuple[str | Model, ...]
    accept: Callable[[Any], Any]

    def __repr__(self) -> str:
        return spelt("cascade", self.models, accept=self.accept)

    @cached_property
    def accepts_text(self) -> bool:
        """Whether `accept` takes the answer's text: its parameter is annotated `str`."""
        try:
            parameters = list(inspect.signature(self.accept).parameters.values())
        except (TypeError, ValueError):  # A builtin without a signature takes the response.
            return False
        return bool(parameters) and parameters[0].annotation in (str, "str")

    def __call__(self, request: Request) -> Decision:
        """Lay out the plan.

        Raises:
            NoEligibleModelError: every model is excluded, and there is no default.
        """
        pruned = prune(self.models, request)
        steps = _steps(pruned)
        if not steps:
            return fallback(request, pruned.candidates)
        decision = decided(pruned, steps[0], told(steps))
        return replace(decision, then=tuple(steps[1:]), accept=self.accept, accepts_text=self.accepts_text)


def _steps(pruned: Pruned) -> list[str]:
    """Return the steps in order; near a budget's limit, none that is dearer than what it suggests instead."""
    kept = []
    for candidate in pruned.candidates:
        name = candidate.model
        if candidate.excluded is not None:
            continue
        found = pruned.suggestion(name)
        if found is None or found.model == name or found.model not in pruned.eligible:
            kept.append(name)
            continue
        cost, most = candidate.cost, pruned.eligible[found.model].cost
        if cost is not None and most is not None and cost <= most:
            kept.append(name)
    return kept


def cascade(models: Iterable[str | Model], *, accept: Callable[[Any], Any]) -> CascadeRouter:
    """Try models in order until an answer is accepted.

    Every attempt is metered and budgeted as the call that it is. See FrugalGPT (arXiv 2305.05176) for the
    idea.

    Args:
        models: the models, the cheapest first; two or more make sense.
        accept: says whether an answer will do: `(response)`, or `(text: str)` with that annotation to be
            given the answer's text; sync or async. The last model's answer is not asked about.

    Returns:
        A router.

    Raises:
        TypeError: `models` is a single name, or `accept` cannot be called.
        ValueError: there are no models, or one comes twice.

    >>> route = cascade(["small", "large"], accept=lambda response: len(response) > 3)
    >>> decision = route(Request(text="hello"))
    >>> decision.model, decision.then
    ('small', ('large',))
    """
    if isinstance(models, (str, Model)):
        raise TypeError(f"cascade() was given {models!r}; give a list of models, the cheapest first.")
    if not callable(accept):
        raise TypeError(f"accept= is {accept!r}; give a function of the response.")
    held = tuple(models)
    names = [Model.of(model).name for model in held]
    if not names:
        raise ValueError("cascade() has no models; give it two or more, the cheapest first.")
    if len(set(names)) < len(names):
        raise ValueError(f"cascade() has a model twice in {names}; a refused model is not asked again.")
    return CascadeRouter(held, accept)
