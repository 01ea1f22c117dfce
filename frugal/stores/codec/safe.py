"""The codec: values to bytes and back, exact types included, with nothing in the bytes that is ever run.

Law: what `loads` returns equals what `dumps` was given, type by type, or `loads` raises. Bytes are a header with a
version and a checksum, then MessagePack; what is not JSON is an extension with a code (`scalars`, `objects`), and a
type is named only to be looked up in the allow-list (`allowed`). No pickle, no import, no constructor.
"""

from __future__ import annotations

import functools
import inspect
import sys
import typing
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from frugal._values.plain import LEAVES, PLAIN, is_plain
from frugal.errors import StoreCorruptedError, UnencodableValueError
from frugal.stores.codec.allowed import Allowed
from frugal.stores.codec.objects import DATACLASS, MAKERS, Shape, empty, shape_of
from frugal.stores.codec.scalars import BY_CODE, BY_TYPE, array, read_array, read_scalar

__all__ = ["SafeCodec"]

_MAGIC = b"\xf5frg\x01"  # no text starts with this byte; then the version
_HEAD = len(_MAGIC) + 4
_ARRAY, _SCALAR = 50, 51
_Ext = msgspec.msgpack.Ext
_encode = msgspec.msgpack.Encoder().encode
_NOT_IN_MESSAGEPACK = (OverflowError, UnicodeEncodeError)


