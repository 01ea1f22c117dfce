"""Watching over those who wait.

Law: no wait on an event loop is longer than patience, even if the writer is stuck; one timer for each loop, not
one for each wait, and none while nobody waits.
"""

from __future__ import annotations

import asyncio
import logging
import time
import weakref

from frugal.ledger.tickets import Ticket, ring

__all__ = ["Watches"]

_log = logging.getLogger("frugal")
_GRACE = 1.0  # seconds beyond patience: the writer itself tells when it is over, unless it is stuck


class Watches:
    """Wake those who have waited longer than patience.

    Args:
        directory: where, for messages.
        patience: in seconds.
    """

    def __init__(self, directory: str, patience: float) -> None:
        self._directory = directory
        self._patience = patience
        self._waiting: dict[asyncio.AbstractEventLoop, set[Ticket]] = {}
        self._timed: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

    def __call__(self, loop: asyncio.AbstractEventLoop, /) -> set[Ticket]:
        """Return the set of those that wait on a loop."""
        waiting = self._waiting.get(loop)
        if waiting is None:
            for closed in [other for other in list(self._waiting) if other.is_closed()]:
                self._waiting.pop(closed, None)
            waiting = self._waiting[loop] = set()
        if not waiting and loop not in self._timed:
            self._timed.add(loop)
            loop.call_later(self._patience + _GRACE, self._look, loop)
        return waiting

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = self._waiting.get(loop)
        if not waiting:
            self._timed.discard(loop)
            return
        late = [ticket for ticket in waiting if ticket.born + self._patience < time.monotonic()]
        if late:
            _log.error("the ledger at %s has not answered for %g seconds", self._directory, self._patience)
            ring(late)
        loop.call_later(self._patience + _GRACE, self._look, loop)
