"""Documents: what routers learn, and what users say of answers.

Law: a document is changed by reading, changing and writing it in one transaction, so that no change of
another process is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from frugal.ledger.looking import FeedbackRow, decode_feedback
from frugal.ledger.store import Store
from frugal.ledger.unit import read_row
from frugal.ledger.wire import clean
from frugal.ledger.work import Desk

__all__ = ["change_document", "read_document", "say"]

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def read_document(store: Store, name: str) -> dict[str, Any] | None:
    """Return a document; `None` where there is none."""
    key = "state/" + clean(name)
    with store.reading() as connection:
        if connection is None:
            return None
        query = "SELECT mode, value FROM Cache WHERE raw = 1 AND key = ?"
        found = connection.execute(query, (key,)).fetchone()
        return None if found is None else read_row(store.directory, key, found[0], found[1], _decode)


def change_document(desk: Desk, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any]]) -> dict[str, Any]:
    """Replace a document by what `change` makes of it."""
    key = "state/" + clean(name)
    before = desk.unit.load(key, _decode)
    # A copy of its own goes in and comes out: what the caller does to it later is not to reach the row.
    after = _decode(msgspec.json.encode(change(None if before is None else _copy(before))))
    desk.unit.keep(key, after)
    return _copy(after)


def _copy(document: dict[str, Any]) -> dict[str, Any]:
    return _decode(msgspec.json.encode(document))


def say(desk: Desk, call: str, success: bool | None, satisfaction: float | None) -> tuple[bool | None, float | None]:
    """Note what was said of a call, over what was said before, and return that."""
    key = "feedback/" + clean(call)
    row = desk.unit.load(key, decode_feedback) or FeedbackRow()
    before = row.success, row.satisfaction
    row.success = row.success if success is None else success
    row.satisfaction = row.satisfaction if satisfaction is None else satisfaction
    desk.unit.keep(key, row)
    return before
