"""Decorators wherever Python lets one stand: on methods that call super(), twice, on copies, in threads and forks."""

import asyncio
import copy
import functools
import os
import pickle
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import pytest

from frugal import (
    Budget,
    NotAsyncError,
    StackError,
    batched,
    budgeted,
    cached,
    cascade,
    deduplicated,
    explain,
    memory,
    metered,
    rate_limited,
    routed,
    semantic_cached,
    stack,
)
from frugal.testing import FakeModel, MemoryLedger

BOOKS = MemoryLedger()


@metered(ledger=BOOKS)
@deduplicated
async def doubled(number):
    """Double a number; at the top of a module, where other processes find it by its name."""
    return 2 * number


class Scales:
    def __init__(self, factor):
        self.factor = factor

    @metered(ledger=BOOKS)
    async def weigh(self, number):
        return self.factor * number

    @metered(ledger=BOOKS)
    async def each(self, numbers):
        for number in numbers:
            yield self.factor * number


@pytest.fixture
def ledger():
    return MemoryLedger()


def outcomes(ledger):
    return [record.outcome for record in ledger.records]


# --------------------------------------------------------------------------- classes


async def test_an_overridden_method_may_call_the_one_that_it_overrides(ledger):
    """Both are decorated; the inner one has the money, and the outer one says what it was made of."""
    provider = FakeModel()

    class Plain:
        @metered(ledger=ledger)
        async def ask(self, prompt, *, model="gpt-4o"):
            return await provider(prompt, model=model)

    class Polite(Plain):
        @metered(ledger=ledger)
        async def ask(self, prompt, *, model="gpt-4o"):
            return await super().ask(f"please: {prompt}", model=model)

    class Bare(Plain):
        async def ask(self, prompt, *, model="gpt-4o"):
            return await super().ask(prompt, model=model)

    class Heir(Polite):
        pass

    for kind in (Plain, Polite, Bare, Heir):
        await kind().ask("hello")
    assert ["provider", "provider", "composite", "provider", "provider", "composite"] == outcomes(ledger)
    assert provider.charged == ledger.cost.amount
    assert {"Plain.ask", "Polite.ask"} == {record.function.partition("<locals>.")[2] for record in ledger.records}


async def test_an_heir_that_shares_its_parents_method_shares_no_answer(ledger):
    """Which class and which object it is bound to is part of what was asked."""

    @dataclass
    class Bot:
        name: str

        @metered(ledger=ledger)
        @cached(layers=[memory])
        async def ask(self, prompt):
            return f"{type(self).__name__} {self.name}: {prompt}"

    @dataclass
    class Robot(Bot):
        pass

    for bot in (Bot("a"), Bot("b"), Robot("a"), Bot("a")):
        assert f"{type(bot).__name__} {bot.name}: hi" == await bot.ask("hi")
    assert ["provider", "provider", "provider", "memory"] == outcomes(ledger)


async def test_a_generator_method_is_inherited_and_extended(ledger):
    """Streams through super(), as methods and as class methods."""

    class Speaker:
        @metered(ledger=ledger)
        async def say(self, words):
            for word in words:
                yield word

        @classmethod
        @metered(ledger=ledger)
        async def shout(cls, words):
            for word in words:
                yield f"{cls.__name__} {word.upper()}"

    class Loud(Speaker):
        @metered(ledger=ledger)
        async def say(self, words):
            async for word in super().say(words):
                yield word.upper()

    assert ["A", "B"] == [word async for word in Loud().say(["a", "b"])]
    assert ["Loud A"] == [word async for word in Loud.shout(["a"])]
    assert 3 == len(ledger.records)


