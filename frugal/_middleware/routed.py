"""`routed`: choose the model of a call, and with a cascade go on to the next while answers are refused.

The choosing is in `routers/`, the walking in `_mechanisms/cascade.py`; here a call is shown to the one and carried
along by the other.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from math import inf
from typing import Any

from frugal._core.asking import Conversations, request_of
from frugal._core.call import Call
from frugal._core.judging import judged
from frugal._core.meter import Ports
from frugal._core.pipeline import Proceed, isinstance_stream
from frugal._core.stream import Ending, tap
from frugal._mechanisms.cascade import Cascade
from frugal._values.facts import Escalated, Held, Routed, Spent
from frugal._values.money import Money
from frugal._values.routing import Candidate, Cell, Constraints, Decision, Model, Outcome, Request
from frugal._values.usage import Usage
from frugal.errors import NoEligibleModelError

__all__ = ["RoutedRing"]

_log = logging.getLogger("frugal")


@dataclass(frozen=True, slots=True)
class _State:
    """How a budget stands, as a router sees it; `model` names the only model that it is for."""

    name: str
    suggest: str | None
    warning: bool
    remaining: Money | None
    model: str | None


@dataclass(frozen=True, eq=False)
class RoutedRing:
    """Fill the argument that names the model."""

    router: Callable[[Request], Any]
    ports: Ports
    resolve: Callable[[Any, Request], Any]
    vet: Callable[[str | Model, Request, str], Decision]
    text_of: Callable[[Any], str | None]
    noted: Callable[[str, Any, Request, str], Any] | None = None
    constraints: Any = None
    default: str | None = None
    argument: str = "model"
    override: bool = False
    budgeted: tuple[tuple[Any, bool], ...] = ()
    conversations: Conversations = field(default_factory=Conversations)
    name: str = "routed"

    def joined(self, stack: tuple[Any, ...]) -> RoutedRing:
        """Learn which budgets stand in the stack, and which of them outside: they are asked before choosing."""
        found, outside = [], True
        for ring in stack:
            outside = outside and ring is not self
            if getattr(ring, "name", "") == "budgeted":
                found.append((ring, outside))
        return replace(self, budgeted=tuple(found))

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        if self._pinned(call):
            call.journal.add(Routed(call.model or "", "pinned"))
            await self._note(call)
            return await proceed(call)
        request, decision = await self.decide(call)
        call.journal.add(self._routed(call, decision, request))
        if decision.then and decision.accept is not None:
            return await self._cascade(call, proceed, decision, request)
        before = len(call.journal.facts)
        try:
            response = await proceed(call.replace(**{self.argument: decision.model}))
        except Exception:
            self._learned(call, decision, before, success=False)
            raise
        if isinstance_stream(response):
            return tap(response, _Learn(self, call, decision, request, before))
        self.finished(call, decision, request, before)
        return response

    def _routed(self, call: Call, decision: Decision, request: Request, tried: tuple[str, ...] = ()) -> Routed:
        """Return the fact of a choice; a budget at its limit may ask through it for another model."""
        reason = f"{decision.reason}; refused: {', '.join(tried)}" if tried else decision.reason

        def instead(model: str, why: str) -> bool:
            if model in tried or not self._eligible(model, request):
                return False
            call.journal.add(Routed(model, f"{reason}; {why}, so {model}", decision))
            return True

        plan = (decision.model, *decision.then)
        return Routed(plan[len(tried)], reason, decision, instead)

    def _eligible(self, model: str, request: Request) -> bool:
        """Say whether a model meets the constraints; what it costs is the budgets' business, who ask."""
        try:
            self.vet(model, replace(request, budgets=(), default=None), "")
        except NoEligibleModelError:
            return False
        return True

    def finished(self, call: Call, decision: Decision, request: Request, before: int) -> None:
        """Learn from an answer, and remember whose provider has read the conversation."""
        self._learned(call, decision, before)
        routed = call.journal.last(Routed)
        model = routed.model if routed is not None else decision.model  # a budget may have asked for another
        self.conversations.remember(request.session, model, request.input_tokens or 0)

    def router_of(self, call: Call) -> Callable[[Request], Any]:
        """Return the router for a call's function."""
        return self.router

    # ------------------------------------------------------------------ choosing

    def _pinned(self, call: Call) -> bool:
        """Say whether the caller passed a model, rather than a budget at its limit that stands outside."""
        if self.override or self._suggested(call) is not None:
            return False
        passed = call.plan.function.passed(self.argument, call.instance, call.args)
        return (passed or self.argument in call.kwargs) and call.arguments.get(self.argument) is not None

    @staticmethod
    def _suggested(call: Call) -> str | None:
        held = call.journal.last(Held)
        return None if held is None else held.suggested

    async def decide(self, call: Call) -> tuple[Request, Decision]:
        """Ask the router, and hold what it says against the constraints."""
        meter = call.plan.meter
        prices = meter.prices if meter is not None else self.ports.prices()
        budgets = []
        for ring, outside in self.budgeted:
            budgets += await self._states(ring, call, outside=outside)
        request = request_of(
            call, self.ports.requests, prices, budgets=tuple(budgets), default=self.default,
            conversations=self.conversations,
        )  # fmt: skip
        constraints: Constraints = await self.resolve(self.constraints, request)
        request = replace(request, constraints=constraints)
        suggested = self._suggested(call)
        if suggested is not None:  # held for already: nothing else may be asked
            free = replace(request, budgets=(), default=None)
            return request, self.vet(suggested, free, "suggested by a budget at its limit")
        try:
            return request, await self._chosen(self.router_of(call), request)
        except NoEligibleModelError as error:
            return request, self._left_to_the_budgets(error, request)

    async def _chosen(self, router: Any, request: Request) -> Decision:
        if hasattr(router, "ready"):
            await router.ready()
        given = router(request)
        if inspect.isawaitable(given):
            given = await given
        if isinstance(given, Decision):
            # One without candidates is of a user's own making: nobody has held it against anything.
            return given if given.candidates else self._vetted(given, request)
        reason = "chosen by the router"
        if isinstance(given, tuple) and len(given) == 2:
            given, reason = given[0], str(given[1])
        if not isinstance(given, (str, Model)) or not given:
            raise TypeError(f"a router returned {given!r}; return a model's name, or (name, reason).")
        return self.vet(given, request, reason)

    def _left_to_the_budgets(self, error: NoEligibleModelError, request: Request) -> Decision:
        """Choose the cheapest where nothing but money excludes all: the budgets refuse it in their own way.

        Raises:
            NoEligibleModelError: the constraints exclude them all.
        """
        free, found = replace(request, budgets=(), default=None), []
        for model in error.excluded if any(budget.remaining is not None for budget in request.budgets) else ():
            with suppress(NoEligibleModelError):
                found.append(self.vet(model, free, "no budget has room for any, and this is the cheapest"))
        if not found:
            raise error
        return min(found, key=lambda each: _cost_in(each, request))

    def _vetted(self, given: Decision, request: Request) -> Decision:
        """Hold a decision, and all that it plans to go on to, against the constraints."""
        first = self.vet(given.model, request, given.reason)
        then = tuple(model for model in given.then if self._eligible(model, request) and model != first.model)
        return replace(given, model=first.model, reason=first.reason, candidates=first.candidates, then=then)

    async def _states(self, ring: Any, call: Call, *, outside: bool) -> list[_State]:
        named = [Model.of(model).name for model in getattr(self.router, "models", ())]
        models = named or ([call.model] if call.model is not None else [])
        # What a budget outside holds is held for this very call.
        own = min((held.pico for held in call.journal.held), default=0) if outside else 0
        found = []
        for status, model, suggest in await ring.states(call, models):
            left = status.usd.remaining + Money(own) if status.usd is not None else None
            found.append(_State(status.name, suggest, status.warning or status.exceeded, left, model))
        return found

    async def _note(self, call: Call) -> None:
        """Let a router that learns know of a call whose model the caller chose: its outcome teaches too."""
        if self.noted is None or call.model is None or not hasattr(self.router, "learn"):
            return
        meter = call.plan.meter
        prices = meter.prices if meter is not None else self.ports.prices()
        told = self.noted(call.id, self.router_of(call), request_of(call, self.ports.requests, prices), call.model)
        if inspect.isawaitable(told):
            await told

    # ------------------------------------------------------------------ cascading

    async def _cascade(self, call: Call, proceed: Proceed, decision: Decision, request: Request) -> Any:
        """Try models in order until an answer is accepted; every attempt is a provider call like others."""
        walk: Cascade[str] = Cascade((decision.model, *decision.then))
        while True:
            before = len(call.journal.facts)
            try:
                response = await proceed(call.replace(**{self.argument: walk.current}))
                if not walk.judged:
                    break
                assert decision.accept is not None  # noqa: S101 it has models to go on to
                text_of = self.text_of if decision.accepts_text else None
                response, accepted = await judged(response, decision.accept, text_of=text_of)
            except BaseException:
                walk.failed()
                raise
            if accepted:
                walk.accepted()
                break
            spent = [fact for fact in call.journal.facts[before:] if type(fact) is Spent]
            for fact in spent:
                call.journal.add(Escalated(fact))
            walk.refused()
            call.journal.add(self._routed(call, decision, request, walk.escalated))
        self.conversations.remember(request.session, walk.current, request.input_tokens or 0)
        return response

    # ------------------------------------------------------------------ learning

    def _learned(self, call: Call, decision: Decision, before: int, *, success: bool | None = None) -> None:
        """Tell a router that learns what was measured of this call."""
        learn = getattr(self.router_of(call), "learn", None)
        spent = next((fact for fact in call.journal.facts[before:] if type(fact) is Spent), None)
        # Without a provider call there is nothing to learn: a budget's refusal is no failure of the model.
        if learn is None or decision.cell is None or spent is None:
            return
        outcome = Outcome(
            # A budget at its limit may have put another model in the place of the chosen one.
            cell=Cell(decision.cell.task, spent.model_requested or decision.cell.model),
            success=success,
            latency=spent.latency,
            cost=spent.cost.amount,
        )
        try:
            learn([outcome])
        except Exception:
            _log.exception("frugal: a router could not learn from a call of %s", call.function)

    async def foresee(self, dry: Any) -> None:
        """Say which model would be asked."""
        if self._pinned(dry.call):
            dry.reason = "pinned"
            dry.say(repr(self), f"would keep {dry.call.model}: the caller passed it")
            return
        try:
            _, decision = await self.decide(dry.call)
        except NoEligibleModelError as error:
            dry.reason = str(error)
            dry.candidates = tuple(Candidate(model, why) for model, why in error.excluded.items())
            dry.say(repr(self), f"would raise {type(error).__name__}: {error}")
            return
        dry.reason = decision.reason
        dry.candidates = decision.candidates
        dry.call = dry.call.replace(**{self.argument: decision.model})
        dry.say(repr(self), f"would ask {decision.model}: {decision.reason}")

    def __repr__(self) -> str:
        return f"routed({self.router!r})"


def _cost_in(decision: Decision, request: Request) -> float:
    """Return what a decision costs in dollars, by the request's prices; infinite where nobody knows."""
    if request.price_of is None:
        return inf
    usage = Usage(input_tokens=request.input_tokens or 0, output_tokens=request.output_tokens or 0)
    cost = request.price_of(decision.model, usage)
    return inf if cost is None else float(cost)


class _Learn:
    """Learns from a streamed answer when it has ended."""

    __slots__ = ("before", "call", "decision", "request", "ring")

    def __init__(self, ring: RoutedRing, call: Call, decision: Decision, request: Request, before: int) -> None:
        self.ring = ring
        self.call = call
        self.decision = decision
        self.request = request
        self.before = before

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> None:
        if ending.how == "end":
            self.ring.finished(self.call, self.decision, self.request, self.before)
