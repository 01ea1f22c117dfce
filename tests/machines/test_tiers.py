"""Tiers against a naive model: dictionaries, a clock, and a writer who is late."""

import asyncio
from math import inf

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from frugal._mechanisms.tiers import Layer, Tiers
from frugal.ports import Stored
from frugal.stores import MemoryStore, SafeCodec, copy_of
from frugal.testing import FakeClock

KEYS = st.sampled_from(["a", "b", "c"])
VALUES = st.sampled_from([None, False, "", "one", "two", {"list": [1]}, (1, 2)])
TAGS = st.sampled_from([None, "user ann", "user bob", "function ask\nuser ann"])
STALE = 20


class Shelf:
    """A store as simple as can be, of bytes or of objects, that can be made to fail."""

    def __init__(self, clock):
        self.clock = clock
        self.kept = {}
        self.broken = False

    def _check(self):
        if self.broken:
            raise OSError("the shelf is broken")

    def get(self, key):
        self._check()
        value, expires, _ = self.kept.get(key, (None, 0, None))
        return Stored(value, expires) if expires is None or expires > self.clock.now() else None

    def set(self, key, value, expires, tag=None):
        self._check()
        self.kept[key] = value, expires, tag

    def delete(self, key):
        self._check()
        return self.kept.pop(key, None) is not None

    def clear(self, tag=None):
        self._check()
        labels = set() if tag is None else set(tag.split("\n"))
        found = [key for key, (_, _, its) in self.kept.items() if labels <= set((its or "").split("\n"))]
        for key in found if tag is not None else list(self.kept):
            self.kept.pop(key)
        return len(found)