async def test_a_partial_method_and_one_that_is_put_on_a_class_later_are_methods(ledger):
    """However a class came by it."""

    class Desk:
        @metered(ledger=ledger)
        async def ask(self, prompt, *, model="gpt-4o"):
            return prompt, model

        mini = functools.partialmethod(ask, model="gpt-4o-mini")

    Desk.late = metered(ledger=ledger)(Desk.__dict__["ask"])
    assert ("x", "gpt-4o-mini") == await Desk().mini("x")
    assert ("x", "gpt-4o") == await Desk().late("x")
    assert ("x", "gpt-4o") == await Desk.ask(Desk(), "x")


# --------------------------------------------------------------------------- recursion


async def test_a_function_that_calls_itself_pays_for_each_call_once(ledger):
    """Every level is composite but the last, which asked the model."""
    provider = FakeModel()

    @metered(ledger=ledger)
    @cached(layers=[memory])
    @budgeted(Budget(usd=1))
    async def ask(depth, *, model="gpt-4o", max_tokens=20):
        if depth:
            return await ask(depth - 1)
        return await provider("at last", model=model)

    await ask(4)
    assert ["provider", *["composite"] * 4] == outcomes(ledger)
    assert provider.charged == ledger.cost.amount
    assert 0 == ledger.held


async def test_recursion_shares_flights_and_answers(ledger):
    """What is under way or known already is not asked again, however deep."""

    @metered(ledger=ledger)
    @deduplicated
    @cached(layers=[memory])
    async def fibonacci(number):
        if number < 2:
            return number
        return sum(await asyncio.gather(fibonacci(number - 1), fibonacci(number - 2)))

    assert 144 == await fibonacci(12)
    assert 13 == len([outcome for outcome in outcomes(ledger) if outcome in {"provider", "composite"}])


@pytest.mark.parametrize("limit", [1, 2])
async def test_a_limited_function_that_calls_itself_is_told_so(limit):
    """It would wait for a place that those have who wait for it."""

    @rate_limited(max_concurrency=limit)
    async def ask(depth):
        return await ask(depth - 1) if depth else "the bottom"

    assert "the bottom" == await ask(limit - 1)
    with pytest.raises(RuntimeError, match="wait for itself"):
        await ask(limit)
    assert "the bottom" == await ask(limit - 1)


async def test_a_limited_function_that_streams_gives_its_place_back():
    """A stream holds its place until it ends, and what it calls meanwhile knows."""

    @rate_limited(max_concurrency=1)
    async def speak(words, *, depth=0):
        for word in words:
            yield word
        if depth:
            async for word in speak(words, depth=depth - 1):
                yield word

    assert ["a"] == [word async for word in speak(["a"])]
    with pytest.raises(RuntimeError, match="wait for itself"):
        [word async for word in speak(["a"], depth=1)]
    assert ["b"] == [word async for word in speak(["b"])]


# --------------------------------------------------------------------------- twice


@pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")
async def test_a_decorator_may_stand_twice(ledger):
    """Two caches, two budgets, two marks: each does its part, and nothing is counted twice."""
    provider = FakeModel()

    @metered(ledger=ledger, tags={"outer": 1})
    @metered(tags={"inner": 2})
    @cached(layers=[memory(max_items=1)])
    @cached(layers=[memory])
    @deduplicated
    @deduplicated
    @budgeted(daily_usd=1)
    @budgeted(run_usd=1)
    @rate_limited(rpm=1000)
    @rate_limited(max_concurrency=2)
    async def ask(prompt, *, model="gpt-4o", max_tokens=20):
        return await provider(prompt, model=model)

    for prompt in ("a", "b", "a"):
        await ask(prompt)
    assert ["provider", "provider", "memory"] == outcomes(ledger)
    assert {"outer": "1", "inner": "2"} == dict(ledger.records[0].tags)
    assert provider.charged == ledger.cost.amount
    assert 0 == ledger.held
    assert 10 == len(explain(ask).rings)


def test_two_ledgers_in_one_stack_are_refused(ledger):
    """A dollar stands in one."""

    async def ask(prompt, *, model="gpt-4o"):
        return prompt

    with pytest.raises(StackError, match="2 ledgers"):
        metered(ledger=ledger)(budgeted(daily_usd=1, ledger=MemoryLedger())(ask))


