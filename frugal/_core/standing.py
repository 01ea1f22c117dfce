"""Standing: how budgets stand, for those who choose by it before anything is held.

Law: what was seen last answers only while it is young and every budget has plenty; near a limit, where a choice hangs
on it, the ledger is asked. So nobody is refused by what stood yesterday, or by what another call held for a moment.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

from frugal._values.clock import clock
from frugal._values.money import Money
from frugal._values.record import BudgetFigure, BudgetStatus
from frugal.errors import FrugalError
from frugal.ports import Claim

__all__ = ["Standings"]

_log = logging.getLogger("frugal")

_YOUNG = 1.0
"""Seconds for which what was seen may answer."""

_MOST = 4096
"""Subjects that are remembered; users and runs come and go for as long as the process lives."""


class Standings:
    """Remember how the budgets of a stack stood for each of their subjects."""

    __slots__ = ("_seen",)

    def __init__(self) -> None:
        self._seen: OrderedDict[Hashable, tuple[Sequence[BudgetStatus], float]] = OrderedDict()

    def note(self, subject: Hashable, statuses: Sequence[BudgetStatus]) -> None:
        """Remember what a hold brought with it."""
        self._seen[subject] = (statuses, clock.now())
        self._seen.move_to_end(subject)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    async def of(self, subject: Hashable | None, claims: Sequence[Claim], ledger: Any) -> Sequence[BudgetStatus]:
        """Return how the claimed budgets stand, in the order of the claims; nothing where nobody knows.

        Args:
            subject: whose these claims are, as in `note`; `None` where no hold tells of them all.
            claims: the budgets.
            ledger: asked through its `standing(claims)`, where it has one.
        """
        seen, at = ((), 0.0) if subject is None else self._seen.get(subject, ((), 0.0))
        now = clock.now()
        if seen and now - at < _YOUNG and all(map(_has_plenty, seen)):
            return seen
        ask = getattr(ledger, "standing", None)
        if ask is not None:
            try:
                found: Sequence[BudgetStatus] = await ask(claims)
            except FrugalError as error:
                # The hold fails closed; a choice before it may be made without.
                _log.warning("frugal: how the budgets stand cannot be read now (%s); a router chooses without", error)
                return ()
            if subject is not None:
                self.note(subject, found)
            return found
        return () if any(s.resets_at is not None and s.resets_at.timestamp() <= now for s in seen) else seen


def _has_plenty(status: BudgetStatus) -> bool:
    usd, tokens = status.usd, status.tokens
    return (usd is None or _is_half_free(usd)) and (tokens is None or _is_half_free(tokens))


def _is_half_free(figure: BudgetFigure) -> bool:
    left, limit = figure.remaining, figure.limit
    if isinstance(left, Money) and isinstance(limit, Money):  # the sum of two would be made only to be compared
        left, limit = left.pico, limit.pico
    half: bool = left + left >= limit  # type: ignore[operator] # both are of one unit
    return half
