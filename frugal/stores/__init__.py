"""Stores: where cached values live, and the codec that turns them into bytes and back."""

from frugal.stores.codec import SafeCodec, copy_of
from frugal.stores.disk import DiskRows, DiskStore
from frugal.stores.memory import MemoryStore

__all__ = ["DiskRows", "DiskStore", "MemoryStore", "SafeCodec", "copy_of"]
