"""Cover: a hold is checked again before each provider call that is made under it.

Law: what is about to be sent is held. A ring further in may have chosen a dearer model, lengthened the request, or be
on its second attempt; then the hold grows first, and where it cannot, nothing is sent.
"""

from __future__ import annotations

import weakref
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from frugal._core.estimate import Estimate
from frugal._core.growth import refusal
from frugal._values.facts import Grown, Spent, Split
from frugal.errors import BudgetExceededError, UnknownPriceError
from frugal.ports import Claim, Grant, LedgerStore

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["HELD", "Cover", "covered"]

HELD = "held"
"""Under which a request's memo has the estimate at which it is held, and charged where it is lost."""


class Cover:
    """Watch over one hold.

    Args:
        ledger: where it is held.
        grant: the hold.
        asked: what it was estimated from.
        call: the request that it was estimated for.
        claims: the budgets that it stands in.
        estimate: estimates another request under the same hold.
    """

    __slots__ = (
        "_args", "_asked", "_claims", "_entered", "_estimate", "_grant", "_held", "_kwargs", "_ledger", "_refused",
        "_under",
    )  # fmt: skip

    def __init__(
        self,
        ledger: LedgerStore,
        grant: Grant,
        asked: Estimate,
        call: Call,
        claims: Sequence[Claim],
        estimate: Callable[[Call], Awaitable[Estimate]],
    ) -> None:
        self._ledger = ledger
        self._grant = grant
        self._asked = asked
        self._args = call.args
        self._kwargs = call.kwargs
        self._claims = claims
        self._estimate = estimate
        self._held = (grant.pico, grant.tokens)
        self._entered: list[tuple[int, int]] = []
        self._under: tuple[str, ...] = ()  # as a rule one
        # Weakly: its frames may hold a stream whose call holds this.
        self._refused: weakref.ref[BudgetExceededError] | None = None

    def refused_in(self, error: BaseException) -> BudgetExceededError | None:
        """Return what this cover raised last, where an error is it or was raised for it; else `None`."""
        raised = None if self._refused is None else self._refused()
        return raised if raised is not None and (error is raised or error.__cause__ is raised) else None

    async def before(self, call: Call) -> None:
        """See that what was spent under the hold, what is under way, and this request are held together.

        Raises:
            BudgetExceededError: a budget has no room for the difference.
            LedgerUnavailableError: the ledger did not answer within its patience.
            UnknownPriceError: the request is for a model without a price, under a dollar limit.
        """
        asked = await self._asked_by(call)
        call.memo.setdefault(HELD, asked)  # the innermost budget comes first
        if call.holds[-1] not in self._under:
            self._under = (*self._under, call.holds[-1])
        await self._see(call, asked.pico, asked.tokens)
        self._entered.append((asked.pico, asked.tokens))

    async def again(self, call: Call, lost: int) -> None:
        """See that a provider call may be asked for once more, after so many requests for it were lost.

        Raises:
            BudgetExceededError: what was lost may have been billed, and a budget has no room for more.
            LedgerUnavailableError: the ledger did not answer within its patience.
            UnknownPriceError: as `before`.
        """
        asked = await self._asked_by(call)
        await self._see(call, asked.pico, asked.tokens)
        with suppress(ValueError):  # the one entry of this provider call stands for all that was sent for it
            self._entered.remove((lost * asked.pico, lost * asked.tokens))
        self._entered.append(((lost + 1) * asked.pico, (lost + 1) * asked.tokens))

    async def _asked_by(self, call: Call) -> Estimate:
        """Return what a request is estimated at: the one that was held for, or another."""
        if call.args is self._args and call.kwargs is self._kwargs:
            return self._asked
        asked = await self._estimate(call)
        if asked.cost.amount is None and any(claim.limit_pico is not None for claim in self._claims):
            raise UnknownPriceError(call.model or "")
        return asked

    async def _see(self, call: Call, pico: int, tokens: int) -> None:
        """See that so much more than what was spent, and what is under way, is held."""
        so_far = self._so_far(call)
        pico, tokens = pico + so_far[0], tokens + so_far[1]
        if pico > self._held[0] or tokens > self._held[1]:
            # Said before it is asked for: another attempt may ask meanwhile.
            before, self._held = self._held, (max(pico, self._held[0]), max(tokens, self._held[1]))
            if not await self._ledger.grow(self._grant.id, pico=self._held[0], tokens=self._held[1]):
                self._held = before
                refused = refusal(call, self._claims, self._grant, pico, tokens)
                self._refused = weakref.ref(refused)
                try:
                    raise refused
                finally:
                    del refused  # the frame is in its traceback
            call.journal.add(Grown(self._grant.id, self._held[0]))

    def _so_far(self, call: Call) -> tuple[int, int]:
        """Return what was spent under the hold, and what attempts under way may come to."""
        spents = [spent for spent in call.journal.of(Spent) if spent.hold in self._under]
        splits = call.journal.of(Split)
        ended = len(spents) + len({split.attempt for split in splits})
        under_way = sorted(self._entered, reverse=True)[: max(0, len(self._entered) - ended)]
        spents += [split.spent for split in splits]
        return (
            sum(spent.cost.known.pico for spent in spents) + sum(pico for pico, _ in under_way),
            sum(spent.usage.total_tokens for spent in spents) + sum(tokens for _, tokens in under_way),
        )


async def covered(call: Call) -> None:
    """See to every hold that a provider call is made under, innermost first."""
    for cover in reversed(call.covers):
        await cover.before(call)
