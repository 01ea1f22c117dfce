"""Work: what the writer does in a transaction, one piece after the other.

Law: a piece that refuses (a budget without room) leaves nothing behind and does not disturb the others;
done again after a failure of the whole transaction, it gives what it would have given the first time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from frugal._values.record import Record
from frugal.ledger.books import Books
from frugal.ledger.holds import Asked, Holds
from frugal.ledger.spill import Unwritten
from frugal.ledger.tickets import Ticket, Watch
from frugal.ledger.unit import Unit
from frugal.ledger.wire import RecordRow, pack, row_of

__all__ = ["Commit", "Desk", "Job", "Later", "Piece", "Reserve"]


class Desk:
    """Have at hand what a piece of work needs, inside one transaction."""

    __slots__ = ("books", "connection", "holds", "unit")

    def __init__(self, connection: sqlite3.Connection, unit: Unit, owner: str, lease: float) -> None:
        self.connection = connection
        self.unit = unit
        self.books = Books(unit)
        self.holds = Holds(unit, connection, self.books, owner, lease)


class Piece(Protocol):
    """Is done in a transaction."""

    ticket: Ticket
    urgent: bool
    sweeps: bool

    def ids(self) -> Sequence[str]:
        """Return the ids of the records that it adds."""
        ...

    def do(self, desk: Desk) -> Any:
        """Do it, and return what its ticket is to tell."""
        ...


class Commit:
    """Add the records of a call and end its holds.

    Args:
        rows: the records.
        releases: the holds that end.
        charges: by record, the hold that it was spent under.
        urgent: whether somebody waits for it.
        watch: who sees to it that nobody waits for ever.
    """

    __slots__ = ("_charges", "_rows", "releases", "ticket", "urgent")
    sweeps = False

    def __init__(
        self,
        rows: Iterable[RecordRow],
        releases: Sequence[str],
        charges: Mapping[str, str],
        *,
        urgent: bool,
        watch: Watch | None = None,
    ) -> None:
        # Turned into text here, on the thread that commits: what cannot be written shows at once, and the
        # writer's turn is short.
        self._rows = [(row, pack(row)) for row in rows]
        self.releases = releases
        self._charges = charges
        self.urgent = urgent
        self.ticket = Ticket(watch)

    def ids(self) -> Sequence[str]:
        """Return the ids of its records."""
        return [row.id for row, _ in self.rows()]

    def rows(self) -> list[tuple[RecordRow, str]]:
        """Return its records with their texts."""
        return self._rows

    def do(self, desk: Desk) -> Any:
        """Add, charge, release."""
        rows = self.rows()
        if self._charges:
            rows = [self._booked(desk, row, text) for row, text in rows]
        if self._charges or self.releases:
            desk.holds.unpresume({*self.releases, *self._charges.values()})
        for row, text in rows:
            desk.books.add(row, text)
        for hold in self.releases:
            desk.holds.release(hold)

    def _booked(self, desk: Desk, row: RecordRow, text: str) -> tuple[RecordRow, str]:
        """Book a record in the windows of its hold, where whoever committed it has not."""
        if row.booked is None and row.id in self._charges:
            booked = desk.holds.booked(self._charges[row.id])
            if booked is not None:
                row = msgspec.structs.replace(row, booked=booked)  # a copy: this may be done again
                return row, pack(row)
        return row, text

    def unwritten(self) -> Unwritten:
        """Return it as it is kept when it cannot be written."""
        return Unwritten([row for row, _ in self.rows()], list(self.releases), dict(self._charges))


class Later(Commit):
    """Add records that nobody waits for; they become rows, and may even be made, on the writer's thread.

    Args:
        records: the records.
        watch: as for `Commit`.
    """

    __slots__ = ("_records",)

    def __init__(self, records: Sequence[Record], watch: Watch | None = None) -> None:
        self._records = records
        self._rows = []
        self.releases = ()
        self._charges = {}
        self.urgent = False
        self.ticket = Ticket(watch)

    def rows(self) -> list[tuple[RecordRow, str]]:
        """Return its records with their texts, made once."""
        if not self._rows:
            self._rows = [(row, pack(row)) for row in map(row_of, self._records)]
            self._records = ()
        return self._rows


class Reserve:
    """Hold in every claimed budget, or in none."""

    __slots__ = ("asked", "ticket", "tried")
    urgent = True
    sweeps = True

    def __init__(self, asked: Asked, watch: Watch | None = None) -> None:
        self.asked = asked
        self.ticket = Ticket(watch)
        self.tried = False

    def ids(self) -> Sequence[str]:
        """Return nothing: it adds no records."""
        return ()

    def do(self, desk: Desk) -> Any:
        """Reserve; after a commit whose outcome was not told, undo what it may have held."""
        if self.tried:
            desk.holds.release(self.asked.id)
        self.tried = True
        return desk.holds.reserve(self.asked)


class Job:
    """Do anything else.

    Args:
        work: what to do.
        sweeps: whether dead owners' holds are to be settled first.
    """

    __slots__ = ("_work", "sweeps", "ticket")
    urgent = True

    def __init__(self, work: Callable[[Desk], Any], *, sweeps: bool = False, watch: Watch | None = None) -> None:
        self._work = work
        self.sweeps = sweeps
        self.ticket = Ticket(watch)

    def ids(self) -> Sequence[str]:
        """Return nothing: what it adds, it looks up itself."""
        return ()

    def do(self, desk: Desk) -> Any:
        """Do it."""
        return self._work(desk)
