"""A cache's directory: made whole or not at all, checked before it is trusted, and connected to.

Law: nothing in the directory is ever executed, and nothing of somebody else's is ever touched. diskcache makes the
database, with a `Disk` that refuses pickle both ways; it appears complete, in one step, however many processes make it
at once. It is readable by its owner only. A database that is broken is put aside, since it is only a cache.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import diskcache

from frugal.errors import LedgerFormatError, StoreCorruptedError

__all__ = ["TROUBLE", "Place", "RawDisk", "close", "is_broken"]

_log = logging.getLogger("frugal")

VERSION = 1
"""The version of the schema that this code writes."""

_APPLICATION = int.from_bytes(b"FRGC", "big")  # SQLite's application id, in the file's header
_FILE = "cache.db"  # diskcache.core.DBNAME
_ASIDE = "broken.db"
_LEAST = 512  # bytes: SQLite takes a shorter file for a new database
_NEW = ".new-"
_LEFT = 3600  # seconds after which nobody still makes it, by the file system's clock
_RAW = 1  # diskcache.core.MODE_RAW: the value stands in the row as it is
_WRITING_TIMEOUT = 0.25  # seconds in SQLite's own wait for a lock; the writer goes on from there

SETTINGS: dict[str, Any] = {
    "eviction_policy": "none",  # the writer evicts, by the ambient clock; diskcache would by the machine's
    "size_limit": 2**62,
    "cull_limit": 0,
    "statistics": 0,  # a lookup that counts itself is a write
    "tag_index": 0,
    "sqlite_auto_vacuum": 2,  # incremental: the writer gives pages back after a clear, not in every commit
    "sqlite_cache_size": 2048,  # pages: 8 MiB
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,  # a mapped page that a full disk cannot give is SIGBUS, not an error
    "sqlite_synchronous": 1,
    "disk_min_file_size": 2**40,  # nothing in files of its own: no path in a row to follow, none left by a crash
}
"""The settings of a cache's `diskcache.Cache`."""


class RawDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache ships no types
    """Store bytes under texts as they are, and refuse everything else, both ways."""

    def put(self, key: Any) -> tuple[Any, bool]:
        """Return the key as it is stored."""
        if type(key) is not str:
            raise TypeError(f"a cache's keys are texts, not {type(key).__name__}.")
        return key, True

    def get(self, key: Any, raw: bool) -> Any:
        """Return a stored key; refuses one that is pickled."""
        if not raw:
            raise StoreCorruptedError(self._directory, repr(key)[:80], "its key is pickled")
        return super().get(key, raw)

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> Any:
        """Return a value's columns; refuses what would be pickled."""
        if read or type(value) is not bytes:
            raise TypeError(f"a cache's values are bytes, not {type(value).__name__}.")
        return super().store(value, read, key=key)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        """Return a stored value; refuses one that is pickled or stands in a file."""
        if mode != _RAW or filename is not None or type(value) is not bytes:
            raise StoreCorruptedError(self._directory, "?", f"a {type(value).__name__} in mode {mode} is never ours")
        return value


TROUBLE = (sqlite3.Error, OSError, LedgerFormatError, UnicodeDecodeError)
"""What a directory may raise; the last where SQLite quotes a broken schema that is no text."""


def is_broken(error: BaseException) -> bool:
    """Return whether SQLite says that the file itself is not what it should be."""
    signs = ("malformed", "not a database", "no such table", "no such column", "no such index")
    return isinstance(error, UnicodeDecodeError) or (
        isinstance(error, sqlite3.DatabaseError) and any(sign in str(error) for sign in signs)
    )


def close(connection: sqlite3.Connection) -> None:
    """Close a connection that nobody needs any more."""
    try:
        connection.close()
    except sqlite3.Error as error:
        _log.warning("a cache's connection did not close: %s", error)


def _lenient(data: bytes) -> str:
    """Read a text of SQLite's that may be anything, so that one spoilt row does not stop the others."""
    return data.decode("utf-8", "replace")


