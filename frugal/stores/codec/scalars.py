"""How the single values that MessagePack does not know are written and read.

Law: each has a code of its own that is never given to another; what is read has exactly the type that was written.
"""

from __future__ import annotations

import collections
import datetime as dt
import decimal
import fractions
import importlib
import pathlib
import sys
import uuid
import zoneinfo
from collections.abc import Callable
from typing import Any

from frugal.errors import UnencodableValueError

__all__ = ["BY_CODE", "BY_TYPE", "array", "read_array", "read_scalar"]

_KINDS = "biufcSUmM"  # numpy's kinds of plain numbers, texts and times: no objects, no records


def _zone(value: Any) -> Any:
    zone = value.tzinfo
    if zone is None:
        return None
    if type(zone) is dt.timezone:
        offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]  # what copy and pickle ask it
        return [_delta(offset), *name]
    if type(zone) is zoneinfo.ZoneInfo and zone.key:
        return zone.key
    if type(zone).__module__.startswith("pydantic_core"):
        return _delta(value.utcoffset())[0] * 86400 + _delta(value.utcoffset())[1]
    raise UnencodableValueError(f"{type(zone).__module__}.{type(zone).__qualname__}")


def _read_zone(data: Any) -> Any:
    if data is None:
        return None
    if isinstance(data, str):
        return zoneinfo.ZoneInfo(data)
    if isinstance(data, int):
        return sys.modules["pydantic_core"].TzInfo(data)
    offset, *name = data
    return dt.timezone(dt.timedelta(*offset), *name)


def _delta(value: dt.timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _moment(value: dt.datetime) -> Any:
    return [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, _zone(value)]


def _read_moment(data: Any) -> dt.datetime:
    text, fold, zone = data
    return dt.datetime.fromisoformat(text).replace(tzinfo=_read_zone(zone), fold=fold)


def _time(value: dt.time) -> Any:
    return [value.replace(tzinfo=None, fold=0).isoformat(), value.fold, _zone(value)]


def _read_time(data: Any) -> dt.time:
    text, fold, zone = data
    return dt.time.fromisoformat(text).replace(tzinfo=_read_zone(zone), fold=fold)


_PATHS = {kind.__name__: kind for kind in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path()))}
_FACTORIES: dict[str, Any] = {kind.__name__: kind for kind in (list, dict, set, int, float, str, bool, tuple)}


def _factory(value: Any) -> str | None:
    factory = value.default_factory
    name = getattr(factory, "__name__", None)
    if factory is not None and _FACTORIES.get(str(name)) is not factory:
        raise UnencodableValueError("collections.defaultdict whose factory is not a built-in type")
    return name


def _pairs(data: list[Any]) -> dict[Any, Any]:
    return dict(zip(data[::2], data[1::2], strict=True))


# Each: its type, its code, its content (plain, or holding what has a code itself), and the way back.
_TABLE: tuple[tuple[type, int, Callable[[Any], Any], Callable[[Any], Any]], ...] = (
    (tuple, 1, list, tuple),
    (set, 2, list, set),
    (frozenset, 3, list, frozenset),
    (int, 4, lambda value: b"%x" % value, lambda data: int(data, 16)),
    (str, 5, lambda value: value.encode("utf-8", "surrogatepass"), lambda data: data.decode("utf-8", "surrogatepass")),
    (dict, 6, lambda value: [part for pair in value.items() for part in pair], _pairs),
    (bytearray, 7, bytes, bytearray),
    (complex, 8, lambda value: [value.real, value.imag], lambda data: complex(*data)),
    (dt.datetime, 9, _moment, _read_moment),
    (dt.date, 10, dt.date.isoformat, dt.date.fromisoformat),
    (dt.time, 11, _time, _read_time),
    (dt.timedelta, 12, _delta, lambda data: dt.timedelta(*data)),
    (decimal.Decimal, 13, str, decimal.Decimal),
    (uuid.UUID, 14, lambda value: value.bytes, lambda data: uuid.UUID(bytes=data)),
    (
        fractions.Fraction, 15, lambda value: [value.numerator, value.denominator],
        lambda data: fractions.Fraction(*data),
    ),
    (range, 16, lambda value: [value.start, value.stop, value.step], lambda data: range(*data)),
    (collections.OrderedDict, 17, lambda value: [list(pair) for pair in value.items()], collections.OrderedDict),
    (collections.Counter, 18, dict, collections.Counter),
    (collections.deque, 19, lambda value: [list(value), value.maxlen], lambda data: collections.deque(*data)),
    (
        collections.defaultdict, 20, lambda value: [_factory(value), dict(value)],
        lambda data: collections.defaultdict(_FACTORIES[data[0]] if data[0] is not None else None, data[1]),
    ),
    *(
        (kind, 21, lambda value: [type(value).__name__, str(value)], lambda data: _PATHS[data[0]](data[1]))
        for kind in _PATHS.values()
    ),
)  # fmt: skip


BY_TYPE = {kind: (code, write) for kind, code, write, _ in _TABLE}
"""The code and the writer of each type."""

BY_CODE = {code: read for _, code, _, read in _TABLE}
"""The reader of each code."""


# --------------------------------------------------------------------------- numpy


def array(value: Any) -> Any:
    """Return the content of a numpy array or scalar.

    Raises:
        UnencodableValueError: it holds objects or records.
    """
    kind = value.dtype
    if kind.kind not in _KINDS:
        raise UnencodableValueError(f"numpy array of {kind}")
    fortran = value.ndim > 1 and value.flags.f_contiguous and not value.flags.c_contiguous
    order = "F" if fortran else "C"
    return [kind.str, list(value.shape), order, value.tobytes(order)]


def read_array(data: Any) -> Any:
    """Return the array of that content, which owns its memory."""
    kind, shape, order, content = data
    numpy = importlib.import_module("numpy")
    dtype = numpy.dtype(kind)
    if dtype.kind not in _KINDS:
        raise ValueError(f"an array of {kind!r}")
    return numpy.frombuffer(content, dtype).reshape(shape, order=order).copy(order=order)


def read_scalar(data: Any) -> Any:
    """Return the numpy scalar of that content."""
    return read_array(data)[()]
