"""`routed` and its routers: choose the model of each call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from frugal._core.call import Call
from frugal._core.pipeline import plan_of
from frugal._middleware.routed import RoutedRing
from frugal._values.clock import clock
from frugal._values.money import Money
from frugal._values.routing import Decision, Model, Request
from frugal._values.usage import Usage
from frugal.decorators.learning import LedgerState, document_of, note_pinned
from frugal.decorators.wiring import Decorator, decorate, embedder_of, ports
from frugal.providers import text_of
from frugal.routers.adaptive import Adaptive, MemoryState, adaptive
from frugal.routers.cascade import cascade
from frugal.routers.complexity import by_complexity
from frugal.routers.constraints import checked, prune, resolve
from frugal.routers.deciding import decided, fallback

__all__ = ["adaptive", "by_complexity", "cascade", "learned", "routed"]


def routed(
    router: Callable[[Request], Any],
    /,
    *,
    constraints: Mapping[str, Any] | Callable[[Request], Any] | None = None,
    default: str | None = None,
    argument: str = "model",
    override: bool = False,
) -> Decorator:
    """Choose the model of each call.

    A model that the caller passed is kept (reason `pinned`); where the argument is left at its default, the router
    fills it.

    Args:
        router: `by_complexity`, `cascade`, `adaptive`, `learned`, or any function of the request that returns a model
            or `(model, reason)`, sync or async.
        constraints: what the model must offer: `max_cost_per_request`, `requires_tools`, `requires_vision`,
            `min_context_length`; or a function of the request that returns them.
        default: the model to ask when nothing is eligible.
        argument: the argument that names the model.
        override: choose even where the caller passed a model.

    Returns:
        A decorator.

    Raises:
        TypeError: the router cannot be called, or a constraint is unknown.
        ValueError: a constraint is out of its range.

    A decorated function raises `NoEligibleModelError` when every model is excluded and there is no default.

    >>> import asyncio
    >>> from frugal import by_complexity, routed
    >>> @routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
    ... async def ask(prompt, *, model="gpt-4o"): return model
    >>> asyncio.run(ask("Translate to French: good morning"))
    'gpt-4o-mini'
    """
    if not callable(router) or isinstance(router, type):
        raise TypeError(f"routed() takes a router, such as by_complexity(...), not {router!r}.")
    if _is_decorated(router, argument):
        raise TypeError(f"@routed needs a router: @routed(by_complexity(simple=[...], medium=[...], complex=[...])); "
                        f"it was put bare on {getattr(router, '__qualname__', router)}.")  # fmt: skip
    checked(constraints)
    if default is not None and not isinstance(default, str):
        raise TypeError(f"default={default!r}: give a model's name.")

    def make() -> RoutedRing:
        return _Wired(router, ports(), resolve, _vet, text_of, note_pinned, constraints, default, argument, override)

    return decorate(None, make, repr(make()))  # type: ignore[no-any-return]


def _is_decorated(router: Any, argument: str) -> bool:
    """Say whether a bare `@routed` was given the function to decorate: a router has no argument for the model."""
    try:
        return plan_of(router) is not None or argument in inspect.signature(router).parameters
    except (TypeError, ValueError):
        return False


def _vet(given: str | Model, request: Request, reason: str) -> Decision:
    """Hold the choice of a user's own router against the constraints."""
    pruned = prune([given], request)
    model = Model.of(given).name
    return decided(pruned, model, reason) if model in pruned.eligible else fallback(
        request, pruned.candidates
    )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class _Wired(RoutedRing):
    """A routed ring whose adaptive router keeps what it learns of a function in the stack's ledger."""

    bound: dict[str, Callable[[Request], Any]] = field(default_factory=dict)

    def router_of(self, call: Call) -> Callable[[Request], Any]:
        """Return the router, bound to the function's own document where it learns and the stack is metered."""
        meter = call.plan.meter
        if meter is None or not isinstance(self.router, Adaptive) or not isinstance(self.router.state, MemoryState):
            return self.router
        found = self.bound.get(call.function)
        if found is None:
            state = LedgerState(meter, document_of(call.function), self.router.memory)
            found = self.bound[call.function] = self.router.bound(state)
        return found


def learned(models: Iterable[str | Model], *, quality: float, embed: Any = None) -> Any:
    """Choose by the outcomes of past queries that were like this one.

    Args:
        models: the models, in any order.
        quality: the share of the strongest model's success to keep, as a mean over traffic like the past; with 95 %
            confidence, so a little more is kept, and the more the fewer outcomes there are.
        embed: a function of a list of texts to vectors, sync or async; WordLlama (`frugal[semantic]`) when `None`.

    Returns:
        A router, of use after `.fit(path_or_ledger)`.

    Raises:
        MissingExtraError: no embedder is given and WordLlama is not installed.
        ValueError: `quality` is out of its range, or there are fewer than two models.

    >>> from frugal import learned
    >>> router = learned(["gpt-4o-mini", "gpt-4o"], quality=0.95, embed=lambda texts: [[1.0] for _ in texts])
    >>> router.models
    ('gpt-4o-mini', 'gpt-4o')
    """
    from frugal.routers.learned import learned as by_outcomes  # noqa: PLC0415 numpy is heavy

    return by_outcomes(models, quality=quality, embed=embedder_of(embed), price_of=_price_of)


def _price_of(model: str, usage: Usage) -> Money | None:
    """Return what a usage costs today, by the shipped prices."""
    return ports().prices().cost(model, usage, at=clock.now()).amount
