"""Attacks on the money: what a user's code, a provider or the machine can do to make a dollar vanish or count twice."""

import asyncio
import enum
import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from frugal import (
    Budget,
    BudgetExceededError,
    Ledger,
    Usage,
    batched,
    budgeted,
    calculate_cost,
    cascade,
    metered,
    middleware,
    routed,
    scope,
)
from frugal.ledger.work import Job
from frugal.testing import FakeModel

HELLO = [{"role": "user", "content": "Hello there."}]
A_DAY = Budget(usd="0.01")


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "ledger", patience=60) as opened:
        yield opened


async def settled(ledger):
    """Wait until everything is written, and return the records, oldest first."""
    await asyncio.sleep(0)
    await ledger.flush()
    return sorted(ledger.records(), key=lambda record: record.time)


def spent(records):
    """Return what records say was spent, in pico-dollars."""
    return sum(record.cost.known.pico for record in records)


class EvilDict(dict):
    """A mapping that cannot be looked into."""

    def __contains__(self, name):
        raise RuntimeError("a property of the user's own fails")


class EvilPrices:
    """Prices that fail."""

    def cost(self, *args, **kwargs):
        raise RuntimeError("prices of the user's own fail")


# --------------------------------------------------------------------------- money that got lost


async def test_a_caller_cancelled_while_its_own_reader_thinks_has_still_paid(ledger):
    """The provider has answered: a cancellation inside an async `read=` does not make the answer free."""
    provider, reading = FakeModel(), asyncio.Event()

    async def read(response):
        reading.set()
        await asyncio.Event().wait()

    @metered(ledger=ledger, read=read)
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model)

    task = asyncio.create_task(ask(HELLO))
    await reading.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert spent(await settled(ledger)) == provider.charged.pico > 0


async def test_a_middleware_that_wraps_a_stream_in_its_own_does_not_lose_its_cost(ledger):
    """A record is made once the provider's stream has ended, whatever stream the caller was given."""
    provider = FakeModel()

    @middleware
    async def loud(call, proceed):
        stream = await proceed(call)

        async def louder():
            async for chunk in stream:
                yield chunk

        return louder()

    @metered(ledger=ledger)
    @loud
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model, stream=True)

    async for _ in await ask(HELLO):
        pass
    records = await settled(ledger)
    assert [record.outcome for record in records] == ["provider"]
    assert spent(records) == provider.charged.pico > 0


async def test_a_middleware_that_hedges_pays_for_the_loser_too(ledger):
    """A provider call still under way when a ring answers is recorded when it ends."""
    provider = FakeModel(gated=True)

    @middleware
    async def hedge(call, proceed):
        tasks = [asyncio.create_task(proceed(call)) for _ in range(2)]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return done.pop().result()

    @budgeted(A_DAY, ledger=ledger)
    @hedge
    async def ask(messages, *, model="gpt-4o", max_tokens=100):
        return await provider(messages, model=model)

    task = asyncio.create_task(ask(HELLO))
    await provider.arrived(2)
    provider.release(0)
    await task
    records = await settled(ledger)
    assert sorted(record.outcome for record in records) == ["cancelled", "provider"]
    assert all(record.cost.known.pico > 0 for record in records)
    assert ledger.budget_status(A_DAY).usd.held.pico == 0


async def test_a_model_named_by_a_string_enumeration_is_priced(ledger):
    """`class Models(str, Enum)` is sent as its value, so its value is what is priced."""

    class Models(str, enum.Enum):  # noqa: UP042 the older spelling, whose str() is not its value
        BIG = "gpt-4o"

    @metered(ledger=ledger)
    async def ask(messages, *, model=Models.BIG):
        return "an answer that says no usage"

    await ask(HELLO)
    (record,) = await settled(ledger)
    assert (record.model_requested, record.cost.status) == ("gpt-4o", "estimated")


@pytest.mark.leaves_tasks("the loop is closed on running tasks")
def test_a_loop_closed_on_pending_calls_records_them_and_nothing_complains(ledger):
    """A call collected with its loop, in another context than its own, is recorded and raises nothing."""
    complaints = []
    hook, sys.unraisablehook = sys.unraisablehook, complaints.append

    async def forever():
        await asyncio.Event().wait()

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        await forever()

    async def begin():
        task = asyncio.ensure_future(ask(HELLO))
        task._log_destroy_pending = False  # asyncio's own complaint is right, and not what is tested
        await asyncio.sleep(0)
        return [task]

    loop = asyncio.new_event_loop()
    try:
        tasks = loop.run_until_complete(begin())
        loop.close()
        tasks.clear()
        gc.collect()
        ledger.flush_now()
    finally:
        sys.unraisablehook = hook
    assert [(r.outcome, r.cost.status) for r in ledger.records()] == [("cancelled", "estimated")]
    assert [str(complaint.exc_value) for complaint in complaints] == []


