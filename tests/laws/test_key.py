"""Laws of canonical keys: the same for the same call, and never the same for two."""

import dataclasses
import datetime as dt
import decimal
import enum
import struct
import uuid
from collections import OrderedDict

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from frugal._values.canonical import canonical
from frugal._values.key import diff, digest_call, parts


class Colour(enum.StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    ONE = 1
    TWO = 2


@dataclasses.dataclass(frozen=True)
class Point:
    x: object
    y: object = 0


class Spot(msgspec.Struct, frozen=True):
    x: object
    y: object = 0


class Name(str):
    __slots__ = ()


def shape(value):
    """Return what makes a value what it is, as a hashable value that Python compares: the law's oracle."""
    kind = type(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind is float:
        return name, struct.pack("<d", value)
    if kind in (list, tuple):
        return name, tuple(map(shape, value))
    if kind in (set, frozenset):
        return name, frozenset(map(shape, value))
    if kind in (dict, OrderedDict):
        return name, frozenset((shape(key), shape(child)) for key, child in value.items())
    if kind in (Point, Spot):
        return name, shape(value.x), shape(value.y)
    if isinstance(value, enum.Enum):
        return name, value.name
    return name, str(value) if kind is not bytes else value


TEXTS = st.sampled_from(["", "1", "red", "a", "b", "role", "x", "p1:x", "s1:a", "\ud800"]) | st.text(max_size=3)
NUMBERS = (
    st.sampled_from([0, 1, 2, -1, 2**63, 2**64, -(2**63) - 1, 10**4000, 0.0, -0.0, 1.0, float("inf"), float("nan")])
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
)
LEAVES = (
    st.none()
    | st.booleans()
    | TEXTS
    | NUMBERS
    | st.binary(max_size=2)
    | st.sampled_from([*Colour, *Level, Name("red"), Name("a")])
    | st.sampled_from([decimal.Decimal(1), decimal.Decimal("1.0"), uuid.UUID(int=1), dt.date(2026, 1, 1)])
    | st.sampled_from([dt.datetime(2026, 1, 1), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.timedelta(1)])
)
KEYS = st.sampled_from(["a", "b", "x", "y", "role", "1", 1, 1.0, True, None, b"a", (1,), Colour.RED, Name("a")])


def _nest(inner):
    return (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.dictionaries(st.sampled_from("abxy"), inner, max_size=3)
        | st.dictionaries(st.sampled_from("abxy"), inner, max_size=2).map(OrderedDict)
        | st.sets(LEAVES, max_size=3)
        | st.frozensets(LEAVES, max_size=3)
        | st.builds(Point, inner, inner)
        | st.builds(Spot, inner, inner)
    )


VALUES = st.recursive(LEAVES, _nest, max_leaves=12)


def shuffled(value, random):
    """Return an equal value whose mappings and sets were filled in another order."""
    kind = type(value)
    if kind in (dict, OrderedDict):
        items = list(value.items())
        random.shuffle(items)
        return kind((key, shuffled(child, random)) for key, child in items)
    if kind in (list, tuple):
        return kind(shuffled(child, random) for child in value)
    if kind in (set, frozenset):
        items = list(value)
        random.shuffle(items)
        return kind(items)
    return value


@given(VALUES, VALUES)
@example([1], (1,))
@example([True], [1])
@example({"a": 1}, OrderedDict(a=1))
@example(["a", "b"], ["a:b"])
@example({1: "a"}, {"1": "a"})
@example(b"red", "red")
@example([Colour.RED], ["red"])
@example([dt.date(2026, 1, 1)], ["2026-01-01"])
def test_two_values_have_one_form_exactly_when_they_are_the_same(a, b):
    """The canonical form is injective: no two different values share one."""
    assert (shape(a) == shape(b)) == (canonical(a) == canonical(b))


@given(VALUES, st.randoms(use_true_random=False))
def test_the_order_of_mappings_and_sets_does_not_matter(value, random):
    """Reordering what has no order keeps the form."""
    assert canonical(value) == canonical(shuffled(value, random))


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {
        "messages": st.lists(st.dictionaries(st.sampled_from(["role", "content"]), PLAIN, min_size=1), min_size=1),
        "tools": st.none() | st.lists(PLAIN, max_size=2),
        "extra_body": st.dictionaries(st.text(max_size=3), PLAIN, max_size=3),
        "temperature": st.none() | st.floats(),
        "image": st.binary(max_size=4),
    }
)


def leaves(value, path=()):
    """Yield the path of every leaf."""
    if type(value) is dict and value:
        for key, child in value.items():
            yield from leaves(child, (*path, key))
    elif type(value) is list and value:
        for index, child in enumerate(value):
            yield from leaves(child, (*path, index))
    else:
        yield path


def replaced(value, path, leaf):
    """Return the value with another leaf at that path."""
    if not path:
        return leaf
    head, *rest = path
    if type(value) is dict:
        return {key: replaced(child, rest, leaf) if key == head else child for key, child in value.items()}
    return [replaced(child, rest, leaf) if index == head else child for index, child in enumerate(value)]


@given(REQUESTS, st.data())
def test_changing_any_single_part_changes_the_key_and_is_named(request, data):
    """Every leaf counts, however deep, and the parts say which argument it was in."""
    path = data.draw(st.sampled_from(list(leaves(request))))
    other = replaced(request, path, ("something", "else"))
    assert digest_call("app.ask", request) != digest_call("app.ask", other)
    names = diff(parts("app.ask", request), parts("app.ask", other))
    assert names
    assert all(name.startswith(path[0]) for name in names)


@given(REQUESTS, REQUESTS, st.randoms(use_true_random=False))
def test_two_calls_have_one_key_exactly_when_they_have_the_same_parts(a, b, random):
    """What `explain_call` shows is all of the key, and nothing but the key."""
    assert parts("app.ask", a) == parts("app.ask", shuffled(a, random))
    assert digest_call("app.ask", a) == digest_call("app.ask", shuffled(a, random))
    same_parts = parts("app.ask", a) == parts("app.ask", b)
    assert same_parts == (digest_call("app.ask", a) == digest_call("app.ask", b))
