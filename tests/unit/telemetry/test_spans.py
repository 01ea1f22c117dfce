"""Spans as a backend gets them: a real OTLP receiver on loopback, and what stands in its bytes."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace

import frugal
from frugal import (
    Budget,
    BudgetExceededError,
    Ledger,
    Usage,
    batched,
    budgeted,
    by_complexity,
    cached,
    cascade,
    deduplicated,
    memory,
    metered,
    routed,
    scope,
)
from frugal.telemetry import names
from frugal.testing import FakeModel, FakeProviderError

SECRET = "the-secret-of-the-prompt"
ANSWER = "the-secret-of-the-answer"
INTERNAL, CLIENT = 1, 3
ERROR = 2


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(tmp_path / "ledger") as ledger:
        yield ledger


def cost(spans: Sequence[Any], name: str) -> float:
    return sum(span.attributes.get(name, 0.0) for span in spans)


async def test_a_call_is_a_span_and_its_provider_call_a_child_with_the_cost(backend, flush, ledger):
    """Names of the conventions, tokens, dollars as a float; the parent says what became of it, and has no cost."""
    provider = FakeModel(answer=ANSWER, usage=Usage(input_tokens=100, cache_read_tokens=50, output_tokens=7))

    @metered(ledger=ledger, tags={"feature": "search"})
    async def ask(messages: Any, *, model: str = "gpt-4o") -> Any:
        return await provider(messages, model=model)

    with scope(user="ada", run="run-1"):
        await ask([{"role": "user", "content": SECRET}])
    flush()
    call, attempt = backend.named("ask"), backend.named("chat gpt-4o")
    assert attempt.parent == call.id
    assert attempt.trace == call.trace
    assert (call.kind, attempt.kind) == (INTERNAL, CLIENT)
    assert attempt.service == "the desk"
    dollars = float(provider.charged)
    assert attempt.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.stream": False,
        "gen_ai.response.model": "gpt-4o",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 150,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 50,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "gen_ai.usage.cost": dollars,
        "operation.cost": dollars,
        "frugal.cost.status": "exact",
        "frugal.outcome": "provider",
    }
    (record,) = ledger.records()
    assert call.attributes == {
        "frugal.function": record.function,
        "frugal.user": "ada",
        "user.id": "ada",
        "frugal.run": "run-1",
        "session.id": "run-1",
        "frugal.tag.feature": "search",
        "frugal.outcome": "provider",
        "frugal.call.id": record.call,
        "frugal.cost.status": "exact",
        "frugal.aggregated.cost": dollars,
    }
    assert backend.paths == {"/v1/traces", "/v1/metrics"}


async def test_cost_stands_once_so_that_any_sum_is_right(backend, flush, ledger):
    """Hits, followers, batches, cascades, agents and streams: the spans' costs are what the provider charged."""
    provider = FakeModel(answer=ANSWER, chunks=4)

    @metered(ledger=ledger)
    @deduplicated
    @cached(layers=[memory])
    @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: answer.model != "gpt-4o-mini"))
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    streaming = FakeModel("anthropic", answer=ANSWER, chunks=4)

    @metered(ledger=ledger)
    async def stream(prompt: str, *, model: str = "claude-sonnet-4-5") -> Any:
        return await streaming(prompt=prompt, model=model, stream=True)

    @metered(ledger=ledger)
    async def agent(prompt: str) -> str:
        await asyncio.gather(ask(prompt), ask(prompt))
        await ask(prompt)
        async for _ in await stream(prompt):
            pass
        return ANSWER

    await agent(SECRET)
    flush()
    charged = provider.charged + streaming.charged
    assert charged
    for name in names.COST:
        assert float(charged) == pytest.approx(cost(backend.spans, name))
    assert [span.name for span in backend.spans if "operation.cost" in span.attributes] == [
        "chat gpt-4o-mini", "chat gpt-4o", "chat claude-sonnet-4-5",
    ]  # fmt: skip
    asked = sorted(span["frugal.outcome"] for span in backend.spans if span.name == "ask")
    assert asked == ["memory", "provider", "shared"]
    whole = backend.named("agent")
    assert whole["frugal.outcome"] == "composite"
    assert whole["frugal.aggregated.cost"] == pytest.approx(float(charged))
    assert len({span.trace for span in backend.spans}) == 1
    assert SECRET.encode() not in backend.bytes
    assert ANSWER.encode() not in backend.bytes
    assert ledger.totals().cost.known == charged


