"""The engine of one directory: a thread that writes, and connections that read.

Law: a write is queued at once and done soon, by one thread, in one transaction with all that wait with it (group
commit); until then, a read finds it in the queue. What reads on an event loop's thread never writes, never opens a
file, and never waits: it says so instead. What cannot be written is dropped, since it is only a cache, and said once
for each spell of trouble; a database that is broken is put aside and started anew.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable

from frugal.errors import LedgerFormatError
from frugal.ports import Clock
from frugal.stores.disk import rows
from frugal.stores.disk.forks import enrol
from frugal.stores.disk.place import TROUBLE, Place, close, is_broken
from frugal.stores.disk.readers import ENOUGH, Readers
from frugal.stores.disk.rows import DELETE, Write

__all__ = ["Engine"]

_log = logging.getLogger("frugal")

_LINGER = 0.02  # seconds that a first write waits for company
_IDLE = 10.0  # seconds after which the thread ends, so that a store nobody uses is let go
_BATCH = 512  # writes in one transaction at the most
_QUEUE = 64 * 2**20  # bytes that may wait
_DELETIONS = 10_000  # deletions that may wait for a disk that cannot be written
_PATIENCE = 10.0  # seconds that writes wait for somebody else's lock
_PAUSE = 0.05, 1.0  # seconds between attempts, at first and at the most


class Engine:
    """Read and write one directory for all the stores of this process that are in it.

    Args:
        place: where.
        clock: tells what has expired.
    """

    def __init__(self, place: Place, clock: Clock) -> None:
        self.place = place
        self.max_bytes = 2**63
        self.dropped = 0
        self.on_fault: Callable[[str, Exception], None] | None = None
        self._clock = clock
        self._reset()
        enrol(self)

    def _reset(self) -> None:
        self.pending: dict[str, Write] = {}
        self._pending_bytes = 0
        self._queue = threading.Condition(threading.Lock())  # guards what is pending
        self._turn = threading.RLock()  # whoever has it may write and open
        self.readers = Readers(self.place, self._turn, self)
        self._writer: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._idle = False
        self._leaving = False
        self._ending = False
        self._failing: Exception | None = None
        self._failing_since = 0.0
        self._retry_at = 0.0
        self._pause = _PAUSE[0]
        self._broken: Exception | None = None

    # ------------------------------------------------------------------ what readers tell

    def suspect(self, error: Exception) -> None:
        """Have the file looked at, which seems broken."""
        self._broken = error
        self.wake()

    def wake(self) -> None:
        """See that the thread looks what there is to do."""
        with self._queue:
            self._start()

    def tell(self, operation: str, error: Exception) -> None:
        """Say that an operation fails; called once for each spell of trouble."""
        _log.warning("the cache at %s: %s fails: %s", self.place.directory, operation, error)
        if self.on_fault is not None:
            self.on_fault(operation, error)

    # ------------------------------------------------------------------ queueing

    def put(self, key: str, write: Write) -> None:
        """Queue a write; from any thread, at once."""
        dropped = 0
        with self._queue:
            old = self.pending.get(key)
            self.pending[key] = write  # in one step: a reader without the lock must not see the row beneath
            self._pending_bytes += write.size - (0 if old is None else old.size)
            if self._pending_bytes > _QUEUE:
                dropped = self._thin(key)
            self._start()
        if dropped:
            self._drop(dropped, self._failing or TimeoutError("the disk is slower than what is written to it"))

    def _thin(self, newest: str) -> int:
        """Give up the oldest values that wait; called with the lock. Older rows must not answer in their place."""
        dropped = 0
        for key, write in list(self.pending.items()):
            if self._pending_bytes <= _QUEUE:
                break
            if write.value is not None and key != newest:
                self._pending_bytes -= write.size
                self.pending[key] = DELETE
                dropped += 1
        return dropped

    def _start(self) -> None:
        """See that the thread runs; called with the lock."""
        if self._thread is not None and self._thread.is_alive():
            if self._idle:
                self._idle = False
                self._queue.notify_all()
            return
        if self._ending:
            return
        thread = threading.Thread(target=self._loop, name="frugal-cache", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is shutting down: whoever closes writes what is left
            self._ending = True
        else:
            self._thread = thread

    # ------------------------------------------------------------------ writing

    def _loop(self) -> None:
        while self._await_work():
            self.write_once()

    def _await_work(self) -> bool:
        """Wait until there is something to write, and a little longer for company; false after a long time."""
        deadline = time.monotonic() + _IDLE
        with self._queue:
            while True:
                now = time.monotonic()
                busy = bool(self.pending) or self._broken is not None or len(self.readers.touched) >= ENOUGH
                due = self._retry_at if busy else 0.0 if self._leaving else deadline
                if due <= now:
                    break
                self._idle = not busy
                self._queue.wait(due - now)
                self._idle = False
            if not busy:
                self._thread, self._leaving = None, False
                return False
            if self.pending:
                self._queue.wait(_LINGER)
            return True

    def write_once(self) -> bool:
        """Write what waits, up to a batch, in one transaction; return whether that went well."""
        with self._turn:
            with self._queue:
                batch = [pair for pair, _ in zip(self.pending.items(), range(_BATCH), strict=False)]
                touched, self.readers.touched = self.readers.touched, set()
            try:
                if self._broken is not None:
                    self._renew(self._broken)
                if batch or (touched and self.place.inode is not None):
                    self._transact(batch, touched)
            except TROUBLE as error:
                self._failed(error, batch)
                return False
            self._forget(batch)
            if self._failing is not None:
                _log.warning("the cache at %s can be written again", self.place.directory)
            self._failing, self._retry_at, self._pause = None, 0.0, _PAUSE[0]
            self.readers.forgive()
            return True

    def _transact(self, batch: list[tuple[str, Write]], touched: set[int]) -> None:
        connection = self._connect()
        now = self._clock.now()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if touched:
                rows.touch(connection, sorted(touched), now)
            rows.write(connection, batch, now)
            rows.evict(connection, self.max_bytes, now)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _connect(self) -> sqlite3.Connection:
        if self._writer is not None and self.place.inode == self._inode:
            return self._writer
        self._disconnect()  # the directory was removed or replaced: what is written here would go nowhere
        self._writer = self.place.writing()
        self._inode = self.place.inode
        self.readers.open()
        return self._writer

    def _forget(self, batch: list[tuple[str, Write]]) -> None:
        with self._queue:
            for key, write in batch:
                if self.pending.get(key) is write:
                    del self.pending[key]
                    self._pending_bytes -= write.size
            self._queue.notify_all()

    def _failed(self, error: Exception, batch: list[tuple[str, Write]]) -> None:
        now = time.monotonic()
        if self._failing is None:
            self._failing_since = now
        if is_broken(error):
            self._broken = error
        first, self._failing = self._failing is None, error
        self._retry_at, self._pause = now + self._pause, min(2 * self._pause, _PAUSE[1])
        locked = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
        if not locked:
            self._disconnect()
        if first:
            self.tell("set", error)
        if (not locked and not is_broken(error)) or now - self._failing_since >= _PATIENCE:
            self._give_up(batch, error)

    def _give_up(self, batch: list[tuple[str, Write]], error: Exception) -> None:
        """Drop values that cannot be written; what was to be deleted, or replaced, is deleted when it can be."""
        self._drop(sum(write.value is not None for _, write in batch), error)
        if isinstance(error, LedgerFormatError) or self.place.inode is None:  # there is nothing to delete
            self._forget(batch)
            return
        with self._queue:
            for key, write in batch:
                if self.pending.get(key) is write:
                    self.pending[key] = DELETE
                    self._pending_bytes -= write.size
            while len(self.pending) > _DELETIONS and self.pending[first := next(iter(self.pending))] is DELETE:
                del self.pending[first]

    def _renew(self, error: Exception) -> None:
        self._broken = None
        self._disconnect()
        if not is_broken(error) or self._is_sound():
            return
        aside = self.place.put_aside()
        _log.warning(
            "the cache at %s is broken (%s); it is now %s, and a new one begins", self.place.directory, error, aside
        )

    def _is_sound(self) -> bool:
        """Return whether the file is in order after all, since another process may have renewed it first."""
        try:
            connection = self.place.writing()
        except LedgerFormatError:
            raise
        except TROUBLE:
            return False
        try:
            rows.read(connection, "", large=False)
            return connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
        except TROUBLE:
            return False
        finally:
            connection.close()

    def _drop(self, count: int, error: Exception) -> None:
        if count and not self.dropped:
            _log.warning("the cache at %s cannot be written (%s): answers are not kept", self.place.directory, error)
        self.dropped += count

    # ------------------------------------------------------------------ all at once

    def clear(self, tag: str | None) -> int:
        """Delete all rows, or those with all the labels of `tag`; waits for the disk.

        Raises:
            sqlite3.Error, OSError, FrugalError: it cannot be done now.
        """
        labels = None if tag is None else tag.split("\n")
        with self._turn:
            with self._queue:
                found = {
                    key for key, write in self.pending.items()
                    if write.value is not None and write.has(labels)
                }  # fmt: skip
                for key in found:
                    self._pending_bytes -= self.pending.pop(key).size
                gone = {key for key, write in self.pending.items() if write.value is None}
            if self.place.inode is not None:
                deleted = rows.clear(self._connect(), labels, found)
                found.update(key for key in deleted if key not in gone)
        return len(found)

    def flush(self, timeout: float) -> bool:
        """Write what is queued, on this thread; return whether nothing is left."""
        deadline = time.monotonic() + timeout
        while self.pending:
            if not self.write_once():
                locked = isinstance(self._failing, sqlite3.OperationalError) and "locked" in str(self._failing)
                if time.monotonic() >= deadline or not (locked or self._broken is not None):
                    return not self.pending
                time.sleep(_PAUSE[0])
        if self.readers.touched:
            self.write_once()
        return True

    def close(self, timeout: float) -> None:
        """Write what is queued and let go of the directory; the next use opens it again."""
        self.flush(timeout)
        with self._queue:
            self._leaving = self._thread is not None
            self._queue.notify_all()
        with self._turn:
            self._disconnect()

    def __del__(self) -> None:
        # Nobody has it any more, so nobody reads or writes; SQLite is told so rather than left to find out.
        self._disconnect()

    def _disconnect(self) -> None:
        self.readers.close()
        writer, self._writer = self._writer, None
        if writer is not None:
            close(writer)

    # ------------------------------------------------------------------ forks and the exit

    def at_exit(self) -> None:
        """Write what is queued; no thread can be started any more."""
        self._ending = True
        self.close(2.0)

    def before_fork(self) -> None:
        """Let no thread be in SQLite, and no connection be open, while the process is copied."""
        self._turn.acquire()
        self._disconnect()
        self.readers.hold()
        self._queue.acquire()

    def in_parent(self) -> None:
        """Go on."""
        self._queue.release()
        self.readers.release()
        self._turn.release()

    def in_child(self) -> None:
        """Start afresh: what is queued is the parent's to write."""
        self._reset()