class SafeCodec:
    """Turn values into bytes and back, without ever running code named in the bytes.

    JSON values, bytes, tuples, sets, dates and times, numbers of any size, UUIDs, paths, enums, dataclasses, named
    tuples, msgspec structs, pydantic models, numpy arrays and the response classes of the providers' SDKs come back
    as what they were.

    Args:
        types: types, or annotations such as `list[Answer]`, that rows may name although this process has not encoded
            one yet. Without them, the first row that names such a type is a miss.

    >>> codec = SafeCodec()
    >>> codec.loads(codec.dumps({"answer": (1, 2.0, None)}))
    {'answer': (1, 2.0, None)}
    """

    def __init__(self, types: Iterable[Any] = ()) -> None:
        self._given = tuple(types)
        self._allowed = Allowed(self._given)
        self._shapes: dict[type, Shape] = {}
        self._decode = msgspec.msgpack.Decoder(ext_hook=self._revive).decode

    @classmethod
    def for_function(cls, function: Any) -> SafeCodec:
        """Return a codec that knows the types in a function's return annotation.

        Args:
            function: any callable; one without annotations is fine.
        """
        function = inspect.unwrap(function)
        while isinstance(function, functools.partial):
            function = inspect.unwrap(function.func)
        function = getattr(function, "__func__", function)
        try:
            hint = typing.get_type_hints(function).get("return")
        except Exception:  # an annotation that cannot be resolved allows nothing
            hint = getattr(function, "__annotations__", {}).get("return")
        return cls(() if hint is None or isinstance(hint, str) else (hint,))

    @property
    def given(self) -> tuple[Any, ...]:
        """The types and annotations that it was given."""
        return self._given

    def __repr__(self) -> str:
        return f"SafeCodec(types={self._given!r})" if self._given else "SafeCodec()"

    # ------------------------------------------------------------------ writing

    def dumps(self, value: Any) -> bytes:
        """Encode a value.

        Args:
            value: what to keep.

        Returns:
            Bytes for `loads`.

        Raises:
            UnencodableValueError: the value, or something in it, is not in the allow-list; it says what and where.
        """
        try:
            body = self._body(value)
        except RecursionError:
            raise UnencodableValueError(f"cyclic or too deeply nested {type(value).__name__}") from None
        return b"".join((_MAGIC, zlib.crc32(body).to_bytes(4, "little"), body))

    def _body(self, value: Any) -> bytes:
        if type(value) in PLAIN:
            try:
                body = _encode(value)  # before the proof, since what has been encoded has an end
                if type(value) in LEAVES or is_plain(value):
                    return body
            except (*_NOT_IN_MESSAGEPACK, TypeError):  # a type that it does not know
                pass
        try:
            return _encode(self._pack(value, "", strictly=False))
        except _NOT_IN_MESSAGEPACK:  # an integer beyond 64 bits or a lone surrogate: look at each
            return _encode(self._pack(value, "", strictly=True))

    def _pack(self, value: Any, where: str, *, strictly: bool) -> Any:
        kind = type(value)
        if kind in LEAVES:
            return self._leaf(value) if strictly else value
        if kind is dict:
            if all(type(key) is str for key in value) and not strictly:
                return {
                    key: child if type(child) in LEAVES else self._pack(child, f"{where}.{key}", strictly=False)
                    for key, child in value.items()
                }
        elif kind is list:
            if not strictly and LEAVES.issuperset(map(type, value)):
                return value
            return [
                child if type(child) in LEAVES and not strictly
                else self._pack(child, f"{where}[{index}]", strictly=strictly)
                for index, child in enumerate(value)
            ]  # fmt: skip
        scalar = BY_TYPE.get(kind)
        if scalar is not None:
            code, write = scalar
            return _Ext(code, _encode(self._pack(self._written(write, value, where), where, strictly=strictly)))
        return self._object(value, kind, where, strictly=strictly)

    @staticmethod
    def _leaf(value: Any) -> Any:
        if type(value) is int and not -(2**63) <= value < 2**63:
            code, write = BY_TYPE[int]
            return _Ext(code, _encode(write(value)))
        if type(value) is str:
            try:
                value.encode()
            except UnicodeEncodeError:
                code, write = BY_TYPE[str]
                return _Ext(code, _encode(write(value)))
        return value

    @staticmethod
    def _written(write: Callable[[Any], Any], value: Any, where: str) -> Any:
        try:
            return write(value)
        except UnencodableValueError as error:
            raise UnencodableValueError(error.type_name, where) from None

    def _object(self, value: Any, kind: Any, where: str, *, strictly: bool) -> Any:
        shape = self._shapes.get(kind)
        if shape is None:
            numpy = sys.modules.get("numpy")
            if numpy is not None and (kind is numpy.ndarray or issubclass(kind, numpy.generic)):
                code = _ARRAY if kind is numpy.ndarray else _SCALAR
                return _Ext(code, _encode(self._written(array, value, where)))
            found = shape_of(kind)
            if found is None:
                raise UnencodableValueError(f"{kind.__module__}.{kind.__qualname__}", where)
            if found[0] == DATACLASS:
                empty(kind)
            self._allowed.name(kind, where)
            shape = self._shapes[kind] = found
        code, read = shape
        content = self._pack(read(value), where, strictly=strictly)
        return _Ext(code, _encode([self._allowed.name(kind), content]))

    # ------------------------------------------------------------------ reading

    def loads(self, data: bytes) -> Any:
        """Decode what `dumps` made.

        Args:
            data: the bytes.

        Returns:
            A value of its own: nothing in it is shared.

        Raises:
            StoreCorruptedError: the bytes are not what `dumps` made, or name a type that is not allowed here.
        """
        if data[: len(_MAGIC)] != _MAGIC:
            raise _corrupt("it does not start with this codec's header")
        body = memoryview(data)[_HEAD:]
        if zlib.crc32(body).to_bytes(4, "little") != data[len(_MAGIC) : _HEAD]:
            raise _corrupt("its checksum is wrong")
        try:
            return self._decode(body)
        except Exception as error:  # whatever is wrong with it, it is not what was written
            raise _corrupt(f"{type(error).__name__}: {error}") from error

    def _revive(self, code: int, data: memoryview) -> Any:
        content = self._decode(data)
        read = BY_CODE.get(code)
        if read is not None:
            return read(content)
        make = MAKERS.get(code)
        if make is not None:
            name, state = content
            return make(self._allowed.find(name), state)
        if code == _ARRAY:
            return read_array(content)
        if code == _SCALAR:
            return read_scalar(content)
        raise ValueError(f"no code {code}")


def _corrupt(reason: str) -> StoreCorruptedError:
    return StoreCorruptedError("a cache", "?", reason)
