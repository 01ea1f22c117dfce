"""Keys: what each kind of argument comes to, what has no key, and what the parts are called."""

import array
import collections
import dataclasses
import datetime as dt
import enum
import functools
import gc
import json
import pathlib
import re
import subprocess
import sys
import textwrap
import threading
import types
import zoneinfo
from collections.abc import Iterator

import numpy as np
import pytest
from pydantic import BaseModel, PrivateAttr, SecretStr

from frugal._values.canonical import canonical
from frugal._values.key import diff, digest, digest_call, parts
from frugal._values.plain import is_plain
from frugal.errors import UnkeyableCallError


class Answer(BaseModel):
    text: str = ""
    note: str | None = None
    _client: object = PrivateAttr(None)


class Wide(BaseModel, extra="allow"):
    text: str = ""


@dataclasses.dataclass
class Box:
    inside: object

    @functools.cached_property
    def weight(self):
        return 1


class Side(enum.Flag):
    LEFT = 1
    RIGHT = 2


class Labelled(dict):
    """A mapping with a state of its own."""


def tool(city: str) -> str:
    """Tell the weather."""
    return city


def key(value):
    return digest_call("app.ask", {"argument": value})


DIFFERENT = [
    [1, 1.0, True, "1", b"1", None, [1], (1,), {1}, frozenset({1}), {"1": 1}, {1: 1}],
    [0.0, -0.0, 0, False, "", b"", [], (), {}, set(), frozenset(), None],
    ["\u00e9", "e\u0301", "É"],
    [2**64, float(2**64), str(2**64), -(2**64)],
    [b"a", bytearray(b"a"), memoryview(b"a"), array.array("B", b"a")],
    [[["a"], "b"], [["a", "b"]], ["a", ["b"]], ["ab"]],
    [
        [{"role": "user", "content": "hi"}, {"role": "user", "content": "ho"}],
        [{"role": "user", "content": "hi:role:user:content:ho"}],
    ],
    [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 1), dt.date(2026, 1, 1), "2026-01-01"],
    [
        dt.datetime(2026, 1, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Paris")),
        dt.datetime(2026, 1, 1, 1, tzinfo=zoneinfo.ZoneInfo("Europe/Rome")),
        dt.datetime(2026, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=1))),
    ],
    [dt.time(1, fold=0), dt.time(1, fold=1)],
    [pathlib.PurePosixPath("a"), pathlib.PureWindowsPath("a"), "a"],
    [Side.LEFT, Side.RIGHT, Side.LEFT | Side.RIGHT, 1],
    [Answer(text="a"), Answer(text="b"), Wide(text="a"), {"text": "a"}, Box("a")],
    [Answer(), Answer(note=None)],  # a dump of what was set tells them apart
    [Wide(text="a"), Wide(text="a", more=1), Wide(text="a", more=2)],
    [SecretStr("a"), SecretStr("b"), "a"],
    [np.zeros(2), np.zeros(2, "f4"), np.zeros((2, 1)), np.ones(2), [0.0, 0.0], np.array([0.0, -0.0])],
    [np.float64(1), np.float32(1), np.int64(1), 1.0],
    [np.array("2026-01-01", "M8[D]"), np.array("2026-01-01", "M8[s]")],
    [collections.Counter("ab"), {"a": 1, "b": 1}, collections.OrderedDict(a=1, b=1), types.MappingProxyType({"a": 1})],
    [collections.defaultdict(list), collections.defaultdict(int), collections.defaultdict(None)],
    [re.compile("a"), re.compile("a", re.IGNORECASE), "a"],
    [functools.partial(tool, "a"), functools.partial(tool, "b"), tool],
    [Answer, Wide, Box, int, tool, json.dumps, len],
    [list[int], list[str], list, int | None, list[Answer], collections.deque, Iterator[int]],
    [range(3), range(0, 3, 2), slice(3), [0, 1, 2]],
    [types.SimpleNamespace(a=1), types.SimpleNamespace(a=2), {"a": 1}],
    [..., NotImplemented, None],
    [1j, 1, (0.0, 1.0)],
]


