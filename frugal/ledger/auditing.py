"""The audit: does every counter equal the sum of its records, and every hold stand where it is counted?

Law: it looks at one snapshot, changes nothing, and needs memory for one hour's sums and the accounts, not
for the records. What it finds is said in words that name the row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from frugal._mechanisms.account import Account
from frugal._values.window import window_of
from frugal.errors import FrugalError
from frugal.ledger.cells import Cell, cell_of, dims
from frugal.ledger.holds import decode_hold, decode_owner
from frugal.ledger.keys import DAY, HOUR, account_key, day_label, hour_label, hour_start
from frugal.ledger.scopes import (
    KEPT,
    AccountRow,
    Scope,
    amounts,
    decode_account,
    decode_place,
    place_of,
    read_scopes,
    run_records,
)
from frugal.ledger.store import RECORD_RANGE
from frugal.ledger.unit import read_row
from frugal.ledger.walk import Walk, records_between
from frugal.ledger.wire import RecordRow

__all__ = ["Audit", "audit"]

_MANY = 100  # problems after which no more are listed

Sums = dict[tuple[str, ...], Cell]


@dataclass(frozen=True, slots=True)
class Audit:
    """Say whether the books are right.

    Args:
        ok: whether nothing is wrong.
        problems: what is wrong, in words.
        records: how many records were added up.
    """

    ok: bool
    problems: list[str]
    records: int

    def __bool__(self) -> bool:
        return self.ok


class _Auditor:
    def __init__(self, connection: sqlite3.Connection, directory: str, now: float) -> None:
        self.connection = connection
        self.directory = directory
        self.now = now
        self.problems: list[str] = []
        self.records = 0
        self.walk = Walk(connection, directory, lambda since, until: True)
        self.scopes: dict[Scope, float] = {}
        self.booked: dict[str, Account] = {}
        self.folded_until = 0.0

    def rows(self, prefix: str) -> Iterator[tuple[str, int, str]]:
        query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= ? AND key < ? ORDER BY key"
        yield from self.connection.execute(query, (prefix + "/", prefix + "0")).fetchall()

    # ------------------------------------------------------------------ rows

    def look_at_rows(self) -> None:
        for (said,) in self.connection.execute("PRAGMA quick_check").fetchall():
            if said != "ok":
                self.problems.append(f"the database says: {said}")
        query = (
            "SELECT key, mode FROM Cache WHERE raw != 1 OR mode != 1 OR filename IS NOT NULL"
            " OR typeof(key) != 'text' OR typeof(value) != 'text' LIMIT ?"
        )
        for key, mode in self.connection.execute(query, (_MANY,)).fetchall():
            self.problems.append(f"row {key!r} is not ours: it is stored in mode {mode}")

    # ------------------------------------------------------------------ days

    def days(self) -> Iterator[str]:
        """Yield the days that have cells or records, in order."""
        celled = {*self.walk.labels("day"), *(label[:10] for label in self.walk.labels("hour"))}
        celled |= set(self.walk.labels("folded"))
        query = (
            f"SELECT store_time FROM Cache INDEXED BY frugal_time WHERE {RECORD_RANGE}"  # noqa: S608
            " AND store_time >= ? ORDER BY store_time LIMIT 1"
        )
        at = 0.0
        while (found := self.connection.execute(query, (at,)).fetchone()) is not None:
            hour = int(found[0] // 3600)
            celled.add(day_label(hour))
            at = (hour_start(day_label(hour)) + 24) * 3600.0
        yield from sorted(celled)

    def look_at_day(self, label: str) -> None:
        start = hour_start(label) * HOUR
        total: Sums = {}
        folded = dict(self.walk.cells("folded", label))
        for dimensions, cell in folded.items():
            self.folded_until = max(self.folded_until, (start + DAY) / 1e6)
            _add(total, dimensions, cell)
        hour, sums = start // HOUR, Sums()
        for row in records_between(self.connection, self.directory, start, start + DAY):
            while row.time // HOUR > hour:
                self._compare("hour", hour_label(hour), sums)
                hour, sums = hour + 1, {}
            self.records += 1
            cell = cell_of(row)
            _add(sums, dims(row), cell)
            _add(total, dims(row), cell)
            self._book(row)
        while hour < start // HOUR + 24:
            self._compare("hour", hour_label(hour), sums)
            hour, sums = hour + 1, {}
        self._compare("day", label, total)

    def _compare(self, grain: str, label: str, sums: Sums) -> None:
        kept = {dimensions: cell.plain() for dimensions, cell in self.walk.cells(grain, label)}
        for dimensions in sorted({*kept, *sums}):
            there, true = kept.get(dimensions, Cell()), sums.get(dimensions, Cell()).plain()
            if there != true:
                self.problems.append(
                    f"the {grain} {label} of {'/'.join(dimensions)} says {_told(there)}, its records {_told(true)}"
                )

    # ------------------------------------------------------------------ accounts and holds

    def _book(self, row: RecordRow) -> None:
        pico, tokens = amounts(row)
        if not pico and not tokens:
            return
        for scope, since in self.scopes.items():
            if scope.window == "run":
                continue
            try:
                place = place_of(scope, row)
            except ValueError:
                continue  # a zone that this machine does not know; said when the record was added
            if place is not None and place.start >= since and place.end >= self.now - KEPT:
                key = account_key(scope.key, place.label, place.subject)
                account = self.booked.setdefault(key, Account())
                account.spent_pico += pico
                account.spent_tokens += tokens

    def look_at_accounts(self) -> None:
        held: dict[str, Account] = {}
        owners = {key for key, *_ in self.rows("owner")}
        for key, mode, value in self.rows("owner"):
            read_row(self.directory, key, mode, value, decode_owner)
        for key, mode, value in self.rows("hold"):
            hold = read_row(self.directory, key, mode, value, decode_hold)
            if "owner/" + key.removeprefix("hold/").rpartition("-")[0] not in owners:
                self.problems.append(f"{key} has no owner")
            for name in {standing.account for standing in hold.standings}:
                account = held.setdefault(name, Account())
                account.held_pico += hold.pico
                account.held_tokens += hold.tokens
                account.holds += 1
        seen = set()
        for key, mode, value in self.rows("account"):
            seen.add(key)
            self._look_at_account(
                key, read_row(self.directory, key, mode, value, decode_account), held.get(key, Account())
            )
        for key in sorted({*self.booked, *held} - seen):
            if self.booked.get(key, Account()) != Account() or key in held:
                self.problems.append(f"{key} is missing")

    def _look_at_account(self, key: str, account: AccountRow, held: Account) -> None:
        there = (account.held_pico, account.held_tokens, account.holds)
        if there != (held.held_pico, held.held_tokens, held.holds):
            self.problems.append(
                f"{key} holds {account.held_pico} pico-dollars and {account.held_tokens} tokens,"
                f" its holds {held.held_pico} and {held.held_tokens}"
            )
        name, _, place = key.removeprefix("account/").rpartition("/[")
        scope = next((scope for scope in self.scopes if scope.key == name), None)
        if scope is None:
            self.problems.append(f"{key} is of no registered scope")
            return
        if scope.window == "run":
            true, since = self._of_run(scope, *decode_place("[" + place)), 0.0
        else:
            true = self.booked.get(key, Account())
            since = window_of(scope.window, account.end - 1, scope.timezone).start
            if account.end < self.now - KEPT:
                return  # on its way out; nobody adds to it any more
        spent, booked = (account.spent_pico, account.spent_tokens), (true.spent_pico, true.spent_tokens)
        # A part of its records may be folded away, and folded sums do not know where they were booked: then
        # it has spent at least what is left of them.
        folded = since < self.folded_until and spent[0] >= booked[0] and spent[1] >= booked[1]
        if spent != booked and not folded:
            self.problems.append(
                f"{key} has spent {spent[0]} pico-dollars and {spent[1]} tokens,"
                f" its records {booked[0]} and {booked[1]}"
            )

    def _of_run(self, scope: Scope, label: str, subject: str) -> Account:
        account = Account()
        for row in run_records(self.connection, self.directory, label):
            place = place_of(scope, row)
            if place is not None and place.subject == subject:
                pico, tokens = amounts(row)
                account.spent_pico += pico
                account.spent_tokens += tokens
        return account


def audit(connection: sqlite3.Connection | None, directory: str, now: float) -> Audit:
    """Add everything up again and compare."""
    if connection is None:
        return Audit(ok=True, problems=[], records=0)
    auditor = _Auditor(connection, directory, now)
    try:
        auditor.look_at_rows()
        auditor.scopes = read_scopes(connection, directory)
        for label in auditor.days():
            auditor.look_at_day(label)
        auditor.look_at_accounts()
    except (FrugalError, msgspec.MsgspecError, ValueError, sqlite3.DatabaseError) as error:
        auditor.problems.append(str(error))
    problems = auditor.problems
    if len(problems) > _MANY:
        problems = [*problems[:_MANY], f"and {len(problems) - _MANY} more"]
    return Audit(ok=not problems, problems=problems, records=auditor.records)


def _add(sums: Sums, dimensions: tuple[str, ...], cell: Cell) -> None:
    sums.setdefault(dimensions, Cell()).add(cell)


def _told(cell: Cell) -> str:
    return f"{cell.records} records, {cell.amount} pico-dollars, {cell.tokens} tokens"
