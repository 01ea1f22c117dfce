"""Forgetting a user: the ledger puts another name on the money, and the answers that caches kept for them go.

Law: what this process has opened is cleared, and so are the default directories, opened or not. A directory of another
process's choosing is that process's to clear (`frugal cache clear --cache DIR --user NAME`).
"""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal._middleware.cached import labels
from frugal.decorators.pricing import default_prices
from frugal.ledger import Ledger
from frugal.ledger.places import home

__all__ = ["Ledger", "clear_user", "forget_answers", "remember"]

_log = logging.getLogger("frugal")

_Clear = Callable[[Any, str], Any]

_holders: list[tuple[Callable[[], Any], _Clear]] = []
_directories: set[str] = set()
_lock = threading.Lock()


def remember(holder: Any, clear: _Clear, directory: str | None) -> None:
    """Note how the answers of a user are cleared from what holds them.

    Args:
        holder: what holds answers; in memory, only for as long as anybody else has it.
        clear: called with the holder and the user.
        directory: where it keeps them, which is cleared once however many holders are in it.
    """
    with _lock:
        if directory is not None:
            if directory not in _directories:
                _directories.add(directory)
                _holders.append((lambda: holder, clear))
            return
        try:
            found: Callable[[], Any] = weakref.ref(holder)
        except TypeError:  # a user's own store that cannot be held loosely
            found = lambda: holder  # noqa: E731
        _holders[:] = [pair for pair in _holders if (held := pair[0]()) is not None and held is not holder]
        _holders.append((found, clear))


def clear_user(store: Any, user: str) -> Any:
    """Drop a user's answers from a store."""
    return store.clear(labels("", user).partition("\n")[2])


def forget_answers(user: str) -> int:
    """Remove a user's kept answers; return how many were found.

    A store that cannot be cleared is logged, and the others are.

    Args:
        user: whose.

    Returns:
        How many answers were found.
    """
    from frugal.stores import DiskStore  # noqa: PLC0415 only where somebody is forgotten

    with _lock:
        seen = set(_directories)
        clearing = [(held, clear) for find, clear in _holders if (held := find()) is not None]
    for name in ("cache", "semantic"):
        place = Path(home(name)).absolute()
        if str(place) not in seen and place.is_dir():
            clearing.append((DiskStore(place), clear_user))
    count = 0
    for held, clear in clearing:
        try:
            count += int(clear(held, user) or 0)
        except Exception:
            _log.exception("frugal: the answers of a user could not be removed from a store; remove its directory")
    return count


Ledger.default_prices = staticmethod(default_prices)
Ledger.forget_answers = staticmethod(forget_answers)
