"""Forks and exits: the two moments at which every open cache must be told.

Law: no connection is open and no lock is held at the instant of a fork, since SQLite's locks mean nothing in a child;
at exit, what was queued is written.
"""

from __future__ import annotations

import atexit
import logging
import os
import weakref
from typing import Protocol

__all__ = ["enrol"]

_log = logging.getLogger("frugal")


class _Member(Protocol):
    def before_fork(self) -> None: ...

    def in_parent(self) -> None: ...

    def in_child(self) -> None: ...

    def at_exit(self) -> None: ...


_members: weakref.WeakSet[_Member] = weakref.WeakSet()
_forking: list[_Member] = []


def enrol(member: _Member) -> None:
    """Tell a member of forks and of the exit for as long as it lives."""
    _members.add(member)


def _before() -> None:
    _forking[:] = list(_members)
    for member in _forking:
        member.before_fork()


def _in_parent() -> None:
    for member in _forking:
        member.in_parent()
    _forking.clear()


def _in_child() -> None:
    for member in _forking:
        member.in_child()
    _forking.clear()


def _at_exit() -> None:
    for member in list(_members):
        try:
            member.at_exit()
        except Exception:  # one that cannot be written must not keep the others from it
            _log.exception("a cache could not be closed at exit")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
atexit.register(_at_exit)
