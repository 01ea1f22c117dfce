"""Agents: a loop of model and tools on a real client, a budget for each run, cached tools, and the trace of it."""

import json

import pytest
from faces import CHAT, opened
from loopback import Reply
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from wires import Said

from frugal import BudgetExceededError, Money, budgeted, cached, instrument, memory, metered, scope, usd

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "Tell the weather of a city.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
]


def asking_for(city):
    """Return a reply in which the model asks for the weather."""
    return Reply(said=Said(tools=(("call_1", "weather", {"city": city}),)))


class Agent:
    """Loop over a model and its one tool, as agents do."""

    def __init__(self, client, ledger, **limits):
        self.looked = []

        @metered(ledger=ledger)
        @budgeted(ledger=ledger, **(limits or {"run_usd": "0.05"}))
        async def think(messages, *, model="gpt-4o-mini", max_tokens=200):
            return await client.chat.completions.create(
                model=model, messages=messages, tools=TOOLS, max_tokens=max_tokens
            )

        @metered(ledger=ledger)
        @cached(layers=[memory])
        async def weather(city):
            self.looked.append(city)
            return f"rain in {city}"

        self.think, self.weather = think, weather

    async def run(self, question):
        """Think, look, and think again, until there is an answer."""
        messages = [{"role": "user", "content": question}]
        while True:
            message = (await self.think(messages)).choices[0].message
            if not message.tool_calls:
                return message.content
            messages.append(message.model_dump(exclude_none=True))
            for call in message.tool_calls:
                found = await self.weather(**json.loads(call.function.arguments))
                messages.append({"role": "tool", "tool_call_id": call.id, "content": found})


async def test_a_run_adds_up_what_its_calls_cost(server, ledger):
    """Two thoughts and a look between; the second run finds the weather in the cache, and pays for its thoughts."""
    async with opened(CHAT, server) as client:
        agent = Agent(client, ledger)
        runs = []
        for number in range(2):
            server.plan(asking_for("Oslo"))
            with scope(user="ada", run=f"trip-{number}") as run:
                assert server.said.text == await agent.run("Plan my walk in Oslo")
            runs.append(run)
    assert ["Oslo"] == agent.looked
    for run, found in zip(runs, ("provider", "memory"), strict=True):
        assert [("think", "provider"), ("weather", found), ("think", "provider")] == [
            (call.function.rpartition(".")[2], call.outcome) for call in run.calls
        ]
        assert ("exact", server.charged) == (run.cost.status, run.cost.amount * 2)
    assert {"trip-0", "trip-1"} == {record.run for record in ledger.records}
    assert server.charged == ledger.cost.amount


async def test_a_run_that_has_spent_its_budget_stops_and_the_next_one_begins_anew(server, ledger):
    """A loop that never ends is ended by its own run's budget, before the request that would pass it."""
    server.planned.extend([asking_for("Oslo")] * 50)
    async with opened(CHAT, server) as client:
        agent = Agent(client, ledger, run_usd="0.0004")
        for number in range(2):
            before = server.charged
            with scope(run=f"trip-{number}") as run, pytest.raises(BudgetExceededError):
                await agent.run("Plan my walk in Oslo")
            assert Money(0) < server.charged - before <= usd("0.0004")
            assert run.cost.amount == server.charged - before
    assert 0 == ledger.held


async def test_the_trace_of_a_run_shows_who_asked_whom_and_what_it_cost(server, ledger, monkeypatch):
    """A span for each call and, under it, one for each request to a model: only those carry the cost."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    server.plan(asking_for("Oslo"))
    async with opened(CHAT, server) as client:
        agent = Agent(client, ledger)
        with provider.get_tracer("app").start_as_current_span("walk"), scope(user="ada", run="trip-1") as run:
            await agent.run("Plan my walk in Oslo")
    spans = {span.context.span_id: span for span in exporter.get_finished_spans()}
    tree = [
        (spans[span.parent.span_id].name if span.parent else None, span.name)
        for span in sorted(spans.values(), key=lambda span: span.start_time)
    ]
    assert [
        (None, "walk"),
        ("walk", "think"),
        ("think", "chat gpt-4o-mini"),
        ("walk", "weather"),
        ("weather", "weather"),
        ("walk", "think"),
        ("think", "chat gpt-4o-mini"),
    ] == tree
    costs = [span.attributes["gen_ai.usage.cost"] for span in spans.values() if "gen_ai.usage.cost" in span.attributes]
    assert pytest.approx(float(run.cost.amount)) == sum(costs)
    thoughts = [span for span in spans.values() if span.name == "think"]
    assert {("ada", "trip-1")} == {(span.attributes["frugal.user"], span.attributes["frugal.run"]) for span in thoughts}
    provider.shutdown()


async def test_an_agent_of_pydantic_ai_on_an_instrumented_client(server, ledger):
    """A framework's own loop: its model calls are budgeted and cached, its tools are, and every run adds up."""
    pydantic_ai = pytest.importorskip("pydantic_ai", reason="pydantic-ai is not installed")
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai import OpenAIProvider

    looked = []
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, metered(ledger=ledger), cached(layers=[memory]),
                   budgeted(ledger=ledger, run_usd="0.05"))  # fmt: skip
        model = OpenAIChatModel("gpt-4o-mini", provider=OpenAIProvider(openai_client=client))
        agent = pydantic_ai.Agent(model, instructions="Be brief.")

        @agent.tool_plain
        @metered(ledger=ledger)
        @cached(layers=[memory])
        async def weather(city: str) -> str:
            """Tell the weather of a city."""
            looked.append(city)
            return f"rain in {city}"

        runs = []
        for number in range(2):
            server.plan(asking_for("Oslo"))
            with scope(run=f"trip-{number}") as run:
                assert server.said.text == (await agent.run("Plan my walk in Oslo")).output
            runs.append(run)
            server.planned.clear()
        async with agent.run_stream("Tell me of Oslo") as result:
            streamed = [text async for text in result.stream_text(delta=True)]
    assert server.said.text == "".join(streamed)
    assert ["Oslo"] == looked
    bought, again = ([(call.function.rpartition(".")[2], call.outcome) for call in run.calls] for run in runs)
    assert [("create", "provider"), ("weather", "provider"), ("create", "provider")] == bought
    assert [("create", "memory"), ("weather", "memory"), ("create", "memory")] == again
    assert Money(0) == runs[1].cost.amount
    assert server.charged == ledger.cost.amount
    assert 0 == ledger.held