async def test_a_decorator_of_somebody_elses_may_stand_between_ours(ledger):
    """It ends our stack and begins another round it; the money stands in the inner one."""
    provider = FakeModel()

    def foreign(function):
        @functools.wraps(function)
        async def wrapped(*args, **kwargs):
            return await function(*args, **kwargs)

        return wrapped

    @metered(ledger=ledger)
    @foreign
    @metered(ledger=ledger)
    @cached(layers=[memory])
    async def ask(prompt, *, model="gpt-4o"):
        return await provider(prompt, model=model)

    await ask("hello")
    await ask("hello")
    assert ["provider", "composite", "memory", "composite"] == outcomes(ledger)
    assert provider.charged == ledger.cost.amount
    assert ("metered",) == explain(ask).rings


async def test_a_plain_wrapper_between_ours_may_hand_on_what_is_awaited(ledger):
    """What it wraps says that it is async; if it is not so after all, its first call says that."""

    def handing_on(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            return function(*args, **kwargs)

        return wrapped

    def swallowing(function):
        @functools.wraps(function)
        def wrapped(*args, **kwargs):
            return "not awaited"

        return wrapped

    async def ask(prompt):
        return prompt.upper()

    assert "HI" == await metered(ledger=ledger)(handing_on(metered(ledger=ledger)(ask)))("hi")
    with pytest.raises(NotAsyncError):
        await metered(ledger=ledger)(swallowing(ask))("hi")


async def test_a_stack_that_is_used_for_two_functions_gives_each_its_own(ledger):
    """Caches, flights and limits are a function's; what is shared is shared on purpose, by its layer."""
    usual = stack(metered(ledger=ledger), deduplicated, cached(layers=[memory]), rate_limited(max_concurrency=1))
    gate = asyncio.Event()

    @usual
    async def one(prompt):
        await gate.wait()
        return f"one {prompt}"

    @usual
    async def other(prompt):
        return f"other {prompt}"

    waiting = asyncio.create_task(one("x"))
    assert "other x" == await other("x")
    gate.set()
    assert "one x" == await waiting
    assert ["one x", "other x"] == [await one("x"), await other("x")]
    assert ["provider", "provider", "memory", "memory"] == outcomes(ledger)


async def test_functions_that_share_a_layer_share_room_and_no_answer(ledger):
    """One bound for all, and every key has its function in it."""
    layer = memory(max_items=2)

    def asking(name):
        @metered(ledger=ledger)
        @cached(layers=[layer])
        async def ask(prompt):
            return f"{name} {prompt}"

        return ask

    one, other = asking("one"), asking("other")
    assert ["one x", "other x", "one x"] == [await one("x"), await other("x"), await one("x")]
    assert "memory" == ledger.records[-1].outcome


# --------------------------------------------------------------------------- copies and other processes


async def test_a_decorated_function_is_copied_as_a_function_is():
    """A function is its own copy; a bound method is bound to a copy of its object."""
    assert copy.copy(doubled) is doubled
    assert copy.deepcopy({"tool": doubled})["tool"] is doubled
    scales = Scales(3)
    method = scales.weigh
    scales.factor = 4
    assert 20 == await copy.copy(method)(5)
    twin = copy.deepcopy(method)
    scales.factor = 9
    assert (45, 20) == (await method(5), await twin(5))


async def test_a_decorated_function_is_pickled_by_its_name():
    """As functions are: another process imports its module, which decorates it there."""
    module = sys.modules[__name__]
    sys.modules.setdefault(doubled.__module__, module)
    assert pickle.loads(pickle.dumps(doubled)) is doubled
    again = pickle.loads(pickle.dumps(Scales(3).weigh))
    assert 15 == await again(5)

    async def local(number):
        return number

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(metered(local))


def run_doubled(function, number):
    """Run a decorated function that came by its name."""
    return asyncio.run(function(number))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_pool_of_processes_takes_a_decorated_function():
    """The child of a fork uses what it inherited; nobody waits for a loop or a thread that is not there."""
    asyncio.run(doubled(1))
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        assert [6, 8] == list(pool.map(run_doubled, [doubled, doubled], [3, 4]))


def test_what_it_shows_of_itself_is_its_stack():
    """In a log or a debugger one sees what it is."""
    assert f"<@metered @deduplicated {__name__}.doubled>" == repr(doubled)


# --------------------------------------------------------------------------- loops, threads and forks


def everything(provider, ledger, directory):
    """Return a function under all that can be stacked on it."""

    @metered(ledger=ledger)
    @deduplicated
    @cached(layers=[memory])
    @semantic_cached(embed=lambda texts: [[1.0, len(text), 0.5] for text in texts], directory=directory, per=None)
    @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: "7" not in str(answer)))
    @budgeted(Budget(usd=5))
    @rate_limited(max_concurrency=4, rpm=100_000)
    async def ask(prompt, *, model=None, max_tokens=50, stream=False):
        return await provider(prompt, model=model, stream=stream)

    return ask