async def test_every_span_of_a_call_in_a_call_stands_under_it(backend, flush, ledger):
    """Parents are those that called, through tasks and through what a user opened between."""
    provider = FakeModel()
    tracer = trace.get_tracer("theirs")

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        with tracer.start_as_current_span("sdk"):
            return await provider(prompt=prompt, model=model)

    @metered(ledger=ledger)
    async def agent() -> str:
        with tracer.start_as_current_span("step"):
            await asyncio.create_task(ask("one"))
        return "done"

    with tracer.start_as_current_span("request"):
        await agent()
    flush()
    path = ["request", "agent", "composite", "step", "ask", "chat gpt-4o", "sdk"]
    for above, below in pairwise(path):
        assert backend.named(below).parent == backend.named(above).id, below
    assert backend.named("request").parent == b""


async def test_what_a_generator_calls_stands_under_it_and_not_under_whoever_reads(backend, flush, ledger):
    """A stream's body runs while its reader's span is current; its calls are its own all the same."""
    provider = FakeModel()

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    @metered(ledger=ledger)
    async def tell() -> AsyncIterator[str]:
        yield "a"
        await ask("one")
        yield "b"

    with trace.get_tracer("theirs").start_as_current_span("request"):
        assert ["a", "b"] == [piece async for piece in tell()]
    flush()
    told = backend.named("tell")
    assert told.parent == backend.named("request").id
    (inside,) = backend.under(told)
    assert backend.named("ask").parent == inside.id
    assert inside["frugal.outcome"] == "composite"


async def test_a_hit_has_no_provider_call_and_says_what_it_saved(backend, flush, ledger):
    """Layer, saved dollars, and a cost of nothing that is on no provider's span."""
    provider = FakeModel()

    @cached(layers=[memory])
    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    await ask("x")
    await ask("x")
    flush()
    hit = next(span for span in backend.spans if span.attributes.get("frugal.outcome") == "memory")
    assert [] == backend.under(hit)
    assert hit["frugal.layer"] == "memory"
    assert hit["frugal.saved"] == pytest.approx(float(provider.charged))
    assert hit["frugal.aggregated.cost"] == 0.0


async def test_a_follower_has_no_provider_call(backend, flush, ledger):
    """The flight's provider call stands under the caller that started it."""
    provider = FakeModel(gated=True)

    @metered(ledger=ledger)
    @deduplicated
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    both = asyncio.gather(ask("x"), ask("x"))
    await provider.arrived(1)
    provider.release()
    await both
    flush()
    first, follower = sorted((s for s in backend.spans if s.name == "ask"), key=lambda s: s["frugal.outcome"])
    assert (first["frugal.outcome"], follower["frugal.outcome"]) == ("provider", "shared")
    assert ["chat gpt-4o"] == [span.name for span in backend.under(first)]
    assert [] == backend.under(follower)


async def test_a_batch_is_one_provider_call_and_each_caller_has_its_share(backend, flush, ledger):
    """The dollars stand on the batch's span; what callers aggregate adds up to them."""

    @metered(ledger=ledger)
    async def fetch(items: Sequence[str], *, model: str) -> Any:
        data = [{"object": "embedding", "index": at, "embedding": [0.5]} for at, _ in enumerate(items)]
        return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": 900, "total_tokens": 900}}

    @metered(ledger=ledger)
    @batched(max_size=3)
    async def embed(items: Sequence[str], *, model: str = "text-embedding-3-small") -> list[Any]:
        return [each["embedding"] for each in (await fetch(items, model=model))["data"]]

    await asyncio.gather(*(embed(word) for word in ("one", "two two", SECRET)))
    flush()
    (batch,) = [span for span in backend.spans if "operation.cost" in span.attributes]
    assert batch.name == "embeddings text-embedding-3-small"
    assert batch["gen_ai.operation.name"] == "embeddings"
    assert batch["operation.cost"] == pytest.approx(float(ledger.totals().cost.known)) == 900 * 0.02e-6
    callers = [span for span in backend.spans if span.name == "embed"]
    assert ["batched"] * 3 == [span["frugal.outcome"] for span in callers]
    assert cost(callers, "frugal.aggregated.cost") == pytest.approx(batch["operation.cost"])
    assert SECRET.encode() not in backend.bytes


async def test_a_cascades_attempts_are_children_of_one_call(backend, flush, ledger):
    """Every attempt has its dollars, and the route says why."""
    provider = FakeModel()

    @metered(ledger=ledger)
    @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: answer.model == "gpt-4o"))
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    await ask("x")
    flush()
    call = backend.named("ask")
    assert ["chat gpt-4o-mini", "chat gpt-4o"] == [span.name for span in backend.under(call)]
    assert call["frugal.route.model"] == "gpt-4o"
    assert call["frugal.route.reason"]
    assert call["frugal.aggregated.cost"] == pytest.approx(cost(backend.under(call), "operation.cost"))