@pytest.mark.parametrize("values", DIFFERENT, ids=lambda values: type(values[0]).__name__)
def test_different_values_have_different_keys(values):
    """Type and content both count."""
    assert len(values) == len({key(value) for value in values})


@pytest.mark.parametrize("values", DIFFERENT, ids=lambda values: type(values[0]).__name__)
def test_a_value_has_the_same_key_every_time(values):
    """A key does not depend on when, or how often, it is asked for."""
    assert [key(value) for value in values] == [key(value) for value in values]


def test_keys_are_the_same_in_another_process():
    """A key does not depend on hash seeds, addresses or what was imported before."""
    code = """
        import enum, dataclasses, json
        from frugal._values.key import digest_call
        print(digest_call("f", {"a": {"x", "y", "z"}, "b": [1, {"k": (None, 2.5)}], "c": json.dumps}))
    """
    found = {
        subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)], env={"PYTHONHASHSEED": seed}, capture_output=True,
            text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert 1 == len(found)


def test_a_number_too_long_for_decimal_digits_has_a_key():
    """Python refuses to print integers beyond 4,300 digits; a key does not need it to."""
    assert key(10**5000) != key(10**5000 + 1)


def test_a_not_given_argument_of_an_sdk_has_a_key():
    """The SDKs' marks for arguments that were not given are defaults of their methods."""
    openai = pytest.importorskip("openai")
    assert key(openai.NOT_GIVEN) == key(type(openai.NOT_GIVEN)())
    assert key(openai.NOT_GIVEN) != key(None)


def test_a_private_attribute_and_a_cached_property_are_not_content():
    """What a model or a dataclass keeps for itself is not what it says."""
    plain, busy = Answer(text="a"), Answer(text="a")
    busy._client = threading.Lock()
    assert key(plain) == key(busy)
    box = Box(1)
    before = key(box)
    assert box.weight == 1
    assert before == key(box)


def test_a_subclass_of_a_mapping_counts_with_its_state():
    """A type built on a built-in one is its name, its content, and what it keeps beside."""
    a, b = Labelled(x=1), Labelled(x=1)
    assert key(a) == key(b) != key({"x": 1})
    b.label = "b"
    assert key(a) != key(b)


def test_a_class_is_keyed_with_its_schema():
    """A model that is passed as a response format is what it looks like, not what it is called."""

    def make(**fields):
        made = type("Made", (BaseModel,), {"__annotations__": fields, "__module__": __name__})
        sys.modules[__name__].Made = made
        return made

    sys.modules.setdefault(__name__, sys.modules[Answer.__module__])
    assert key(make(a=int)) != key(make(a=str))


UNKEYABLE = {
    "lambda": (lambda: 1, "argument", "lambda"),
    "bound method": ("".join, "argument", "str.join"),
    "lock": ([threading.Lock()], "argument[0]", "lock"),
    "object": (object(), "argument", "object"),
    "generator": ((i for i in ()), "argument", "generator"),
    "objects in an array": (np.array([object()]), "argument", "numpy array of objects"),
    "in a model": (Answer.model_construct(text=object()), "argument.text", "object"),
    "in a dataclass": ({"a b": [Box({1: object()})]}, "argument['a b'][0].inside[1]", "object"),
    "as a mapping's key": ({"x": {object: 1, (lambda: 1): 2}}, "argument.x[key", "lambda"),
    "in a set": ({1, (object(),)}, "argument[in set][0]", "object"),
}


@pytest.mark.parametrize(("value", "path", "kind"), UNKEYABLE.values(), ids=UNKEYABLE)
def test_what_has_no_canonical_form_is_refused_by_its_path(value, path, kind):
    """The error names the function, the argument as deep as it goes, the type, and the fix."""
    with pytest.raises(UnkeyableCallError) as caught:
        key(value)
    assert "app.ask" == caught.value.function
    assert caught.value.argument.startswith(path)
    assert kind in caught.value.type_name
    assert "ignore=('argument',)" in str(caught.value)


