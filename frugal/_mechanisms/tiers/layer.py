"""One layer: a store, how long values live in it, and what is kept beside a value.

Law: beside a value stand three times: when it was made, since when this layer has it, and until when it is fresh. They
decide, not the store's own expiry, which is later where stale values are kept. In a store of bytes they stand in a
head whose checksum covers the key, so a value never answers for another key.
"""

from __future__ import annotations

import gc
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Any, NamedTuple

from frugal._values.plain import LEAVES, PLAIN
from frugal.errors import StoreCorruptedError
from frugal.ports import Codec, Store

__all__ = ["LARGE", "Found", "Kept", "Layer", "is_large"]

LARGE = 256 * 1024
"""Bytes from which encoding and decoding belong in a thread."""

_MANY = 2000  # nodes, likewise
_HEAD = struct.Struct("<4sdddII")  # magic, three times, the length of the tag that follows, a checksum
_MAGIC = b"frT1"
_NO_TAG = 2**32 - 1


class Found(NamedTuple):
    """A value that a layer had.

    Args:
        value: this caller's own.
        layer: the name of the layer.
        made: when the value was put, in Unix seconds.
        fresh_until: until when it is fresh, in Unix seconds; infinite for ever.
        stale: whether that time is over.
    """

    value: Any
    layer: str
    made: float
    fresh_until: float
    stale: bool = False


class Kept(NamedTuple):
    """What a layer keeps under a key."""

    value: Any
    made: float
    since: float
    fresh_until: float
    tag: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A store with its own time to live.

    Args:
        name: for events and for `Found.layer`.
        store: where values are kept. One that also has `get_nowait(key)`, which raises `BlockingIOError` where `get`
            would wait, promises that its `set` never waits.
        ttl: seconds that a value lives in this layer; `None` for ever.
        codec: turns values into bytes, for a store of bytes; `None` for a store that keeps objects.
        waits: whether the store's methods may wait for a disk or a network, and so belong in a thread.
    """

    name: str
    store: Store
    ttl: float | None = None
    codec: Codec | None = None
    waits: bool = False

    @property
    def get_nowait(self) -> Callable[[str], Any] | None:
        """The store's lookup that may be called on a loop's thread, where it has one."""
        return getattr(self.store, "get_nowait", None if self.waits else self.store.get)

    @property
    def sets_at_once(self) -> bool:
        """Whether `set` may be called on a loop's thread."""
        return self.get_nowait is not None

    @property
    def is_near(self) -> bool:
        """Whether it keeps the very objects, in reach without waiting or decoding."""
        return self.codec is None and not self.waits

    def pack(self, key: str, kept: Kept) -> bytes:
        """Return the bytes to keep, for a layer with a codec.

        Raises:
            UnencodableValueError: the codec knows no encoding.
        """
        if self.codec is None:
            raise TypeError(f"layer {self.name!r} has no codec")
        return _head(key, kept) + self.codec.dumps(kept.value)

    def unpack(self, key: str, data: Any) -> Kept:
        """Return what was kept, its value still encoded where there is a codec.

        Raises:
            StoreCorruptedError: it is not what was kept under this key.
        """
        if self.codec is None:
            if type(data) is not Kept:
                raise StoreCorruptedError(self.name, key, f"it is a {type(data).__name__} of somebody else's")
            return data
        if type(data) is not bytes or len(data) < _HEAD.size:
            raise StoreCorruptedError(self.name, key, "it is cut short")
        _, made, since, fresh_until, length, _ = _HEAD.unpack_from(data)
        start = _HEAD.size + (0 if length == _NO_TAG else length)
        try:
            tag = None if length == _NO_TAG else data[_HEAD.size : start].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            tag = None  # which the checksum then finds
        kept = Kept(data[start:], made, since, fresh_until, tag)
        if data[:start] != _head(key, kept):
            raise StoreCorruptedError(self.name, key, "its head is wrong")
        return kept

    def decode(self, key: str, kept: Kept) -> Kept:
        """Return what was kept with its value decoded.

        Raises:
            StoreCorruptedError: it is not what was encoded.
        """
        if self.codec is None:
            return kept
        try:
            return kept._replace(value=self.codec.loads(kept.value))
        except StoreCorruptedError as error:
            raise StoreCorruptedError(self.name, key, error.reason) from error


def _head(key: str, kept: Kept) -> bytes:
    tag = b"" if kept.tag is None else kept.tag.encode("utf-8", "surrogatepass")
    length = _NO_TAG if kept.tag is None else len(tag)
    bare = _HEAD.pack(_MAGIC, kept.made, kept.since, kept.fresh_until, length, 0)
    checksum = zlib.crc32(key.encode("utf-8", "surrogatepass"), zlib.crc32(tag, zlib.crc32(bare)))
    return bare[:-4] + checksum.to_bytes(4, "little") + tag


_TEXTS = frozenset({str, bytes})


def is_large(value: Any) -> bool:
    """Return whether coding a value may take so long that it belongs in a thread; looks at no more than that takes."""
    level, size, nodes = [value], 0, 0
    while level:  # level by level at the speed of C, for as long as all is plain
        kinds = set(map(type, level))
        if not kinds <= PLAIN:
            return _is_large(level, size, nodes)
        nodes += len(level)
        size += sum(len(child) for child in level if type(child) in _TEXTS)
        if size > LARGE or nodes > _MANY:
            return True
        # Of what holds something; and of a text nothing, though it is asked.
        level = [] if kinds <= LEAVES else gc.get_referents(*level)
    return False


def _is_large(waiting: list[Any], size: int, nodes: int) -> bool:
    """Go on where there are objects with fields."""
    while waiting:
        found = waiting.pop()
        nodes += 1
        if isinstance(found, str | bytes | bytearray):
            size += len(found)
        elif isinstance(found, dict | list | tuple | set | frozenset):
            nodes += len(found)
            if nodes <= _MANY:
                waiting.extend(found.values() if isinstance(found, dict) else found)
        elif found is not None and not isinstance(found, int | float):
            size += getattr(found, "nbytes", 0)
            waiting.extend(_fields(found))
        if size > LARGE or nodes > _MANY:
            return True
    return False


def _fields(value: Any) -> list[Any]:
    state = getattr(value, "__dict__", None)
    if state is not None:
        return list(state.values())
    names: Any = getattr(value, "__dataclass_fields__", None) or getattr(value, "__struct_fields__", ())
    return [getattr(value, name, None) for name in names]


def earliest(*times: float | None) -> float:
    """Return the earliest of some times, infinity when there is none."""
    return min((time for time in times if time is not None), default=inf)