# --------------------------------------------------------------------------- metering that hurt the call


@pytest.mark.parametrize("messages", [EvilDict(a=1), [EvilDict()]])
async def test_a_request_that_cannot_be_looked_into_is_recorded_unpriced(ledger, messages):
    """An argument that raises when it is read costs the record its price, and the user nothing."""

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        return "an answer that says no usage"

    assert await ask(messages) == "an answer that says no usage"
    (record,) = await settled(ledger)
    assert (record.outcome, record.cost.status) == ("provider", "unpriced")


async def test_prices_that_fail_hurt_neither_an_answer_nor_an_error(ledger):
    """The user gets the provider's answer or the provider's error, never that of a price."""

    @metered(ledger=ledger, prices=EvilPrices())
    async def ask(messages, *, model="gpt-4o", fails=False):
        if fails:
            raise TimeoutError("the provider's own")
        return {"model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}

    assert (await ask(HELLO))["model"] == "gpt-4o"
    with pytest.raises(TimeoutError, match="the provider's own"):
        await ask(HELLO, fails=True)
    assert [record.cost.status for record in await settled(ledger)] == ["unpriced", "unpriced"]


async def test_a_reader_that_returns_nonsense_is_said_so_and_the_shape_is_read(ledger, caplog):
    """What is no `Usage`, `Cost` or `None` never becomes a number, nor passes in silence."""
    provider = FakeModel()

    @metered(ledger=ledger, read=lambda response: "12 tokens")
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model)

    await ask(HELLO)
    assert spent(await settled(ledger)) == provider.charged.pico
    assert "read= of" in caplog.text


# --------------------------------------------------------------------------- holds that were never let go


@pytest.mark.parametrize("suggestion", ["a-model-without-a-price", "gpt-4", "an error"])
async def test_a_suggestion_that_cannot_be_followed_leaves_the_call_and_no_hold(ledger, suggestion):
    """Near its limit a budget offers another model; where that fails, the call goes on with its own."""

    def suggest(call):
        if suggestion == "an error":
            raise RuntimeError("the user's own")
        return suggestion

    near = Budget(usd="0.003", suggest=suggest, warn_at=0.01)
    await ledger.record(cost="0.0003")
    provider = FakeModel()

    @budgeted(near, ledger=ledger)
    async def ask(messages, *, model="gpt-4o", max_tokens=100):
        return await provider(messages, model=model)

    await ask(HELLO)
    await settled(ledger)
    assert [seen.model for seen in provider.calls] == ["gpt-4o"]
    assert ledger.budget_status(near).usd.held.pico == 0


# --------------------------------------------------------------------------- more spent than was held


async def crowd(ask, count=10, **arguments):
    """Make many calls at once and return what became of them."""
    return await asyncio.gather(*(ask(HELLO, **arguments) for _ in range(count)), return_exceptions=True)


def never_overspent(ledger, budget, provider):
    """Say whether a budget holds nothing any more, and spent what the provider charged, within its limit."""
    figure = ledger.budget_status(budget).usd
    return (figure.held.pico, figure.used == provider.charged, figure.used <= figure.limit) == (0, True, True)


@pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")
async def test_a_budget_outside_a_cascade_holds_for_every_attempt(ledger):
    """A hold taken for the first, cheap model does not let the dear ones through."""
    provider, limit = FakeModel(usage=Usage(input_tokens=10, output_tokens=100)), Budget(usd="0.04")

    @budgeted(limit, ledger=ledger)
    @routed(cascade(["gpt-4o-mini", "gpt-4o", "gpt-4"], accept=lambda response: False))
    async def ask(messages, *, model="gpt-4o-mini", max_tokens=100):
        return await provider(messages, model=model)

    answers = await crowd(ask)
    await settled(ledger)
    assert {type(answer).__name__ for answer in answers} == {"ChatCompletion", "BudgetExceededError"}
    assert never_overspent(ledger, limit, provider)


