"""The store on disk."""

from frugal.stores.disk.scan import DiskRows
from frugal.stores.disk.store import DiskStore

__all__ = ["DiskRows", "DiskStore"]
