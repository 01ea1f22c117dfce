"""Transactions: the connection that writes, and what is done in one `BEGIN IMMEDIATE`.

Law: pieces of work are done in order, all or none; one that cannot be done names itself, so that the others
can be done without it. What the connection remembers is dropped with every failure.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any

from frugal.errors import BudgetExceededError
from frugal.ledger.spill import spilled
from frugal.ledger.store import Store
from frugal.ledger.tidying import TIDY_EVERY, tidy
from frugal.ledger.unit import Memory, Unit
from frugal.ledger.work import Commit, Desk, Piece
from frugal.ports import Clock

__all__ = ["PoisonedError", "ShutError", "Transactions", "is_common"]

_log = logging.getLogger("frugal")


class PoisonedError(Exception):
    """One piece of a transaction cannot be done; the others must be done without it. Never leaves the writer."""

    def __init__(self, piece: Piece, error: Exception) -> None:
        self.piece = piece
        self.error = error
        super().__init__(str(error))


class ShutError(Exception):
    """The ledger cannot be opened. Never leaves the writer."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        super().__init__(str(error))


def _ids(piece: Piece) -> Sequence[str]:
    try:
        return piece.ids()
    except Exception as error:  # its records are made only now
        raise PoisonedError(piece, error) from error


def is_common(error: Exception) -> bool:
    """Whether an error would hit any transaction, whatever is in it."""
    return isinstance(error, (sqlite3.OperationalError, OSError)) or type(error) is sqlite3.DatabaseError


class Transactions:
    """Do pieces of work on one connection, from one thread at a time.

    Args:
        store: where.
        clock: the ledger's clock.
        lease: for how long an owner is believed alive without a sign of life, in seconds.
    """

    def __init__(self, store: Store, clock: Clock, lease: float) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._memory = Memory()
        self._tidy_at = time.monotonic() + TIDY_EVERY / 10

    def do(self, pieces: Sequence[Piece], owner: str) -> list[Any]:
        """Do pieces in one transaction and return what each gives; a refusal is given, not raised.

        Raises:
            PoisonedError: one of them cannot be done.
            ShutError: the ledger cannot be opened.
            Exception: what else went wrong, with all of them.
        """
        try:
            connection = self._connect(owner)
        except Exception as error:
            raise ShutError(error) from error
        results: list[Any] = self._transact(connection, owner, lambda desk: self._each(desk, pieces))
        return results

    def _transact(self, connection: sqlite3.Connection, owner: str, work: Callable[[Desk], Any]) -> Any:
        connection.execute("BEGIN IMMEDIATE")
        try:
            unit = Unit(connection, self._memory, self._store.directory, self._clock.now())
            result = work(Desk(connection, unit, owner, self._lease))
            unit.flush()
            connection.execute("COMMIT")
        except BaseException:
            self._memory.clear()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return result

    def _each(self, desk: Desk, pieces: Sequence[Piece]) -> list[Any]:
        ids = [id for piece in pieces for id in _ids(piece)]
        if ids:
            desk.books.expect(ids)
        if any(piece.sweeps for piece in pieces):
            desk.holds.sweep()
            if time.monotonic() >= self._tidy_at:
                self._tidy_at = time.monotonic() + TIDY_EVERY
                tidy(desk.unit)
        results: list[Any] = []
        for piece in pieces:
            try:
                results.append(piece.do(desk))
            except BudgetExceededError as refusal:  # says no before anything has changed
                results.append(refusal)
            except Exception as error:
                if is_common(error):
                    raise
                raise PoisonedError(piece, error) from error
        return results

    # ------------------------------------------------------------------ the connection

    def _connect(self, owner: str) -> sqlite3.Connection:
        if self._connection is not None:
            try:
                there = os.stat(self._store.path)
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_dev, there.st_ino) == self._inode:
                return self._connection
            self.disconnect()  # the directory was removed or replaced: what is written here would go nowhere
        connection = self._store.writing()
        try:
            there = os.stat(self._store.path)
            self._take_in(connection, owner)
        except BaseException:
            connection.close()
            raise
        self._connection, self._inode = connection, (there.st_dev, there.st_ino)
        self._memory.clear()
        return connection

    def _take_in(self, connection: sqlite3.Connection, owner: str) -> None:
        """Add what could not be written when this directory was last used."""
        for path, settlements in spilled(self._store.directory):
            commits = [Commit(kept.records, kept.releases, kept.charges, urgent=False) for kept in settlements]

            def work(desk: Desk, commits: list[Commit] = commits) -> None:
                desk.books.expect([id for commit in commits for id in commit.ids()])
                for commit in commits:
                    commit.do(desk)

            try:
                self._transact(connection, owner, work)
            except Exception as error:
                if is_common(error):
                    raise
                # A row in the ledger is corrupt: the file waits until that is mended, and the ledger goes on.
                _log.error("the ledger could not take in %s: %s", path, error)
                continue
            path.unlink(missing_ok=True)
            _log.warning("the ledger took in %d settlements from %s", len(settlements), path)

    def disconnect(self) -> None:
        """Close the connection and forget what it knew."""
        connection, self._connection = self._connection, None
        self._memory.clear()
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                _log.warning("the ledger's connection did not close: %s", error)