async def test_a_middleware_that_retries_spends_no_more_than_is_held(ledger):
    """Each attempt under one hold is held for, and one without room is never sent."""
    provider, limit = FakeModel(usage=Usage(input_tokens=10, output_tokens=100)), Budget(usd="0.006")

    @middleware
    async def thrice(call, proceed):
        await proceed(call)
        await proceed(call)
        return await proceed(call)

    @budgeted(limit, ledger=ledger)
    @thrice
    async def ask(messages, *, model="gpt-4o", max_tokens=100):
        return await provider(messages, model=model)

    assert any(isinstance(answer, BudgetExceededError) for answer in await crowd(ask))
    await settled(ledger)
    assert len(provider.calls) >= 3
    assert never_overspent(ledger, limit, provider)


async def test_a_middleware_that_asks_a_dearer_model_is_held_to_the_budget(ledger):
    """What is sent is what is held for, whatever the request was when the budget first saw it."""
    provider, limit = FakeModel(usage=Usage(input_tokens=10, output_tokens=100)), Budget(usd="0.02")

    @middleware
    async def dearer(call, proceed):
        return await proceed(call.replace(model="gpt-4"))

    @budgeted(limit, ledger=ledger)
    @dearer
    async def ask(messages, *, model="gpt-4o-mini", max_tokens=100):
        return await provider(messages, model=model)

    answers = await crowd(ask)
    await settled(ledger)
    assert {type(answer).__name__ for answer in answers} == {"ChatCompletion", "BudgetExceededError"}
    assert never_overspent(ledger, limit, provider)


async def test_on_exceeded_also_answers_for_a_refusal_further_in(ledger):
    """A refusal before a later attempt is the budget's own, and goes where its refusals go."""
    provider = FakeModel(usage=Usage(input_tokens=10, output_tokens=100))

    @middleware
    async def dearer(call, proceed):
        return await proceed(call.replace(model="gpt-4"))

    @budgeted(Budget(usd="0.001"), on_exceeded=lambda error, call: "sorry", ledger=ledger)
    @dearer
    async def ask(messages, *, model="gpt-4o-mini", max_tokens=100):
        return await provider(messages, model=model)

    assert (await ask(HELLO), provider.calls) == ("sorry", [])
    assert [record.outcome for record in await settled(ledger)] == ["rejected"]


@pytest.mark.parametrize("choices", [None, 3])
async def test_capped_output_never_overspends_by_input_nor_by_choices(ledger, choices):
    """With `cap_output` no call can cost more than it held: nor by dense input, nor by `n` answers."""

    def worst(text, answer, model):
        sent = provider.calls[-1].arguments
        return Usage(input_tokens=len(text.encode()), output_tokens=sent["max_tokens"] * (sent["n"] or 1))

    provider, limit = FakeModel(usage=worst), Budget(usd="0.2")
    dense = [{"role": "user", "content": "你" * 300 + "a%$#@! 12 3" * 30}]

    @budgeted(limit, cap_output=True, ledger=ledger)
    async def ask(messages, *, model="gpt-4o", max_tokens=None, n=None):
        return await provider(messages, model=model, max_tokens=max_tokens, n=n)

    for _ in range(2):  # before and after the output was learned
        await asyncio.gather(*(ask(dense, n=choices) for _ in range(20)), return_exceptions=True)
    records = await settled(ledger)
    assert never_overspent(ledger, limit, provider)
    assert not any(record.overrun for record in records)


# --------------------------------------------------------------------------- streams, collectors, forks and exits


async def test_a_generator_thrown_away_is_not_charged_beside_the_stream_that_it_read(ledger):
    """The outer call ends before the inner one then, and is composite all the same."""
    provider = FakeModel(chunks=6)

    @metered(ledger=ledger)
    async def inner(messages, *, model="gpt-4o"):
        return await provider(messages, model=model, stream=True)

    @metered(ledger=ledger)
    async def outer(messages, *, model="gpt-4o"):
        async for chunk in await inner(messages, model=model):
            yield chunk

    chunks = outer(HELLO)
    await anext(chunks)
    del chunks
    gc.collect()
    for _ in range(5):  # asyncio closes the generator in a task of its own
        await asyncio.sleep(0)
    paid = {record.function.rpartition(".")[2]: record.cost.known.pico > 0 for record in await settled(ledger)}
    assert paid == {"outer": False, "inner": True}


