"""What spans show of a call: everything about its money, and nothing of what was said."""

import json

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frugal import budgeted, by_complexity, cached, memory, metered, middleware, routed, scope, semantic_cached
from frugal.testing import FakeModel, MemoryLedger

SECRET = "walrus-in-a-yellow-bathtub"
ANSWER = "the-bathtub-answers-in-green"


@pytest.fixture
def spans(monkeypatch):
    """Return what was exported, with a provider of this test's own in place."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)
    yield exporter
    provider.shutdown()


def told(exporter):
    """Return everything that the spans tell, as one text."""
    return "\n".join(span.to_json() for span in exporter.get_finished_spans())


def stacked(provider, ledger, directory):
    """Return a function under every ring that tells spans anything."""

    @metered(ledger=ledger)
    @cached(layers=[memory])
    @semantic_cached(embed=lambda texts: [[1.0, 0.0] for _ in texts], directory=directory)
    @routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
    @budgeted(daily_usd=1, ledger=ledger)
    async def ask(messages, *, model=None, max_tokens=50, stream=False):
        return await provider(messages, model=model, stream=stream)

    return ask


def saying(text):
    return [{"role": "user", "content": text}]


async def test_no_span_holds_a_prompt_or_an_answer(spans, tmp_path):
    """A miss, a hit, a near hit and a stream: their spans tell what they cost, not what was said."""
    provider = FakeModel(answer=ANSWER)
    ask = stacked(provider, MemoryLedger(), tmp_path)
    with scope(user="ann", feature="chat"):
        await ask(saying(f"What of the {SECRET}?"))
        await ask(saying(f"What of the {SECRET}?"))
        await ask(saying(f"And what of the {SECRET}?"))
        async for _ in await ask(saying(f"Tell me all about the {SECRET}."), stream=True):
            pass
    text = told(spans)
    assert len(spans.get_finished_spans()) >= 4
    assert SECRET not in text
    assert ANSWER not in text
    assert "gen_ai.usage.input_tokens" in text


@pytest.mark.parametrize("where", ["provider", "middleware"])
async def test_no_span_holds_what_an_error_says(spans, where):
    """Providers quote the prompt in their errors; a span has the error's kind."""

    class QuotingError(Exception):
        pass

    @middleware
    async def quoting(call, proceed):
        raise QuotingError(f"cannot say {call.arguments['prompt']}")

    async def ask(prompt, *, model="gpt-4o"):
        raise QuotingError(f"cannot say {prompt}")

    decorated = metered(ledger=MemoryLedger())(quoting(ask) if where == "middleware" else ask)
    with pytest.raises(QuotingError):
        await decorated(SECRET)
    text = told(spans)
    assert "QuotingError" in text
    assert SECRET not in text
    assert all(not span.events for span in spans.get_finished_spans()), "an exception's event has its message"


async def test_a_record_holds_neither_either(tmp_path):
    """The ledger is the other place where nothing of it may stand."""
    ledger = MemoryLedger()
    ask = stacked(FakeModel(answer=ANSWER), ledger, tmp_path)
    await ask(saying(f"What of the {SECRET}?"))
    await ask(saying(f"And what of the {SECRET}?"))
    text = json.dumps([repr(record) for record in ledger.records])
    assert SECRET not in text
    assert ANSWER not in text


async def test_a_routers_reason_is_shown_as_it_is(spans):
    """The reason is the router's own words, and nothing is added to it."""
    ledger = MemoryLedger()

    @metered(ledger=ledger)
    @routed(lambda request: ("gpt-4o-mini", "always"))
    async def ask(messages, *, model=None):
        return await FakeModel()(messages, model=model)

    await ask(saying(SECRET))
    assert "always" == ledger.records[0].route_reason
    assert '"frugal.route.reason": "always"' in told(spans)
    assert SECRET not in told(spans)
