"""The contract of usage readers, held by our reader of shapes, and by the plain functions that `read=` takes."""

import asyncio
from types import SimpleNamespace

import pytest

from frugal import Usage, usd
from frugal.ports import Reading
from frugal.providers import Chained, ShapeReader
from frugal.testing import FakeModel, UsageReaderContract

USED = Usage(input_tokens=90, cache_read_tokens=10, output_tokens=20, reasoning_tokens=5)


def answers(shape):
    """Return a response and a stream's chunks in one of the shapes that providers answer in."""

    async def asked():
        model = FakeModel(shape, usage=USED, answer="Paris.")
        plain = await model("Capital of France?", model="gpt-4o")
        return plain, [chunk async for chunk in await model("Capital of France?", model="gpt-4o", stream=True)]

    return asyncio.run(asked())


def plain(value):
    """Return a response as the mappings and lists of its JSON."""
    if hasattr(value, "keys"):
        return {name: plain(value[name]) for name in value.keys()}  # noqa: SIM118 no mapping, only like one
    return [plain(part) for part in value] if isinstance(value, list) else value


class TestShapeReader(UsageReaderContract):
    """What the providers' SDKs return, and the JSON that they made it of."""

    def make(self, clock, directory):
        return ShapeReader()

    def examples(self):
        openai, anthropic = answers("openai")[0], answers("anthropic")[0]
        # Anthropic counts no reasoning apart: it is part of the output.
        spoken = Usage(input_tokens=90, cache_read_tokens=10, output_tokens=25)
        stated = {"model": "x/y", "choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25}}
        read = [(openai, USED), (plain(openai), USED), (anthropic, spoken), (plain(anthropic), spoken)]
        return [*read, (stated, usd("0.25"))]

    def streams(self):
        spoken = Usage(input_tokens=90, cache_read_tokens=10, output_tokens=25)
        return [(answers("openai")[1], USED), (answers("anthropic")[1], spoken)]


class TestChained(TestShapeReader):
    """A reader of a user's own before ours leaves to it what it does not know."""

    def make(self, clock, directory):
        class Failing:
            def read(self, response):
                raise RuntimeError("knows nothing")

            def stream(self):
                return SimpleNamespace(feed=self.read, reading=lambda: None)

        return Chained(Failing(), ShapeReader())


# --------------------------------------------------------------------------- readers that break a promise


class Right:
    """A reader of `{"tokens": {"in": 1, "out": 2}}`, and of streams of `{"in": 1}` and `{"out": 2}`."""

    def read(self, response):
        tokens = response.get("tokens") if isinstance(response, dict) else None
        return None if tokens is None else Reading(usage=Usage(input_tokens=tokens["in"], output_tokens=tokens["out"]))

    def stream(self):
        return Stream()


class Stream:
    def __init__(self):
        self.seen = {}

    def feed(self, chunk):
        if isinstance(chunk, dict) and set(chunk) <= {"in", "out"}:
            for name, count in chunk.items():
                self.seen[name] = self.seen.get(name, 0) + count

    def reading(self):
        if not self.seen:
            return None
        return Reading(usage=Usage(input_tokens=self.seen.get("in", 0), output_tokens=self.seen.get("out", 0)))


class Swapped(Right):
    def read(self, response):
        found = super().read(response)
        return found and Reading(
            usage=Usage(input_tokens=found.usage.output_tokens, output_tokens=found.usage.input_tokens)
        )


class Trusting(Right):
    def read(self, response):
        return Reading(usage=Usage(input_tokens=response["tokens"]["in"], output_tokens=response["tokens"]["out"]))


class Taking(Right):
    def read(self, response):
        found = super().read(response)
        if found is not None:
            response.pop("tokens")
        return found


class Overwriting(Right):
    def stream(self):
        class Last(Stream):
            def feed(self, chunk):
                self.seen = {}
                super().feed(chunk)

        return Last()


class Mixing(Right):
    one = None

    def stream(self):
        self.one = self.one or Stream()
        return self.one


class Hasty(Right):
    def stream(self):
        class Eager(Stream):
            def feed(self, chunk):
                self.seen[next(iter(chunk))] = self.seen.get(next(iter(chunk)), 0) + next(iter(chunk.values()))

        return Eager()


BROKEN = [
    (Swapped, "test_an_example_is_read"),
    (Trusting, "test_what_it_does_not_know_is_none_of_its_business"),
    (Taking, "test_reading_changes_nothing"),
    (Overwriting, "test_a_stream_is_known_at_its_end"),
    (Mixing, "test_two_streams_are_never_mixed"),
    (Hasty, "test_a_stream_may_end_anywhere"),
]


def contract_of(reader):
    """Return the contract of a reader of this made-up shape."""

    class Made(UsageReaderContract):
        def make(self, clock, directory):
            return reader()

        def examples(self):
            return [({"tokens": {"in": 3, "out": 4}}, Reading(usage=Usage(input_tokens=3, output_tokens=4)))]

        def streams(self):
            return [([{"in": 3}, {"out": 1}, {"out": 3}], Usage(input_tokens=3, output_tokens=4))]

    return Made


@pytest.mark.parametrize(("reader", "promise"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_a_reader_that_breaks_a_promise_is_caught(reader, promise):
    """For each promise there is a reader that does not keep it."""
    assert promise in contract_of(reader).broken()


def test_every_promise_can_be_broken():
    """A contract that cannot fail promises nothing."""
    assert set(UsageReaderContract.promises()) == {promise for _, promise in BROKEN}
    assert {} == contract_of(Right).broken()


def test_a_plain_function_is_held_to_the_same():
    """What `read=` takes most often: a function of a response, or of a chunk of a stream."""

    def read(response):
        found = response.get("spent") if isinstance(response, dict) else None
        return None if found is None else usd(found)

    class Function(UsageReaderContract):
        def make(self, clock, directory):
            return read

        def examples(self):
            return [({"spent": "0.25"}, usd("0.25")), ({"other": 1}, None)]

        def streams(self):
            return [([{"text": "a"}, {"spent": "0.25"}, {"text": "b"}], usd("0.25"))]

    Function.hold()


def test_a_contract_without_examples_says_so():
    """Nothing can be said of a reader that is shown nothing."""

    class Empty(UsageReaderContract):
        def make(self, clock, directory):
            return Right()

        def examples(self):
            return []

    with pytest.raises(AssertionError, match="no examples"):
        Empty.hold()