async def test_a_generator_that_never_began_makes_no_call_when_it_is_closed_or_thrown_into(ledger):
    """As a plain generator's body: not entered by `aclose`, nor by `athrow`, nor by anything after them."""
    entered = []

    @metered(ledger=ledger)
    async def answer(messages, *, model="gpt-4o"):
        entered.append(messages)
        yield "a chunk"

    thrown, closed = answer(HELLO), answer(HELLO)
    with pytest.raises(KeyError):
        await thrown.athrow(KeyError)
    await closed.aclose()
    for chunks in (thrown, closed):
        with pytest.raises(StopAsyncIteration):
            await anext(chunks)
        with pytest.raises(StopAsyncIteration):
            await chunks.asend(None)
    assert (entered, await settled(ledger)) == ([], [])


def test_a_stream_collected_while_the_ledger_is_locked_hangs_nobody(ledger):
    """The collector runs wherever it likes: under the ledger's own lock, too."""
    provider = FakeModel()

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model, stream=True)

    async def begin():
        stream = await ask(HELLO)
        await anext(stream)
        return [stream]

    kept, survived = asyncio.run(begin()), threading.Event()
    kept.append(kept)  # a cycle: only the collector can free it

    def collect():
        nonlocal kept
        with ledger._writer._lock:
            del kept
            gc.collect()
        survived.set()

    threading.Thread(target=collect, daemon=True).start()
    assert survived.wait(10)
    for _ in range(200):  # it is accounted for by a thread that holds nothing
        ledger.flush_now()
        if list(ledger.records()):
            break
        threading.Event().wait(0.01)
    assert [(r.outcome, r.cost.status) for r in ledger.records()] == [("cancelled", "estimated")]


async def test_what_is_queued_on_the_writers_own_thread_as_it_lies_down_hangs_nobody(tmp_path):
    """The collector may run there, too, and close a task that commits: nobody else would ever wake the writer."""
    with Ledger(tmp_path / "own", patience=4) as ledger:
        writer = ledger._writer
        await writer.arun(lambda desk: None)
        while not writer.is_idle:
            await asyncio.sleep(0)
        lie_down, queued = writer._lock.wait, []

        def wait(timeout=None):
            if not queued and threading.current_thread() is writer._thread:
                queued.append(Job(lambda desk: None))
                writer.put(queued[0])
            return lie_down(timeout)

        writer._lock.wait = wait
        await writer.arun(lambda desk: None)
        while not queued:
            await asyncio.sleep(0)
        await writer.arun(lambda desk: None)  # within its patience, or it raises
        assert queued[0].ticket.done


@pytest.mark.parametrize("user", [enum.Enum("Users", {"ADA": "ada"}, type=str).ADA, type("Name", (str,), {})("ada")])
async def test_a_user_who_is_a_kind_of_text_is_written_down_as_text(ledger, user):
    """A member of a string enumeration loses neither the record nor the name."""
    provider = FakeModel()

    @budgeted(A_DAY, ledger=ledger)
    async def ask(messages, *, model="gpt-4o", max_tokens=100):
        return await provider(messages, model=model)

    with scope(user=user, run=user):
        await ask(HELLO)
    assert [(r.user, r.run) for r in await settled(ledger)] == [("ada", "ada")]


def run(script: str, home: Path) -> int:
    """Run a script in a process of its own, with a home of its own, and return the number that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", SETTING + script],
        env={**os.environ, "FRUGAL_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


SETTING = """
import asyncio, gc, os, sys
from frugal import budgeted
from frugal.testing import FakeModel

provider = FakeModel(chunks=5)

@budgeted(daily_usd=1)
async def ask(messages, *, model="gpt-4o", max_tokens=50):
    return await provider(messages, model=model, stream=True)
"""

LEFT_OPEN = """
async def begin():
    stream = await ask("a question")
    await anext(stream)
    return stream

left_open = asyncio.run(begin())
print(provider.charged.pico)
"""

FORKED = """
async def main():
    stream = await ask("a question")
    await anext(stream)
    child = os.fork()
    if child == 0:
        del stream
        gc.collect()
        os._exit(0)
    os.waitpid(child, 0)
    async for _ in stream:
        pass

