"""`routed`: choose the model of a call, and with a cascade go on to the next while answers are refused.

The choosing is in `routers/`, the walking in `_mechanisms/cascade.py`; here a call is shown to the one and carried
along by the other.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from frugal._core.asking import Conversations, request_of
from frugal._core.call import Call
from frugal._core.choosing import Vet, chosen, eligible, left_to_the_budgets, standing
from frugal._core.judging import judged
from frugal._core.lazy import lazy
from frugal._core.meter import Ports
from frugal._core.plan import isinstance_stream
from frugal._core.ring import Proceed
from frugal._core.stream import Ending, tap
from frugal._mechanisms.cascade import Cascade
from frugal._values.facts import Escalated, Held, Routed, Spent
from frugal._values.routing import Candidate, Cell, Constraints, Decision, Outcome, Request
from frugal._values.spelling import spelt
from frugal.errors import NoEligibleModelError

__all__ = ["RoutedRing"]

_log = logging.getLogger("frugal")


@dataclass(frozen=True, eq=False)
class RoutedRing:
    """Fill the argument that names the model."""

    router: Callable[[Request], Any]
    ports: Ports
    resolve: Callable[[Any, Request], Any]
    vet: Vet
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
        choice = self._choice(call, *await self.decide(call))
        if choice.request is not None:
            return await self._cascade(choice, proceed, choice.request)
        try:
            response = await proceed(call.replace(**{self.argument: choice.decision.model}))
        except Exception:
            self.learned(choice, success=False)
            raise
        if isinstance_stream(response):
            return tap(response, choice)
        self.finished(choice)
        return response

    def _choice(self, call: Call, request: Request, decision: Decision) -> _Choice:
        """Write a choice down, and return what is needed of it while the call goes on."""
        call.journal.add(self._routed(call, decision, request))
        return _Choice(self, call, decision, request)

    def _routed(self, call: Call, decision: Decision, request: Request, tried: tuple[str, ...] = ()) -> Routed:
        """Return the fact of a choice; a budget at its limit may ask through it for another model."""
        reason = f"{decision.reason}; refused: {', '.join(tried)}" if tried else decision.reason
        plan = (decision.model, *decision.then)
        instead = self._instead(call, decision, request, tried, reason) if self._may_be_asked else None
        return Routed(plan[len(tried)], reason, decision, instead)

    def _instead(
        self, call: Call, decision: Decision, request: Request, tried: tuple[str, ...], reason: str
    ) -> Callable[[str, str], bool]:
        def instead(model: str, why: str) -> bool:
            if model in tried or not eligible(model, request, self.vet):
                return False
            call.journal.add(Routed(model, f"{reason}; {why}, so {model}", decision))
            return True

        return instead

    @lazy
    def _may_be_asked(self) -> bool:
        """Whether a budget inside may ask for another model; only then is the request kept for it."""
        return any(not outside and ring.on_exceeded == "suggest" for ring, outside in self.budgeted)

    def finished(self, choice: _Choice) -> None:
        """Learn from an answer, and remember whose provider has read the conversation."""
        self.learned(choice)
        routed = choice.call.journal.last(Routed)
        # A budget may have asked for another.
        model = routed.model if routed is not None else choice.decision.model
        self.conversations.remember(choice.session, model, choice.tokens)

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
        budgets = await standing(self.budgeted, call, getattr(self.router, "models", ()))
        request = request_of(
            call, self.ports.requests, prices, budgets=budgets, default=self.default, conversations=self.conversations
        )
        constraints: Constraints = await self.resolve(self.constraints, request)
        if constraints != request.constraints:
            request = replace(request, constraints=constraints)
        suggested = self._suggested(call)
        if suggested is not None:  # held for already: nothing else may be asked
            free = replace(request, budgets=(), default=None)
            return request, self.vet(suggested, free, "suggested by a budget at its limit")
        try:
            return request, await chosen(self.router_of(call), request, self.vet)
        except NoEligibleModelError as error:
            return request, left_to_the_budgets(error, request, self.vet)

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

    async def _cascade(self, choice: _Choice, proceed: Proceed, request: Request) -> Any:
        """Try models in order until an answer is accepted; every attempt is a provider call like others."""
        call, decision = choice.call, choice.decision
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
        self.conversations.remember(choice.session, walk.current, choice.tokens)
        return response

    # ------------------------------------------------------------------ learning

    def learned(self, choice: _Choice, *, success: bool | None = None) -> None:
        """Tell a router that learns what was measured of a call."""
        call, decision = choice.call, choice.decision
        learn = getattr(self.router_of(call), "learn", None)
        spent = next((fact for fact in call.journal.facts[choice.before :] if type(fact) is Spent), None)
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
        return spelt("routed", self.router, constraints=self.constraints, default=self.default,
                     argument=None if self.argument == "model" else self.argument,
                     override=self.override or None)  # fmt: skip


class _Choice:
    """What is kept of a choice while its model is asked; learns from a streamed answer when that has ended.

    The request itself goes, unless a cascade may choose by it again: thousands of calls wait at a time.
    """

    __slots__ = ("before", "call", "decision", "request", "ring", "session", "tokens")

    def __init__(self, ring: RoutedRing, call: Call, decision: Decision, request: Request) -> None:
        self.ring = ring
        self.call = call
        self.decision = decision
        self.request = request if decision.then and decision.accept is not None else None
        self.session = request.session
        self.tokens = request.input_tokens or 0
        self.before = len(call.journal.facts)

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> None:
        if ending.how == "end":
            self.ring.finished(self)
