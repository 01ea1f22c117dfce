"""How budgets stand: read from their accounts, or from the records where nobody claimed them yet.

Law: reading settles what dead owners hold, as reserving does; reading a budget that was never claimed
registers nothing and gives what a claim would find.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable

from frugal._mechanisms.account import Account
from frugal._values.budget import Budget
from frugal._values.record import BudgetStatus
from frugal.errors import FrugalError
from frugal.ledger.budgets import BudgetRow, decode_budget
from frugal.ledger.holds import decode_owner
from frugal.ledger.keys import LAST
from frugal.ledger.owner import LIVING, is_gone
from frugal.ledger.scopes import (
    KEPT,
    Place,
    Scope,
    amounts,
    decode_account,
    decode_place,
    place_of,
    read_scopes,
    run_records,
    spent_since,
)
from frugal.ledger.status import key_of, place_of_claim, scope_of, status_of
from frugal.ledger.unit import read_row
from frugal.ports import Claim

__all__ = ["claim_of", "dead_owners", "read_budgets", "read_status", "settle_the_dead"]

_log = logging.getLogger("frugal")


def claim_of(
    budget: Budget, user: str | None, model: str | None, function: str | None, run: str | None, tag: str | None
) -> Claim:
    """Return a budget as a claim on one of its subjects.

    Raises:
        TypeError: a budget of a run is asked for without the run.
    """
    if budget.window == "run" and not run:
        raise TypeError(f"budget {budget.name!r} is for one run; give run=.")
    subjects = {None: "", "user": user, "model": model, "function": function}
    return Claim(
        name=budget.name,
        window=budget.window,
        timezone=budget.timezone,
        per=budget.per,
        subject=subjects.get(budget.per, tag) or "",
        run=run if budget.window == "run" else None,
        limit_pico=None if budget.usd is None else budget.usd.pico,
        limit_tokens=budget.tokens,
        warn_at=budget.warn_at,
        suggest=budget.suggest if isinstance(budget.suggest, str) else None,
    )


def dead_owners(connection: sqlite3.Connection, directory: str, now: float) -> bool:
    """Whether somebody who held has died and is not settled yet."""
    query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= 'owner/' AND key < 'owner0'"
    for key, mode, value in connection.execute(query).fetchall():
        owner = read_row(directory, key, mode, value, decode_owner)
        if key.removeprefix("owner/") not in LIVING and (owner.lease < now or is_gone(owner)):
            return True
    return False


def settle_the_dead(sweep: Callable[[], object]) -> None:
    """Have the writer settle them; where it cannot, what they hold goes on to count as held."""
    try:
        sweep()
    except FrugalError as error:
        _log.warning("the holds of dead processes cannot be settled now: %s", error)


def read_status(connection: sqlite3.Connection | None, directory: str, claim: Claim, now: float) -> BudgetStatus:
    """Return the state of the budget of a claim."""
    place = place_of_claim(claim, now)
    account = Account() if connection is None else _account(connection, directory, claim, place, now)
    return status_of(claim, place, account)


def _account(connection: sqlite3.Connection, directory: str, claim: Claim, place: Place, now: float) -> Account:
    scope, key = scope_of(claim), key_of(claim, place)
    found = connection.execute("SELECT mode, value FROM Cache WHERE raw = 1 AND key = ?", (key,)).fetchone()
    if found is not None:
        return read_row(directory, key, found[0], found[1], decode_account)
    since = read_scopes(connection, directory).get(scope)
    account = Account()
    if scope.window == "run":
        for row in run_records(connection, directory, place.label):
            where = place_of(scope, row)
            if where is not None and where.subject == place.subject:
                pico, tokens = amounts(row)
                account.spent_pico += pico
                account.spent_tokens += tokens
    elif since is None or place.start < since or place.end < now - KEPT:
        spent = spent_since(connection, directory, scope, place.start, place.end, place.subject)
        for pico, tokens in spent.values():
            account.spent_pico += pico
            account.spent_tokens += tokens
    return account


def read_budgets(connection: sqlite3.Connection | None, directory: str, now: float) -> list[BudgetStatus]:
    """Return the state of every budget that was claimed lately, for each subject of its current window."""
    if connection is None:
        return []
    found = []
    for row in _current(connection, directory):
        scope = Scope(row.window, row.timezone, row.per)
        statuses = []
        for place, account in _accounts(connection, directory, scope, row, now):
            statuses.append(status_of(_claim(row, place), place, account))
        if not statuses and row.per is None and row.window != "run":
            statuses.append(read_status(connection, directory, _claim(row, Place("", "", 0, 0)), now))
        found += sorted(statuses, key=lambda status: status.subject)
    return found


def _current(connection: sqlite3.Connection, directory: str) -> list[BudgetRow]:
    query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= 'budget/' AND key < 'budget0' ORDER BY key"
    found = connection.execute(query).fetchall()
    rows = [read_row(directory, key, mode, value, decode_budget) for key, mode, value in found]
    newest: dict[tuple[object, ...], float] = {}
    for row in rows:
        name = (row.name, row.window, row.timezone, row.per)
        newest[name] = max(newest.get(name, 0.0), row.seen)
    # A limit that was changed leaves its old figure behind for a day.
    return [row for row in rows if row.seen > newest[(row.name, row.window, row.timezone, row.per)] - 86_400]


def _claim(row: BudgetRow, place: Place) -> Claim:
    return Claim(
        name=row.name,
        window=row.window,
        timezone=row.timezone,
        per=row.per,
        subject=place.subject,
        run=place.label if row.window == "run" else None,
        limit_pico=row.limit_pico,
        limit_tokens=row.limit_tokens,
        warn_at=row.warn_at,
        suggest=row.suggest,
    )


def _accounts(
    connection: sqlite3.Connection, directory: str, scope: Scope, row: BudgetRow, now: float
) -> list[tuple[Place, Account]]:
    prefix = f"account/{scope.key}/"
    current = None if scope.window == "run" else place_of_claim(_claim(row, Place("", "", 0, 0)), now)
    start = prefix if current is None else f'{prefix}["{current.label}",'
    query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= ? AND key < ?"
    accounts: list[tuple[Place, Account]] = []
    for key, mode, value in connection.execute(query, (start, start + LAST)).fetchall():
        label, subject = decode_place(key[len(prefix) :])
        begin, end = (current.start, current.end) if current is not None else (0.0, 0.0)
        account = read_row(directory, key, mode, value, decode_account)
        accounts.append((Place(label, subject, begin, end), account))
    return accounts
