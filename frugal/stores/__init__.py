"""Stores: where cached values live, and the codec that turns them into bytes and back."""

from frugal.stores.codec import SafeCodec, copy_of

__all__ = ["SafeCodec", "copy_of"]
