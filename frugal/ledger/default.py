"""The ledger that decorators use when none is named: one for each process and directory.

Law: it is made when it is first asked for, where the environment then says, and flushed at the
interpreter's exit.
"""

from __future__ import annotations

import threading

from frugal.ledger.ledger import Ledger
from frugal.ledger.places import home

__all__ = ["default_ledger"]

_ledgers: dict[str, Ledger] = {}
_lock = threading.Lock()


def default_ledger() -> Ledger:
    """Return the ledger in `$FRUGAL_HOME`, else in the platform's user-data directory."""
    place = str(home("ledger").absolute())
    found = _ledgers.get(place)  # a lock that a fork copied while it was held would never open again
    if found is None:
        with _lock:
            found = _ledgers.setdefault(place, Ledger(place))
    return found
