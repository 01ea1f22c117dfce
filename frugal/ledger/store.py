"""A ledger's directory: made whole or not at all, checked before it is trusted, and connected to.

Law: a directory that is not a ledger of ours is neither written nor handed to diskcache; a ledger appears
complete, in one step, however many processes make it at the same moment; it is readable by its owner only.
Nothing is made before it is needed, and reading makes nothing.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import diskcache
import msgspec

from frugal.errors import FrugalError, LedgerFormatError, LedgerUnavailableError, StoreCorruptedError
from frugal.ledger.disk import SETTINGS, RawDisk
from frugal.ledger.gate import passing

__all__ = ["RECORD_RANGE", "VERSION", "Store", "failure"]

VERSION = 1
"""The version of the schema that this code writes."""

RECORD_RANGE = "key >= 'record/' AND key < 'record0'"
"""The condition that a row is a record, word for word as in the index on their times."""

_INDEXES = (
    f"CREATE INDEX IF NOT EXISTS frugal_time ON Cache (store_time) WHERE {RECORD_RANGE}",
    "CREATE INDEX IF NOT EXISTS frugal_run ON Cache (tag) WHERE tag IS NOT NULL",
)
_SYNCHRONOUS = {"normal": 1, "full": 2}
_WRITING_TIMEOUT = 0.2  # seconds in SQLite's own wait for a lock; the writer goes on from there
_READING_TIMEOUT = 5.0
_APPLICATION = int.from_bytes(b"FRUG", "big")  # SQLite's application id, in the file's header
_FILE = "cache.db"  # diskcache.core.DBNAME


class _Schema(msgspec.Struct):
    format: str
    version: int


def failure(directory: str, error: Exception) -> FrugalError:
    """Return the error to show for what SQLite or the file system said."""
    if isinstance(error, FrugalError):
        return error
    text = str(error)
    if isinstance(error, sqlite3.DatabaseError) and ("malformed" in text or "not a database" in text):
        return StoreCorruptedError(directory, _FILE, text)
    return LedgerUnavailableError(directory, text or type(error).__name__)


class Store:
    """Hold the place where a ledger is.

    Args:
        directory: where; nothing is made there until the first write.
        durability: `"normal"` or `"full"`.
    """

    def __init__(self, directory: str | os.PathLike[str], durability: Literal["normal", "full"]) -> None:
        self.directory = str(Path(directory).expanduser().absolute())
        self.durability = durability
        self.path = str(Path(self.directory) / _FILE)
        self._checked: tuple[int, int] | None = None

    @property
    def exists(self) -> bool:
        """Whether there is something to read."""
        return Path(self.path).exists()

    # ------------------------------------------------------------------ connections

    def writing(self) -> sqlite3.Connection:
        """Return a new connection that writes; makes the ledger where there is none.

        Raises:
            LedgerFormatError: the directory is not a ledger, or is newer.
            StoreCorruptedError: its database is broken.
            sqlite3.Error, OSError: it cannot be made or opened now.
        """
        if not self.exists:
            self._make()
        self._check()
        connection = sqlite3.connect(self.path, timeout=_WRITING_TIMEOUT, isolation_level=None, check_same_thread=False)
        try:
            connection.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[self.durability]}")
            connection.execute(f"PRAGMA cache_size = {SETTINGS['sqlite_cache_size']}")
            if self.durability == "full":
                connection.execute("PRAGMA fullfsync = 1")  # what fsync alone does not do on macOS
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection | None]:
        """Yield a connection that only reads, or `None` where there is no ledger yet.

        Raises:
            LedgerFormatError: the directory is not a ledger, or is newer.
            LedgerUnavailableError: it cannot be read now.
            StoreCorruptedError: its database is broken.
        """
        with passing():
            if not self.exists:
                self._refuse_foreign()
                yield None
                return
            self._check()
            try:
                with closing(self._open_to_read()) as connection:
                    connection.execute("PRAGMA cache_size = 1024")
                    yield connection
            except (sqlite3.Error, OSError) as error:
                raise failure(self.directory, error) from error

    def _open_to_read(self) -> sqlite3.Connection:
        connection = self._connect("mode=ro")
        try:
            connection.execute("SELECT 1 FROM Settings LIMIT 1").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            # In a directory where nothing can be written, SQLite cannot make its index of the log. Without
            # a log the database itself is all there is, and may be read as it stands; with one it would be
            # out of date.
            log = Path(self.path + "-wal")
            if os.access(self.directory, os.W_OK) or (log.exists() and log.stat().st_size):
                raise
            connection = self._connect("mode=ro&immutable=1")
        return connection

    def _connect(self, mode: str) -> sqlite3.Connection:
        uri = f"file:{quote(self.path)}?{mode}"
        return sqlite3.connect(uri, uri=True, timeout=_READING_TIMEOUT, isolation_level=None, check_same_thread=False)

    def cache(self) -> Any:
        """Return the directory as the `diskcache.Cache` that it is, to look into it with diskcache's own tools."""
        return diskcache.Cache(self.directory, disk=RawDisk, **SETTINGS)

    # ------------------------------------------------------------------ checks

    def _refuse_foreign(self) -> None:
        place = Path(self.directory)
        if not place.exists():
            return
        if not place.is_dir():
            raise LedgerFormatError(self.directory, "it is a file", "Give Ledger(directory=) a directory.")
        owner = place.stat().st_uid
        if hasattr(os, "geteuid") and os.geteuid() not in (0, owner):
            raise LedgerFormatError(
                self.directory, f"it belongs to another user ({owner})", "Give Ledger(directory=) one of your own."
            )
        found = sorted(entry.name for entry in place.iterdir() if not _ours(entry.name))
        if found:
            raise LedgerFormatError(
                self.directory,
                f"it is not empty and not a ledger (it has {found[0]!r})",
                "Give Ledger(directory=) an empty directory, or one that does not exist yet.",
            )

    def _check(self) -> None:
        """See that the database is a ledger of a version that we know, once for each file that stands there."""
        there = os.stat(self.path)
        if self._checked == (there.st_dev, there.st_ino):
            return
        if hasattr(os, "geteuid") and os.geteuid() not in (0, there.st_uid):
            raise LedgerFormatError(
                self.directory, f"it belongs to another user ({there.st_uid})", "Give one of your own."
            )
        self._check_header()
        try:
            with closing(self._open_to_read()) as connection:
                row = connection.execute("SELECT mode, value FROM Cache WHERE key = 'schema' AND raw = 1").fetchone()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                raise self._foreign("its database is not a ledger") from None
            raise
        except sqlite3.DatabaseError as error:
            raise StoreCorruptedError(self.directory, _FILE, str(error)) from error
        if row is None:
            raise self._foreign("its database is a diskcache of something else")
        try:
            schema = msgspec.json.decode(row[1], type=_Schema) if row[0] == 1 else None
        except (msgspec.MsgspecError, TypeError):
            schema = None
        if schema is None or schema.format != "frugal-ledger":
            raise self._foreign("its schema row is not ours")
        if schema.version > VERSION:
            raise LedgerFormatError(
                self.directory,
                f"it has version {schema.version}, and this frugal knows up to {VERSION}",
                "Upgrade frugal, or give Ledger(directory=) another directory.",
            )
        self._checked = (there.st_dev, there.st_ino)

    def _check_header(self) -> None:
        """Look at the file's first bytes: SQLite would make its own files beside a database of somebody else's."""
        with open(self.path, "rb") as file:
            header = file.read(100)
        if not header.startswith(b"SQLite format 3\0"):
            raise self._foreign("its cache.db is not a SQLite database")
        if header[68:72] != _APPLICATION.to_bytes(4, "big"):
            raise self._foreign("its database is a diskcache of something else")

    def _foreign(self, reason: str) -> LedgerFormatError:
        return LedgerFormatError(
            self.directory, reason, "Give Ledger(directory=) another directory; this one was left as it is."
        )

    # ------------------------------------------------------------------ making

    def _make(self) -> None:
        """Make the database apart and put it in its place in one step; who comes second uses the first one's."""
        self._refuse_foreign()
        place = Path(self.directory)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.mkdir(mode=0o700, exist_ok=True)
        if place.stat().st_mode & 0o077:
            place.chmod(0o700)
        workshop = place / f".new-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        workshop.mkdir(mode=0o700)
        try:
            cache = diskcache.Cache(str(workshop), disk=RawDisk, **SETTINGS)
            cache.set("schema", msgspec.json.encode(_Schema("frugal-ledger", VERSION)).decode())
            cache.close()
            with closing(sqlite3.connect(workshop / _FILE, isolation_level=None)) as connection:
                for statement in _INDEXES:
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            try:
                os.link(workshop / _FILE, self.path)
            except FileExistsError:
                return
            except OSError:  # a file system without links: the step from "not there" to "there" is not atomic
                if not self.exists:
                    os.replace(workshop / _FILE, self.path)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def _ours(name: str) -> bool:
    return name.startswith((".new-", "unwritten", _FILE))
