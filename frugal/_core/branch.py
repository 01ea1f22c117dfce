"""A branch: the part of a call that goes on in shared work, with a journal of its own.

Law: what a branch spends stands in its owner's journal, once, and is committed with all that the owner did. An owner
that is still there when the work ends adopts it; one that left is committed when the work has ended, and so is one that
went on while another of its branches, or a provider call in it, was still under way.
"""

from __future__ import annotations

from frugal._core.call import Call
from frugal._core.journal import Journal
from frugal.ports import Ticket

__all__ = ["Branch"]


class Branch:
    """Carry one caller's account through work that may outlive the caller.

    States: made → begun → finished → adopted, or begun → abandoned → adopted. `finish` and `adopt`/`abandon` may come
    in either order; whichever comes second moves the money. From begun to adopted, the owner's journal is open.
    """

    __slots__ = ("_abandoned", "_adopted", "_begun", "_finished", "call", "owner")

    def __init__(self, owner: Call) -> None:
        self.owner = owner
        # Holds and routes known so far go along: whoever commits must release the one and tell the other.
        self.call: Call = owner._with(journal=Journal(owner.journal.facts))  # noqa: SLF001 the core's own
        self._begun = False
        self._finished = False
        self._adopted = False
        self._abandoned = False

    @property
    def abandoned(self) -> bool:
        """Whether its caller has left."""
        return self._abandoned

    def begin(self) -> Branch:
        """Say that there will be work; the owner is not committed before it has ended."""
        self._begun = True
        self.owner.journal.open += 1
        return self

    def finish(self) -> Ticket | None:
        """Say that the work has ended; an owner that left is committed now, if that is all it waited for."""
        self._finished = True
        return self.adopt() if self._abandoned else None

    def abandon(self) -> Ticket | None:
        """Leave; what the work comes to is adopted when it has ended."""
        self._abandoned = True
        return self.adopt() if self._finished else None

    def adopt(self) -> Ticket | None:
        """Take the facts over into the owner's journal, and those still to come as they come."""
        if not self._begun or self._adopted or (self._abandoned and not self._finished):
            return None
        self._adopted = True
        if self.call.journal.open:  # a provider call is still under way: a ring answered before it, having asked twice
            self._take()
            self.call.journal.late = self._rest
            return None
        return self._rest()

    def _rest(self) -> Ticket | None:
        self._take()
        return self.owner.journal.ended()

    def _take(self) -> None:
        journal, own = self.call.journal, self.owner.journal
        known = set(map(id, own.facts))
        for fact in journal.facts:
            if id(fact) not in known:
                own.add(fact)
        own.inner = journal.inner
        own.collected += journal.collected
        own.releases += journal.releases
        journal.collected, journal.releases = (), ()

    def __del__(self) -> None:
        if self._begun and not self._adopted:  # the work was cancelled before its first step
            self._abandoned = True
            self.finish()
