"""Budgets that were seen: their names and limits, noted when they are claimed.

Law: the note is for reports; a hold is judged by the limits in its own claim.
"""

from __future__ import annotations

import msgspec

from frugal.ledger.unit import Unit
from frugal.ports import Claim

__all__ = ["BudgetRow", "decode_budget", "note"]

_FRESH = 3600.0  # seconds before a note is written again

_encode = msgspec.json.Encoder().encode


class BudgetRow(msgspec.Struct, omit_defaults=True):
    """Hold a budget as it was claimed, and when last (Unix seconds)."""

    name: str
    window: str
    timezone: str
    per: str | None
    limit_pico: int | None
    limit_tokens: int | None
    warn_at: float
    suggest: str | None
    seen: float


decode_budget = msgspec.json.Decoder(BudgetRow).decode


def note(unit: Unit, claim: Claim) -> None:
    """Note that a budget is in use."""
    parts = (claim.name, claim.window, claim.timezone, claim.per, claim.limit_pico, claim.limit_tokens)
    key = "budget/" + _encode(parts).decode()
    known = unit.load(key, decode_budget)
    if known is None or known.seen + _FRESH < unit.now or known.warn_at != claim.warn_at:
        unit.keep(key, BudgetRow(*parts, claim.warn_at, claim.suggest, unit.now))
