"""Attacks on shared threads and layers: errors that no future takes, threads that are gone, drops racing with puts."""

import asyncio
import logging
import threading

import pytest

from frugal import semantic_cached
from frugal._mechanisms.errands import Errands, each
from frugal._mechanisms.tiers import Layer, Tiers
from frugal.stores import MemoryStore, SafeCodec


@pytest.mark.parametrize("altogether", [False, True])
async def test_a_stop_iteration_hurts_its_own_caller_and_hangs_nobody(altogether):
    """A future takes none: a bare `next()` in a store of the user's own would leave all that wait waiting."""

    def work(items):
        if altogether and "bad" in items:
            raise StopIteration
        return [StopIteration() if item == "bad" else item for item in items]

    errands = Errands(work)
    first = await asyncio.wait_for(asyncio.gather(errands.do("bad"), errands.do("good"), return_exceptions=True), 30)
    assert isinstance(first[0], RuntimeError)
    assert isinstance(first[1], RuntimeError) if altogether else "good" == first[1]
    assert "again" == await asyncio.wait_for(errands.do("again"), 30)


async def test_a_store_that_stops_an_iteration_is_a_miss_to_its_own_callers():
    """As any other fault of a layer."""

    class Careless(MemoryStore):
        __slots__ = ()

        def get(self, key):
            return next(iter(())) if key == "bad" else super().get(key)

    tiers = Tiers([Layer(name="theirs", store=Careless(), codec=SafeCodec(), waits=True)])
    await tiers.put("good", "an answer")
    found = await asyncio.wait_for(asyncio.gather(tiers.get("bad"), tiers.get("good")), 30)
    assert found[0] is None
    assert "an answer" == found[1].value


async def test_what_is_no_exception_hurts_its_own_caller_alone():
    """A panic of a library in Rust is a `BaseException`, and no reason to fail whoever went along."""

    class PanicError(BaseException):
        """What some libraries raise."""

    def panic():
        raise PanicError

    errands = Errands(each)
    given = await asyncio.gather(errands.do(panic), errands.do(lambda: "fine"), return_exceptions=True)
    assert isinstance(given[0], PanicError)
    assert "fine" == given[1]


async def test_where_the_threads_are_gone_everybody_is_told():
    """Also those who did not fit into the first job: nobody would start a second one for them."""
    errands = Errands(lambda items: items, most=2)
    await asyncio.get_running_loop().shutdown_default_executor()
    given = await asyncio.wait_for(asyncio.gather(*(errands.do(n) for n in range(5)), return_exceptions=True), 30)
    assert [RuntimeError] * 5 == [type(error) for error in given]
    assert not errands.busy


class Gated(MemoryStore):
    """A store whose `set` waits, as on a locked database."""

    __slots__ = ("entered", "gate")

    def __init__(self):
        super().__init__()
        self.entered, self.gate = threading.Event(), threading.Event()

    def set(self, key, value, expires, tag=None):
        self.entered.set()
        assert self.gate.wait(30)
        super().set(key, value, expires, tag)


async def test_a_put_whose_caller_was_cancelled_brings_nothing_back_that_was_dropped():
    """Its thread goes on: what it writes after the drop must go, though nobody waits for it any more."""
    store = Gated()
    tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)])
    putting = asyncio.ensure_future(tiers.put("key", "dropped"))
    await asyncio.to_thread(store.entered.wait, 30)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    await tiers.delete("key")
    store.gate.set()
    await asyncio.get_running_loop().shutdown_default_executor()  # the put's thread has ended
    assert store.get("key") is None


async def test_a_write_that_fails_after_its_caller_was_cancelled_leaves_no_older_value():
    """An answer that is too old must not be given in the place of the one that could not be kept."""

    class Full(Gated):
        __slots__ = ("full",)

        def set(self, key, value, expires, tag=None):
            super().set(key, value, expires, tag)
            if self.full:
                raise OSError("no space left on device")

    store = Full()
    store.full = False
    store.gate.set()
    tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)])
    await tiers.put("key", "older")
    store.full = True
    store.gate.clear()
    store.entered.clear()
    putting = asyncio.ensure_future(tiers.put("key", "newer"))
    await asyncio.to_thread(store.entered.wait, 30)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    store.gate.set()
    await asyncio.get_running_loop().shutdown_default_executor()
    assert store.get("key") is None


class Racing(MemoryStore):
    """A store of which another thread, with a loop of its own, drops the key in the middle of a `set`."""

    __slots__ = ("drop",)

    def set(self, key, value, expires, tag=None):
        if self.drop is not None:
            drop, self.drop = self.drop, None
            thread = threading.Thread(target=drop)
            thread.start()
            thread.join(30)
        super().set(key, value, expires, tag)


@pytest.mark.parametrize("by", ["put", "teach"])
async def test_a_drop_in_another_thread_beats_a_memory_that_is_about_to_learn(by):
    """`invalidate()` has returned, so the answer is gone, whatever a loop in another thread was doing."""
    near, far = Racing(), MemoryStore()
    near.drop = None
    tiers = Tiers([Layer(name="memory", store=near), Layer(name="far", store=far, codec=SafeCodec())])
    if by == "teach":
        await tiers.put("key", "old")
        near.delete("key")
    near.drop = lambda: asyncio.run(tiers.delete("key"))
    await (tiers.put("key", "old") if by == "put" else tiers.get("key"))
    assert near.drop is None
    assert await tiers.get("key") is None


@pytest.mark.parametrize("where", ["veto", "embed"])
async def test_a_function_of_the_users_own_that_stops_an_iteration_is_a_miss(where, caplog):
    """It is called in a thread, out of which no `StopIteration` comes: the call would wait for ever."""

    def careless(*_):
        return next(iter(()))

    def one_direction(texts):
        return [[1.0, 0.0] for _ in texts]

    @semantic_cached(embed=careless if where == "embed" else one_direction, veto=careless if where == "veto" else True)
    async def ask(prompt):
        return prompt.upper()

    with caplog.at_level(logging.WARNING, "frugal"):
        for prompt in ("Do cats sleep?", "Does a cat sleep?"):
            assert prompt.upper() == await asyncio.wait_for(ask(prompt), 30)
    assert "semantic cache" in caplog.text
