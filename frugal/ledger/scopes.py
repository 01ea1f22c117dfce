"""Scopes: which accounts a record belongs to, and what was spent before anybody asked.

Law: the account of a record follows from the record alone (its booked instant, user, requested model,
function, tags and run), so that every process books it alike and an audit can book it again. A scope that
is claimed for the first time is filled from the records, in the transaction of that claim; from then on
every commit of any process adds to it.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from frugal._mechanisms.account import Account
from frugal._values.budget import subject_of
from frugal._values.window import Window, window_of
from frugal.ledger.keys import HOUR, account_key, scope_key
from frugal.ledger.unit import Unit, read_row
from frugal.ledger.walk import FOREVER, Walk
from frugal.ledger.wire import RecordRow, unpack

__all__ = [
    "AccountRow",
    "Place",
    "Scope",
    "Scopes",
    "amounts",
    "decode_account",
    "place_of",
    "read_scopes",
    "run_records",
    "spent_since",
]

_log = logging.getLogger("frugal")

KEPT = 8 * 86_400.0
"""Seconds for which the account of a window that has ended is kept, for settlements that come late."""

RUN_KEPT = 3600.0
"""Seconds for which the account of a run in which nothing happens is kept; it can be filled again."""

_MARGIN = 48  # hours by which a record's time may differ from its booked instant
_SUMMED = frozenset({None, "user", "function"})  # subjects that cells know


@dataclass(slots=True)
class AccountRow(Account):
    """Keep an account with the end of its window (Unix seconds; 0 for a run)."""

    end: float = 0.0


decode_account = msgspec.json.Decoder(AccountRow).decode


class Scope(NamedTuple):
    """Name what the accounts of some budgets have in common."""

    window: str
    timezone: str
    per: str | None

    @property
    def key(self) -> str:
        """Its text, as it stands in keys."""
        return _scope_key(self)


_scope_key = lru_cache(maxsize=512)(lambda scope: scope_key(*scope))


class Place(NamedTuple):
    """Say which account: its label (a window's, or a run's id), subject, and its window's end."""

    label: str
    subject: str
    start: float
    end: float


class Scopes(msgspec.Struct):
    """Hold the registered scopes: since which instant (Unix seconds) the accounts of each are complete."""

    since: dict[str, float] = {}


_decode_scopes = msgspec.json.Decoder(Scopes).decode
_decode_scope = msgspec.json.Decoder(Scope).decode
_scope = lru_cache(maxsize=512)(_decode_scope)


def scopes_in(unit: Unit) -> Scopes:
    """Return the registered scopes of the ledger."""
    return unit.load("scopes", _decode_scopes) or Scopes()


def read_scopes(connection: sqlite3.Connection, directory: str) -> dict[Scope, float]:
    """Return the registered scopes, outside of a unit."""
    found = connection.execute("SELECT mode, value FROM Cache WHERE key = 'scopes' AND raw = 1").fetchone()
    if found is None:
        return {}
    scopes = read_row(directory, "scopes", found[0], found[1], _decode_scopes)
    return {_scope(text): since for text, since in scopes.since.items()}


def place_of(scope: Scope, row: RecordRow) -> Place | None:
    """Return where a record belongs in a scope; `None` where it belongs nowhere (a run budget, and no run)."""
    subject = subject_of(scope.per, user=row.user, model=row.asked or row.model, function=row.function, tags=row.tags)
    if scope.window == "run":
        return Place(row.run, subject, 0.0, 0.0) if row.run else None
    window = window_of(scope.window, row.time / 1e6 if row.booked is None else row.booked, scope.timezone)
    return Place(window.label, subject, window.start, window.end)


def amounts(row: RecordRow) -> tuple[int, int]:
    """Return the pico-dollars and tokens that a record spends."""
    return (row.cost.amount or 0) if row.cost is not None else 0, sum(row.usage)


def accounts_of(unit: Unit, row: RecordRow) -> Iterator[tuple[str, Place]]:
    """Yield the accounts that a record is to be added to, in every registered scope."""
    for text, since in scopes_in(unit).since.items():
        try:
            place = place_of(_scope(text), row)
        except ValueError as error:  # a zone that another process knows, and this machine does not
            _log.error("the ledger cannot count record %s in scope %s: %s", row.id, text, error)
            continue
        # A window from before the scope was registered has no account, unless it is claimed; one that ended
        # long ago has none any more. Either is filled from the records when it is asked for.
        if place is not None and place.start >= (since if place.end else 0.0):
            yield account_key(text, place.label, place.subject), place


