"""Holds: reserved, grown, released and, when their owner died, presumed.

Law: a hold ends once, and what it held leaves its accounts in the transaction that adds what was spent. A
dead owner's hold is spent in full, under the record that the owner left for that case; the true records of
an owner that only slept take that record's place.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from frugal._mechanisms.account import Accounts, Standing
from frugal._values.money import Money
from frugal.errors import BudgetExceededError, StoreCorruptedError
from frugal.ledger.books import Books
from frugal.ledger.budgets import note
from frugal.ledger.owner import LIVING, OwnerRow, is_gone, myself
from frugal.ledger.scopes import AccountRow, Place, decode_account, open_account
from frugal.ledger.status import key_of, place_of_claim, resets_at, scope_of, status_of
from frugal.ledger.unit import Unit
from frugal.ledger.wire import CostRow, RecordRow, pack
from frugal.ports import Claim, Grant

__all__ = ["Asked", "HoldRow", "Holds", "Presumed", "decode_hold", "decode_owner", "presumption"]

_log = logging.getLogger("frugal")


class Footing(msgspec.Struct):
    """Hold where a hold stands: all that is remembered of one once it is written.

    Args:
        pico: the money held, in pico-dollars.
        tokens: the tokens held.
        booked: the instant whose windows it was taken in, in Unix seconds.
        standings: the accounts that it stands in, each with the limits that it was granted under.
    """

    pico: int
    tokens: int
    booked: float
    standings: list[Standing]


class HoldRow(Footing):
    """Hold what a call under way may cost, and the record to presume if its owner dies."""

    draft: RecordRow


class Presumed(msgspec.Struct):
    """Hold which record stands for a hold whose owner was taken for dead, and when that hold was taken."""

    record: str
    booked: float


class Asked(msgspec.Struct):
    """Hold what a reservation asks for."""

    id: str
    claims: tuple[Claim, ...]
    pico: int
    tokens: int
    draft: RecordRow
    adopt: str | None


_standing = lru_cache(maxsize=1024)(Standing)

decode_hold = msgspec.json.Decoder(HoldRow).decode
decode_owner = msgspec.json.Decoder(OwnerRow).decode
_presumed = msgspec.json.Decoder(Presumed).decode


class Holds:
    """Do what holds need in one unit of work.

    Args:
        unit: where the rows are.
        connection: its connection.
        books: where records are added.
        owner: who holds here.
        lease: for how long an owner is believed alive without a sign of life, in seconds.
    """

    def __init__(self, unit: Unit, connection: sqlite3.Connection, books: Books, owner: str, lease: float) -> None:
        self._unit = unit
        self._connection = connection
        self._books = books
        self._owner = owner
        self._lease = lease
        self._accounts = Accounts(self)

    def account(self, name: str) -> AccountRow:
        """Return an account to change; every one that a hold stands in was opened before."""
        found = self._unit.load(name, decode_account)
        if found is None:
            raise StoreCorruptedError(self._unit.directory, name, "a hold stands in it, and it is missing")
        self._unit.keep(name, found)
        return found

    def reserve(self, asked: Asked) -> Grant:
        """Hold in every claimed account, or raise and hold in none.

        Raises:
            BudgetExceededError: an account has no room.
            ValueError: a claim's window or zone is unknown.
        """
        unit = self._unit
        now = unit.now
        places = [place_of_claim(claim, now) for claim in asked.claims]
        standings = [
            _standing(
                open_account(unit, self._connection, scope_of(claim), place), claim.limit_pico, claim.limit_tokens
            )
            for claim, place in zip(asked.claims, places, strict=True)
        ]
        for claim in asked.claims:
            note(unit, claim)
        hold = HoldRow(asked.pico, asked.tokens, now, standings, asked.draft)
        before = None if asked.adopt is None else self._find(asked.adopt)
        short = self._accounts.reserve(hold, before)
        if short is not None:
            raise self._refusal(asked.claims[short.place], places[short.place], short.unit, asked, before)
        if asked.adopt is not None:
            if before is not None:
                unit.drop("hold/" + asked.adopt)
            self.unpresume([asked.adopt])  # it was taken for dead meanwhile, and lives
        self._keep(asked.id, hold)
        self.sign_of_life()
        statuses = tuple(
            status_of(claim, place, self.account(standing.account))
            for claim, place, standing in zip(asked.claims, places, standings, strict=True)
        )
        return Grant(asked.id, asked.pico, asked.tokens, now, statuses)

    def _refusal(
        self, claim: Claim, place: Place, unit: str, asked: Asked, before: Footing | None
    ) -> BudgetExceededError:
        key = key_of(claim, place)
        account = self.account(key)
        money = unit == "usd"
        mine = 0
        if before is not None and any(at.account == key for at in before.standings):
            mine = before.pico if money else before.tokens

        def shown(number: int) -> Money | int:
            return Money(number) if money else number

        limit = claim.limit_pico if money else claim.limit_tokens
        return BudgetExceededError(
            budget=claim.name,
            unit=unit,
            limit=shown(limit or 0),
            spent=shown(account.spent_pico if money else account.spent_tokens),
            held=shown((account.held_pico if money else account.held_tokens) - mine),
            requested=shown(asked.pico if money else asked.tokens),
            resets_at=resets_at(claim, place),
            subject=claim.subject or (claim.run or "" if claim.window == "run" else ""),
            function=asked.draft.function,
        )

    def grow(self, id: str, pico: int, tokens: int) -> bool:
        """Raise a hold to these totals; false where an account has no room, or the hold has ended."""
        hold = self._whole(id)
        if hold is None or not self._accounts.grow(hold, pico, tokens):
            return False
        self._keep(id, hold)
        return True

    def release(self, id: str) -> None:
        """End a hold; one that ended already has nothing left to end."""
        hold = self._find(id)
        if hold is not None:
            self._accounts.release(hold)
            self._unit.drop("hold/" + id)

    def booked(self, id: str) -> float | None:
        """Return the instant whose windows a hold was taken in; `None` when nothing is known of it any more."""
        hold = self._find(id)
        if hold is not None:
            return hold.booked
        presumed = self._unit.load("presumed/" + id, _presumed)
        return None if presumed is None else presumed.booked

    def unpresume(self, ids: Iterable[str]) -> None:
        """Take away the records that stand for these holds: the true ones have come."""
        for id in ids:
            presumed = self._unit.load("presumed/" + id, _presumed)
            if presumed is None:
                continue
            row = self._books.find(presumed.record)
            if row is not None and row.outcome == "presumed":
                self._books.remove(row)
            self._unit.drop("presumed/" + id)

    def _keep(self, id: str, hold: HoldRow) -> None:
        # Thousands of calls wait at a time, and only a hold that grows, or whose owner dies, is read in full again.
        footing = Footing(hold.pico, hold.tokens, hold.booked, hold.standings)
        self._unit.keep("hold/" + id, hold, lighter=footing)

    def _find(self, id: str) -> Footing | None:
        return self._unit.load("hold/" + id, decode_hold)

    def _whole(self, id: str) -> HoldRow | None:
        found = self._find(id)
        if found is None or isinstance(found, HoldRow):
            return found
        return self._unit.reload("hold/" + id, decode_hold)

    # ------------------------------------------------------------------ life and death

    def sign_of_life(self, *, renew: bool = False) -> None:
        """Write that this process holds, and until when it is to be believed alive."""
        key = "owner/" + self._owner
        if renew or self._unit.load(key, decode_owner) is None:
            self._unit.keep(key, myself(self._unit.now + self._lease))

    def withdraw(self) -> None:
        """Take this process off the list of those that hold."""
        self._unit.drop("owner/" + self._owner)

    def sweep(self) -> int:
        """Settle what dead owners hold, at what they held.

        Returns:
            How many holds were settled.
        """
        settled = 0
        for key, owner in list(self._unit.scan("owner/", decode_owner)):
            name = key.removeprefix("owner/")
            if name in LIVING or not (owner.lease < self._unit.now or is_gone(owner)):
                continue
            for at, _ in list(self._unit.scan(f"hold/{name}-", decode_hold)):
                id = at.removeprefix("hold/")
                hold = self._whole(id)
                if hold is not None:
                    self._presume(id, hold)
                    settled += 1
            self._unit.drop(key)
        if settled:
            _log.warning("the ledger settled %d holds of dead processes at what they held", settled)
        return settled

    def _presume(self, id: str, hold: HoldRow) -> None:
        self._accounts.release(hold)
        self._unit.drop("hold/" + id)
        row = presumption(hold)
        self._books.expect([row.id])
        if self._books.add(row, pack(row)):
            self._unit.keep("presumed/" + id, Presumed(row.id, hold.booked))


def presumption(hold: HoldRow) -> RecordRow:
    """Return the record that stands for a call whose owner died: it is charged at what it held."""
    draft = hold.draft
    cost, usage = draft.cost, list(draft.usage)
    known = cost is not None and cost.status == "estimated"
    high = max(hold.pico, (cost.high or cost.amount or 0) if cost is not None and known else 0)
    missing = hold.tokens - sum(usage)
    if missing > 0:  # tokens are charged at what was held, too; which bucket they are in, nobody knows
        usage = usage or [0] * 9
        usage[6] += missing
    table = cost.table if cost is not None else ""
    return msgspec.structs.replace(
        draft,
        outcome="presumed",
        cost=CostRow(hold.pico, 0, high, "estimated", source="estimate", table=table),
        usage=usage,
        booked=hold.booked,
    )
