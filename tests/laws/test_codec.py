"""Laws of the codec: what comes back is what went in, type by type, and damage is always seen."""

import collections
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import math
import pathlib
import typing
import uuid
import zoneinfo

import msgspec
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pydantic import BaseModel, PrivateAttr

from frugal.errors import StoreCorruptedError
from frugal.stores import SafeCodec, copy_of


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Side(enum.Flag):
    LEFT = 1
    RIGHT = 2


@dataclasses.dataclass
class Box:
    inside: object
    others: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: object
    y: object = 0


class Spot(msgspec.Struct):
    x: object
    y: object = 0


class Pair(typing.NamedTuple):
    first: object
    second: object


class Answer(BaseModel, extra="allow"):
    text: object = ""
    when: dt.datetime | None = None
    _id: object = PrivateAttr(None)


T = typing.TypeVar("T")


class Wrapped(BaseModel, typing.Generic[T]):
    item: T
    items: list[T] = []


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63 - 1, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**60])
    | st.floats()
    | st.text(max_size=5)
    | st.text(st.characters(categories=["Cs", "L"]), max_size=3)
    | st.binary(max_size=5)
    | st.binary(max_size=5).map(bytearray)
    | st.complex_numbers(allow_nan=False)
    | st.decimals()
    | st.fractions()
    | st.uuids()
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.datetimes()
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.datetimes(timezones=st.sampled_from([zoneinfo.ZoneInfo("Asia/Taipei"), zoneinfo.ZoneInfo("Europe/Paris")]))
    | st.datetimes(timezones=st.just(dt.timezone(dt.timedelta(hours=-3, seconds=7), "odd")))
    | st.sampled_from([*Colour, *Side, Side.LEFT | Side.RIGHT, pathlib.PurePosixPath("a/b"), range(1, 9, 2)])
    | arrays.arrays(st.sampled_from(["f8", "<f4", "i8", "u1", "?", "c16", "U3", "S2"]), arrays.array_shapes(max_side=3))
)
HASHABLE = st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.dates() | st.tuples(st.integers())


def _nest(inner):
    return (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.sets(HASHABLE, max_size=3)
        | st.frozensets(HASHABLE, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
        | st.dictionaries(HASHABLE, inner, max_size=3)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3).map(collections.OrderedDict)
        | st.lists(st.integers(), max_size=3).map(lambda items: collections.deque(items, 5))
        | st.builds(Box, inner, st.lists(inner, max_size=2))
        | st.builds(Point, inner, inner)
        | st.builds(Spot, inner, inner)
        | st.builds(Pair, inner, inner)
        | st.builds(lambda text, more: Answer(text=text, more=more), inner, inner)
        | st.builds(lambda item: Wrapped[object](item=item), inner)
        | st.builds(lambda item: Wrapped[list[object] | None](item=[item]), inner)
    )


VALUES = st.recursive(LEAVES, _nest, max_leaves=10)


def assert_same(a, b):
    """Hold two values to the same types and contents all the way down; NaN is NaN."""
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
        assert b.flags.writeable
    elif isinstance(a, float):
        assert a == b or (math.isnan(a) and math.isnan(b))
        assert math.copysign(1, a) == math.copysign(1, b) or math.isnan(a)
    elif isinstance(a, list | tuple | collections.deque):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    elif isinstance(a, dict):
        assert_same(list(a.items()), list(b.items()))
    elif isinstance(a, set | frozenset):
        assert {(type(one), repr(one)) for one in a} == {(type(one), repr(one)) for one in b}
    elif isinstance(a, BaseModel):
        assert_same(a.__dict__, b.__dict__)
        assert_same(a.__pydantic_extra__, b.__pydantic_extra__)
        assert_same(a.__pydantic_private__, b.__pydantic_private__)
        assert a.model_fields_set == b.model_fields_set
    elif isinstance(a, Box | Point | Spot):
        for name in a.__annotations__:
            assert_same(getattr(a, name), getattr(b, name))
    elif isinstance(a, decimal.Decimal):
        assert a.compare_total(b) == 0
    elif isinstance(a, dt.datetime | dt.time):
        assert (a, a.fold, repr(a.tzinfo)) == (b, b.fold, repr(b.tzinfo))
    else:
        assert a == b


@given(VALUES)
def test_what_is_decoded_is_what_was_encoded(value):
    """Every supported type survives, nested in every other."""
    codec = SafeCodec()
    assert_same(value, codec.loads(codec.dumps(value)))


@given(VALUES)
def test_a_copy_is_equal_and_shares_nothing_that_can_change(value):
    """A copy has the same types and contents, and no mutable part of it is the first one's."""
    copied = copy_of(value)
    assert_same(value, copied)
    assert not mutable_parts(value) & mutable_parts(copied)


def mutable_parts(value):
    """Return the ids of all parts of a value that can be changed."""
    found, waiting = set(), [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | dict | set | bytearray | collections.deque | np.ndarray | Box | Spot | BaseModel):
            found.add(id(part))
        if isinstance(part, list | tuple | collections.deque):
            waiting.extend(part)
        elif isinstance(part, dict):
            waiting.extend(part.values())
        elif isinstance(part, BaseModel):
            waiting += [part.__dict__, part.__pydantic_extra__, part.__pydantic_fields_set__]
        elif isinstance(part, Box | Point | Spot):
            waiting.extend(getattr(part, name) for name in part.__annotations__)
    return found


@given(VALUES, st.data())
def test_any_changed_byte_is_seen(value, data):
    """No single byte of a row can be changed, cut or added without `loads` saying so."""
    codec = SafeCodec()
    row = bytearray(codec.dumps(value))
    place = data.draw(st.integers(0, len(row) - 1))
    byte = data.draw(st.integers(0, 255))
    assume(row[place] != byte)
    for damaged in (row[:place] + bytes([byte]) + row[place + 1 :], row[:place], row + bytes([byte])):
        with pytest.raises(StoreCorruptedError):
            codec.loads(bytes(damaged))


@given(st.binary(max_size=200), st.booleans())
def test_bytes_of_nobody_are_refused(data, with_a_header):
    """Whatever is in a row, `loads` either returns what `dumps` can make or says that it is corrupt."""
    import zlib

    codec = SafeCodec()
    if with_a_header:
        data = codec.dumps(None)[:5] + zlib.crc32(data).to_bytes(4, "little") + data
    try:
        value = codec.loads(data)
    except StoreCorruptedError:
        return
    assert with_a_header
    assert_same(value, codec.loads(codec.dumps(value)))


@given(st.fractions())
def test_a_fraction_comes_back_in_its_lowest_terms(value):
    """A scalar that stands for itself is shared by copies."""
    assert copy_of(value) is value
    assert isinstance(SafeCodec().loads(SafeCodec().dumps(value)), fractions.Fraction)


@given(st.uuids())
def test_scalars_are_shared_by_copies(value):
    """What cannot change need not be copied."""
    assert isinstance(value, uuid.UUID)
    assert copy_of((value, "a", (1, None))) == (value, "a", (1, None))
    kept = (value, "a", (1, None))
    assert copy_of(kept) is kept