asyncio.run(main())
print(provider.charged.pico)
"""


def test_a_stream_left_open_until_the_interpreter_ends_is_charged_and_ends_it(tmp_path):
    """The exit neither hangs nor forgets what is still open."""
    charged = run(LEFT_OPEN, tmp_path)
    with Ledger(tmp_path / "ledger") as ledger:
        (record,) = ledger.records()
        assert (record.outcome, record.cost.status) == ("cancelled", "estimated")
        assert record.cost.known.pico >= charged > 0
        assert ledger.budget_status(Budget(usd=1)).usd.held.pico == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_settles_nothing_of_its_parents_calls(tmp_path):
    """The child's copy of an open stream is collected there, and the parent's record is the only one."""
    charged = run(FORKED, tmp_path)
    with Ledger(tmp_path / "ledger") as ledger:
        assert [(r.outcome, r.cost.known.pico) for r in ledger.records()] == [("provider", charged)]
        assert ledger.audit()


# --------------------------------------------------------------------------- what held, and is to go on holding


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_cancelled_at_any_turn_of_the_loop_leaves_one_record_and_no_hold(ledger, stream):
    """However far it had come: reserving, asking, streaming, or settling."""
    provider = FakeModel()

    @budgeted(A_DAY, ledger=ledger)
    async def ask(messages, *, model="gpt-4o-mini", max_tokens=100, stream=False):
        await asyncio.sleep(0)
        return await provider(messages, model=model, stream=stream)

    async def carry():
        answer = await ask(HELLO, stream=stream)
        if stream:
            async for _ in answer:
                pass

    for turns in range(1, 30):
        task = asyncio.create_task(carry())
        for _ in range(turns):
            await asyncio.sleep(0.0002 if turns % 2 else 0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert len(await settled(ledger)) == 29
    await ledger.flush()  # also what was granted to somebody who had left
    figure = ledger.budget_status(A_DAY).usd
    assert (figure.held.pico, figure.used >= provider.charged) == (0, True)
    assert ledger.audit()


class Endless:
    """A response whose every attribute is itself."""

    def __getattr__(self, name):
        return self


class Raising:
    """A response whose every attribute raises."""

    def __getattribute__(self, name):
        if name.startswith("__"):
            return object.__getattribute__(self, name)
        raise RuntimeError("a property of the provider's fails")


def saying(tokens, model="gpt-4o"):
    """Return an answer that says it used that many tokens."""
    usage = {"prompt_tokens": tokens, "completion_tokens": tokens}
    return {"model": model, "choices": [{"finish_reason": "stop", "message": {"content": "hi"}}], "usage": usage}


def around():
    """Return a response that contains itself."""
    response = {}
    response |= {"usage": response, "choices": [response], "message": response, "model": response}
    return response


@pytest.mark.parametrize(
    "make",
    [Endless, Raising, around, EvilDict, object, *(
        lambda tokens=tokens: saying(tokens) for tokens in (-1, True, "12", 2**70, 10**400, float("nan"), float("inf"))
    ), *(lambda name=name: saying(3, name) for name in ("gpt\ud8004o", "x" * 10**6, b"gpt-4o", ""))],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_no_response_however_strange_is_changed_lost_or_makes_the_books_wrong(ledger, make, stream):
    """The caller gets the very object; there is one record; no hold stays, and the counters agree."""
    response = make()

    @budgeted(A_DAY, ledger=ledger)
    async def ask(messages, *, model="gpt-4o", max_tokens=100):
        async def chunks():
            yield response

        return chunks() if stream else response

    answer = await ask(HELLO)
    got = [chunk async for chunk in answer] if stream else [answer]
    assert [id(found) for found in got] == [id(response)]
    assert len(await settled(ledger)) == 1
    assert ledger.budget_status(A_DAY).usd.held.pico == 0
    assert ledger.audit()


async def test_a_batch_pays_for_what_its_handler_s_threads_spent(tmp_path):
    """Several add to one account at a time, and none of it is lost between reading and writing."""
    answer = {
        "model": "gpt-4o-mini",
        "choices": [{"message": {"content": "x"}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 1000},
    }
    ledger = Ledger(tmp_path / "threads")

    @metered(ledger=ledger)
    async def inner(prompt, *, model="gpt-4o-mini"):
        return answer

    def work():
        async def several():
            for _ in range(40):
                await inner("hi")

        asyncio.run(several())

    @metered(ledger=ledger)
    @batched(max_size=4, max_wait=0.01)
    async def outer(items):
        await asyncio.gather(*(asyncio.to_thread(work) for _ in items))
        return items

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        await asyncio.gather(*(outer(number) for number in range(4)))
    finally:
        sys.setswitchinterval(interval)
    await ledger.flush()
    one = calculate_cost("gpt-4o-mini", input_tokens=1000, output_tokens=1000).known.pico
    assert 160 * one == sum(record.cost.known.pico for record in ledger.records())
    await ledger.aclose()
