"""The onion by example: kinds of functions, nesting, ambient facts, and who pays."""

import asyncio
import dataclasses
import functools
import inspect

import pytest

from frugal import NotAsyncError, Usage, current_call, explain, instrument, metered, middleware, scope, usd
from frugal.testing import FakeModel, MemoryLedger

HELLO = [{"role": "user", "content": "Hello there, how are you today?"}]


@pytest.fixture
def ledger():
    return MemoryLedger()


@pytest.fixture
def model():
    return FakeModel()


def conserved(ledger, model):
    """Say whether what is recorded is what the provider charged."""
    return ledger.cost.known == model.charged


async def test_a_method_a_classmethod_and_a_staticmethod_are_metered(ledger, model):
    """Every way of holding an async function on a class works, in either order of the decorators."""
    seen = []

    class Agent:
        @metered(ledger=ledger)
        async def method(self, messages, *, model="gpt-4o"):
            return await provider(messages, model=model)

        @metered(ledger=ledger)
        @classmethod
        async def above(cls, messages, *, model="gpt-4o"):
            seen.append(cls)
            return await provider(messages, model=model)

        @classmethod
        @metered(ledger=ledger)
        async def below(cls, messages, *, model="gpt-4o"):
            seen.append(cls)
            return await provider(messages, model=model)

        @metered(ledger=ledger)
        @staticmethod
        async def static_above(messages, *, model="gpt-4o"):
            return await provider(messages, model=model)

        @staticmethod
        @metered(ledger=ledger)
        async def static_below(messages, *, model="gpt-4o"):
            return await provider(messages, model=model)

    provider = model
    agent = Agent()
    await agent.method(HELLO)
    await agent.above(HELLO)
    await Agent.below(HELLO)
    await agent.static_above(HELLO)
    await Agent.static_below(HELLO)
    assert seen == [Agent, Agent]
    assert [record.function.rpartition(".")[2] for record in ledger.records] == [
        "method", "above", "below", "static_above", "static_below",
    ]  # fmt: skip
    assert conserved(ledger, model)


async def test_a_partial_and_a_callable_object_are_metered(ledger, model):
    """Async-ness is read through `functools.partial` and through `__call__`."""

    class Caller:
        async def __call__(self, messages):
            return await model(messages, model="gpt-4o")

    async def ask(messages, *, model_name):
        return await model(messages, model=model_name)

    await metered(ledger=ledger)(functools.partial(ask, model_name="gpt-4o"))(HELLO)
    await metered(ledger=ledger)(Caller())(HELLO)
    assert conserved(ledger, model)
    assert ledger.calls == 2


@pytest.mark.parametrize("wrong", [lambda x: x, len, int])
def test_a_sync_function_is_refused_at_decoration(wrong):
    """What can be seen not to be async raises at once, and says so."""
    with pytest.raises(NotAsyncError, match="async"):
        metered(wrong)


def test_a_sync_generator_is_refused_at_decoration():
    """A plain generator is not an async one."""

    def numbers():
        yield 1

    with pytest.raises(NotAsyncError):
        metered(numbers)


async def test_a_callable_that_turns_out_not_to_be_async_is_refused_at_its_first_call(ledger):
    """Where it cannot be seen before, the first result tells."""

    class Sly:
        def __call__(self):
            return "an answer"

    with pytest.raises(NotAsyncError):
        await metered(ledger=ledger)(Sly())()


async def test_nested_decorated_functions_roll_up_and_never_count_twice(ledger, model):
    """The outer call is composite: it costs nothing of its own and says what its parts cost."""

    @metered(ledger=ledger)
    async def ask(messages, *, model_name="gpt-4o", model="gpt-4o"):
        return await provider(messages, model=model)

    @metered(ledger=ledger)
    async def agent(question):
        first = await ask(HELLO)
        await asyncio.gather(ask(HELLO), ask(HELLO))
        return first

    provider = model
    await agent("?")
    *parts, whole = ledger.records
    assert conserved(ledger, model)
    assert (whole.outcome, whole.cost.amount, whole.rolled_up.amount) == ("composite", usd(0), model.charged)
    assert {part.parent for part in parts} == {whole.id}
    assert {part.run for part in parts} == {whole.run} == {whole.id}


