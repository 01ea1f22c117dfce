"""The scratch ledger of a backtest: the promises of the real one, in memory and in constant time.

Law: what is spent, held and refused is decided by the mechanism that the real ledger decides by (`Accounts`), in the
same windows; a request's records are handed to that request, and nothing is written anywhere.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from frugal._mechanisms.account import Account, Accounts, Holding, Standing
from frugal._values.budget import subject_of
from frugal._values.clock import clock
from frugal._values.money import Money
from frugal._values.record import BudgetStatus, Record
from frugal._values.window import window_of
from frugal.errors import BudgetExceededError
from frugal.insight.backtesting.playing import Playing, playing
from frugal.ledger.keys import account_key
from frugal.ledger.outputs import Outputs
from frugal.ledger.scopes import Place, Scope
from frugal.ledger.status import place_of_claim, resets_at, scope_of, status_of
from frugal.ports import Claim, Grant, Settlement

__all__ = ["Books"]

_TEACHING = frozenset({"provider", "escalated", "shadow"})
_GRAIN = 900.0
"""Seconds within which all spending is in the same windows: no zone is off by less than a quarter of an hour."""

_of_window = lru_cache(maxsize=8192)(account_key)

Spending = tuple[int, str | None, str | None, str, tuple[tuple[str, str], ...], str | None]
"""What decides in which accounts something spent stands: when, for whom, on which model, by what, how labelled, in
which run."""


class _Done:
    """A ticket for what is in memory already."""

    done = True

    async def wait(self) -> bool:
        """Return at once."""
        return True


_DONE = _Done()


class _Shelf(dict[str, Account]):
    """Finds accounts by name."""

    def account(self, name: str) -> Account:
        """Return the account of that name."""
        found = self.get(name)
        if found is None:
            found = self[name] = Account()
        return found


class Books:
    """Keep what the calls of a backtest hold and spend.

    Args:
        on_records: given each call's records as they are committed.
    """

    def __init__(self, on_records: Callable[[Sequence[Record]], None]) -> None:
        self._on_records = on_records
        self._shelf = _Shelf()
        self._accounts = Accounts(self._shelf)
        self._holds: dict[str, Holding] = {}
        self._scopes: set[Scope] = set()
        self._spent: dict[Spending, list[int]] = {}
        self._runs: dict[Playing, set[str]] = {}
        self._outputs: dict[tuple[str, str], Outputs] = {}
        self._numbers = itertools.count(1)

    # ------------------------------------------------------------------ as a ledger

    def commit(self, settlement: Settlement) -> _Done:
        """Take in what a call spent, and let go of what it held."""
        for name in settlement.releases:
            hold = self._holds.pop(name, None)
            if hold is not None:
                self._accounts.release(hold)
        for record in settlement.records:
            pico, tokens = record.cost.known.pico, record.usage.total_tokens
            if pico or tokens:
                spending = _spending(record)
                for scope in self._scopes:
                    self._spend(scope, spending, pico, tokens)
                if not _has_session():  # a run of its own: nobody will ask for it again
                    spending = (*spending[:-1], None)
                so_far = self._spent.setdefault(spending, [0, 0])
                so_far[0] += pico
                so_far[1] += tokens
            if record.kind == "llm" and record.outcome in _TEACHING and record.usage:
                key = record.function, record.model_requested or record.model or ""
                self._outputs.setdefault(key, Outputs()).add(record.usage.total_output_tokens)
        self._on_records(settlement.records)
        return _DONE

    async def reserve(
        self, claims: Sequence[Claim], *, pico: int, tokens: int, draft: Record, adopt: str | None = None
    ) -> Grant:
        """Hold in every claimed budget, or raise and hold in none."""
        now = clock.now()
        places = [place_of_claim(claim, now) for claim in claims]
        standings = [
            Standing(self._account(claim, place), claim.limit_pico, claim.limit_tokens)
            for claim, place in zip(claims, places, strict=True)
        ]
        before = self._holds.get(adopt) if adopt is not None else None
        holding = Holding(pico, tokens, standings)
        short = self._accounts.reserve(holding, before)
        if short is not None:
            asked = pico if short.unit == "usd" else tokens
            raise self._refusal(claims[short.place], places[short.place], short.unit, asked, draft)
        if adopt is not None:
            self._holds.pop(adopt, None)
        name = f"hold-{next(self._numbers)}"
        self._holds[name] = holding
        statuses = tuple(
            status_of(claim, _named(claim, place), self._shelf.account(standing.account))
            for claim, place, standing in zip(claims, places, standings, strict=True)
        )
        return Grant(name, pico, tokens, now, statuses)

    async def grow(self, hold: str, *, pico: int, tokens: int) -> bool:
        """Raise a hold, if every budget that it stands in has room."""
        found = self._holds.get(hold)
        return found is not None and self._accounts.grow(found, pico, tokens)

    async def standing(self, claims: Sequence[Claim]) -> tuple[BudgetStatus, ...]:
        """Return how budgets stand now, in the order of the claims."""
        found = []
        for claim in claims:
            place = place_of_claim(claim, clock.now())
            found.append(status_of(claim, place, self._shelf.account(self._account(claim, place))))
        return tuple(found)

    async def typical_output(self, function: str, model: str | None, quantile: float) -> int | None:
        """Return that quantile of the outputs seen so far."""
        found = self._outputs.get((function, model or ""))
        return found.quantile(quantile) if found is not None else None

    async def flush(self) -> None:
        """Do nothing: everything is here already."""

    async def aclose(self) -> None:
        """Do nothing."""

    def over(self, now: Playing) -> None:
        """Forget the accounts of a request that was a run of its own: nobody can ask for them again."""
        for name in self._runs.pop(now, ()):
            account = self._shelf.get(name)
            if account is not None and not account.holds:
                del self._shelf[name]

    # ------------------------------------------------------------------ accounts

    def _account(self, claim: Claim, place: Place) -> str:
        """Return the key of a claim's account; a scope that is new first takes in what was spent before."""
        scope = scope_of(claim)
        if scope not in self._scopes:
            self._scopes.add(scope)
            for spending, (pico, tokens) in self._spent.items():
                self._spend(scope, spending, pico, tokens)
        name = _key(scope, place.label, place.subject)
        if scope.window == "run" and not _has_session():
            now = playing.get()
            if now is not None:
                self._runs.setdefault(now, set()).add(name)
        return name

    def _spend(self, scope: Scope, spending: Spending, pico: int, tokens: int) -> None:
        grain, user, model, function, tags, run = spending
        if scope.window == "run":
            if not run:
                return
            label = run
        else:
            label = window_of(scope.window, grain * _GRAIN, scope.timezone).label
        per = scope.per
        subject = (
            ""
            if per is None
            else subject_of(per, user=user, model=model, function=function, tags=dict(tags) if tags else {})
        )
        self._accounts.spend(_key(scope, label, subject), pico, tokens)

    def _refusal(self, claim: Claim, place: Place, unit: str, asked: int, draft: Record) -> BudgetExceededError:
        account = self._shelf.account(_key(scope_of(claim), place.label, place.subject))
        if unit == "usd":
            limit, spent, held = claim.limit_pico, account.spent_pico, account.held_pico
            wrap: Any = Money
        else:
            limit, spent, held = claim.limit_tokens, account.spent_tokens, account.held_tokens
            wrap = int
        return BudgetExceededError(
            budget=claim.name,
            unit=unit,
            limit=wrap(limit or 0),
            spent=wrap(spent),
            held=wrap(held),
            requested=wrap(asked),
            resets_at=resets_at(claim, place),
            subject=claim.subject or (_named(claim, place).label if claim.window == "run" else ""),
            function=draft.function,
        )


def _key(scope: Scope, label: str, subject: str) -> str:
    """Return the key of an account; that of a run is soon over, and remembered by nobody."""
    return (account_key if scope.window == "run" else _of_window)(scope.key, label, subject)


def _spending(record: Record) -> Spending:
    return (
        int(record.instant // _GRAIN),
        record.user,
        record.model_requested or record.model,
        record.function,
        tuple(sorted(record.tags.items())) if record.tags else (),
        record.run,
    )


def _has_session() -> bool:
    now = playing.get()
    return now is not None and now.logged.session is not None


def _named(claim: Claim, place: Place) -> Place:
    """Return the place of a claim, a run under the log's name for it: one without a name has a new one at every run."""
    if claim.window != "run":
        return place
    now = playing.get()
    return place._replace(label=(now.logged.session if now is not None else None) or "")