async def test_a_stream_ends_its_span_with_its_last_chunk(backend, flush, ledger):
    """Tokens, finish and dollars are known at the end, and the span says that it streamed."""
    provider = FakeModel(answer=ANSWER, chunks=5)

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model, stream=True)

    stream = await ask(SECRET)
    flush()
    assert [] == backend.spans
    async for _ in stream:
        pass
    flush()
    attempt = backend.named("chat gpt-4o")
    assert attempt["gen_ai.request.stream"] is True
    assert attempt["gen_ai.response.finish_reasons"] == ["stop"]
    assert attempt["operation.cost"] == pytest.approx(float(provider.charged))
    assert ANSWER.encode() not in backend.bytes


async def test_a_failure_is_an_error_of_its_kind_and_says_nothing_of_the_text(backend, flush, ledger):
    """An SDK's message quotes the prompt; only the kind of error is shown."""

    class QuotedError(Exception):
        pass

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        raise QuotedError(f"bad prompt: {prompt}")

    with pytest.raises(QuotedError):
        await ask(SECRET)
    flush()
    for name in ("ask", "chat gpt-4o"):
        span = backend.named(name)
        assert (span.status, span.message) == (ERROR, "QuotedError")
        assert span["error.type"] == "QuotedError"
        assert {} == span.events
    assert SECRET.encode() not in backend.bytes


async def test_a_cancelled_call_ends_its_spans_with_an_estimate(backend, flush, ledger):
    """What it may have cost stands on the provider's span, as in the ledger."""
    provider = FakeModel(gated=True)

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o", max_tokens: int = 10) -> Any:
        return await provider(prompt=prompt, model=model)

    task = asyncio.create_task(ask("x"))
    await provider.arrived(1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await ledger.flush()
    flush()
    attempt, call = backend.named("chat gpt-4o"), backend.named("ask")
    (record,) = ledger.records()
    assert (attempt["frugal.outcome"], call["frugal.outcome"]) == ("cancelled", "cancelled")
    assert attempt["frugal.cost.status"] == record.cost.status == "estimated"
    assert attempt["operation.cost"] == pytest.approx(float(record.cost.known))
    assert call["error.type"] == "CancelledError"


async def test_a_leader_that_leaves_ends_its_span_when_its_flight_lands(backend, flush, ledger):
    """No span is lost where a caller is cancelled and its flight goes on for another."""
    provider = FakeModel(gated=True)

    @metered(ledger=ledger)
    @deduplicated
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    leader = asyncio.create_task(ask("x"))
    await provider.arrived(1)
    follower = asyncio.create_task(ask("x"))
    await asyncio.sleep(0)
    leader.cancel()
    await asyncio.gather(leader, return_exceptions=True)
    provider.release()
    await follower
    await ledger.flush()
    flush()
    assert ["provider", "shared"] == sorted(s["frugal.outcome"] for s in backend.spans if s.name == "ask")
    assert cost(backend.spans, "operation.cost") == pytest.approx(float(provider.charged))


async def test_an_unpriced_call_has_no_cost_rather_than_none(backend, flush, ledger):
    """Nobody adds a zero for what is unknown."""
    provider = FakeModel()

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "nobody-knows") -> Any:
        return await provider(prompt=prompt, model=model)

    await ask("x")
    flush()
    attempt = backend.named("chat nobody-knows")
    assert not {*names.COST} & set(attempt.attributes)
    assert attempt["frugal.cost.status"] == "unpriced"
    assert "frugal.aggregated.cost" not in backend.named("ask").attributes


async def test_a_refused_call_has_no_provider_call_and_an_event(backend, flush, ledger):
    """A budget's refusal is seen: which budget, and that it was an error."""
    provider = FakeModel()

    @metered(ledger=ledger)
    @budgeted(Budget(usd="0.000001", name="the desk"))
    async def ask(prompt: str, *, model: str = "gpt-4o", max_tokens: int = 100) -> Any:
        return await provider(prompt=prompt, model=model)

    with pytest.raises(BudgetExceededError):
        await ask(SECRET)
    flush()
    call = backend.named("ask")
    assert [] == backend.under(call)
    assert call["frugal.outcome"] == "rejected"
    assert call.events["frugal.budget.exceeded"] == {"budget": "the desk"}
    assert call.status == ERROR


