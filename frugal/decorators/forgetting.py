"""Forgetting a user: the ledger puts another name on the money, and the answers that caches kept for them go.

Law: what this process has opened is cleared, and so are the default directories, opened or not. A directory of another
process's choosing is that process's to clear (`frugal cache clear --cache DIR --user NAME`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal._middleware.cached import labels
from frugal.decorators.pricing import default_prices
from frugal.ledger import Ledger
from frugal.ledger.places import home

__all__ = ["Ledger", "forget_answers", "remember"]

_log = logging.getLogger("frugal")

_clearing: list[Callable[[str], Any]] = []
_directories: set[str] = set()
_lock = threading.Lock()


def remember(clear: Callable[[str], Any], directory: str | None) -> None:
    """Note how the answers of a user are cleared from a store; a directory is noted once."""
    with _lock:
        if directory is not None and directory in _directories:
            return
        if directory is not None:
            _directories.add(directory)
        _clearing.append(clear)


def forget_answers(user: str) -> int:
    """Remove a user's kept answers; return how many were found.

    A store that cannot be cleared is logged, and the others are.
    """
    from frugal.stores import DiskStore  # noqa: PLC0415 only where somebody is forgotten

    with _lock:
        clearing, seen = list(_clearing), set(_directories)
    for name in ("cache", "semantic"):
        place = Path(home(name)).absolute()
        if str(place) not in seen and place.is_dir():
            store = DiskStore(place)
            tag = labels("", user).partition("\n")[2]
            clearing.append(lambda _user, store=store, tag=tag: store.clear(tag))  # type: ignore[misc]  # bound early
    count = 0
    for clear in clearing:
        try:
            count += int(clear(user) or 0)
        except Exception:
            _log.exception("frugal: the answers of a user could not be removed from a store; remove its directory")
    return count


Ledger.default_prices = staticmethod(default_prices)
Ledger.forget_answers = staticmethod(forget_answers)
