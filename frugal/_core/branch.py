"""A branch: the part of a call that goes on in shared work, with a journal of its own.

Law: what a branch spends is recorded once. The caller that started it adopts its facts if they are still there when
it ends; if they left, the branch commits in their place, on their account, and their own exit commits nothing.
"""

from __future__ import annotations

import asyncio

from frugal._core.call import Call
from frugal._core.journal import Journal
from frugal.ports import Ticket

__all__ = ["Branch"]


class Branch:
    """Carry one caller's account through work that may outlive the caller.

    States: open → finished → adopted, or open → abandoned → committed. `finish` and `adopt`/`abandon` may come in
    either order; whichever comes second moves the money.
    """

    __slots__ = ("_abandoned", "_adopted", "_error", "_finished", "call", "owner")

    def __init__(self, owner: Call) -> None:
        self.owner = owner
        # Holds and routes known so far go along: whoever commits must release the one and tell the other.
        self.call: Call = owner._with(journal=Journal(owner.journal.facts))  # noqa: SLF001 the core's own
        self._finished = False
        self._adopted = False
        self._abandoned = False
        self._error: BaseException | None = None

    @property
    def finished(self) -> bool:
        """Whether the work has ended."""
        return self._finished

    @property
    def abandoned(self) -> bool:
        """Whether its caller has left."""
        return self._abandoned

    def finish(self, error: BaseException | None = None) -> Ticket | None:
        """Say that the work has ended; commit it here if its caller has left."""
        if self._finished:
            return None
        self._finished = True
        self._error = error
        return self._commit() if self._abandoned else None

    def adopt(self) -> None:
        """Take the facts over into the caller's own journal: the caller is still here."""
        if self._adopted or self._abandoned:
            return
        self._adopted = True
        journal, own = self.call.journal, self.owner.journal
        known = set(map(id, own.facts))
        for fact in journal.facts:
            if id(fact) not in known:
                own.add(fact)
        own.inner = journal.inner
        own.collected += journal.collected
        own.releases += journal.releases

    def abandon(self) -> Ticket | None:
        """Leave: the caller's own exit commits nothing, and the branch does when it ends."""
        if self._adopted or self._abandoned:
            return None
        if self._finished:
            self.adopt()
            return None
        self._abandoned = True
        self.owner.journal.departed = True
        return None

    def __del__(self) -> None:
        if self._abandoned and not self._finished:  # the work was cancelled before its first step
            self.finish(asyncio.CancelledError())

    def _commit(self) -> Ticket | None:
        meter = self.call.plan.meter
        return meter.commit(self.call, self._error) if meter is not None else None