def test_a_file_a_client_and_a_nested_function_have_no_key(tmp_path):
    """What holds a connection, a file or a closure is not content."""
    openai = pytest.importorskip("openai")

    def nested():
        return tmp_path

    with (tmp_path / "file").open("w") as file:
        for value in (file, openai.AsyncOpenAI(api_key="none"), nested):
            with pytest.raises(UnkeyableCallError):
                key(value)


def test_a_cycle_is_refused_and_not_followed():
    """A structure without an end has no key."""
    once: list[object] = []
    once.append(once)
    twice: dict[str, object] = {}
    twice["a"] = twice["b"] = [twice]
    for cycle in (once, twice, Box([once])):
        with pytest.raises(UnkeyableCallError, match="cyclic"):
            key(cycle)


def test_depth_alone_is_no_reason_to_refuse():
    """What is merely deep, beyond what the quick way looks at, has a key like any other."""
    deep: object = 1
    for _ in range(150):
        deep = [deep]
    assert not is_plain(deep)
    assert key(deep) == key([deep[0]])
    assert key(deep) != key([deep])


def test_a_text_key_of_a_subclass_is_seen_by_the_quick_way():
    """A subclass hides behind an equal text as a mapping's key, and the proof of plainness finds it."""

    class Name(str):
        __slots__ = ()

    assert is_plain({"a": [{"b": 1}]})
    assert not is_plain({"a": [{Name("b"): 1}]})
    assert not is_plain(vars(types.SimpleNamespace(x=Name("a"))))
    assert gc.isenabled()


def test_ignored_arguments_are_not_looked_at():
    """What is left out by name may be anything."""
    assert digest_call("f", {"a": 1, "client": object()}, ("client",)) == digest_call("f", {"a": 1})
    assert parts("f", {"a": 1, "client": object()}, ("client",)) == parts("f", {"a": 1})


def test_the_function_is_in_the_key():
    """Two functions with the same arguments have two keys, and no name can pass for an argument."""
    assert digest_call("f", {"a": 1}) != digest_call("g", {"a": 1})
    assert ["function"] == diff(parts("f", {"a": 1}), parts("g", {"a": 1}))


def test_pieces_of_a_digest_cannot_be_moved():
    """Where one piece ends and the next begins matters."""
    assert digest(b"ab", b"c") != digest(b"a", b"bc")
    assert 40 == len(digest())


def test_a_difference_is_named_by_its_path():
    """Parts go one level into lists and mappings, and say when an argument came or went or became something else."""
    one = {"messages": ["Hi", "Ho"], "extra_body": {"x": 1, "y": 2}, "model": "small"}
    assert ["messages[1]"] == _named(one, messages=["Hi", "Hu"])
    assert ["messages[2]"] == _named(one, messages=["Hi", "Ho", "Hu"])
    assert ["messages"] == _named(one, messages=("Hi", "Ho"))
    assert ["extra_body.x", "extra_body.z"] == _named(one, extra_body={"y": 2, "z": 1})
    assert ["model"] == _named(one, model="large")
    assert ["seed"] == _named(one, seed=1)
    assert [] == _named(one, extra_body={"y": 2, "x": 1})


def _named(call, **changed):
    return diff(parts("f", call), parts("f", {**call, **changed}))


def test_an_unkeyable_part_is_named_as_in_the_key():
    """`parts` refuses what `digest_call` refuses, in the same words."""
    with pytest.raises(UnkeyableCallError, match=r"messages\[0\]\.content"):
        parts("f", {"messages": [{"content": object()}]})


def test_canonical_forms_cannot_be_continued():
    """A form says its own length, so no content can pass for what follows it."""
    assert canonical(["a", "b"]) != canonical([canonical("a") + canonical("b")])
