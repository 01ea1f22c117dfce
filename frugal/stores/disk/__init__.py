"""The store on disk."""

from frugal.stores.disk.store import DiskStore

__all__ = ["DiskStore"]
