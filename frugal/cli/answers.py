"""The answers that caches keep on disk: where they are, how much they take, and clearing them.

Law: what is cleared is found by the labels that each kept answer has: the user that made it, and the function.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from frugal._middleware.cached import labels
from frugal.cli.endings import Trouble
from frugal.ledger.places import home
from frugal.stores import DiskStore

__all__ = ["bytes_in", "clear_answers", "places"]


def places(given: Sequence[Path] | None) -> list[Path]:
    """Return the directories of disk layers that are there: the given ones, else the default one."""
    asked = [path.expanduser() for path in given] if given else [home("cache"), home("semantic")]
    return [place for place in asked if place.is_dir()]


def _labels(function: str | None, user: str | None) -> str | None:
    """Return what the wanted answers are labelled with; `None` for all of them."""
    if user is None:
        return None if function is None else labels(function, None)
    both = labels(function or "", user)
    return both if function is not None else both.partition("\n")[2]


def clear_answers(given: Sequence[Path] | None, *, user: str | None = None, function: str | None = None) -> int:
    """Remove kept answers: all, or those of a user, of a function, or of both.

    Returns:
        How many.

    Raises:
        LedgerFormatError: a directory is not ours; nothing in it was touched.
        Trouble: one is broken or locked.
        OSError: one cannot be written.
    """
    tag = _labels(function, user)
    number = 0
    for place in places(given):
        store = DiskStore(place)
        try:
            number += store.clear(tag)
        except sqlite3.Error as error:
            raise Trouble(
                f"the cache at {str(place)!r} cannot be cleared: {error}. "
                "If it is not locked by another process, remove the directory: it holds nothing but answers."
            ) from error
        finally:
            store.close()
    return number


def bytes_in(place: Path) -> int:
    """Return what a directory takes on disk."""
    return sum(path.stat().st_size for path in place.iterdir() if path.is_file())
