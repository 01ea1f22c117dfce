"""`budgeted`: hold the estimated cost in every budget that applies before the call, settle it with the record after.

The hold is taken and settled by the ledger, in its own transactions; here is only what is asked of it, and what is
done when a budget is near its limit or at it.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from frugal._core.call import Call
from frugal._core.cover import Cover
from frugal._core.estimate import Estimate, estimate, limit_of
from frugal._core.growth import Growth
from frugal._core.meter import Meter, Metering
from frugal._core.plan import isinstance_stream
from frugal._core.recording import draft
from frugal._core.ring import Proceed
from frugal._core.standing import Standings
from frugal._core.stream import gate, tap
from frugal._values.budget import Budget, subject_of
from frugal._values.cost import Cost
from frugal._values.facts import Held, Refused, Routed
from frugal._values.money import ZERO, Money
from frugal._values.record import BudgetStatus
from frugal._values.spelling import spelt
from frugal._values.usage import Usage
from frugal.errors import BudgetExceededError, StackError, UnknownPriceError
from frugal.ports import Claim, Grant

__all__ = ["Budgeted"]

_log = logging.getLogger("frugal")

_Hold = tuple[Call, Grant, Estimate, tuple[Claim, ...]]
"""The call under its hold, the hold, what it was estimated from, and the budgets that it stands in."""

QUANTILE = 0.95
"""The share of past outputs that a hold without a limit covers."""


@dataclass(frozen=True, eq=False)
class Budgeted:
    """Refuse a call that a budget has no room for."""

    budgets: tuple[Budget, ...]
    metering: Metering
    on_exceeded: str | Callable[[BudgetExceededError, Call], Any] = "raise"
    on_warning: Callable[[BudgetStatus], Any] | None = None
    estimate: Callable[[Call], Any] | None = None
    cap_output: bool = False
    routed: bool = False
    warned: dict[tuple[Any, ...], None] = field(default_factory=dict)
    seen: Standings = field(default_factory=Standings)
    name: str = "budgeted"

    def joined(self, stack: tuple[Any, ...]) -> Budgeted:
        """Learn whether a router stands in the stack: then it takes the suggestions."""
        routed = any(getattr(ring, "name", "") == "routed" for ring in stack)
        return self if routed == self.routed else replace(self, routed=routed)

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        meter = call.plan.meter
        assert meter is not None  # noqa: S101 this ring meters
        try:
            held, grant, asked, claims = await self._hold(call, meter)
        except BudgetExceededError as error:
            return await self._refuse(call, meter, error)
        cover = Cover(meter.ledger, grant, asked, held, claims, self._estimate)
        if self.cap_output and not asked.bounded:
            held = self._cap(held, meter, asked)
        held = held.covered(cover)
        try:
            response = await proceed(held)
        except Exception as error:
            # Another's; an SDK that was refused its own retry may wrap what it was refused with.
            refused = cover.refused_in(error)
            if refused is None:
                raise
            try:
                return await self._refuse(call, meter, refused)
            finally:
                del refused  # the frame is in its traceback
        if isinstance_stream(response) and not asked.bounded and not self.cap_output:
            growth = Growth(held, meter, grant, asked, stop=self.on_exceeded == "stop", claims=claims)
            gate(tap(response, growth), growth.before)
        return response

    async def _refuse(self, call: Call, meter: Meter, error: BudgetExceededError) -> Any:
        """Raise, or let the user's own function answer."""
        call.journal.add(Refused(error.budget))
        meter.telemetry.event(call.span, "frugal.budget.exceeded", {"budget": error.budget})
        if not callable(self.on_exceeded):
            raise error
        response = self.on_exceeded(error, call)
        return await response if inspect.isawaitable(response) else response

    # ------------------------------------------------------------------ holding

    async def _hold(self, call: Call, meter: Meter) -> _Hold:
        """Hold for this call, or for the suggested model where the budget is near its limit or at it."""
        try:
            grant, asked, claims = await self._reserve(call, meter)
        except BudgetExceededError as error:
            other = self._suggested(call, self.budgets) if self.on_exceeded == "suggest" else None
            if other is None or not _may_stand_in(other, error):
                raise
            grant, asked, claims = await self._reserve(other, meter)
            return self._under(other, grant, other.model), grant, asked, claims
        # In the journal before anything else can go wrong: what is not there is never let go.
        under = self._under(call, grant)
        near = self._warn(call, meter, grant)
        other = self._suggested(call, near) if near and not self.routed else None
        if other is None:
            return under, grant, asked, claims
        try:
            cheaper, asked_less, claims_of_it = await self._reserve(other, meter, adopt=grant.id)
        except (BudgetExceededError, UnknownPriceError) as error:
            _log.warning("frugal: the model suggested for %s cannot be asked (%s); the call goes on with its own",
                         call.function, error)  # fmt: skip
            return under, grant, asked, claims
        return self._under(other, cheaper), cheaper, asked_less, claims_of_it

    def _under(self, call: Call, grant: Grant, suggested: str | None = None) -> Call:
        left = [status.usd.remaining for status in grant.statuses if status.usd is not None]
        money = [figure for figure in left if isinstance(figure, Money)]
        call.journal.add(Held(grant.id, grant.pico, grant.tokens, grant.booked, min(money, default=None), suggested))
        return call.under(grant.id)

    async def _reserve(
        self, call: Call, meter: Meter, adopt: str | None = None
    ) -> tuple[Grant, Estimate, tuple[Claim, ...]]:
        asked = await self._estimate(call)
        claims = tuple([_claim(budget, call, call.model) for budget in self.budgets])
        if asked.cost.amount is None and any(claim.limit_pico is not None for claim in claims):
            near = getattr(meter.prices, "near", None)
            model = call.model or meter.usual or ""
            raise UnknownPriceError(model, near(model) if near is not None and model else ())
        record = draft(call, _presumed(asked), asked.hold)
        grant = await meter.ledger.reserve(claims, pico=asked.pico, tokens=asked.tokens, draft=record, adopt=adopt)
        self.seen.note(_subjects(call), grant.statuses)
        return grant, asked, claims

    async def _estimate(self, call: Call) -> Estimate:
        meter = call.plan.meter
        assert meter is not None  # noqa: S101 this ring meters
        prices, requests = meter.prices, meter.requests
        stated = self.estimate(call) if self.estimate is not None else None
        if inspect.isawaitable(stated):
            stated = await stated
        if isinstance(stated, Money):
            cost = Cost.exact(stated)
            usage = estimate(call, requests, prices, usual=meter.usual).hold
            return Estimate(usage, cost, cost, bounded=True)
        if isinstance(stated, Usage):
            model = call.model or meter.usual
            cost = prices.cost(model, stated, at=call.started) if model else Cost.exact(ZERO)
            open_ended = self.cap_output and limit_of(call, requests) is None
            return Estimate(stated, cost, cost, bounded=not open_ended, output=stated.total_output_tokens)
        if stated is not None:
            raise TypeError(f"estimate= returned {stated!r}; return a Usage, Money (usd('0.05')) or None.")
        model = call.model or meter.usual
        if model is None or limit_of(call, requests) is not None:
            return estimate(call, requests, prices, usual=model)
        learned = await meter.ledger.typical_output(call.function, model, QUANTILE)
        ratio = meter.ratio(call)
        return estimate(call, requests, prices, learned=learned, ratio=ratio, capped=self.cap_output, usual=model)

    # ------------------------------------------------------------------ near the limit

    def _warn(self, call: Call, meter: Meter, grant: Grant) -> list[Budget]:
        """Warn once for each window, and return the budgets that are near their limit."""
        near = []
        for budget, status in zip(self.budgets, grant.statuses, strict=False):
            if not (status.warning or status.exceeded):
                continue
            near.append(budget)
            window = (budget.name, status.subject, call.run if budget.window == "run" else status.resets_at)
            if window in self.warned:
                continue
            _remember(self.warned, window, None)
            _log.warning(
                "frugal: budget %r%s is at %.0f %% of its limit", budget.name,
                f" of {status.subject}" if status.subject else "", 100 * status.fraction,
            )  # fmt: skip
            meter.telemetry.event(
                call.span, "frugal.budget.warning", {"budget": budget.name, "fraction": status.fraction}
            )
            if self.on_warning is not None:
                self._tell(status)
        return near

    def _tell(self, status: BudgetStatus) -> None:
        assert self.on_warning is not None  # noqa: S101 checked by the caller
        try:
            told = self.on_warning(status)
            if inspect.isawaitable(told):
                _later(told)
        except Exception:
            _log.exception("frugal: on_warning= failed; the call goes on")

    def _suggested(self, call: Call, budgets: Any) -> Call | None:
        """Return the call with the first cheaper model that a budget suggests."""
        for budget in budgets:
            name = _suggestion(budget, call)
            if name and name != call.model and call.plan.function.accepts(call.plan.model_argument):
                return call.replace(**{call.plan.model_argument: name})
        return None

    async def states(self, call: Call, models: Sequence[str]) -> list[tuple[BudgetStatus, str | None, str | None]]:
        """Return how these budgets stand for such a call, before any of the models is chosen.

        Args:
            call: the call.
            models: the models that may be chosen; a budget for each model has a state for each of them.

        Returns:
            The state, the model that it is of (`None` for all), and the model that the budget suggests.
        """
        meter = call.plan.meter
        assert meter is not None  # noqa: S101 this ring meters
        each = [(b, m) for b in self.budgets for m in (models if b.per == "model" else (None,))]
        claims = [_claim(budget, call, model) for budget, model in each]
        by_model = any(budget.per == "model" for budget in self.budgets)
        statuses = await self.seen.of(None if by_model else _subjects(call), claims, meter.ledger)
        return [(s, model, _suggestion(b, call)) for (b, model), s in zip(each, statuses, strict=False)]

    async def foresee(self, dry: Any) -> None:
        """Say what would be held."""
        asked = await self._estimate(dry.call)
        if asked.cost.amount is None:
            dry.say(repr(self), f"would refuse: no price is known for {dry.call.model!r}")
            return
        dry.hold(asked.cost.amount)
        dry.say(repr(self), f"would hold {asked.cost.amount} and {asked.tokens} tokens")

    # ------------------------------------------------------------------ capping

    def _cap(self, call: Call, meter: Meter, asked: Estimate) -> Call:
        """Send what was held as the request's own maximum.

        Raises:
            StackError: the function takes no such argument.
        """
        function = call.plan.function
        names = ("max_completion_tokens", "max_output_tokens", "max_tokens")
        name = next((name for name in names if name in function.names), "max_tokens")
        if not function.accepts(name):
            raise StackError(
                f"{call.function} takes none of {', '.join(names)}, so cap_output= has no way to send its limit. "
                "Add one of them to the function and hand it to the provider."
            )
        output = max(1, asked.output)
        capped = call.replace(**{name: output})
        total = meter.requests.output_limit(capped.arguments) or output
        if total > output:  # of several choices, each may be that long
            capped = call.replace(**{name: max(1, output * output // total)})
        return capped

    def __repr__(self) -> str:
        return spelt("budgeted", *self.budgets, on_exceeded=None if self.on_exceeded == "raise" else self.on_exceeded,
                     on_warning=self.on_warning, estimate=self.estimate,
                     cap_output=self.cap_output or None)  # fmt: skip


def _claim(budget: Budget, call: Call, model: str | None) -> Claim:
    subject = subject_of(budget.per, user=call.user, model=model, function=call.function, tags=call.tags)
    return _asked(budget, subject, call.run if budget.window == "run" else None)


@lru_cache(maxsize=1024)
def _asked(budget: Budget, subject: str, run: str | None) -> Claim:
    """Return what a budget is asked; of one without a subject, the same each time."""
    return Claim(
        name=budget.name,
        window=budget.window,
        timezone=budget.timezone,
        per=budget.per,
        subject=subject,
        run=run,
        limit_pico=budget.usd.pico if budget.usd is not None else None,
        limit_tokens=budget.tokens,
        warn_at=budget.warn_at,
        suggest=budget.suggest if isinstance(budget.suggest, str) else None,
    )


def _may_stand_in(other: Call, error: BudgetExceededError) -> bool:
    """Say whether the router lets the suggested model stand in: not one that it excluded, or has tried."""
    routed = other.journal.last(Routed)
    if routed is None or routed.instead is None or other.model is None:
        return True
    return routed.instead(other.model, f"{error.budget!r} is at its limit")


def _suggestion(budget: Budget, call: Call) -> str | None:
    """Return the model that a budget suggests near its limit."""
    try:
        return budget.suggest(call) if callable(budget.suggest) else budget.suggest
    except Exception:
        _log.exception("frugal: suggest= failed; the call goes on without a suggestion")
        return None


def _presumed(asked: Estimate) -> Cost:
    """Return what a dead owner's call is presumed to have cost: what it held, at most what the request allows."""
    if asked.cost.amount is None:
        return asked.cost
    high = max(asked.high.known, asked.cost.amount)
    return Cost.estimated(asked.cost.amount, ZERO, high, asked.cost.by_bucket, price_table=asked.cost.price_table)


def _remember(kept: dict[tuple[Any, ...], Any], key: tuple[Any, ...], value: Any) -> None:
    """Keep what was learned last; users and runs come and go for as long as the process lives."""
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > _MOST:
        del kept[next(iter(kept))]


_MOST = 4096


def _subjects(call: Call) -> tuple[Any, ...]:
    return (call.user, call.run if call.run != call.id else None, tuple(sorted(call.tags.items())))


def _later(told: Any) -> None:
    """Let an async `on_warning` run beside the call; the warning must not hold it up."""
    import asyncio  # noqa: PLC0415

    task = asyncio.ensure_future(told)
    _running.add(task)
    task.add_done_callback(_done)


_running: set[Any] = set()


def _done(task: Any) -> None:
    _running.discard(task)
    if not task.cancelled() and task.exception() is not None:
        _log.error("frugal: on_warning= failed; the call went on", exc_info=task.exception())
