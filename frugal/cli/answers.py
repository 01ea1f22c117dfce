"""The answers that caches keep on disk: where they are, how much they take, and clearing them.

Law: what is cleared is found by the labels that each kept answer has: the user that made it, and the function.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from frugal.ledger.places import home
from frugal.stores import DiskStore

__all__ = ["bytes_in", "clear_answers", "label", "places"]


def places(given: Sequence[Path] | None) -> list[Path]:
    """Return the directories of disk layers that are there: the given ones, else the default one."""
    asked = [path.expanduser() for path in given] if given else [home("cache")]
    return [place for place in asked if place.is_dir()]


def label(kind: str, value: str) -> str:
    r"""Return how a kept answer is labelled; labels stand one a line.

    >>> label("user", "ada")
    'user:ada'
    """
    return f"{kind}:{value}".replace("\\", "\\\\").replace("\n", "\\n")


def clear_answers(given: Sequence[Path] | None, *, user: str | None = None, function: str | None = None) -> int:
    """Remove kept answers: all, or those of a user, of a function, or of both.

    Returns:
        How many.

    Raises:
        LedgerFormatError: a directory is not ours; nothing in it was touched.
        OSError: one cannot be written.
    """
    named = (("user", user), ("function", function))
    tag = "\n".join(label(kind, value) for kind, value in named if value is not None) or None
    number = 0
    for place in places(given):
        store = DiskStore(place)
        try:
            number += store.clear(tag)
        finally:
            store.close()
    return number


def bytes_in(place: Path) -> int:
    """Return what a directory takes on disk."""
    return sum(path.stat().st_size for path in place.iterdir() if path.is_file())
