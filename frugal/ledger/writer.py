"""The writer: one thread that writes, and everything that waits shares its transactions.

Law: pieces of work are done in the order in which they came, each once; all that wait when a transaction begins go
into it (group commit). What cost money goes at once; what was free may linger for 50 ms. While the disk or another
process is in the way, work stays queued and is tried again, and those who wait are told so when patience runs out:
for a failure that lasts, patience runs once, not once for each call. No disk is touched on any other thread, except
at the interpreter's exit, when there may be no other.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import threading
import time
import uuid
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from frugal.errors import BudgetExceededError, FrugalError, LedgerFormatError, LedgerUnavailableError, StoreCorruptedError
from frugal.ledger.gate import enrol, passing
from frugal.ledger.owner import LIVING
from frugal.ledger.spill import Unwritten, spill, spilled
from frugal.ledger.store import Store, failure
from frugal.ledger.tickets import Ticket, ring
from frugal.ledger.tidying import TIDY_EVERY, tidy
from frugal.ledger.unit import Memory, Unit
from frugal.ledger.work import Commit, Desk, Job, Piece, Reserve
from frugal.ports import Clock

__all__ = ["Writer"]

_log = logging.getLogger("frugal")

LINGER = 0.05  # seconds that free records may wait for company
_BATCH = 512  # pieces in one transaction at the most
_FIRST_PAUSE, _LAST_PAUSE = 0.005, 1.0  # seconds between two attempts


class _Poisoned(Exception):  # noqa: N818  # never leaves this module
    """One piece of a transaction cannot be done, and the others must be done without it."""

    def __init__(self, piece: Piece, error: Exception) -> None:
        self.piece = piece
        self.error = error


class _Shut(Exception):  # noqa: N818  # never leaves this module
    """The ledger cannot be opened."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _is_common(error: Exception) -> bool:
    """Whether it would hit any transaction, whatever is in it."""
    return isinstance(error, (sqlite3.OperationalError, OSError)) or type(error) is sqlite3.DatabaseError