async def test_a_model_call_with_metered_tools_inside_is_still_priced(ledger, model):
    """Tools that cost nothing do not make the model's own answer free."""

    @metered(ledger=ledger)
    async def lookup(word):
        return word.upper()

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        await lookup("x")
        return await provider(messages, model=model)

    provider = model
    await ask(HELLO)
    assert [record.kind for record in ledger.records] == ["tool", "llm"]
    assert conserved(ledger, model)


async def test_a_function_without_model_or_usage_is_a_tool(ledger):
    """A tool costs exactly nothing, and nothing is estimated for it."""

    @metered(ledger=ledger)
    async def lookup(word):
        return {"found": word}

    await lookup("x")
    record = ledger.records[0]
    assert (record.kind, record.cost.status, record.cost.amount, record.usage) == ("tool", "exact", usd(0), Usage())


async def test_ambient_facts_survive_awaits_tasks_and_threads(ledger, model):
    """User, run and tags are those of the scope around the call, wherever the call is made from."""

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model)

    provider = model
    with scope(user="ada", run="r1", feature="search") as outer:
        await ask(HELLO)
        await asyncio.create_task(ask(HELLO))
        await asyncio.to_thread(lambda: asyncio.run(ask(HELLO)))
        with scope(feature="chat", step=2):
            await ask(HELLO)
    assert [(r.user, r.run, r.tags["feature"]) for r in ledger.records] == [
        ("ada", "r1", "search"), ("ada", "r1", "search"), ("ada", "r1", "search"), ("ada", "r1", "chat"),
    ]  # fmt: skip
    assert ledger.records[3].tags["step"] == "2"
    assert (len(outer.calls), outer.cost.amount) == (4, model.charged)


async def test_without_a_run_each_outermost_call_is_its_own(ledger, model):
    """Two calls outside any run belong to two runs."""

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model)

    provider = model
    await ask(HELLO)
    await ask(HELLO)
    assert len({record.run for record in ledger.records}) == 2


async def test_current_call_has_the_id_of_its_record(ledger, model):
    """What a function hands to `feedback` is what the ledger knows it by."""
    seen = []

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o"):
        seen.append(current_call().id)
        return await provider(messages, model=model)

    provider = model
    await ask(HELLO)
    assert [record.id for record in ledger.records] == seen
    with pytest.raises(LookupError):
        current_call()


async def test_a_call_is_frozen_and_its_copies_share_what_their_arguments_give(ledger, model):
    """Ten thousand calls wait with a copy for each ring; a copy with other arguments shares none of that."""
    seen = {}

    @middleware
    async def watch(call, proceed):
        held, other = call.under("a hold"), call.replace(model="gpt-4o-mini")
        seen.update(call=call, held=held, other=other)
        return await proceed(other)

    @metered(ledger=ledger)
    @watch
    async def ask(messages, *, model="gpt-4o"):
        return await model_(messages, model=model)

    model_ = model
    await ask(HELLO)
    call, held, other = seen["call"], seen["held"], seen["other"]
    assert call.arguments is held.arguments
    assert call.memo is held.memo
    assert (("a hold",), ()) == (held.holds, call.holds)
    assert ("gpt-4o", "gpt-4o", "gpt-4o-mini") == (call.model, held.model, other.model)
    assert other.memo is not call.memo
    assert call is other.asked
    for name in ("args", "model", "anything"):
        with pytest.raises(dataclasses.FrozenInstanceError, match=r"call\.replace"):
            setattr(call, name, "x")
        with pytest.raises(dataclasses.FrozenInstanceError, match=r"call\.replace"):
            delattr(call, name)
    assert "x" == type(call).of({**{f.name: getattr(call, f.name) for f in dataclasses.fields(call)}, "id": "x"}).id


