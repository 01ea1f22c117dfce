"""The writer: one thread that writes, and everything that waits shares its transactions.

Law: pieces of work are done in the order in which they came, each once; all that wait when a transaction
begins go into it (group commit). What cost money goes at once; what was free may wait for company first. While
the disk or another process is in the way, work stays queued and is tried again, and those who wait are told
so when patience is over. No disk is touched on any other thread, except at the interpreter's exit, when
there may be no other.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from frugal.errors import LedgerFormatError
from frugal.ledger.gate import enrol, passing
from frugal.ledger.health import Health
from frugal.ledger.line import LINGER, Line
from frugal.ledger.owner import LIVING
from frugal.ledger.spill import spill
from frugal.ledger.store import Store
from frugal.ledger.tickets import Ticket, ring
from frugal.ledger.transacting import PoisonedError, ShutError, Transactions, is_common
from frugal.ledger.watching import Watches
from frugal.ledger.work import Commit, Desk, Job, Piece, Reserve
from frugal.ports import Clock

__all__ = ["Writer"]

_log = logging.getLogger("frugal")

_BATCH = 256  # pieces in one transaction at the most: its share of the interpreter's lock is a few milliseconds

_LOOK = 1.0
"""Seconds after which the idle thread looks for itself. It is woken for all that is queued, but for what the collector
queues on this very thread as it lies down: nobody wakes it then, and the ledger would answer no more."""


class Writer:
    """Write a ledger from one thread.

    Args:
        store: where.
        clock: the ledger's clock.
        lease: for how long an owner is believed alive without a sign of life, in seconds.
        patience: how long a failure is waited out, in seconds.
    """

    def __init__(self, store: Store, clock: Clock, *, lease: float, patience: float) -> None:
        self._store = store
        self._clock = clock
        self._lease = lease
        self._patience = patience
        self._reset()
        enrol(self)

    def _reset(self) -> None:
        self.owner = uuid.uuid4().hex[:16]
        self.held: set[str] = set()
        self.health = Health(self._store.directory, self._patience)
        self.watch = Watches(self._store.directory, self._patience)
        self._named = False  # whether the owner's row is written
        self._numbers = 0
        # Re-entrant: the collector may run while it is held, and what it collects (a task, a stream) commits.
        self._lock = threading.Condition(threading.RLock())
        self._turn = threading.Lock()  # whoever has it may use the connection
        self._line = Line()
        self._idle = False
        self._stopping = False
        self._final = False
        self._thread: threading.Thread | None = None
        self._transactions = Transactions(self._store, self._clock, self._lease)
        self._renew_at = 0.0

    # ------------------------------------------------------------------ from any thread

    def put(self, piece: Piece) -> Ticket:
        """Queue a piece of work."""
        with self._lock:
            self._line.add(piece)
            piece.ticket.hopeless = isinstance(piece, Commit) and not self.health.left
            if piece.urgent or len(self._line) == 1:  # what is neither goes with those before it
                if self._idle:
                    self._idle = False
                    self._lock.notify()
                elif not self._final and (self._thread is None or not self._thread.is_alive()):
                    self._start()
        if self._final:
            self.drain()  # the interpreter ends: nobody else will do it
        return piece.ticket

    def hold_id(self) -> str:
        """Return a new hold's id; it begins with its owner's."""
        with self._lock:
            self._numbers += 1
            return f"{self.owner}-{self._numbers}"

    def run(self, work: Callable[[Desk], Any], *, sweeps: bool = False) -> Any:
        """Do work in a transaction and return its result, blocking the thread.

        Raises:
            LedgerUnavailableError: it could not be done within patience.
        """
        job = Job(work, sweeps=sweeps)
        self.put(job)
        job.ticket.join(self._patience + 1.0)
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
                raise self.health.trouble()
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
            return not self._line and (self._idle or self._thread is None)

    # ------------------------------------------------------------------ the thread

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="frugal-ledger", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter is shutting down
            self._thread = None
            self._final = True

    def _loop(self) -> None:
        while True:
            with self._lock:
                pieces = self._next()
                if pieces is None:
                    return
            try:
                with passing(), self._turn:
                    self._work(pieces)
            except BaseException:
                # Whatever it is (out of memory, say): the work goes back to where it was, and is tried again.
                _log.exception("the ledger's writer failed")
                self._put_back(pieces)
                time.sleep(LINGER)

    def _next(self) -> list[Piece] | None:
        """Wait until there is something to do and take it, with the lock; `None` when this thread is to end."""
        while True:
            if self._thread is not threading.current_thread():
                return None  # it was taken for stuck, and another has its place
            if self._stopping:
                # Whoever closes has a patience of its own, and does the rest.
                return self._take() or None if self.health.error is None else None
            now = time.monotonic()
            due = self._due(now)
            if due <= now:
                return self._take()
            self._idle = self.health.retry_at <= now
            self._lock.wait(min(due - now, _LOOK))
            self._idle = False

    def _due(self, now: float) -> float:
        """Return when the next transaction is due; puts the sign of life in the line when that is."""
        if not self._line:
            renew = self._renew_at if self.held or self._named else now + 3600
            if renew > now:
                return renew
            self._line.add(Job(self._renew))
        return max(self.health.retry_at, self._line.due)

    def _take(self) -> list[Piece]:
        return self._line.take(_BATCH)

    def _put_back(self, pieces: Sequence[Piece]) -> None:
        with self._lock:
            self._line.put_back(pieces)

    def _renew(self, desk: Desk) -> None:
        if self.held:
            desk.holds.sign_of_life(renew=True)
        else:
            desk.holds.withdraw()
            self._named = False
        self._renew_at = time.monotonic() + self._lease / 3

    # ------------------------------------------------------------------ one transaction, and what comes of it

    def _work(self, pieces: list[Piece]) -> None:
        """Do pieces in one transaction; what fails by itself is told so, what fails together is tried again."""
        while pieces:
            try:
                results = self._transactions.do(pieces, self.owner)
            except PoisonedError as poisoned:
                pieces = [piece for piece in pieces if piece is not poisoned.piece]
                self._refuse(poisoned.piece, poisoned.error)
            except ShutError as shut:
                self._failed(pieces, shut.error)
                return
            except Exception as error:  # not to be told from outside which piece it was: each by itself
                if is_common(error):
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

    def _done(self, pieces: Sequence[Piece], results: Sequence[Any]) -> None:
        self.health.worked()
        orphans = []
        with self._lock:
            for piece, result in zip(pieces, results, strict=True):
                ticket = piece.ticket
                failed = isinstance(result, Exception)
                if isinstance(piece, Reserve) and not failed:
                    self._hold(piece)
                    if ticket.abandoned:  # whoever asked has gone
                        orphans.append(piece.asked.id)
                elif isinstance(piece, Commit) and self.held:
                    self.held.difference_update(piece.releases)
                if failed:
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
            self._renew_at = time.monotonic() + self._lease / 3

    def _refuse(self, piece: Piece, error: Exception) -> None:
        """Tell a piece that it cannot be done; records are never dropped for it."""
        if isinstance(piece, Commit):
            _log.error("the ledger cannot write %s: %s", ", ".join(piece.ids()) or "a release", error)
            spill(self._store.directory, [piece.unwritten()])
        with self._lock:
            piece.ticket.error = error
            piece.ticket.done = True
        ring([piece.ticket])

    def _failed(self, pieces: Sequence[Piece], error: Exception) -> None:
        """Note that nothing can be written now, keep the work, and tell those whose patience is at its end."""
        if not isinstance(error, sqlite3.OperationalError) or "locked" not in str(error):
            self._transactions.disconnect()
        self.health.failed(error)
        self._put_back(pieces)
        if self.health.left:
            return
        told = []
        with self._lock:
            for piece in self._line:  # records stay queued, everything else is dropped
                told.append(piece.ticket)
                if not isinstance(piece, Commit):
                    piece.ticket.error = self.health.trouble()
                    piece.ticket.done = True
            self._line.drop_done()
            self.health.give_up(len(self._line))
        ring(told)

    # ------------------------------------------------------------------ the end, and forks

    def drain(self, timeout: float | None = None) -> bool:
        """Write what is queued on this thread; true when nothing is left."""
        deadline = time.monotonic() + (self._patience if timeout is None else timeout)
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
            if self._line and self.health.error is not None:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(min(max(self.health.retry_at - time.monotonic(), 0.0), 0.1))

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
                self._line.add(Job(lambda desk: desk.holds.withdraw()))
            self._lock.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(self._patience + 1.0)
        if not self.drain(self.health.left):
            self._spill()
        LIVING.discard(self.owner)
        with passing():
            if self._turn.acquire(timeout=self._patience):
                try:
                    self._transactions.disconnect()
                finally:
                    self._turn.release()
        with self._lock:
            # Whatever comes now starts a new thread, and holds as a new owner.
            self._stopping = self._named = False
            self._thread = None
            self.held = set()
            self.owner = uuid.uuid4().hex[:16]
            if self._line and not self._final:
                self._start()

    def _spill(self) -> None:
        with self._lock:
            left = [piece.unwritten() for piece in self._line if isinstance(piece, Commit)]
            self._line = Line()
        if left:
            spill(self._store.directory, left, ours=not isinstance(self.health.error, LedgerFormatError))

    def before_fork(self) -> None:
        """Close the connection, which a child must not inherit; nobody uses it, for all are outside the gate."""
        self._transactions.disconnect()

    def in_child(self) -> None:
        """Start afresh: the queue, the holds and the thread are the parent's."""
        LIVING.discard(self.owner)
        self._reset()