class TiersMachine(RuleBasedStateMachine):
    """The model: for each key, what was last put, when, and until when each layer may give it."""

    puts = Bundle("puts")
    dropped: tuple = ()

    @initialize(ttls=st.tuples(*[st.sampled_from([5, 30, None])] * 2), ttl=st.sampled_from([None, 10, 50]))
    def begin(self, ttls, ttl):
        self.clock = FakeClock(1000)
        self.near, self.far = Shelf(self.clock), Shelf(self.clock)
        self.faults = []
        self.ttls, self.ttl = ttls, ttl
        self.tiers = Tiers(
            [
                Layer(name="near", store=self.near, ttl=ttls[0]),
                Layer(name="far", store=self.far, ttl=ttls[1], codec=SafeCodec()),
            ],
            ttl=ttl, stale=STALE, copy=copy_of, clock=self.clock, on_fault=lambda *fault: self.faults.append(fault),
        )  # fmt: skip
        self.history = {}  # key: every value that was put and not dropped, with when and with what tag
        self.drops = 0

    def run(self, coroutine):
        with pytest.raises(StopIteration) as done:  # nothing here waits, so one step is all
            coroutine.send(None)
        return done.value.value

    def limit(self, made):
        """Until when a value may be given as fresh, by whichever layer keeps it longest."""
        lives = [min(life for life in (its, self.ttl, inf) if life is not None) for its in self.ttls]
        return made + max(lives)

    @rule(key=KEYS, value=VALUES, tag=TAGS)
    def put(self, key, value, tag):
        """A put is seen at once, unless a layer is broken."""
        kept = self.run(self.tiers.put(key, value, tag=tag))
        assert kept == (not (self.near.broken and self.far.broken))
        self.history.setdefault(key, []).append((value, self.clock.now(), tag))
        if kept:
            found = self.run(self.tiers.get(key))
            if not self.near.broken and not self.far.broken:
                assert found.value == value
                assert type(found.value) is type(value)

    @rule(target=puts, key=KEYS, value=VALUES)
    def begin_put(self, key, value):
        """Somebody starts to work on a value."""
        return key, value, self.tiers.ticket(), self.drops

    @rule(put=puts)
    def end_put(self, put):
        """What was begun before a drop is not kept; what was begun since is."""
        key, value, ticket, drops = put
        kept = self.run(self.tiers.put(key, value, ticket=ticket))
        dropped = any(serial > drops and its in (key, None) for serial, its in self.dropped)
        if dropped:
            assert not kept
        elif kept:
            self.history.setdefault(key, []).append((value, self.clock.now(), None))

    @rule(key=KEYS)
    def delete(self, key):
        """After a delete there is a miss, in every layer that works."""
        self.run(self.tiers.delete(key))
        self.note_drop(key)
        if not self.near.broken and not self.far.broken:
            self.history.pop(key, None)
            assert self.run(self.tiers.get(key)) is None
            assert self.run(self.tiers.get_stale(key)) is None

    @rule(tag=TAGS)
    def clear(self, tag):
        """After a clear, nothing with those labels is there."""
        self.run(self.tiers.clear(tag))
        self.note_drop(None)
        if not self.near.broken and not self.far.broken:
            labels = set((tag or "").split("\n")) if tag else set()
            for key, values in list(self.history.items()):
                left = [v for v in values if tag is not None and not labels <= set((v[2] or "").split("\n"))]
                self.history[key] = left

    def note_drop(self, key):
        self.drops += 1
        self.dropped = (*self.dropped, (self.drops, key))

    @rule(key=KEYS)
    def get(self, key):
        """What is found was put, is fresh, and is the caller's own."""
        found = self.run(self.tiers.get(key))
        if found is None:
            return
        assert not found.stale
        assert found.fresh_until > self.clock.now()
        assert found.fresh_until <= self.limit(found.made)
        assert any(value == found.value and made == found.made for value, made, _ in self.history[key])
        if isinstance(found.value, dict):
            found.value["list"].append("mine")
            again = self.run(self.tiers.get(key))
            assert again is None or "mine" not in again.value["list"]

    @rule(key=KEYS)
    def get_stale(self, key):
        """A stale value is given for as long as was said, and not beyond."""
        found = self.run(self.tiers.get_stale(key))
        if found is not None:
            assert found.stale == (found.fresh_until <= self.clock.now())
            assert found.fresh_until + STALE > self.clock.now()
            assert any(value == found.value for value, _, _ in self.history[key])

    @rule(seconds=st.sampled_from([1, 4, 5, 10, 30]))
    def wait(self, seconds):
        """Time goes by."""
        self.clock.advance(seconds)

    @rule(which=st.sampled_from(["near", "far"]))
    def lose_a_layer(self, which):
        """Any layer may lose all it has; the other one answers."""
        getattr(self, which).kept.clear()

    @precondition(lambda self: not (self.near.broken or self.far.broken))
    @rule(which=st.sampled_from(["near", "far"]))
    def break_a_layer(self, which):
        """From now on it fails."""
        getattr(self, which).broken = True

    @precondition(lambda self: self.near.broken or self.far.broken)
    @rule()
    def mend(self):
        """A layer that comes back is emptied, as nobody knows what it missed."""
        for shelf in (self.near, self.far):
            if shelf.broken:
                shelf.broken = False
                shelf.kept.clear()

    @rule(key=KEYS, junk=st.sampled_from([b"", b"junk", b"frT1" + bytes(40), "text", None]))
    def spoil(self, key, junk):
        """Somebody writes what is not ours into the far layer: a miss there, and an event."""
        self.far.kept[key] = junk, None, None

    @precondition(lambda self: len(self.far.kept) > 1)
    @rule()
    def swap_rows(self):
        """A value under another's key is never given."""
        keys = list(self.far.kept)
        self.far.kept[keys[0]], self.far.kept[keys[1]] = self.far.kept[keys[1]], self.far.kept[keys[0]]

    @invariant()
    def a_nearer_layer_never_outlives_the_farther(self):
        """What the near layer has of a value, it gives no longer than any layer might."""
        for kept, _, _ in getattr(self, "near", Shelf(None)).kept.values():
            assert kept.fresh_until <= self.limit(kept.made)


TestTiers = TiersMachine.TestCase
TestTiers.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