def book(unit: Unit, row: RecordRow, sign: int) -> None:
    """Add a record to its accounts, or take it away again."""
    pico, tokens = amounts(row)
    if not pico and not tokens:
        return
    for key, place in accounts_of(unit, row):
        account = unit.load(key, decode_account)
        if account is None:
            if not place.end or place.end < unit.now - KEPT:
                continue
            account = AccountRow(end=place.end)
        account.spent_pico += sign * pico
        account.spent_tokens += sign * tokens
        unit.keep(key, account)


def register(unit: Unit, connection: sqlite3.Connection, scope: Scope, start: float) -> None:
    """See that the accounts of a scope are complete from `start` (the beginning of a window) on."""
    scopes = scopes_in(unit)
    since = scopes.since.get(scope.key)
    if since is not None and since <= start:
        return
    unit.flush()
    if scope.window != "run":
        spent = spent_since(connection, unit.directory, scope, start, since)
        for (label, subject, end), (pico, tokens) in spent.items():
            key = account_key(scope.key, label, subject)
            account = unit.load(key, decode_account) or AccountRow(end=end)
            account.spent_pico, account.spent_tokens = pico, tokens
            unit.keep(key, account)
    scopes.since[scope.key] = start
    unit.keep("scopes", scopes)


def spent_since(
    connection: sqlite3.Connection,
    directory: str,
    scope: Scope,
    start: float,
    end: float | None,
    subject: str | None = None,
) -> dict[tuple[str, str, float], tuple[int, int]]:
    """Add up the records booked from `start` to `end`, by window and subject, from cells where they say enough."""
    summed = scope.per in _SUMMED
    low, high = round(start * 1e6), FOREVER if end is None else round(end * 1e6)

    def whole(since: int, until: int) -> bool:
        if until <= low or since >= high:
            return True  # nothing of it is asked for, unless it was booked elsewhere, and then it is taken apart
        inside = summed and since >= low and until <= high
        return inside and window_of(scope.window, since / 1e6, scope.timezone).end * 1e6 >= until

    result: dict[tuple[str, str, float], tuple[int, int]] = {}
    walk = Walk(connection, directory, whole, still=True)
    for step in walk.steps(max(low - _MARGIN * HOUR, 0), min(high + _MARGIN * HOUR, FOREVER)):
        if step.row is not None:
            place = place_of(scope, step.row)
            instant = step.row.time / 1e6 if step.row.booked is None else step.row.booked
            if place is None or not (start <= instant and (end is None or instant < end)):
                continue
            whose, label, until = place.subject, place.label, place.end
            pico, tokens = amounts(step.row)
        elif low <= step.start < high:
            window: Window = window_of(scope.window, step.start / 1e6, scope.timezone)
            # Days that were folded away know no tags, and the served model for the one that was asked for.
            subjects = {None: "", "user": step.dims[0], "model": step.dims[1], "function": step.dims[3]}
            whose = subjects.get(scope.per, "")
            label, until = window.label, window.end
            pico, tokens = step.cell.amount, step.cell.tokens
        else:
            continue
        if (pico or tokens) and (subject is None or whose == subject):
            before = result.get((label, whose, until), (0, 0))
            result[(label, whose, until)] = (before[0] + pico, before[1] + tokens)
    return result


def run_records(connection: sqlite3.Connection, directory: str, run: str) -> Iterator[RecordRow]:
    """Yield the records of a run."""
    query = "SELECT key, mode, value FROM Cache INDEXED BY frugal_run WHERE tag = ? ORDER BY rowid"
    rows: list[Any] = connection.execute(query, (run,)).fetchall()
    for key, mode, value in rows:
        if key.startswith("record/"):
            yield read_row(directory, key, mode, value, unpack)


def open_account(unit: Unit, connection: sqlite3.Connection, scope: Scope, place: Place) -> str:
    """Return the key of an account that is complete and may be held against, making it where there is none."""
    register(unit, connection, scope, place.start)
    key = account_key(scope.key, place.label, place.subject)
    if unit.load(key, decode_account) is None:
        account = AccountRow(end=place.end)
        if scope.window == "run":
            unit.flush()
            for row in run_records(connection, unit.directory, place.label):
                where = place_of(scope, row)
                if where is not None and where.subject == place.subject:
                    pico, tokens = amounts(row)
                    account.spent_pico += pico
                    account.spent_tokens += tokens
        elif 0 < place.end < unit.now - KEPT:
            unit.flush()
            spent = spent_since(connection, unit.directory, scope, place.start, place.end, place.subject)
            for pico, tokens in spent.values():
                account.spent_pico, account.spent_tokens = pico, tokens
        unit.keep(key, account)
    return key


_labels = msgspec.json.Decoder(tuple[str, str])


def decode_place(text: str) -> tuple[str, str]:
    """Return label and subject, as they stand at the end of an account's key."""
    return _labels.decode(text)
