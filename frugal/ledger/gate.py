"""The gate between SQLite and `fork`.

Law: no connection of this process is open, and no transaction under way, at the instant of a fork. SQLite
keeps its file locks in memory that a child inherits but that means nothing there; a child that so much as
closes an inherited connection can corrupt the file. So whoever uses a database passes this gate, and a fork
closes it, waits for those inside, closes the connections that are kept, and opens it again on both sides.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

__all__ = ["Forkable", "enrol", "passing"]

_log = logging.getLogger("frugal")
_PATIENCE = 10.0  # seconds that a fork waits for transactions under way


class Forkable(Protocol):
    """Has a state that a fork must not copy as it is."""

    def before_fork(self) -> None:
        """Close what must not be inherited; called with nobody inside the gate."""
        ...

    def in_child(self) -> None:
        """Forget what belongs to the parent."""
        ...


class _Gate:
    def __init__(self) -> None:
        self.condition = threading.Condition()
        self.inside = 0
        self.closed_by: int | None = None


_gate = _Gate()
_members: weakref.WeakSet[Forkable] = weakref.WeakSet()


def enrol(member: Forkable) -> None:
    """Have a member told of forks for as long as it lives."""
    _members.add(member)


@contextmanager
def passing() -> Iterator[None]:
    """Keep forks out while the block runs."""
    with _gate.condition:
        while _gate.closed_by is not None:
            _gate.condition.wait()
        _gate.inside += 1
    gate = _gate
    try:
        yield
    finally:
        with gate.condition:
            gate.inside -= 1
            if not gate.inside:
                gate.condition.notify_all()


def _before() -> None:
    with _gate.condition:
        _gate.closed_by = threading.get_ident()
        if not _gate.condition.wait_for(lambda: not _gate.inside, _PATIENCE):
            _log.warning("a process forks in the middle of a ledger's transaction; its child must not use the ledger")
    _each(lambda member: member.before_fork())


def _in_parent() -> None:
    with _gate.condition:
        _gate.closed_by = None
        _gate.condition.notify_all()


def _in_child() -> None:
    global _gate  # noqa: PLW0603  # the parent's lock may be held for ever by a thread that is not here
    _gate = _Gate()
    _each(lambda member: member.in_child())


def _each(do: Callable[[Forkable], None]) -> None:
    for member in list(_members):
        try:
            do(member)
        except Exception:
            _log.exception("a ledger could not be made ready for a fork")


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