async def test_what_a_budget_has_left_and_why_a_model_was_chosen_stand_on_the_call(backend, flush, ledger):
    """For whoever looks at one trace."""
    provider = FakeModel()

    @metered(ledger=ledger)
    @routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
    @budgeted(daily_usd=1)
    async def ask(prompt: str, *, model: str = "gpt-4o", max_tokens: int = 10) -> Any:
        return await provider(prompt=prompt, model=model)

    await ask(f"Hello? {SECRET}")
    flush()
    call = backend.named("ask")
    assert 0 < call["frugal.budget.left"] <= 1
    assert call["frugal.route.model"] == provider.calls[0].model
    assert call["frugal.route.reason"]
    assert SECRET.encode() not in backend.bytes


@pytest.mark.parametrize(
    ("answer", "provider"),
    [
        ({"candidates": [], "modelVersion": "gemini-2.5-flash",
          "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2}}, "gcp.gemini"),
        ({"output": {"message": {}}, "stopReason": "end_turn", "usage": {"inputTokens": 5, "outputTokens": 2}},
         "aws.bedrock"),
        ({"choices": [], "model": "grok-4", "usage": {"prompt_tokens": 5, "completion_tokens": 2,
                                                       "cost_in_usd_ticks": 1}}, "x_ai"),
    ],
)  # fmt: skip
async def test_providers_have_the_names_of_the_conventions(backend, flush, ledger, answer, provider):
    """Not those of the price list."""

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "some-model") -> Any:
        return answer

    await ask("x")
    flush()
    assert backend.named("chat some-model")["gen_ai.provider.name"] == provider


async def test_metrics_do_not_depend_on_sampling(backend, fresh, ledger):
    """With no span sampled, durations, tokens and dollars are measured all the same."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

    trace.set_tracer_provider(TracerProvider(sampler=ALWAYS_OFF))
    flush = frugal.telemetry.export_otlp(backend.address, metrics_every=3600)
    provider = FakeModel(usage=Usage(input_tokens=1_000, output_tokens=100))

    @metered(ledger=ledger)
    @cached(layers=[memory])
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    await ask(SECRET)
    await ask(SECRET)
    flush()
    assert [] == backend.spans
    points = backend.points
    assert set(points) == {
        "gen_ai.client.operation.duration", "gen_ai.client.token.usage", "operation.cost", "frugal.cache.requests",
        "frugal.cost.saved",
    }  # fmt: skip
    assert float(provider.charged) == pytest.approx(sum(point.sum for point in points["operation.cost"]))
    assert float(provider.charged) == pytest.approx(sum(point.as_double for point in points["frugal.cost.saved"]))
    assert [1] == [point.count for point in points["gen_ai.client.operation.duration"]]


async def test_metrics_have_the_labels_of_the_spans(backend, flush, ledger):
    """By model, provider and kind of token; a failed call used no known tokens, and is not counted as using none."""
    provider = FakeModel(usage=Usage(input_tokens=1_000, output_tokens=100), fail={1: 500})

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    await ask("x")
    with pytest.raises(FakeProviderError):
        await ask("x")
    flush()
    labels = [backend.labels(point) for point in backend.points["gen_ai.client.token.usage"]]
    known = {
        "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o",
    }  # fmt: skip
    assert labels == [{**known, "gen_ai.token.type": "input"}, {**known, "gen_ai.token.type": "output"}]
    assert [1_000, 100] == [point.sum for point in backend.points["gen_ai.client.token.usage"]]
    failures = [backend.labels(point).get("error.type") for point in backend.points["gen_ai.client.operation.duration"]]
    assert failures == [None, "FakeProviderError"]
    asked = {backend.labels(p)["frugal.outcome"]: p.as_int for p in backend.points["frugal.cache.requests"]}
    assert asked == {"provider": 1, "failed": 1}


async def test_a_fault_of_telemetry_is_told_once_and_reaches_no_call(backend, flush, ledger, monkeypatch, caplog):
    """A tracer that fails costs a line in the log."""
    from opentelemetry.sdk.trace import Tracer

    provider = FakeModel()

    @metered(ledger=ledger)
    async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
        return await provider(prompt=prompt, model=model)

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no span today")

    monkeypatch.setattr(Tracer, "start_span", broken)
    with caplog.at_level(logging.WARNING, "frugal"):
        for _ in range(3):
            await ask("x")
    assert len([record for record in caplog.records if "telemetry failed" in record.getMessage()]) == 1
    assert provider.charged == ledger.totals().cost.known