def test_loops_in_threads_use_one_function_at_once(tmp_path):
    """Nobody waits for another's loop; answers are shared where they are kept, and the money is right."""
    ledger, provider = MemoryLedger(), FakeModel(answer=lambda text: f"re {text}")
    ask = everything(provider, ledger, tmp_path)
    start, faults = threading.Barrier(4), []

    async def some(number):
        for turn in range(12):
            prompts = [f"question {(number + turn + at) % 10}" for at in range(3)]
            replies = await asyncio.gather(*map(ask, prompts))
            assert [f"re {prompt}" for prompt in prompts] == [reply.choices[0].message.content for reply in replies]
            async for _ in await ask(f"stream {turn}", stream=True):
                pass

    def work(number):
        start.wait()
        try:
            for _ in range(2):  # a loop ends, and the next one goes on
                asyncio.run(some(number))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [] == faults
    assert provider.charged == ledger.cost.amount
    assert "exact" == ledger.cost.status
    assert 0 == ledger.held
    assert 4 * 2 * 12 * 4 == ledger.calls


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # that threads and forks do not mix is what is tested
def test_a_fork_while_calls_are_in_flight_leaves_both_sides_working(tmp_path):
    """The child starts with flights, batches, places and holds of its parent's, and waits for none of them."""
    ledger, provider = MemoryLedger(), FakeModel(gated=True)
    ask = everything(provider, ledger, tmp_path)

    @batched(max_size=2, max_wait=3600)
    async def gathered(items):
        return items

    async def child():
        provider.gated = False
        reply = await asyncio.wait_for(ask("in flight"), 20)  # the very key that the parent's flight has
        assert reply.choices[0].message.content
        assert ["a", "b"] == await asyncio.gather(gathered("a"), gathered("b"))

    async def parent():
        tasks = [asyncio.create_task(ask(f"in flight{' ' * at}")) for at in range(5)]
        tasks.append(asyncio.create_task(gathered("waiting")))
        await provider.arrived(4)
        process = os.fork()
        if not process:  # its loop is the parent's copy: it takes one of its own, in a thread
            thread = threading.Thread(target=lambda: codes.append(_code(child())))
            codes = []
            thread.start()
            thread.join(30)
            os._exit(codes[0] if codes else 3)
        _, status = await asyncio.to_thread(os.waitpid, process, 0)
        provider.gated = False
        while provider.waiting:
            provider.release()
            await asyncio.sleep(0)
        tasks.append(asyncio.create_task(gathered("another")))
        await asyncio.gather(*tasks)
        return os.waitstatus_to_exitcode(status)

    assert 0 == asyncio.run(parent())
    assert provider.charged == ledger.cost.amount
    assert 0 == ledger.held


def _code(work):
    try:
        asyncio.run(work)
    except BaseException as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    return 0
