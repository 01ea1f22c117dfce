"""Routing through the decorator: who chooses the model, what it says, and what it learns."""

import asyncio
import gc

import pytest

from frugal import (
    Budget,
    Ledger,
    Model,
    NoEligibleModelError,
    Usage,
    adaptive,
    budgeted,
    by_complexity,
    cached,
    cascade,
    explain_call,
    feedback,
    learned,
    memory,
    metered,
    routed,
    scope,
    usd,
)
from frugal._values.routing import Request
from frugal.testing import FakeModel, MemoryLedger

TIERS = by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"])


def user(text):
    """Return a conversation of one question."""
    return [{"role": "user", "content": text}]


def asking(router, ledger=None, extra=(), **how):
    """Return a ledger, a provider and a routed function."""
    ledger, provider = ledger or MemoryLedger(), FakeModel(**how)

    async def ask(messages, *, model="gpt-4o", tools=None, max_tokens=None, stream=False):
        return await provider(messages, model=model, stream=stream)

    for decorator in extra:
        ask = decorator(ask)
    options = {}
    if isinstance(router, tuple):
        router, options = router
    return ledger, provider, metered(ledger=ledger)(routed(router, **options)(ask))


async def test_the_router_fills_the_model_and_the_record_says_why():
    """Where the caller left it at its default; what they passed is kept."""
    ledger, provider, ask = asking(TIERS)
    await ask(user("Translate to French: good morning"))
    await ask(user("Analyse and compare the two proofs, and design a third"))
    await ask(user("Translate to French: good morning"), model="o3")
    assert [call.model for call in provider.calls] == ["gpt-4o-mini", "gpt-4o", "o3"]
    assert [record.route_reason.partition(":")[0] for record in ledger.records] == ["simple", "complex", "pinned"]


async def test_override_chooses_even_where_a_model_was_passed():
    """And `argument=` names another argument."""
    _ledger, provider, ask = asking((TIERS, {"override": True}))
    await ask(user("Translate to French: good morning"), model="o3")
    assert [call.model for call in provider.calls] == ["gpt-4o-mini"]


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_users_function_is_a_router_too(is_async):
    """Sync or async, with or without a reason; its choice is held against the constraints."""

    def choose(request):
        return ("gpt-4o", f"{request.turns} turns, {len(request.tools)} tools, user {request.user}")

    async def choose_later(request):
        return choose(request)

    ledger, _provider, ask = asking(choose_later if is_async else choose)
    with scope(user="ada"):
        await ask(user("x"), tools=[{"type": "function"}])
    assert ledger.records[0].route_reason == "1 turns, 1 tools, user ada"
    _ledger, provider, ask = asking((lambda request: Model("blind", vision=False, tools=False), {"default": "gpt-4o"}))
    await ask(user("x"), tools=[{"type": "function"}])
    assert [call.model for call in provider.calls] == ["gpt-4o"]


