"""Retention: folding old records into daily sums, and forgetting a user.

Law: no dollar is lost. A day is folded by one transaction: its cells stay, its records go, and what they
added up to is noted apart, so that an audit can still tell what the day must say. A forgotten user's
records stay, under a name that says nothing and was drawn at random, so that it cannot be found again from
the user's.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from frugal.ledger.cells import Cell
from frugal.ledger.keys import DAY, HOUR, cell_key, dims_of, dims_text, hour_label, hour_start
from frugal.ledger.scopes import AccountRow, decode_account, decode_place
from frugal.ledger.store import Store
from frugal.ledger.walk import Walk, page_of_records
from frugal.ledger.work import Desk

__all__ = ["Compacted", "Forgotten", "compact", "forget"]

Run = Callable[[Callable[[Desk], Any]], Any]

_cell = msgspec.json.Decoder(Cell).decode


@dataclass(frozen=True, slots=True)
class Compacted:
    """Say what was folded.

    Args:
        days: how many days.
        records: how many records.
    """

    days: int
    records: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Say what was made anonymous.

    Args:
        user: the name under which the records now stand.
        records: how many.
    """

    user: str
    records: int


# ---------------------------------------------------------------------- folding


def compact(store: Store, run: Run, now: float, retention_days: float) -> Compacted:
    """Fold the records of the days that ended more than that many days ago."""
    horizon = int((now - retention_days * 86_400) * 1e6) // DAY * DAY
    with store.reading() as connection:
        if connection is None:
            return Compacted(0, 0)
        walk = Walk(connection, store.directory, lambda since, until: True)
        old = [label for label in walk.labels("day", 0, max(horizon, 0)) if hour_start(label) * HOUR + DAY <= horizon]
    days = records = 0
    for label in old:
        folded = run(partial(_fold, label=label))
        records += folded
        days += 1 if folded else 0
    return Compacted(days, records)


def _fold(desk: Desk, label: str) -> int:
    """Fold one day: `folded` becomes what its cells say, and the records and hours go."""
    unit, start = desk.unit, hour_start(label) * HOUR
    unit.flush()
    ids = [
        key
        for (key,) in unit.sql(
            "SELECT key FROM Cache INDEXED BY frugal_time WHERE key >= 'record/' AND key < 'record0'"
            " AND store_time >= ? AND store_time < ?",
            (start / 1e6, (start + DAY) / 1e6),
        ).fetchall()
    ]
    if not ids:
        return 0
    for key, cell in list(unit.scan(f"day/{label}/", _cell)):
        copy = msgspec.structs.replace(cell, usage=list(cell.usage), by=dict(cell.by))
        unit.keep(cell_key("folded", label, key.split("/", 2)[2]), copy)
    for hour in range(start // HOUR, start // HOUR + 24):
        for key, _ in list(unit.scan(f"hour/{hour_label(hour)}/", _cell)):
            unit.drop(key)
    for key in ids:
        unit.drop(key)
        unit.drop("feedback/" + key.removeprefix("record/"))
    return len(ids)


# ---------------------------------------------------------------------- forgetting


def forget(store: Store, run: Run, user: str) -> Forgotten:
    """Put a random name in the place of a user's, a few hundred records at a time, until none is left."""
    name = "anonymous-" + uuid.uuid4().hex
    count = 0
    with store.reading() as connection:
        if connection is None:
            return Forgotten(name, 0)
    cursor = None
    while True:
        with store.reading() as connection:
            if connection is None:
                break
            rows, cursor = page_of_records(connection, store.directory, 0, 10**18, cursor)
        ids = [row.id for row in rows if row.user == user]
        if ids:
            count += run(partial(_rename, ids=ids, user=user, name=name))
        if cursor is None:
            break
    run(lambda desk: _rename_sums(desk, user, name))
    return Forgotten(name, count)


def _rename(desk: Desk, ids: list[str], user: str, name: str) -> int:
    desk.connection.execute("PRAGMA secure_delete = ON")  # what is overwritten is not to be found in the file
    desk.books.expect(ids)
    count = 0
    for id in ids:
        row = desk.books.find(id)
        if row is not None and row.user == user:
            desk.books.replace(row, msgspec.structs.replace(row, user=name))
            count += 1
    return count


def _rename_sums(desk: Desk, user: str, name: str) -> None:
    """Rename what has no records any more: folded days, and accounts that are empty now."""
    unit = desk.unit
    unit.flush()
    for grain in ("folded", "day"):
        for key, cell in list(unit.scan(grain + "/", _cell)):
            label, text = key.split("/", 2)[1:]
            dimensions = dims_of(text)
            if dimensions[0] == user:
                unit.drop(key)
                _merge(desk, cell_key(grain, label, dims_text((name, *dimensions[1:]))), cell)
    for key, account in list(unit.scan("account/", decode_account)):
        head, _, place = key.rpartition("/[")
        label, subject = decode_place("[" + place)
        if subject != user or not head.endswith('"user"]') or account.holds:
            continue  # what is held belongs to a call under way, which will be recorded under its own user
        unit.drop(key)
        if account.spent_pico or account.spent_tokens:
            moved = f"{head}/{msgspec.json.encode((label, name)).decode()}"
            known = unit.load(moved, decode_account) or AccountRow(end=account.end)
            known.spent_pico += account.spent_pico
            known.spent_tokens += account.spent_tokens
            unit.keep(moved, known)


def _merge(desk: Desk, key: str, cell: Cell) -> None:
    known = desk.unit.load(key, _cell)
    if known is not None:
        known.add(cell)
    desk.unit.keep(key, known or cell)
