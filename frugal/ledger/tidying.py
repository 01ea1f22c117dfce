"""Tidying: rows that have served.

Law: only what can be made again from the records, or can no longer matter, is dropped, and a little at a
time.
"""

from __future__ import annotations

from frugal.ledger.keys import LAST
from frugal.ledger.scopes import KEPT, RUN_KEPT, decode_account
from frugal.ledger.unit import Unit

__all__ = ["TIDY_EVERY", "tidy"]

TIDY_EVERY = 600.0
"""Seconds between two tidyings by one process."""

_AT_ONCE = 500


def tidy(unit: Unit) -> None:
    """Drop accounts of windows that ended long ago and of runs that are over, and presumptions nobody came for."""
    unit.flush()
    for prefix, age in (('account/["run"', RUN_KEPT), ("account/", KEPT), ("presumed/", KEPT), ("budget/", 5 * KEPT)):
        query = "SELECT key, mode, value FROM Cache WHERE raw = 1 AND key >= ? AND key < ? AND store_time < ? LIMIT ?"
        rows = unit.sql(query, (prefix, prefix + LAST, unit.now - age, _AT_ONCE)).fetchall()
        for key, mode, value in rows:
            if prefix.startswith("account/"):
                account = unit.read(key, (mode, value), decode_account)
                over = not account.end or account.end < unit.now - KEPT
                if not over or account.holds:
                    continue
            unit.drop(key)