async def test_nothing_eligible_names_what_excluded_each():
    """Before anything is sent, recorded as `rejected`."""
    ledger, provider, ask = asking((TIERS, {"constraints": {"max_cost_per_request": 0}}))
    with pytest.raises(NoEligibleModelError) as caught:
        await ask(user("Translate to French: good morning"))
    assert set(caught.value.excluded) == {"gpt-4o-mini", "gpt-4.1-mini", "gpt-4o"}
    assert provider.calls == []
    assert [record.outcome for record in ledger.records] == ["rejected"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_cascade_meters_every_attempt(stream, is_async):
    """Refused answers are `escalated` records of the same call; a stream is read, judged, and replayed."""

    def good(text: str) -> bool:
        return "sure" in text

    async def good_later(text: str) -> bool:
        return good(text)

    router = cascade(["gpt-4o-mini", "gpt-4o"], accept=good_later if is_async else good)
    ledger, provider, ask = asking(router, answer=lambda text: "sure" if "easy" in text else "hm")
    for text in ("easy", "hard"):
        reply = await ask(user(text), stream=stream)
        if stream:
            assert [chunk async for chunk in reply]
    assert [call.model for call in provider.calls] == ["gpt-4o-mini", "gpt-4o-mini", "gpt-4o"]
    assert [record.outcome for record in ledger.records] == ["provider", "escalated", "provider"]
    assert len({record.call for record in ledger.records}) == 2
    assert ledger.records[2].id == ledger.records[2].call
    assert ledger.cost.known == provider.charged


@pytest.mark.parametrize(("on_exceeded", "expected"), [("raise", 0), ("suggest", 1)])
async def test_what_a_router_chose_by_is_kept_only_for_whoever_may_ask_again(on_exceeded, expected):
    """While the model is asked, the request is kept where a budget inside may ask for another model."""
    kept = []

    @metered(ledger=MemoryLedger())
    @routed(TIERS)
    @budgeted(daily_usd=1, suggest="gpt-4o-mini", on_exceeded=on_exceeded)
    async def ask(messages, *, model="gpt-4o"):
        gc.collect()
        kept.append(sum(type(each) is Request and each.text == "a question of its own" for each in gc.get_objects()))
        return "an answer"

    await ask(user("a question of its own"))
    assert [expected] == kept


async def test_a_budget_near_its_limit_suggests_and_the_router_heeds():
    """Wherever the router stands, the suggestion reaches it before it chooses."""
    limit = Budget(usd="0.01", suggest="gpt-4o-mini")
    choose_large = by_complexity(simple=["gpt-4o"], medium=["gpt-4o"], complex=["gpt-4o"])
    ledger, provider, ask = asking(choose_large, extra=[budgeted(limit)], usage=Usage(output_tokens=100))
    for _ in range(10):
        await ask(user("hello"), max_tokens=100)
    models = [call.model for call in provider.calls]
    assert models[0] == "gpt-4o"
    assert models[-1] == "gpt-4o-mini"
    assert any("suggest" in record.route_reason for record in ledger.records)


async def test_explain_call_shows_the_route_and_asks_nobody():
    """The candidates, what excluded each, and the reason."""
    ledger, provider, ask = asking((TIERS, {"constraints": {"max_cost_per_request": "0.005"}}))
    shown = await explain_call(ask, user("Analyse and compare the two proofs, and design a third"))
    assert shown.route in {"gpt-4o", "gpt-4.1-mini"}
    assert {candidate.model for candidate in shown.candidates} >= {"gpt-4o", "gpt-4.1-mini"}
    assert provider.calls == []
    assert ledger.records == []


async def test_feedback_teaches_an_adaptive_router_and_outlives_the_process(tmp_path):
    """A fresh decoration over the same ledger knows what the first one learned."""
    with Ledger(tmp_path / "ledger") as ledger:

        def make():
            router = adaptive(["gpt-4o-mini", "gpt-4o"], base="gpt-4o-mini", seed=1, explore=0)
            return asking(router, ledger=ledger)

        _ledger, _provider, ask = make()
        for number in range(30):
            for model in ("gpt-4o-mini", "gpt-4o"):
                with scope() as run:
                    await ask(user(f"question {number}"), model=model)
                await feedback(run.calls[0].id, success=model == "gpt-4o", ledger=ledger)
        _ledger, provider, ask = make()
        for number in range(5):
            await ask(user(f"another {number}"))
        assert [call.model for call in provider.calls] == ["gpt-4o"] * 5


async def test_learned_fits_from_a_ledger_whose_caller_kept_the_queries(tmp_path):
    """As a tag of their own choosing: the ledger itself keeps no prompt."""

    def embed(texts):
        return [[1.0, 0.0] if "easy" in text else [0.0, 1.0] for text in texts]

    with Ledger(tmp_path / "ledger") as ledger:
        _ledger, _provider, ask = asking(TIERS, ledger=ledger)
        for number in range(60):
            for model in ("gpt-4o-mini", "gpt-4o"):
                kind = "easy" if number % 2 else "hard"
                with scope(query=f"{kind} {number}") as run:
                    await ask(user(f"{kind} {number}"), model=model)
                right = model == "gpt-4o" or kind == "easy"
                await feedback(run.calls[0].id, success=right, ledger=ledger)
        router = await asyncio.to_thread(learned(["gpt-4o-mini", "gpt-4o"], quality=0.95, embed=embed).fit, ledger)
        _ledger, provider, ask = asking(router)
        await ask(user("easy peasy"))
        await ask(user("hard rock"))
    assert [call.model for call in provider.calls] == ["gpt-4o-mini", "gpt-4o"]
    assert provider.charged > usd(0)


async def test_an_explanation_tells_how_every_candidate_stood():
    """What excluded it, what it would cost, how it scored: in words, for whoever wonders about a choice."""

    @routed(by_complexity(simple=["gpt-4o-mini"], complex=["gpt-4"]), constraints={"requires_vision": True})
    async def ask(prompt, *, model="gpt-4o"):
        return prompt

    found = await explain_call(ask, "Translate to French: good morning")
    assert {one.model: one.excluded for one in found.candidates}["gpt-4"] == "no vision, and it is required"
    assert "model  gpt-4: excluded: no vision, and it is required" in str(found)
    assert f"route  gpt-4o-mini: {found.reason}" in str(found)


async def test_explain_call_says_of_a_hit_that_nothing_is_held_and_nobody_is_asked(tmp_path):
    """What stands inside a cache that has the answer is not reached; what it would do otherwise is still said."""
    with Ledger(tmp_path) as ledger:
        provider = FakeModel()

        @metered(ledger=ledger)
        @cached(layers=[memory])
        @budgeted(daily_usd=1, ledger=ledger)
        async def ask(prompt, *, model="gpt-4o", max_tokens=10):
            return await provider(prompt, model=model)

        before = await explain_call(ask, "Hello")
        await ask("Hello")
        after = await explain_call(ask, "Hello")
    assert "cached(layers=[memory]): has no answer, would go on inwards" in before.rings
    assert before.held > usd(0)
    assert "cached(layers=[memory]): would answer from memory" in after.rings
    assert "budgeted(Budget(usd='1')): not reached, else would hold" in after.rings[2]
    assert after.held == usd(0)
