"""What is done to a ledger beside recording: documents, feedback, other prices, forgetting and folding.

Law: no dollar is lost by any of it, and each step is a transaction of its own, so that what is broken off can be
taken up again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from frugal.ledger.documents import change_document, say
from frugal.ledger.reports import Reports
from frugal.ledger.repricing import Repriced, reprice
from frugal.ledger.retention import Compacted, Forgotten, compact, forget
from frugal.ledger.store import Store
from frugal.ledger.writer import Writer
from frugal.ports import Clock, Prices

__all__ = ["Upkeep"]


class Upkeep(Reports):
    """Keep up a ledger.

    Args:
        store: where it is.
        writer: writes it.
        clock: its clock.
        retention_days: how many days of single records `compact` keeps; `None` for all.
    """

    forget_answers: ClassVar[Any] = None
    """Removes a user's answers from caches: a callable of the user's name, or `None`."""

    def __init__(self, store: Store, writer: Writer, clock: Clock, retention_days: float | None) -> None:
        super().__init__(store, writer, clock)
        self.retention_days = retention_days

    # ------------------------------------------------------------------ feedback

    async def feedback(
        self, call_id: str, *, success: bool | None = None, satisfaction: float | None = None
    ) -> tuple[bool | None, float | None]:
        """Say how good a call's answer was; what is `None` leaves what was said before.

        Args:
            call_id: the call's id, as `current_call().id` gives it.
            success: whether it served.
            satisfaction: how well, 0 to 1.

        Returns:
            The success and the satisfaction that were said before.

        Raises:
            ValueError: `satisfaction` is outside 0 to 1.
            LedgerUnavailableError: it is not durable within patience.
        """
        if satisfaction is not None and not 0 <= satisfaction <= 1:
            raise ValueError(f"satisfaction is {satisfaction!r}; it is 0 to 1.")
        before: tuple[bool | None, float | None] = await self._writer.arun(
            lambda desk: say(desk, call_id, success, None if satisfaction is None else float(satisfaction))
        )
        return before

    # ------------------------------------------------------------------ documents

    async def update_state(
        self, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any]]
    ) -> dict[str, Any]:
        """Replace a document by what `change` makes of it, in one transaction.

        Args:
            name: the document's name.
            change: takes the document (`None` where there is none) and returns the new one, made of JSON
                values. It runs on the writer's thread: it must be quick, and must not use the ledger.

        Returns:
            The new document.

        Raises:
            LedgerUnavailableError: it is not durable within patience.
        """
        changed: dict[str, Any] = await self._writer.arun(lambda desk: change_document(desk, name, change))
        return changed

    def update_state_now(self, name: str, change: Callable[[dict[str, Any] | None], dict[str, Any]]) -> dict[str, Any]:
        """Do what `update_state` does, blocking the thread.

        Args:
            name: the document's name.
            change: as for `update_state`.

        Returns:
            The new document.

        Raises:
            LedgerUnavailableError: it is not durable within patience.
        """
        changed: dict[str, Any] = self._writer.run(lambda desk: change_document(desk, name, change))
        return changed

    # ------------------------------------------------------------------ upkeep

    def reprice(self, prices: Prices, *, apply: bool = False) -> list[Repriced]:
        """Compare the records with what they would cost by other prices.

        Args:
            prices: the other prices.
            apply: whether to write the difference, for unpriced records and those of windows that are over.

        Returns:
            The records that differ, oldest first. What a provider stated or was estimated is not compared.

        Raises:
            LedgerUnavailableError: the ledger cannot be read or written.
        """
        return reprice(self._store, prices, self.clock.now(), self._writer.run, apply=apply)

    def forget(self, user: str) -> Forgotten:
        """Put a random name in the place of a user's, in records and counters; the money stays.

        The answers that caches kept for them are removed too: those of this process's caches, and those in the
        default directories.

        Calls under way are recorded under their user when they end; forget again then.

        Args:
            user: whom.

        Returns:
            How many records and sums were changed, and under which name they now stand.

        Raises:
            LedgerUnavailableError: the ledger cannot be read or written; what is left is forgotten the next
                time.
        """
        forgotten = forget(self._store, self._writer.run, user)
        if self.forget_answers is not None:
            type(self).forget_answers(user)
        return forgotten

    def compact(self, retention_days: float | None = None) -> Compacted:
        """Fold records older than `retention_days` (by default the ledger's) into the sums of their UTC days.

        Folded days know no hours, runs, tags and single records any more; `audit` includes them.

        Args:
            retention_days: how many days of single records to keep.

        Returns:
            How many days and records were folded; none where no retention is set.

        Raises:
            ValueError: `retention_days` is not above 0.
            LedgerUnavailableError: the ledger cannot be read or written.
        """
        days = self.retention_days if retention_days is None else retention_days
        if days is None:
            return Compacted(0, 0)
        if days <= 0:
            raise ValueError(f"retention_days is {days!r}; it is more than 0.")
        return compact(self._store, self._writer.run, self.clock.now(), days)