class Writer:
    """Write a ledger from one thread.

    Args:
        store: where.
        clock: the ledger's clock.
        lease: for how long an owner is believed alive without a sign of life, in seconds.
        patience: how long a failure is waited out, in seconds.
    """

    def __init__(self, store: Store, clock: Clock, *, lease: float, patience: float) -> None:
        self.store = store
        self.lease = lease
        self.patience = patience
        self._clock = clock
        self._reset()
        enrol(self)

    def _reset(self) -> None:
        self.owner = uuid.uuid4().hex[:16]
        self.held: set[str] = set()
        self._named = False  # whether the owner's row is written
        self._numbers = 0
        self._lock = threading.Condition(threading.Lock())
        self._turn = threading.Lock()  # whoever has it may use the connection
        self._queue: deque[Piece] = deque()
        self._urgent = 0
        self._linger_until: float | None = None
        self._idle = False
        self._stopping = False
        self._final = False
        self._thread: threading.Thread | None = None
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._memory = Memory()
        self._failing: Exception | None = None
        self._failing_since = 0.0
        self._lasting = False  # it is of no use to wait
        self._told = False
        self._pause = _FIRST_PAUSE
        self._retry_at = 0.0
        self._renew_at = 0.0
        self._tidy_at = time.monotonic() + TIDY_EVERY / 10
        self._watched: dict[asyncio.AbstractEventLoop, set[Ticket]] = {}
        self._timed: weakref.WeakSet[asyncio.AbstractEventLoop] = weakref.WeakSet()

    # ------------------------------------------------------------------ from any thread

    def put(self, piece: Piece) -> Ticket:
        """Queue a piece of work."""
        with self._lock:
            self._queue.append(piece)
            if piece.urgent:
                self._urgent += 1
            elif self._linger_until is None:
                self._linger_until = time.monotonic() + LINGER
            piece.ticket.hopeless = isinstance(piece, Commit) and not self._left()
            if self._idle and (piece.urgent or len(self._queue) == 1):
                self._idle = False
                self._lock.notify()
            elif self._thread is None or not self._thread.is_alive():
                self._start()
        if self._final:
            self.drain()  # the interpreter ends: nobody else will do it
        return piece.ticket

    def hold_id(self) -> str:
        """Return a new hold's id; it begins with its owner's."""
        with self._lock:
            self._numbers += 1
            return f"{self.owner}-{self._numbers}"

    def watch(self, loop: asyncio.AbstractEventLoop, /) -> set[Ticket]:
        """Return the set of those that wait on a loop, which is looked through when patience is over."""
        waiting = self._watched.get(loop)
        if waiting is None:
            for closed in [other for other in self._watched if other.is_closed()]:
                self._watched.pop(closed, None)
            waiting = self._watched[loop] = set()
        if not waiting and loop not in self._timed:
            self._timed.add(loop)
            loop.call_later(self.patience + 1.0, self._watch, loop)
        return waiting

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        waiting = self._watched.get(loop)
        if not waiting:
            self._timed.discard(loop)
            return
        now = time.monotonic()
        late = [ticket for ticket in waiting if ticket.born + self.patience < now]
        if late:
            _log.error("the ledger at %s has not answered for %g seconds", self.store.directory, self.patience)
            ring(late)
        loop.call_later(self.patience + 1.0, self._watch, loop)

    def run(self, work: Callable[[Desk], Any], *, sweeps: bool = False) -> Any:
        """Do work in a transaction and return its result, blocking the thread.

        Raises:
            LedgerUnavailableError: it could not be done within patience.
        """
        job = Job(work, sweeps=sweeps, watch=self.watch)
        self.put(job)
        job.ticket.join(self.patience + 1.0)
        return self.outcome(job)

    async def arun(self, work: Callable[[Desk], Any], *, sweeps: bool = False) -> Any:
        """Do work in a transaction and return its result, without blocking the loop.

        Raises:
            LedgerUnavailableError: it could not be done within patience.
        """
        job = Job(work, sweeps=sweeps, watch=self.watch)
        self.put(job)
        await job.ticket.wait()
        return self.outcome(job)

    def outcome(self, piece: Piece) -> Any:
        """Return what a piece gave; one that is not done by now is not to be done any more."""
        ticket = piece.ticket
        with self._lock:
            if not ticket.done:
                ticket.abandoned = True
                raise self.trouble()
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def abandon(self, ticket: Ticket) -> bool:
        """Have a piece not be done; true where it was done already."""
        with self._lock:
            ticket.abandoned = True
            return ticket.done

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued and nothing is being written."""
        with self._lock:
            return not self._queue and (self._idle or self._thread is None)

    def trouble(self) -> FrugalError:
        """Return what is to be raised for work that was not done in time."""
        reason = self._failing
        if reason is None:
            return LedgerUnavailableError(self.store.directory, f"it did not answer within {self.patience} seconds")
        return failure(self.store.directory, reason)

    # ------------------------------------------------------------------ the thread

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="frugal-ledger", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is shutting down
            self._thread = None
            self._final = True

    def _loop(self) -> None:
        pieces: list[Piece] = []
        while True:
            with self._lock:
                pieces = self._next()
                if not pieces and self._stopping:
                    return
            try:
                with passing(), self._turn:
                    self._work(pieces)
            except BaseException:
                # Whatever it is (out of memory, say): the work goes back to where it was, and is tried again.
                _log.exception("the ledger's writer failed")
                self._put_back(pieces)
                time.sleep(_FIRST_PAUSE)

    def _next(self) -> list[Piece]:
        """Wait until there is something to do and take it; called with the lock."""
        while True:
            now = time.monotonic()
            due = self._retry_at
            if self._stopping and self._failing is not None:
                return []  # whoever closes has its own patience
            if not self._stopping:
                if not self._queue:
                    due = self._renew_at if self.held or self._named else now + 3600
                    if due <= now:
                        self._queue.append(Job(self._renew))
                        due = now
                elif not self._urgent and self._linger_until is not None:
                    due = max(due, self._linger_until)
                if due > now:
                    self._idle = self._retry_at <= now
                    self._lock.wait(due - now)
                    self._idle = False
                    continue
            return self._take()

    def _take(self) -> list[Piece]:
        pieces: list[Piece] = []
        while self._queue and len(pieces) < _BATCH:
            piece = self._queue.popleft()
            if piece.urgent:
                self._urgent -= 1
            if not piece.ticket.abandoned:
                pieces.append(piece)
        if not self._queue:
            self._linger_until = None
        return pieces

    def _put_back(self, pieces: Sequence[Piece]) -> None:
        with self._lock:
            for piece in reversed(pieces):
                if not piece.ticket.done:
                    self._queue.appendleft(piece)
                    self._urgent += piece.urgent

    def _renew(self, desk: Desk) -> None:
        if self.held:
            desk.holds.sign_of_life(renew=True)
        else:
            desk.holds.withdraw()
            self._named = False
        self._renew_at = time.monotonic() + self.lease / 3

    # ------------------------------------------------------------------ one transaction

    def _work(self, pieces: list[Piece]) -> None:
        """Do pieces in one transaction; what fails by itself is told so, what fails together is tried again."""
        while pieces:
            try:
                results = self._transact(pieces)
            except _Poisoned as poisoned:
                pieces = [piece for piece in pieces if piece is not poisoned.piece]
                self._refuse(poisoned.piece, poisoned.error)
            except _Shut as shut:
                self._failed(pieces, shut.error)
                return
            except Exception as error:  # not to be told from outside which piece it was: each by itself
                if _is_common(error):
                    self._failed(pieces, error)
                elif len(pieces) == 1:
                    self._refuse(pieces[0], error)
                else:
                    for piece in pieces:
                        self._work([piece])
                return
            else:
                self._done(pieces, results)
                return

    def _transact(self, pieces: Sequence[Piece]) -> list[Any]:
        try:
            connection = self._connect()
        except Exception as error:
            raise _Shut(error) from error
        connection.execute("BEGIN IMMEDIATE")
        try:
            unit = Unit(connection, self._memory, self.store.directory, self._clock.now())
            desk = Desk(connection, unit, self.owner, self.lease)
            results = self._do(desk, pieces)
            unit.flush()
            connection.execute("COMMIT")
        except BaseException:
            self._memory.clear()
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return results

    def _do(self, desk: Desk, pieces: Sequence[Piece]) -> list[Any]:
        ids = [id for piece in pieces for id in piece.ids()]
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
                if _is_common(error):
                    raise
                raise _Poisoned(piece, error) from error
        return results

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None:
            try:
                there = os.stat(self.store.path)
            except FileNotFoundError:
                there = None
            if there is not None and (there.st_dev, there.st_ino) == self._inode:
                return self._connection
            self._disconnect()  # the directory was removed or replaced: what is written here would go nowhere
        self._connection = self.store.writing()
        there = os.stat(self.store.path)
        self._inode = (there.st_dev, there.st_ino)
        self._memory.clear()
        self._take_in(self._connection)
        return self._connection

    def _take_in(self, connection: sqlite3.Connection) -> None:
        """Add what could not be written when this directory was last used."""
        for path, settlements in spilled(self.store.directory):
            connection.execute("BEGIN IMMEDIATE")
            try:
                unit = Unit(connection, self._memory, self.store.directory, self._clock.now())
                desk = Desk(connection, unit, self.owner, self.lease)
                commits = [
                    Commit(kept.records, kept.releases, kept.charges, urgent=False) for kept in settlements
                ]
                desk.books.expect([id for commit in commits for id in commit.ids()])
                for commit in commits:
                    commit.do(desk)
                unit.flush()
                connection.execute("COMMIT")
            except BaseException:
                self._memory.clear()
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            path.unlink(missing_ok=True)
            _log.warning("the ledger took in %d settlements from %s", len(settlements), path)

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        self._memory.clear()
        if connection is not None:
            try:
                connection.close()
            except sqlite3.Error as error:
                _log.warning("the ledger's connection did not close: %s", error)

    # ------------------------------------------------------------------ outcomes

    def _done(self, pieces: Sequence[Piece], results: Sequence[Any]) -> None:
        if self._failing is not None:
            _log.warning("the ledger at %s can be written again", self.store.directory)
            self._failing, self._lasting, self._told = None, False, False
        self._pause, self._retry_at = _FIRST_PAUSE, 0.0
        orphans = []
        with self._lock:
            for piece, result in zip(pieces, results, strict=True):
                ticket = piece.ticket
                if isinstance(piece, Reserve) and not isinstance(result, Exception):
                    self._hold(piece)
                    if ticket.abandoned:  # whoever asked has gone
                        orphans.append(piece.asked.id)
                elif isinstance(piece, Commit) and self.held:
                    self.held.difference_update(piece.releases)
                if isinstance(result, Exception):
                    ticket.error = result
                else:
                    ticket.result = result
                ticket.done = True
        ring([piece.ticket for piece in pieces])
        if orphans:
            self.put(Commit([], tuple(orphans), {}, urgent=True))

    def _hold(self, piece: Reserve) -> None:
        self.held.add(piece.asked.id)
        if piece.asked.adopt is not None:
            self.held.discard(piece.asked.adopt)
        if not self._named:
            self._named = True
            LIVING.add(self.owner)
            self._renew_at = time.monotonic() + self.lease / 3

    def _refuse(self, piece: Piece, error: Exception) -> None:
        """Tell a piece that it cannot be done; records are never dropped for it."""
        if isinstance(piece, Commit):
            _log.error("the ledger cannot write %s: %s", ", ".join(piece.ids()) or "a release", error)
            spill(self.store.directory, [piece.unwritten()])
        with self._lock:
            piece.ticket.error = error
            piece.ticket.done = True
        ring([piece.ticket])

    def _failed(self, pieces: Sequence[Piece], error: Exception) -> None:
        """Note that nothing can be written now, keep the work, and tell those whose patience is at its end."""
        now = time.monotonic()
        if self._failing is None:
            self._failing_since = now
            _log.warning("the ledger at %s cannot be written: %s", self.store.directory, error)
        if not isinstance(error, sqlite3.OperationalError) or "locked" not in str(error):
            self._disconnect()
        self._failing = error
        self._lasting = isinstance(failure(self.store.directory, error), (LedgerFormatError, StoreCorruptedError))
        self._retry_at, self._pause = now + self._pause, min(self._pause * 2, _LAST_PAUSE)
        self._put_back(pieces)
        if not self._left():
            self._give_up()

    def _give_up(self) -> None:
        """Tell all who wait that it takes longer; records stay queued, everything else is dropped."""
        told = []
        with self._lock:
            for piece in self._queue:
                told.append(piece.ticket)
                if not isinstance(piece, Commit):
                    piece.ticket.error = self.trouble()
                    piece.ticket.done = True
            kept = [piece for piece in self._queue if not piece.ticket.done]
            self._queue.clear()
            self._queue.extend(kept)
            self._urgent = sum(piece.urgent for piece in kept)
        if kept and not self._told:
            self._told = True
            _log.error(
                "the ledger at %s has been unavailable for %.1f seconds (%s); %d settlements wait to be written",
                self.store.directory,
                time.monotonic() - self._failing_since,
                self._failing,
                len(kept),
            )
        ring(told)

    # ------------------------------------------------------------------ the end

    def drain(self, timeout: float | None = None) -> bool:
        """Write what is queued on this thread; true when nothing is left."""
        deadline = time.monotonic() + (self.patience if timeout is None else timeout)
        while True:
            with self._lock:
                pieces = self._take()
            if not pieces:
                return True
            with passing():
                if not self._turn.acquire(timeout=max(deadline - time.monotonic(), 0.0)):
                    self._put_back(pieces)
                    return False
                try:
                    self._work(pieces)
                finally:
                    self._turn.release()
            with self._lock:
                left = bool(self._queue)
            if left and self._failing is not None:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(min(max(self._retry_at - time.monotonic(), 0.0), 0.1))

    def close(self, *, final: bool = False) -> None:
        """Write what is queued, keep apart what cannot be written, and let go of the directory.

        Args:
            final: whether the interpreter ends; what comes later is then written by whoever brings it.
        """
        with self._lock:
            self._stopping = True
            self._final = self._final or final
            thread = self._thread
            if self._named and not self.held:
                self._queue.append(Job(lambda desk: desk.holds.withdraw()))
            self._lock.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(self.patience + 1.0)
        if not self.drain(self._left()):
            self._spill()
        LIVING.discard(self.owner)
        with passing():
            if self._turn.acquire(timeout=self.patience):
                try:
                    self._disconnect()
                finally:
                    self._turn.release()
        with self._lock:
            # Whatever comes now starts a new thread, and holds as a new owner.
            self._stopping = self._named = False
            self._thread = None
            self.held = set()
            self.owner = uuid.uuid4().hex[:16]
            if self._queue and not self._final:
                self._start()

    def _left(self) -> float:
        """Return how much patience is left, in seconds."""
        if self._failing is None:
            return self.patience
        return 0.0 if self._lasting else max(self._failing_since + self.patience - time.monotonic(), 0.0)

    def _spill(self) -> None:
        with self._lock:
            left: list[Unwritten] = [piece.unwritten() for piece in self._queue if isinstance(piece, Commit)]
            self._queue.clear()
            self._urgent = 0
        if left:
            ours = not isinstance(self._failing, LedgerFormatError)
            spill(self.store.directory, left, ours=ours)

    # ------------------------------------------------------------------ forks

    def before_fork(self) -> None:
        """Close the connection, which a child must not inherit; nobody uses it, for all are outside the gate."""
        self._disconnect()

    def in_child(self) -> None:
        """Start afresh: the queue, the holds and the thread are the parent's."""
        LIVING.discard(self.owner)
        self._reset()