async def test_a_middleware_may_answer_never_once_or_many_times(ledger, model):
    """Each provider call that it causes has one record, and one call that it spares has one at no cost."""

    def proceeding(times):
        @middleware
        async def ring(call, proceed):
            answer = "of my own"
            for _ in range(times):
                answer = await proceed(call)
            return answer

        return ring

    provider = model
    for times in (0, 1, 3):

        @proceeding(times)
        @metered(ledger=ledger)
        async def ask(messages, *, model="gpt-4o"):
            return await provider(messages, model=model)

        before = len(ledger.records)
        await ask(HELLO)
        records = ledger.records[before:]
        assert len(records) == max(1, times)
        assert len({record.call for record in records}) == 1
    assert conserved(ledger, model)


async def test_instrument_puts_a_stack_on_a_live_method_and_takes_it_off(ledger, model):
    """The client's own method is metered until undo, and is then the very one it was."""

    class Completions:
        async def create(self, messages, *, model="gpt-4o"):
            return await provider(messages, model=model)

    class Client:
        completions = Completions()

    provider, client = model, Client()
    before = client.completions.create
    undo = instrument(client, "completions.create", metered(ledger=ledger))
    await client.completions.create(HELLO)
    undo()
    undo()
    assert client.completions.create == before
    await client.completions.create(HELLO)
    assert ledger.calls == 1


async def test_instrument_accepts_a_plain_method_that_returns_something_async(ledger, model):
    """SDKs have plain functions that return coroutines, streams and context managers."""

    class Client:
        def create(self, messages, *, model="gpt-4o", stream=False):
            return provider(messages, model=model, stream=stream)

    provider, client = model, Client()
    instrument(client, "create", metered(ledger=ledger))
    await client.create(HELLO)
    async for _ in await client.create(HELLO, stream=True):
        pass
    assert conserved(ledger, model)
    assert ledger.calls == 2


async def test_an_async_generator_is_metered_when_it_is_read(ledger, model):
    """Calling it begins nothing; its record comes with its end."""

    @metered(ledger=ledger)
    async def talk(messages, *, model="gpt-4o"):
        async for chunk in await provider(messages, model=model, stream=True):
            yield chunk.choices[0].delta.content if chunk.choices else chunk

    provider = model
    assert inspect.isasyncgenfunction(talk)
    unread = talk(HELLO)
    await unread.aclose()
    assert ledger.records == []
    chunks = [chunk async for chunk in talk(HELLO)]
    assert conserved(ledger, model)
    assert len(chunks) > 1


def test_a_ring_that_a_function_makes_is_called_by_its_own_name():
    """What `explain` shows is what one would look for."""

    def retried(attempts):
        @middleware
        async def retried(call, proceed):
            return await proceed(call)

        return retried

    @retried(attempts=3)
    async def ask(prompt):
        return prompt

    assert ("retried",) == explain(ask).rings


@pytest.mark.parametrize("how", ["answer", "error", "stream", "closed"])
async def test_whoever_paid_goes_on_once_the_record_is_durable(how):
    """Not before: what a dying process has handed out has been written down."""

    class Slow(MemoryLedger):
        """A ledger whose disk takes its time."""

        done = False

        def __init__(self):
            super().__init__()
            self.written = asyncio.Event()
            self.waited = asyncio.Event()

        def commit(self, settlement):
            super().commit(settlement)
            return self

        async def wait(self):
            self.waited.set()
            await self.written.wait()
            return True

    ledger = Slow()
    provider = FakeModel(fail={0: TimeoutError()} if how == "error" else None)

    @metered(ledger=ledger)
    async def ask(messages, *, model="gpt-4o", stream=False):
        return await provider(messages, model=model, stream=stream)

    async def use():
        if how not in {"stream", "closed"}:
            return await ask(HELLO)
        stream = await ask(HELLO, stream=True)
        if how == "closed":
            await anext(stream)
            return await stream.aclose()
        return [chunk async for chunk in stream]

    task = asyncio.create_task(use())
    await ledger.waited.wait()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    ledger.written.set()
    await asyncio.wait([task])
    assert (how == "error") == (task.exception() is not None)
