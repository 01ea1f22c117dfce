"""What the state machine of `Batch` does not say: contexts, order, timers, odd handlers, loops."""

import asyncio
import gc
import inspect
import logging
import sys
import threading
import weakref
from contextvars import ContextVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal._mechanisms.batch import Batch
from frugal.errors import BatchSizeMismatchError

who: ContextVar[str] = ContextVar("who", default="nobody")


class Clock:
    """Time that passes when told."""

    def __init__(self) -> None:
        self.time = 100.0
        self.sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Tell the time."""
        return self.time

    async def sleep(self, seconds: float) -> None:
        """Wait for an advance."""
        waiter = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.time + seconds, waiter))
        await waiter

    async def advance(self, seconds: float) -> None:
        """Let time pass, and what can go on go on."""
        await turns()
        self.time += seconds
        for due, waiter in self.sleepers:
            if due <= self.time and not waiter.done():
                waiter.set_result(None)
        await turns()


async def turns() -> None:
    """Let everything that can go on, go on."""
    for _ in range(10):
        await asyncio.sleep(0)


class Handler:
    """Answers at once, and remembers what it was asked."""

    def __init__(self, answer=None) -> None:
        self.batches: list[list[object]] = []
        self.contexts: list[tuple[object, ...]] = []
        self.answer = answer or (lambda items: [("answer", item) for item in items])

    async def __call__(self, items, contexts):
        """Answer one batch."""
        self.batches.append(list(items))
        self.contexts.append(contexts)
        result = self.answer(items)
        return await result if inspect.iscoroutine(result) else result


async def test_a_batch_goes_when_it_is_full_and_leaves_no_timer_running():
    """No clock is asked, and nothing is left to ring later."""
    clock, handler = Clock(), Handler()
    batch = Batch(handler, max_size=3, clock=clock)
    results = await asyncio.gather(*[batch.submit(n) for n in range(3)])
    assert results == [("answer", n) for n in range(3)]
    assert handler.batches == [[0, 1, 2]]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_batch_goes_max_wait_after_its_first_item():
    """A later item does not put it off, and the next batch waits its own time."""
    clock, handler = Clock(), Handler()
    batch = Batch(handler, max_size=9, max_wait=1.0, clock=clock)
    first = asyncio.create_task(batch.submit("a"))
    await clock.advance(0.5)
    second = asyncio.create_task(batch.submit("b"))
    await clock.advance(0.25)
    assert handler.batches == []
    await clock.advance(0.25)
    assert handler.batches == [["a", "b"]]
    third = asyncio.create_task(batch.submit("c"))
    await clock.advance(0.75)
    assert len(handler.batches) == 1
    await clock.advance(0.25)
    assert handler.batches == [["a", "b"], ["c"]]
    assert [await task for task in (first, second, third)] == [("answer", letter) for letter in "abc"]


async def test_no_wait_is_one_turn_of_the_loop():
    """With `max_wait=0` those who come together travel together, on a clock that stands still."""
    handler = Handler()
    batch = Batch(handler, max_size=9, max_wait=0, clock=Clock())
    await asyncio.gather(*[batch.submit(n) for n in range(3)])
    assert handler.batches == [[0, 1, 2]]


async def test_tokens_fill_a_batch_and_a_large_item_goes_alone():
    """Nothing is put on top of a limit, and an item above it is still served."""
    handler = Handler()
    batch = Batch(handler, max_size=9, max_tokens=10, size_of=len, clock=Clock())
    texts = ["xxxx", "xxxx", "xxxxx", "xxxxx", "x" * 30, "x", "x" * 9]
    await batch.many(texts)
    assert [[len(text) for text in items] for items in handler.batches] == [[4, 4], [5, 5], [30], [1, 9]]


async def test_an_error_in_size_of_is_that_callers_alone():
    """Later callers are served as if nothing had been (ray#66140)."""
    handler = Handler()

    def size_of(text):
        if text == "bad":
            raise KeyError(text)
        return {"negative": -1, "nan": float("nan"), "text": "3", "bool": True}.get(text, 1)

    batch = Batch(handler, max_size=2, max_tokens=10, size_of=size_of, name="embed", clock=Clock())
    good = asyncio.create_task(batch.submit("good"))
    await turns()
    for bad, error in [("bad", KeyError), ("negative", ValueError), ("nan", ValueError), ("text", TypeError)]:
        with pytest.raises(error):
            await batch.submit(bad)
    with pytest.raises(TypeError, match=r"size_of for embed\(\) returned True"):
        await batch.submit("bool")
    assert await batch.submit("too") == ("answer", "too")
    assert await good == ("answer", "good")
    assert handler.batches == [["good", "too"]]


async def test_many_equals_the_single_calls_and_waits_for_nobody():
    """In order, split at `max_size`, on a clock that stands still."""
    handler = Handler()
    batch = Batch(handler, max_size=3, clock=Clock())
    assert await batch.many(range(7), contexts="abcdefg") == [("answer", n) for n in range(7)]
    assert handler.batches == [[0, 1, 2], [3, 4, 5], [6]]
    assert handler.contexts == [("a", "b", "c"), ("d", "e", "f"), ("g",)]
    assert await batch.many([]) == []
    with pytest.raises(ValueError, match="2 items came with 1 contexts"):
        await batch.many([1, 2], contexts=["a"])


async def test_many_raises_the_first_error_when_all_have_settled():
    """First in the order of the items, not of the clock; nobody's error goes unretrieved."""
    gates = {0: asyncio.Event(), 2: asyncio.Event()}

    async def handler(items, contexts):
        if items[0] in gates:
            await gates[items[0]].wait()
            raise ValueError(f"batch of {items[0]}")
        return items

    batch = Batch(handler, max_size=2, clock=Clock())
    task = asyncio.create_task(batch.many([0, 1, 2, 3, 4]))
    await turns()
    gates[2].set()
    await turns()
    assert not task.done()
    gates[0].set()
    with pytest.raises(ValueError, match="batch of 0"):
        await task
    del task
    gc.collect()


async def test_many_is_cancelled_as_one():
    """All its items leave, and handlers that worked for it alone are cancelled; others are served."""
    cancelled = []
    release = asyncio.Event()

    async def handler(items, contexts):
        try:
            await release.wait()
        except asyncio.CancelledError:
            cancelled.append(list(items))
            raise
        return items

    batch = Batch(handler, max_size=2, clock=Clock())
    other = asyncio.create_task(batch.submit("other"))
    await turns()
    task = asyncio.create_task(batch.many([1, 2, 3]))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await turns()
    assert cancelled == [[2, 3]]
    release.set()
    assert await other == "other"


async def test_a_batch_of_many_whose_handler_cancels_itself_ends():
    """`many` is told as a single caller is."""

    async def handler(items, contexts):
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Batch(handler, clock=Clock()).many([1, 2])


async def test_an_error_of_size_of_in_many_comes_in_its_turn():
    """Only that item's; the others are sent."""
    handler = Handler()

    def size_of(number):
        return 10 // number

    batch = Batch(handler, max_tokens=100, size_of=size_of, clock=Clock())
    with pytest.raises(ZeroDivisionError):
        await batch.many([1, 0, 2])
    assert handler.batches == [[1, 2]]


async def test_the_handler_runs_in_a_fresh_copy_of_the_first_callers_context():
    """What it sets stays its own, also from half to half."""
    seen = []

    async def handler(items, contexts):
        seen.append((list(items), who.get()))
        who.set("the handler")
        if len(items) > 1:
            raise ValueError("too many")
        return items

    batch = Batch(handler, max_size=3, split=True, clock=Clock())

    async def call(name):
        who.set(name)
        result = await batch.submit(name)
        return result, who.get()

    assert await asyncio.gather(*map(call, "abc")) == [(name, name) for name in "abc"]
    assert seen == [(["a", "b", "c"], "a"), (["a", "b"], "a"), (["c"], "c"), (["a"], "a"), (["b"], "b")]


async def test_contexts_travel_with_their_items_through_every_half():
    """Each attempt is told whose items it has, so that its cost can be shared out."""
    handler = Handler(lambda items: None if len(items) > 1 else list(items))
    batch = Batch(handler, split=True, clock=Clock())
    assert await batch.many("abc", contexts=[1, 2, 3]) == ["a", "b", "c"]
    assert handler.batches == [["a", "b", "c"], ["a", "b"], ["c"], ["a"], ["b"]]
    assert handler.contexts == [(1, 2, 3), (1, 2), (3,), (1,), (2,)]


@given(poisoned=st.lists(st.booleans(), min_size=1, max_size=40), size=st.integers(1, 40))
def test_halving_fails_the_poisoned_items_and_no_others(poisoned, size):
    """Whatever is poisoned and however large the batches: each caller gets what it would get alone."""

    async def handler(items, contexts):
        if any(poisoned[item] for item in items):
            raise ValueError(list(items))
        return [-item for item in items]

    async def main():
        batch = Batch(handler, max_size=size, max_wait=0, split=True)
        return await asyncio.gather(*[batch.submit(n) for n in range(len(poisoned))], return_exceptions=True)

    for number, (bad, result) in enumerate(zip(poisoned, asyncio.run(main()), strict=True)):
        if bad:
            assert isinstance(result, ValueError)
            assert result.args == ([number],)
        else:
            assert result == -number


async def test_split_may_choose_the_errors_it_is_for():
    """Others fail the whole batch at once, and a choice that raises is no choice."""
    handler = Handler(lambda items: 1 / 0 if "zero" in items else {}["x"] if "key" in items else list(items))

    def chosen(error):
        return isinstance(error, ZeroDivisionError)

    batch = Batch(handler, max_size=2, split=chosen, clock=Clock())
    results = await asyncio.gather(batch.submit("zero"), batch.submit("a"), return_exceptions=True)
    assert isinstance(results[0], ZeroDivisionError)
    assert results[1] == "a"
    results = await asyncio.gather(batch.submit("key"), batch.submit("a"), return_exceptions=True)
    assert [type(result) for result in results] == [KeyError, KeyError]


async def test_a_choice_that_raises_is_logged_and_the_first_error_stands(caplog):
    """`split=` itself must not hide what happened."""
    batch = Batch(Handler(lambda items: 1 / 0), split=lambda error: {}["x"], name="embed", clock=Clock())
    with caplog.at_level(logging.ERROR, logger="frugal"), pytest.raises(ZeroDivisionError):
        await batch.many([1, 2])
    assert "split= of embed() failed" in caplog.text


@pytest.mark.parametrize("received", [0, 1, 3])
async def test_a_wrong_number_of_results_is_said_to_each_with_both_numbers(received):
    """And each has an error of its own."""
    batch = Batch(Handler(lambda items: ["x"] * received), max_size=2, name="embed", clock=Clock())
    results = await asyncio.gather(batch.submit("a"), batch.submit("b"), return_exceptions=True)
    assert all(isinstance(error, BatchSizeMismatchError) for error in results)
    assert {(e.function, e.expected, e.received) for e in results} == {("embed", 2, received)}
    assert results[0] is not results[1]


@pytest.mark.parametrize(
    "answer", ["ab", b"ab", {"a": 1, "b": 2}, {"a", "b"}, None, 7, iter("ab"), (letter for letter in "ab")]
)
async def test_what_is_no_sequence_gives_nobody_anything(answer):
    """A text, a mapping or a set has a length too, and would hand each caller another's letter."""
    batch = Batch(Handler(lambda items: answer), name="embed", clock=Clock())
    with pytest.raises(TypeError, match=r"embed\(\) returned a .*; return a list"):
        await batch.many(["a", "b"])


async def test_rows_of_an_array_are_results():
    """Embeddings often come so."""
    numpy = pytest.importorskip("numpy")
    rows = await Batch(Handler(lambda items: numpy.eye(2)), clock=Clock()).many("ab")
    assert [list(row) for row in rows] == [[1, 0], [0, 1]]


async def test_a_handler_that_is_not_async_is_an_error_and_no_hang():
    """Each caller is told."""
    with pytest.raises(TypeError):
        await Batch(lambda items, contexts: list(items), clock=Clock()).many([1])


async def test_batches_are_handled_side_by_side():
    """A slow batch holds up no other."""
    release = asyncio.Event()

    async def handler(items, contexts):
        if "slow" in items:
            await release.wait()
        return items

    batch = Batch(handler, max_size=1, clock=Clock())
    slow = asyncio.create_task(batch.submit("slow"))
    await turns()
    assert await batch.submit("quick") == "quick"
    release.set()
    assert await slow == "slow"


async def test_what_was_handled_is_gone_without_the_collector():
    """A thousand items a second leave no cycles behind for it to find."""

    class Text:
        """Something that a weak reference may be had to."""

    async def handler(items, contexts):
        return [None for _ in items]

    batch, texts = Batch(handler, max_size=2), [Text(), Text()]
    left = [weakref.ref(text) for text in texts]
    gc.collect()
    gc.disable()
    try:
        await asyncio.gather(*(batch.submit(text) for text in texts))
        texts.clear()
        await turns()
        assert [None, None] == [ref() for ref in left]
    finally:
        gc.enable()


async def test_a_handler_may_submit_to_its_own_batch():
    """No lock is held while it works."""

    async def handler(items, contexts):
        return [await batch.submit(item - 1) if item else "bottom" for item in items]

    batch = Batch(handler, max_size=1, clock=Clock())
    assert await batch.submit(3) == "bottom"


async def test_an_item_that_left_makes_room_for_another():
    """Neither its place nor its tokens count any more, and a timer for nobody is stopped."""
    clock, handler = Clock(), Handler()
    batch = Batch(handler, max_size=3, max_tokens=10, size_of=len, clock=clock)
    staying, leaving = (asyncio.create_task(batch.submit(text)) for text in ("y", "x" * 8))
    await turns()
    leaving.cancel()
    await turns()
    assert staying.cancel()
    await turns()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    leaving = asyncio.create_task(batch.submit("x" * 8))
    tasks = [asyncio.create_task(batch.submit("aa"))]
    await turns()
    assert handler.batches == [["xxxxxxxx", "aa"]], "ten tokens are full"
    first, leaving = (asyncio.create_task(batch.submit(text)) for text in ("aaa", "x" * 6))
    await turns()
    leaving.cancel()
    await turns()
    tasks += [first, *(asyncio.create_task(batch.submit(text)) for text in ("bbb", "ccc"))]
    await turns()
    assert handler.batches[1:] == [["aaa", "bbb", "ccc"]]
    await asyncio.gather(*tasks)


async def test_enrolled_is_called_when_the_item_stands_in_a_batch():
    """Whoever submits several may so flush when all are there; what it raises takes the item back."""
    handler = Handler()
    batch = Batch(handler, clock=Clock())
    missing = 3

    def enrolled():
        nonlocal missing
        missing -= 1
        if not missing:
            batch.flush()

    results = await asyncio.gather(*[batch.submit(n, enrolled=enrolled) for n in range(3)])
    assert results == [("answer", n) for n in range(3)]
    assert handler.batches == [[0, 1, 2]]
    with pytest.raises(ZeroDivisionError):
        await batch.submit(9, enrolled=lambda: 1 / 0)
    await batch.many([4])
    assert handler.batches == [[0, 1, 2], [4]]


async def test_a_failure_that_nobody_waits_for_is_logged(caplog):
    """A handler that fails on being cancelled is not swallowed, and asyncio has nothing to complain of."""

    async def handler(items, contexts):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("while unwinding") from None

    task = asyncio.create_task(Batch(handler, max_size=1, name="embed", clock=Clock()).submit(1))
    await turns()
    task.cancel()
    with caplog.at_level(logging.INFO, logger="frugal"):
        await turns()
    gc.collect()
    assert task.cancelled()
    assert "embed() failed for a batch that nobody waited for" in caplog.text
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_a_caller_cancelled_in_the_moment_of_failure_leaves_no_complaint(caplog):
    """Its error was never retrieved, and need not be."""
    gate = asyncio.Event()

    async def handler(items, contexts):
        await gate.wait()
        raise ValueError("no")

    task = asyncio.create_task(Batch(handler, max_size=1, clock=Clock()).submit(1))
    await turns()
    gate.set()
    while not task._fut_waiter.done():
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    await turns()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


async def test_a_handler_task_cancelled_before_its_first_step_hangs_nobody():
    """Somebody who cancels every task may hit the handler's and not its callers'."""
    handler = Handler()
    task = asyncio.create_task(Batch(handler, max_size=1, clock=Clock()).submit(1))
    await asyncio.sleep(0)
    for other in asyncio.all_tasks() - {task, asyncio.current_task()}:
        other.cancel()
    await turns()
    assert task.cancelled()
    assert handler.batches == []


async def test_a_caller_cancelled_just_before_the_handler_begins_is_not_served():
    """The batch was sent a moment ago; a handler is never called with nothing."""
    handler = Handler()
    batch = Batch(handler, max_size=2, clock=Clock())
    tasks = [asyncio.create_task(batch.submit(n)) for n in range(2)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await turns()
    assert [task.cancelled() for task in tasks] == [True, True]
    assert handler.batches == []


async def test_closing_what_is_idle_or_collecting_only_is_no_trouble():
    """Once, twice, and with nothing handled yet."""
    batch = Batch(Handler(), clock=Clock())
    await batch.aclose()
    task = asyncio.create_task(batch.submit(1))
    await turns()
    await batch.aclose()
    await turns()
    assert task.cancelled()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_aclose_cancels_what_is_collected_and_what_is_handled():
    """Nobody waits on and nothing runs on."""

    async def handler(items, contexts):
        await asyncio.Event().wait()

    batch = Batch(handler, max_size=2, clock=Clock())
    tasks = [asyncio.create_task(batch.submit(n)) for n in range(3)]
    await turns()
    await batch.aclose()
    await turns()
    assert [task.cancelled() for task in tasks] == [True] * 3
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("fate", [KeyboardInterrupt, SystemExit])
@pytest.mark.leaves_tasks("an interrupt leaves the caller where it was")
def test_an_interrupt_in_the_handler_stops_the_loop(fate):
    """It is no error of an item's."""

    async def handler(items, contexts):
        raise fate

    with pytest.raises(fate):
        asyncio.run(Batch(handler, split=True).many([1, 2]))


def test_one_batch_serves_two_runs_and_two_threads():
    """Each loop collects its own; nothing waits across loops."""
    handler = Handler()
    batch = Batch(handler, max_size=2)
    barrier = threading.Barrier(2, timeout=10)
    results = []

    async def main(name, *, together):
        first = asyncio.create_task(batch.submit(f"{name}1"))
        await asyncio.sleep(0)
        if together:
            await asyncio.to_thread(barrier.wait)
        results.append([await batch.submit(f"{name}2"), await first])

    for name in "ab":
        asyncio.run(main(name, together=False))
    threads = [threading.Thread(target=lambda name=name: asyncio.run(main(name, together=True))) for name in "cd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(handler.batches) == [[f"{name}1", f"{name}2"] for name in "abcd"]
    assert len(results) == 4


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
async def test_many_cancelled_after_a_failure_in_an_eager_task_leaves_no_complaint(caplog):
    """One batch failed before `many` could look at it; then the caller goes, and nobody asks for the error."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)

    async def handler(items, contexts):
        if items == [1]:
            raise ValueError("no")
        await asyncio.Event().wait()

    task = asyncio.create_task(Batch(handler, max_size=1, clock=Clock()).many([1, 2]))
    await turns()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    await turns()
    gc.collect()
    assert [record for record in caplog.records if record.name == "asyncio"] == []


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with 3.12")
async def test_eager_tasks_make_no_difference():
    """A handler that ends inside `create_task` is answered like any other."""
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    batch = Batch(Handler(), max_size=2)
    assert await asyncio.gather(batch.submit(1), batch.submit(2)) == [("answer", 1), ("answer", 2)]
    with pytest.raises(ZeroDivisionError):
        await Batch(Handler(lambda items: 1 / 0)).many([1])


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"max_size": 0}, "max_size"),
        ({"max_size": 2.5}, "max_size"),
        ({"max_size": True}, "max_size"),
        ({"max_wait": -1}, "max_wait"),
        ({"max_wait": float("nan")}, "max_wait"),
        ({"max_wait": float("inf")}, "max_wait"),
        ({"max_tokens": 0, "size_of": len}, "max_tokens"),
        ({"max_tokens": 5}, "size_of"),
    ],
)
def test_options_are_checked(options, word):
    """The message names the option."""
    with pytest.raises(ValueError, match=word):
        Batch(Handler(), **options)
