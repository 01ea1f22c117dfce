"""The collector: knows whether the garbage collector runs here, and does what must not be done in the middle of it.

Law: a finalizer that the collector runs takes no lock. The thread that it interrupts may hold any: the ledger's, a
logging handler's, an OpenTelemetry instrument's.
"""

from __future__ import annotations

import _thread
import atexit
import gc
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol
from weakref import WeakSet

__all__ = ["Droppable", "is_here", "later", "watch"]

_waiting: deque[Callable[[], Any]] = deque()


class _State:
    """Which thread collects; there is never more than one."""

    watching = False
    thread: int | None = None


def _note(phase: str, _: dict[str, int]) -> None:
    _State.thread = threading.get_ident() if phase == "start" else None


class Droppable(Protocol):
    """Something that may be thrown away."""

    def drop(self) -> None:
        """Account for it; called once it was thrown away, or when the interpreter ends."""
        ...


_open: WeakSet[Droppable] = WeakSet()


def watch(thing: Droppable) -> None:
    """See to it that a thing is dropped at the interpreter's exit: when modules are torn down it is too late."""
    _open.add(thing)
    if not _State.watching:
        _State.watching = True
        gc.callbacks.append(_note)
        # Registered when a call is under way, so it runs before whatever was there earlier, the ledgers' too.
        atexit.register(_exit)


def _exit() -> None:
    _work()
    for thing in list(_open):
        thing.drop()


def is_here() -> bool:
    """Whether the collector runs on this thread."""
    return _State.thread == threading.get_ident()


def later(work: Callable[[], Any]) -> None:
    """Have work done at once, but on another thread, which holds nothing."""
    _waiting.append(work)
    try:
        _thread.start_new_thread(_work, ())
    except RuntimeError:  # the interpreter ends, and no thread can start: the exit does it
        return


def _work() -> None:
    while _waiting:
        try:
            work = _waiting.popleft()
        except IndexError:  # another thread was faster
            return
        work()
