"""The state of a budget, as figures.

Law: `used` is what is settled, `held` what calls under way may yet cost; `remaining` is what a new call can
have, and never below nothing; `warning` and `exceeded` go by what is used.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from frugal._mechanisms.account import Account
from frugal._values.money import Money
from frugal._values.record import BudgetFigure, BudgetStatus
from frugal._values.window import window_of, zone
from frugal.ledger.keys import account_key
from frugal.ledger.scopes import Place, Scope
from frugal.ports import Claim

__all__ = ["key_of", "place_of_claim", "resets_at", "scope_of", "status_of"]


def scope_of(claim: Claim) -> Scope:
    """Return the scope of a claim."""
    return Scope(claim.window, claim.timezone, claim.per)


def place_of_claim(claim: Claim, now: float) -> Place:
    """Return which account a claim is on at that instant.

    Raises:
        ValueError: the window or the zone is unknown.
    """
    if claim.window == "run":
        return Place(claim.run or "", claim.subject, 0.0, 0.0)
    window = window_of(claim.window, now, claim.timezone)
    return Place(window.label, claim.subject, window.start, window.end)


def key_of(claim: Claim, place: Place) -> str:
    """Return the key of the account that a claim is on."""
    return account_key(scope_of(claim).key, place.label, place.subject)


def resets_at(claim: Claim, place: Place) -> datetime | None:
    """Return when the window ends, in the budget's zone; `None` for a run."""
    return _in_zone(place.end, claim.timezone) if place.end else None


@lru_cache(maxsize=256)
def _in_zone(time: float, timezone: str) -> datetime:
    """Return an instant in a zone; what all calls of a window are told is one object."""
    return datetime.fromtimestamp(time, zone(timezone))


_limit = lru_cache(maxsize=256)(Money)


def status_of(claim: Claim, place: Place, account: Account) -> BudgetStatus:
    """Return the state of a budget whose account that is."""
    usd = tokens = None
    exceeded = False
    if claim.limit_pico is not None:
        used, held, limit = account.spent_pico, account.held_pico, claim.limit_pico
        left = max(limit - used - held, 0)
        usd = BudgetFigure(Money(used), Money(held), _limit(limit), Money(left), _share(used, limit))
        exceeded = used >= limit
    if claim.limit_tokens is not None:
        used, held, limit = account.spent_tokens, account.held_tokens, claim.limit_tokens
        tokens = BudgetFigure(used, held, limit, max(limit - used - held, 0), _share(used, limit))
        exceeded = exceeded or used >= limit
    return BudgetStatus(
        name=claim.name,
        window=claim.window,
        subject=claim.subject or (place.label if claim.window == "run" else ""),
        usd=usd,
        tokens=tokens,
        warning=any(figure.fraction >= claim.warn_at for figure in (usd, tokens) if figure is not None),
        exceeded=exceeded,
        resets_at=resets_at(claim, place),
        suggest=claim.suggest,
    )


def _share(used: int, limit: int) -> float:
    return used / limit if limit else 1.0