async def test_back_filling_keeps_a_value_no_longer_than_its_source():
    """The near layer would keep it for a hundred seconds, of which the far one has ten left."""
    clock = FakeClock(0)
    far = MemoryStore(clock=clock)
    codec = SafeCodec()
    await Tiers([Layer(name="far", store=far, ttl=60, codec=codec)], clock=clock).put("key", "value")
    clock.advance(50)
    near = MemoryStore(clock=clock)
    layers = [Layer(name="near", store=near, ttl=100), Layer(name="far", store=far, ttl=60, codec=codec)]
    tiers = Tiers(layers, clock=clock)
    assert ("far", 60) == _where(await tiers.get("key"))
    assert ("near", 60) == _where(await tiers.get("key"))
    clock.advance(10)
    assert await tiers.get("key") is None


def _where(found):
    return found.layer, found.fresh_until


async def test_a_shorter_life_counts_for_what_was_kept_under_a_longer_one():
    """A program that comes back with a shorter `ttl` does not get answers that are older."""
    clock = FakeClock(0)
    store = MemoryStore(clock=clock)
    await Tiers([Layer(name="m", store=store)], clock=clock).put("key", "value")
    clock.advance(30)
    assert await Tiers([Layer(name="m", store=store)], ttl=31, clock=clock).get("key")
    assert await Tiers([Layer(name="m", store=store)], ttl=30, clock=clock).get("key") is None
    assert await Tiers([Layer(name="m", store=store, ttl=30)], clock=clock).get("key") is None


async def test_nothing_learned_during_a_drop_survives_it():
    """A lookup that reads the far layer just before a drop reaches it teaches the near layer nothing."""
    entered, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(MemoryStore):
        def delete(self, key):
            loop.call_soon_threadsafe(entered.set)
            asyncio.run_coroutine_threadsafe(leave.wait(), loop).result()
            return super().delete(key)

    near, far = MemoryStore(), Slow()
    tiers = Tiers([Layer(name="near", store=near), Layer(name="far", store=far, waits=True, codec=SafeCodec())])
    await tiers.put("key", "value")
    near.clear()
    drop = asyncio.create_task(tiers.delete("key"))
    await entered.wait()
    assert "value" == (await tiers.get("key")).value
    assert not await tiers.put("key", "value")
    leave.set()
    assert await drop
    assert await tiers.get("key") is None
    assert near.get("key") is None


async def test_a_cancelled_drop_is_done_all_the_same():
    """Whoever asked to forget may leave; what it asked for happens."""
    entered, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow(MemoryStore):
        def delete(self, key):
            loop.call_soon_threadsafe(entered.set)
            asyncio.run_coroutine_threadsafe(leave.wait(), loop).result()
            return super().delete(key)

    store = Slow()
    tiers = Tiers([Layer(name="far", store=store, waits=True, codec=SafeCodec())])
    await tiers.put("key", "value")
    drop = asyncio.create_task(tiers.delete("key"))
    await entered.wait()
    drop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drop
    leave.set()
    while store.get("key") is not None or not await tiers.put("key", "value"):
        await asyncio.sleep(0)


async def test_a_layer_that_cannot_keep_a_value_does_not_keep_an_older_one():
    """A refreshed answer that a layer refuses must not leave the old one there to come back."""

    class Odd:
        pass

    far = MemoryStore()
    tiers = Tiers([Layer(name="far", store=far, codec=SafeCodec())])
    await tiers.put("key", "old")
    assert not await tiers.put("key", Odd())
    assert await tiers.get("key") is None


async def test_what_cannot_be_encoded_is_told_once_and_kept_where_it_can_be(caplog):
    """One warning names the type and the fix; the layer in memory keeps the value."""

    class Odd:
        pass

    told = []
    tiers = Tiers(
        [Layer(name="memory", store=MemoryStore()), Layer(name="disk", store=MemoryStore(), codec=SafeCodec())],
        on_fault=lambda *fault: told.append(fault),
    )
    for key in "abc":
        assert await tiers.put(key, [Odd()])
    assert ["disk", "disk", "disk"] == [layer for layer, _, _ in told]
    assert 1 == len(caplog.records)
    assert "Odd" in caplog.text
    assert "codec=" in caplog.text


@pytest.mark.parametrize("options", [{"ttl": 0}, {"ttl": -1}, {"ttl": float("nan")}, {"stale": -1}])
def test_a_life_that_is_none_is_refused(options):
    """The message says what to give."""
    with pytest.raises(ValueError, match="give seconds"):
        Tiers([], **options)
