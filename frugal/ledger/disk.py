"""The armour round diskcache: a `Disk` that never pickles, and the settings that never evict.

Law: nothing in a ledger's directory is ever executed. A key or value that would be pickled is refused
before it is written; one that arrives pickled, or in a file of its own, is refused before it is read.
(diskcache pickles whatever it cannot store raw, and unpickles keys as well as values: CVE-2025-69872, open
upstream.)
"""

from __future__ import annotations

from typing import Any

import diskcache

from frugal.errors import StoreCorruptedError

__all__ = ["SETTINGS", "RawDisk"]

_RAW = 1  # diskcache.core.MODE_RAW: the value stands in the row as it is

SETTINGS: dict[str, Any] = {
    "eviction_policy": "none",  # it is money
    "size_limit": 2**62,
    "cull_limit": 0,
    "statistics": 0,
    "tag_index": 0,
    "sqlite_auto_vacuum": 0,  # full auto-vacuum, diskcache's default, moves pages in every commit
    "sqlite_cache_size": 2048,  # pages: 8 MiB
    "sqlite_journal_mode": "wal",
    "sqlite_mmap_size": 0,  # a mapped page that a full disk cannot give is SIGBUS, not an error
    "sqlite_synchronous": 1,  # NORMAL; the writer sets its own by `durability`
    "disk_min_file_size": 2**40,  # nothing in files of its own
}
"""The settings of a ledger's `diskcache.Cache`."""


class RawDisk(diskcache.Disk):  # type: ignore[misc]  # diskcache ships no types
    """Store texts, numbers and bytes as they are, and refuse everything else, both ways."""

    def put(self, key: Any) -> tuple[Any, bool]:
        """Return the key as it is stored."""
        if type(key) not in (str, bytes):
            raise TypeError(f"a ledger's keys are texts, not {type(key).__name__}.")
        stored: tuple[Any, bool] = super().put(key)
        return stored

    def get(self, key: Any, raw: bool) -> Any:  # diskcache's signature
        """Return a stored key; refuses one that is pickled."""
        if not raw:
            raise StoreCorruptedError(self._directory, repr(key)[:80], "its key is pickled")
        return super().get(key, raw)

    def store(self, value: Any, read: bool, key: Any = diskcache.UNKNOWN) -> Any:
        """Return a value's columns; refuses what would be pickled."""
        if read or type(value) not in (str, bytes, int, float) or (type(value) is int and abs(value) >= 2**63):
            raise TypeError(f"a ledger's values are texts and numbers, not {type(value).__name__}.")
        return super().store(value, read, key=key)

    def fetch(self, mode: int, filename: str | None, value: Any, read: bool) -> Any:
        """Return a stored value; refuses one that is pickled or stands in a file."""
        if mode != _RAW or filename is not None:
            raise StoreCorruptedError(self._directory, "?", f"it is stored in mode {mode}, which is never ours")
        return super().fetch(mode, filename, value, read)
