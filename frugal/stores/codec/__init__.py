"""Values to bytes and back, and copies of values."""

from frugal.stores.codec.copies import copy_of
from frugal.stores.codec.safe import SafeCodec

__all__ = ["SafeCodec", "copy_of"]