class Place:
    """Know where a cache is; nothing is made there until the first write.

    Args:
        directory: where.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        self.directory = os.path.realpath(Path(directory).expanduser())
        self.path = str(Path(self.directory) / _FILE)
        self.disk = RawDisk(self.directory, min_file_size=SETTINGS["disk_min_file_size"])

    @property
    def inode(self) -> tuple[int, int] | None:
        """Which database is there now, `None` for none."""
        try:
            there = os.stat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return (there.st_dev, there.st_ino) if there.st_size >= _LEAST else None

    def writing(self) -> sqlite3.Connection:
        """Return a new connection that writes; makes the cache where there is none.

        Raises:
            LedgerFormatError: the directory is not a cache of ours, or is newer.
            sqlite3.Error, OSError: it cannot be made or opened now.
        """
        if self.inode is None:
            self._make()
        connection = sqlite3.connect(self.path, timeout=_WRITING_TIMEOUT, isolation_level=None, check_same_thread=False)
        connection.text_factory = _lenient
        try:
            self._check(connection)
            connection.execute("PRAGMA synchronous = 1")
            connection.execute(f"PRAGMA cache_size = {SETTINGS['sqlite_cache_size']}")
            connection.execute(f"PRAGMA journal_size_limit = {4 * 2**20}")
        except BaseException:
            connection.close()
            raise
        return connection

    def reading(self, timeout: float) -> sqlite3.Connection:
        """Return a new connection that only reads, and has read.

        Raises:
            LedgerFormatError: the directory is not a cache of ours, or is newer.
            sqlite3.Error, OSError: it cannot be opened now.
        """
        connection = sqlite3.connect(
            f"file:{quote(self.path)}?mode=ro", uri=True, timeout=timeout, isolation_level=None,
            check_same_thread=False,
        )  # fmt: skip
        connection.text_factory = _lenient
        try:
            self._check(connection)
            connection.execute("SELECT rowid FROM Cache LIMIT 1").fetchall()
            connection.execute("PRAGMA cache_size = 1024")
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        ((application,),) = connection.execute("PRAGMA application_id").fetchall()
        ((version,),) = connection.execute("PRAGMA user_version").fetchall()
        if application != _APPLICATION:
            raise LedgerFormatError(
                self.directory, "its cache.db is not a cache of frugal", "Give disk() a directory of its own."
            )
        if version > VERSION:
            raise LedgerFormatError(
                self.directory,
                f"it is a cache of version {version}, newer than {VERSION}",
                "Update frugal, or give disk() another directory.",
            )

    def _make(self) -> None:
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        if not self._tidy():  # a directory with other things in it keeps its mode, and the file has its own
            with suppress(PermissionError):
                os.chmod(self.directory, 0o700)
        new = tempfile.mkdtemp(prefix=_NEW, dir=self.directory)
        try:
            diskcache.Cache(new, timeout=_WRITING_TIMEOUT, disk=RawDisk, **SETTINGS).close()
            made = str(Path(new) / _FILE)
            with closing(sqlite3.connect(made, isolation_level=None)) as connection:
                connection.execute("CREATE INDEX frugal_access ON Cache (access_time)")
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {VERSION}")
            os.chmod(made, 0o600)
            if self.inode is None and os.path.exists(self.path):
                self.put_aside()  # cut off at the very beginning
            with suppress(FileExistsError):  # another process was first
                os.link(made, self.path)
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _tidy(self) -> bool:
        """Remove what a process left that died while it made the cache; return whether anything else is there."""
        others = False
        for entry in os.scandir(self.directory):
            if not entry.name.startswith(_NEW):
                others = True
            elif entry.stat().st_mtime < time.time() - _LEFT:
                shutil.rmtree(entry.path, ignore_errors=True)
        return others

    def put_aside(self) -> str:
        """Move a broken database out of the way, in the place of an earlier one; return where it is."""
        aside = str(Path(self.directory) / _ASIDE)
        with suppress(FileNotFoundError):
            os.replace(self.path, aside)
        for log in ("-wal", "-shm"):
            with suppress(FileNotFoundError):
                os.remove(self.path + log)
        return aside

    def __repr__(self) -> str:
        return f"Place({self.directory!r})"
