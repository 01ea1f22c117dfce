"""Growth: a long stream without a limit of its own raises its hold as it goes.

Law: what has streamed is held, or is known to be an overrun; with `stop`, a stream whose growth is refused is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from frugal._core.estimate import Estimate
from frugal._core.stream import Ending
from frugal._values.facts import Grown
from frugal._values.money import ZERO, Money
from frugal._values.record import BudgetFigure
from frugal._values.usage import Usage
from frugal.errors import BudgetExceededError, LedgerUnavailableError
from frugal.ports import Claim, Grant

if TYPE_CHECKING:
    from frugal._core.call import Call
    from frugal._core.meter import Meter

__all__ = ["Growth", "refusal"]

_log = logging.getLogger("frugal")

GROW_AT = 0.8
"""The share of the held output after which more is asked for: the answer should not run ahead of the hold."""


class Growth:
    """Watch a stream's output and raise its hold before it runs out."""

    __slots__ = ("_call", "_claims", "_grant", "_held", "_input", "_meter", "_reader", "_refused", "_stop")

    def __init__(
        self, call: Call, meter: Meter, grant: Grant, asked: Estimate, *, stop: bool, claims: Sequence[Claim]
    ) -> None:
        self._call = call
        self._meter = meter
        self._grant = grant
        self._claims = claims
        self._stop = stop
        self._held = asked.output
        self._input = asked.hold.total_input_tokens
        self._reader = meter.ports.reader.stream()
        self._refused = False

    def chunk(self, chunk: Any, /) -> None:
        """See a chunk."""
        self._reader.feed(chunk)

    def end(self, ending: Ending, /) -> None:
        """Nothing more to hold."""
        self._refused = True

    async def before(self) -> None:
        """Ask for more before the next chunk, where the hold is nearly used up.

        Raises:
            BudgetExceededError: there is no room, and the stream is to stop.
        """
        if self._refused or self._output() < GROW_AT * self._held:
            return
        wanted = 2 * self._held
        usage = Usage(input_tokens=self._input, output_tokens=wanted)
        cost = self._meter.prices.cost(self._call.model or "", usage, at=self._call.started)
        pico = max((cost.high or ZERO).pico, self._grant.pico)
        try:
            grown = await self._meter.ledger.grow(self._grant.id, pico=pico, tokens=usage.total_tokens)
        except LedgerUnavailableError:
            grown = False
        if grown:
            self._held = wanted
            self._call.journal.add(Grown(self._grant.id, pico))
            return
        self._refused = True
        _log.warning("frugal: a stream of %s has outgrown its budget", self._call.function)
        if self._stop:
            raise refusal(self._call, self._claims, self._grant, pico, usage.total_tokens)

    def _output(self) -> int:
        reading = self._reader.reading()
        if reading is None:
            return 0
        counted = reading.usage.total_output_tokens if reading.usage is not None else 0
        return max(counted, -(-(reading.text_bytes or 0) // 4))


def refusal(call: Call, claims: Sequence[Claim], grant: Grant, pico: int, tokens: int) -> BudgetExceededError:
    """Return the error for a hold that could not grow, naming the budget that has the least room."""
    pairs = zip(claims, grant.statuses, strict=False)
    figures = [(c, s, f, unit) for c, s in pairs for f, unit in ((s.usd, "usd"), (s.tokens, "tokens")) if f]
    claim, status, figure, unit = min(figures, key=lambda found: _room(found[2]))
    return BudgetExceededError(
        budget=claim.name,
        unit=unit,
        limit=figure.limit,
        spent=figure.used,
        held=figure.held,
        requested=Money(pico) if unit == "usd" else tokens,
        resets_at=status.resets_at,
        subject=claim.subject,
        function=call.function,
    )


def _room(figure: BudgetFigure) -> float:
    return float(figure.remaining) / (float(figure.limit) or 1.0)
