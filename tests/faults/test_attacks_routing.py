"""Attacks on routing: stale budgets, constraints on every path, judges that fail, hostile states and files."""

import asyncio
import gzip
import json
import logging
import multiprocessing
from contextlib import nullcontext, suppress
from datetime import UTC, datetime

import pytest

from frugal import (
    Budget,
    BudgetExceededError,
    Ledger,
    ModelPrice,
    NoEligibleModelError,
    PriceTable,
    Usage,
    adaptive,
    budgeted,
    by_complexity,
    cached,
    cascade,
    deduplicated,
    explain_call,
    feedback,
    learned,
    memory,
    metered,
    routed,
    scope,
    usd,
)
from frugal._values.routing import Cell, Decision, Outcome, Request
from frugal.routers.adaptive.state import SUMS, MemoryState, cells, empty, recorded
from frugal.testing import FakeClock, FakeModel, MemoryLedger, virtual

PRICES = PriceTable(
    {
        "small": ModelPrice(input=1, output=2),
        "middle": ModelPrice(input=5, output=9),
        "large": ModelPrice(input=10, output=30),
        "blind": ModelPrice(input=1, output=2),
    },
    base=False,
)
USED = Usage(input_tokens=100, output_tokens=60)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALWAYS_LARGE = by_complexity(simple=["large"], medium=["large"], complex=["large"])


def say(text="x" * 400):
    """Return a conversation of one question."""
    return [{"role": "user", "content": text}]


def asking(router, *outside, ledger=None, inside=(), constraints=None, default=None, **how):
    """Return a ledger, a provider and a routed function, with decorators outside and inside the router."""
    ledger = MemoryLedger() if ledger is None else ledger
    provider = FakeModel(**{"prices": PRICES, "usage": USED, **how})

    async def ask(messages, *, model="large", max_tokens=60, stream=False):
        return await provider(messages, model=model, stream=stream, max_tokens=max_tokens)

    for decorator in reversed(inside):
        ask = decorator(ask)
    ask = routed(router, constraints=constraints, default=default)(ask)
    for decorator in reversed(outside):
        ask = decorator(ask)
    return ledger, provider, metered(ledger=ledger, prices=PRICES)(ask)


def models(provider):
    """Return which models were asked."""
    return [call.model for call in provider.calls]


# --------------------------------------------------------------------------- budgets as they stand


@pytest.mark.parametrize("disk", [False, True])
async def test_yesterdays_budget_refuses_nobody_today(tmp_path, disk):
    """The cause of a function that refused for ever: the router went by the last hold, and took none any more."""
    clock = FakeClock(NOON)
    with virtual(clock):
        ledger = Ledger(tmp_path / "ledger", clock=clock) if disk else MemoryLedger(clock=clock)
        _, provider, ask = asking(ALWAYS_LARGE, ledger=ledger, inside=[budgeted(daily_usd="0.01")])
        for day in range(3):
            refused = 0
            for _ in range(5):
                try:
                    await ask(say())
                except BudgetExceededError:
                    refused += 1
            assert refused == 3
            assert len(provider.calls) == 2 * (day + 1)
            clock.advance(86_400)
        if disk:
            await ledger.aclose()


async def test_what_another_call_held_for_a_moment_excludes_nothing_later():
    """A hold is larger than what is spent: the room that it leaves is asked for anew."""
    _, provider, ask = asking(ALWAYS_LARGE, inside=[budgeted(daily_usd="0.0125")])
    for _ in range(3):
        await ask(say())
    assert models(provider) == ["large"] * 3


async def test_a_new_process_hears_a_suggestion_at_its_first_call(tmp_path):
    """Nothing was held there yet, but the ledger knows how the budget stands."""
    limit = Budget(usd="0.03", suggest="small", warn_at=0.5)
    with Ledger(tmp_path) as first:
        _, provider, ask = asking(ALWAYS_LARGE, ledger=first, inside=[budgeted(limit)])
        for _ in range(6):
            await ask(say())
        await first.flush()
    with Ledger(tmp_path) as second:
        _, provider, ask = asking(ALWAYS_LARGE, ledger=second, inside=[budgeted(limit)])
        shown = await explain_call(ask, say())
        await ask(say())
    assert models(provider) == ["small"]
    assert "near its limit and suggests small" in shown.reason


async def test_a_ledger_that_cannot_be_read_leaves_the_choice_and_refuses_the_call(tmp_path, caplog):
    """The router chooses without; the budget fails closed."""
    broken = tmp_path / "ledger"
    broken.write_text("not a directory")
    ledger = Ledger(broken, patience=0.05)
    _, provider, ask = asking(ALWAYS_LARGE, ledger=ledger, inside=[budgeted(daily_usd=5)])
    with caplog.at_level(logging.WARNING, "frugal"), pytest.raises(Exception, match="ledger"):
        await ask(say())
    assert provider.calls == []
    assert "a router chooses without" in caplog.text
    ledger.close()


async def test_a_budget_for_each_model_excludes_and_suggests_for_that_model_alone():
    """The large one's is used up; the small one's is not, and it is asked on."""
    limit = budgeted(Budget(usd="0.012", per="model", suggest="small"))
    tier = ["large", "small"]
    ledger, provider, ask = asking(by_complexity(simple=tier, medium=tier, complex=tier), inside=[limit])
    for _ in range(8):
        await ask(say())
    asked = models(provider)
    assert asked[0] == "large"
    assert asked[-4:] == ["small"] * 4
    assert ledger.cost.known == provider.charged


async def test_a_suggestion_that_raises_costs_no_call(caplog):
    """In the router as in the budget: logged, and gone on without."""

    def suggest(call):
        raise RuntimeError("no idea")

    limit = Budget(usd="0.03", suggest=suggest, warn_at=0.1)
    _, provider, ask = asking(ALWAYS_LARGE, inside=[budgeted(limit)])
    for _ in range(4):
        await ask(say())
    assert models(provider) == ["large"] * 4
    assert "no idea" in caplog.text


# --------------------------------------------------------------------------- constraints on every path


@pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")
@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize(("suggested", "served"), [("small", True), ("blind", False)])
async def test_a_suggestion_at_the_limit_meets_the_constraints_too(outside, suggested, served):
    """Wherever the budget stands: an excluded model is no way out of an exceeded budget."""
    limit = budgeted(Budget(usd="0.009", suggest=suggested, warn_at=1.0), on_exceeded="suggest")
    ledger, provider, ask = asking(
        lambda request: ("large", "mine"),
        *([limit] if outside else []),
        inside=[] if outside else [limit],
        constraints={"requires_vision": True},
    )
    with facts({"large": True, "small": True, "blind": False}):
        for _ in range(4):
            with suppress(BudgetExceededError, NoEligibleModelError):
                await ask(say())
    assert models(provider)[0] == "large"
    assert "blind" not in models(provider)
    assert ("small" in models(provider)) is served
    assert ledger.cost.known == provider.charged
    assert ledger.held == 0
    reasons = [record.route_reason for record in ledger.records if record.model == "small"]
    assert bool(reasons) is served
    assert all("at its limit" in reason for reason in reasons)


class facts:  # noqa: N801 - It reads as a statement.
    """Say for a while which models see."""

    def __init__(self, seeing):
        self.seeing = seeing

    def __enter__(self):
        from frugal.routers import facts as table

        self.before = dict(table.FAMILIES)
        table.FAMILIES.update({name: (True, sees, 0.5) for name, sees in self.seeing.items()})
        table.known.cache_clear()
        table._joined.cache_clear()

    def __exit__(self, *error):
        from frugal.routers import facts as table

        table.FAMILIES.clear()
        table.FAMILIES.update(self.before)
        table.known.cache_clear()
        table._joined.cache_clear()


async def test_a_cascade_does_not_ask_again_what_it_refused_because_a_budget_suggests_it():
    """The suggestion is the model whose answer was refused: the budget's refusal stands."""
    limit = budgeted(
        Budget(usd="0.02", suggest="small", warn_at=1.0),
        on_exceeded="suggest",
        estimate=lambda call: usd("0.5") if call.model == "large" else usd("0.001"),
    )
    ledger, provider, ask = asking(cascade(["small", "large"], accept=lambda response: False), inside=[limit])
    with pytest.raises(BudgetExceededError):
        await ask(say())
    assert models(provider) == ["small"]
    assert [record.outcome for record in ledger.records] == ["escalated"]
    assert ledger.cost.known == provider.charged


async def test_an_exhausted_budget_refuses_in_its_own_way():
    """Its error, with when it resets, or the user's own answer; not a router that finds no model."""
    _, provider, ask = asking(ALWAYS_LARGE, inside=[budgeted(daily_usd="0.008")])
    await ask(say())
    with pytest.raises(BudgetExceededError) as caught:
        await ask(say())
    assert caught.value.resets_at is not None
    _, provider, ask = asking(
        ALWAYS_LARGE, inside=[budgeted(daily_usd="0.008", on_exceeded=lambda error, call: "sorry")]
    )
    await ask(say())
    assert await ask(say()) == "sorry"
    assert models(provider) == ["large"]
    _, provider, ask = asking(
        ALWAYS_LARGE, inside=[budgeted(daily_usd="0.008")], constraints={"max_cost_per_request": 0}
    )
    with pytest.raises(NoEligibleModelError, match="allowed for a request"):
        await ask(say())


async def test_a_decision_of_the_users_own_making_is_held_against_the_constraints():
    """Its plan too."""

    def by_hand(request):
        return Decision("blind", "trust me", then=("large",), accept=lambda response: True)

    with facts({"blind": False, "large": True}):
        _, provider, ask = asking(by_hand, constraints={"requires_vision": True})
        with pytest.raises(NoEligibleModelError, match="no vision"):
            await ask(say())
        _, provider, ask = asking(by_hand, constraints={"requires_vision": True}, default="large")
        await ask(say())
        assert models(provider) == ["large"]

        def plan(request):
            return Decision("large", "trust me", then=("blind", "small"), accept=lambda response: False)

        _, provider, ask = asking(plan, constraints={"requires_vision": True})
        await ask(say())
        assert models(provider) == ["large", "small"]


@pytest.mark.parametrize(
    "nonsense", [None, "", 5, b"large", ("large",), ("a", "b", "c"), ["large"], {"model": "large"}, object(), True]
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_a_router_that_returns_nonsense_sends_nothing(nonsense, is_async):
    """It is named in the error, and the call is recorded as failed, at no cost."""

    async def later(request):
        return nonsense

    ledger, provider, ask = asking(later if is_async else lambda request: nonsense)
    with pytest.raises(TypeError, match="a router returned"):
        await ask(say())
    assert provider.calls == []
    assert [record.cost.known for record in ledger.records] == [usd(0)]


# --------------------------------------------------------------------------- cascades


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", ["raises", "cancelled"])
async def test_a_judge_that_does_not_come_to_a_verdict_costs_the_attempt_alone(stream, how):
    """The error passes, what was asked is recorded, nothing stays held, and nobody else is asked."""
    began = asyncio.Event()

    async def accept(response):
        began.set()
        if how == "raises":
            raise ZeroDivisionError
        await asyncio.Event().wait()

    ledger, provider, ask = asking(cascade(["small", "large"], accept=accept), inside=[budgeted(daily_usd=5)])
    task = asyncio.ensure_future(ask(say(), stream=stream))
    await began.wait()
    if how == "cancelled":
        task.cancel()
    with pytest.raises((ZeroDivisionError, asyncio.CancelledError)):
        await task
    assert models(provider) == ["small"]
    assert ledger.cost.known == provider.charged
    assert ledger.held == 0


async def test_a_cascade_that_is_cancelled_while_it_reads_closes_the_stream():
    """And charges what the provider may have billed, once."""
    reached, closed = asyncio.Event(), []
    ledger, provider = MemoryLedger(), FakeModel(prices=PRICES, usage=USED, answer="a b c d e f")

    async def slow(stream):
        try:
            async for chunk in stream:
                yield chunk
                reached.set()
                await asyncio.Event().wait()
        finally:
            closed.append(True)

    @metered(ledger=ledger, prices=PRICES)
    @routed(cascade(["small", "large"], accept=lambda chunks: True))
    @budgeted(daily_usd=5)
    async def ask(messages, *, model="large"):
        return slow(await provider(messages, model=model, stream=True))

    task = asyncio.ensure_future(ask(say()))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert closed == [True]
    (record,) = ledger.records
    assert record.outcome == "cancelled"
    assert record.cost.low <= provider.charged <= record.cost.high
    assert ledger.held == 0


@pytest.mark.parametrize("accepted", [False, True])
async def test_streams_left_half_read_are_charged_for_what_was_made(accepted):
    """An accepted one was read whole already; the last one is the reader's to read."""
    ledger, provider, ask = asking(
        cascade(["small", "large"], accept=lambda chunks: accepted), inside=[budgeted(daily_usd=5)], answer="a b c d e"
    )
    async for _ in await ask(say(), stream=True):
        break
    await asyncio.sleep(0)
    outcomes = [(record.model, record.outcome) for record in ledger.records]
    if accepted:
        assert outcomes == [("small", "provider")]
        assert ledger.cost.known == provider.charged
    else:
        assert outcomes[0] == ("small", "escalated")
        assert all(record.cost.low <= provider.charged for record in ledger.records)
        assert ledger.cost.low <= provider.charged <= ledger.cost.high
    assert ledger.held == 0


class Manager:
    """Stream inside a context manager, as some SDKs do."""

    def __init__(self, make):
        self.make = make
        self.left = False

    async def __aenter__(self):
        self.stream = Helper(await self.make())
        return self.stream

    async def __aexit__(self, *error):
        self.left = True
        await self.stream.close()


class Helper:
    """An SDK's stream that offers the text alone, too."""

    def __init__(self, stream):
        self.stream = stream
        self.text_stream = self._text()
        self.seen = 0

    async def __aiter__(self):
        async for chunk in self.stream:
            self.seen += 1
            yield chunk

    async def _text(self):
        async for _ in self:
            yield "text"

    def final(self):
        """Return what is known at the end."""
        return self.seen

    async def close(self):
        """Stop reading."""
        await self.stream.close()


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_cascade_reads_streams_inside_their_context_managers(accepted):
    """What an SDK's helper knows at the end is within reach; what would read on where all is read says so."""
    ledger, provider, made = MemoryLedger(), FakeModel(prices=PRICES, usage=USED, answer="a b c"), []

    @metered(ledger=ledger, prices=PRICES)
    @routed(cascade(["small", "large"], accept=lambda chunks: accepted and len(chunks) > 1))
    async def ask(messages, *, model="large"):
        made.append(Manager(lambda: provider(messages, model=model, stream=True)))
        return made[-1]

    async with await ask(say()) as stream:
        chunks = [chunk async for chunk in stream]
        assert stream.final() == len(chunks) > 1
        if accepted:
            with pytest.raises(AttributeError, match="read already"):
                _ = stream.text_stream
    assert all(manager.left for manager in made)
    assert models(provider) == (["small"] if accepted else ["small", "large"])
    assert ledger.cost.known == provider.charged


async def test_a_manager_that_gives_nothing_to_read_is_an_error_that_says_so():
    """Rather than an answer that nobody judged."""

    class Opaque:
        async def __aenter__(self):
            return 5

        async def __aexit__(self, *error):
            return None

    @metered(ledger=MemoryLedger())
    @routed(cascade(["small", "large"], accept=lambda chunks: True))
    async def ask(messages, *, model="large"):
        return Opaque()

    with pytest.raises(TypeError, match="return the stream itself"):
        await ask(say())


@pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")
@pytest.mark.parametrize("stream", [False, True])
async def test_no_dollar_of_a_cascade_is_counted_twice(stream):
    """Under a flight and a cache, with a budget outside and one inside: the sum is what the provider charged."""
    judge = cascade(["small", "middle", "large"], accept=lambda response: False)
    ledger, provider, ask = asking(
        judge, budgeted(daily_usd=5), deduplicated, cached(layers=[memory]), inside=[budgeted(monthly_usd=50)]
    )  # fmt: skip

    async def read():
        answer = await ask(say(), stream=stream)
        return [chunk async for chunk in answer] if stream else answer

    with scope() as run:
        await asyncio.gather(*(read() for _ in range(5)))
        await read()
    assert models(provider) == ["small", "middle", "large"]
    assert ledger.cost.known == provider.charged == run.cost.known
    assert ledger.held == 0
    # What a hit saves is the whole way to its answer, refused attempts included.
    saved = [record.saved for record in ledger.records if record.outcome == "memory"]
    assert saved
    assert all(each == provider.charged for each in saved)


# --------------------------------------------------------------------------- what adaptive routers learn


def teach(directory, seed):
    """Route and judge, in a process of its own."""

    async def work():
        with Ledger(directory) as ledger:
            _, _, ask = asking(adaptive(["small", "large"], seed=seed, memory=10**6), ledger=ledger)
            for number in range(40):
                with scope() as run:
                    await ask(say(f"question {number}"), model="large" if number % 2 else "small")
                await feedback(run.calls[0].id, success=bool(number % 2), ledger=ledger)

    asyncio.run(work())


def test_two_processes_feed_one_state_and_lose_nothing(tmp_path):
    """Each outcome is there once, and a third process chooses by them all."""
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=teach, args=(tmp_path, seed)) for seed in (1, 2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]

    async def look():
        with Ledger(tmp_path) as ledger:
            name = next(iter(_names(ledger)))
            sums = cells(ledger.load_state(name), "any")
            assert sums["large"]["judged"] == pytest.approx(40, rel=1e-3)
            assert sums["small"]["judged"] == pytest.approx(40, rel=1e-3)
            assert sums["large"]["successes"] == pytest.approx(40, rel=1e-3)
            _, provider, ask = asking(adaptive(["small", "large"], seed=3, explore=0), ledger=ledger)
            await ask(say("another"))
            assert models(provider) == ["large"]

    asyncio.run(look())


def _names(ledger):
    """Yield the functions that something was learned about."""
    return {f"adaptive {record.function}" for record in ledger.records()}


async def test_feedback_that_is_said_again_counts_once(tmp_path):
    """A retry is no second opinion; satisfaction that comes later is no second call."""
    with Ledger(tmp_path) as ledger:
        _, _, ask = asking(adaptive(["small", "large"], seed=1, explore=0), ledger=ledger)
        with scope() as run:
            await ask(say())
        call = run.calls[0].id
        for said in (
            {"success": True},
            {"success": True},
            {"satisfaction": 0.5},
            {"success": True, "satisfaction": 0.5},
        ):
            await feedback(call, **said, ledger=ledger)
        await asyncio.gather(*(feedback(call, success=True, ledger=ledger) for _ in range(5)))
        sums = cells(await asyncio.to_thread(ledger.load_state, next(iter(_names(ledger)))), "any")["small"]
    told = {name: sums[name] for name in ("judged", "successes", "success_count", "satisfaction", "satisfaction_count")}
    assert told == {"judged": 1, "successes": 1, "success_count": 1, "satisfaction": 0.5, "satisfaction_count": 1}


async def test_a_budgets_refusal_is_no_failure_of_the_model(tmp_path):
    """No provider was asked, so nothing was learned; a provider's failure teaches."""
    _, provider, ask = asking(adaptive(["small", "large"], seed=1, explore=0), inside=[budgeted(daily_tokens=1)])
    with pytest.raises(BudgetExceededError):
        await ask(say())
    assert provider.calls == []
    assert "score 0.50 after 0 observations" in (await explain_call(ask, say())).reason
    with Ledger(tmp_path) as ledger:

        @metered(ledger=ledger, prices=PRICES)
        @routed(adaptive(["small", "large"], seed=1, explore=0))
        async def fails(messages, *, model="large"):
            raise ConnectionError

        with pytest.raises(ConnectionError):
            await fails(say())
        shown = await explain_call(fails, say())
        assert (shown.route, "score 0.33" in shown.reason) == ("small", True)


HOSTILE = [
    {"format": 99, "tasks": {}},
    {"format": 1, "tasks": 5},
    {"format": 1, "tasks": {"any": []}},
    {"format": 1, "tasks": {"any": {"cells": 3}}},
    {"format": 1, "tasks": {"any": {"cells": {"small": [1, 2]}}}},
    {"format": 1, "tasks": {"any": {"cells": {"small": {**dict.fromkeys(SUMS, 1.0), "successes": 1e9}}}}},
    {"format": 1, "tasks": {"any": {"cells": {"small": dict.fromkeys(SUMS, -1)}}}},
    {"format": 1, "tasks": {"any": {"cells": {"small": {"judged": "x" * 100}}}}},
    {"format": 1, "tasks": {"any": {"cells": {"small": {"judged": 10**400}}}}},
    {"format": 1, "heard": "many", "memory": -3, "tasks": {"any": {"heard": None, "last": [], "cells": {}}}},
    {"format": 1, "heard": 2**400, "memory": True, "tasks": {"any": {"heard": -1, "cells": {"small": {}}}}},
]


@pytest.mark.parametrize("document", HOSTILE)
async def test_a_hostile_state_costs_no_call_and_mends_itself(tmp_path, document, caplog):
    """What cannot be read is learned anew; a newer version's is left alone."""
    with Ledger(tmp_path, patience=60) as ledger:
        _, provider, ask = asking(adaptive(["small", "large"], seed=1, explore=0), ledger=ledger)
        await ask(say())
        name = next(iter(_names(ledger)))
        await ledger.update_state(name, lambda before: document)
    with Ledger(tmp_path, patience=60) as ledger, caplog.at_level(logging.WARNING, "frugal"):
        _, provider, ask = asking(adaptive(["small", "large"], seed=1, explore=0), ledger=ledger)
        for number in range(3):
            with scope() as run:
                await ask(say(f"{number}"))
            with pytest.raises(ValueError, match="format") if document["format"] == 99 else nullcontext():
                await feedback(run.calls[0].id, success=True, ledger=ledger)
        assert len(provider.calls) == 3
        kept = await asyncio.to_thread(ledger.load_state, name)
    if document["format"] == 99:
        assert kept == document
    else:
        assert cells(kept, "any")["small"]["success_count"] >= 1
    said = [record.getMessage() for record in caplog.records if "goes on" in record.getMessage()]
    assert len(said) == len(set(said)) <= 4


def test_a_states_tasks_are_shared_and_only_what_changes_is_copied():
    """Or five hundred tasks would be copied for every call, on the loop."""
    state = recorded(None, [Outcome(cell=Cell(f"t{n}", "m"), success=True) for n in range(300)])
    before = json.dumps(state)
    after = recorded(state, [Outcome(cell=Cell("t5", "m"), success=False)])
    assert json.dumps(state) == before
    assert after["tasks"]["t6"] is state["tasks"]["t6"]
    assert after["tasks"]["t5"] is not state["tasks"]["t5"]
    assert MemoryState().load() == empty()


async def test_decisions_are_the_same_for_the_same_state_and_seed(tmp_path):
    """In another decoration and another ledger, too; a dry run shows what the call would do."""
    chosen = []
    for place in ("a", "b"):
        with Ledger(tmp_path / place) as ledger:
            _, provider, ask = asking(adaptive(["small", "large"], seed=7, explore=0.5), ledger=ledger)
            for number in range(12):
                shown = await explain_call(ask, say(f"question {number}"))
                with scope() as run:
                    await ask(say(f"question {number}"))
                assert provider.calls[-1].model == shown.route
                await feedback(run.calls[0].id, success=number % 3 > 0, ledger=ledger)
            chosen.append(models(provider))
    assert chosen[0] == chosen[1]
    assert len(set(chosen[0])) == 2


# --------------------------------------------------------------------------- files to learn from


def embed(texts):
    """Put every text in one of two places."""
    return [[float("hard" in text), 1.0] for text in texts]


def lines(count=60):
    """Return outcomes as JSON Lines."""
    return "".join(
        json.dumps({"query": f"{'hard' if n % 2 else 'easy'} {n}", "model": m, "success": n % 3 > 0, "cost": c}) + "\n"
        for n in range(count)
        for m, c in (("small", 0.001), ("large", 0.01))
    )


ROUTE = learned(["small", "large"], quality=0.8, embed=embed)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.csv", b'query,model,success\nq,small,1\n"' + b"x" * 300_000, "cannot be read after line 2"),
        ("a.csv", b"query,model,success\n\xff\xfe,small,1\n", "cannot be read"),
        ("a.csv", b"query,model,success\nq,small,1,2,3,4\nq\n", "line 3 names no model"),
        ("a.csv", b"", "too few"),
        ("a.csv", b"\x00\x00\x00", "too few|cannot be read"),
        ("a.csv.gz", b"not gzip", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"query,model,success\n" + b"q,small,1\n" * 500, mtime=0)[:50], "cannot be read"),
        ("a.jsonl.gz", gzip.compress(b"x" * 10_000, mtime=0)[:-20], "not JSON|cannot be read"),
        ("a.jsonl", b"[" * 100_000, "not JSON"),
        ("a.jsonl", b'{"query": "q", "model": "small", "success": NaN}', "success nan"),
        ("a.jsonl", b'{"query": "q", "model": "small", "success": 1, "cost": Infinity}', "cost inf"),
        ("a.jsonl", b'{"query": "q", "model": "small", "success": 1' + b"0" * 400 + b"}", "success 1000"),
        ("a.jsonl", b'{"query": "q", "model": "small", "success": 1, "cost": true}', "cost True"),
        ("a.jsonl", b'{"query": ["q"], "model": "small", "success": 1}', "no query"),
        ("a.jsonl", b'{"query": "q", "model": {"a": 1}, "success": 1}', "names no model"),
        ("a.jsonl", b'{"vector": [1e999], "model": "small", "success": 1}', "vector"),
        ("a.jsonl", b'\xef\xbb\xbf{"query": "q", "model": "small", "success": "yes"}', "too few"),
    ],
)
def test_a_hostile_file_is_an_error_that_names_the_line(tmp_path, name, data, message):
    """Never a crash of another kind, never a silent gap."""
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(ValueError, match=message):
        ROUTE.fit(path)


def test_a_spreadsheets_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    """It is what spreadsheets write."""
    rows = "".join(f"{'hard' if n % 2 else 'easy'} {n},{m},yes,0.01\r\n" for n in range(40) for m in ("small", "large"))
    path = tmp_path / "rows.csv"
    path.write_bytes(b"\xef\xbb\xbfquery,model,success,cost\r\n" + rows.encode())
    assert ROUTE.fit(path).expected.held_back == 40


def test_a_file_of_outcomes_runs_nothing_and_learns_what_it_says(tmp_path):
    """Names that look like code are names."""
    path = tmp_path / "rows.jsonl"
    path.write_text(
        lines() + json.dumps({"query": "__import__('os')", "model": "small", "success": True, "cost": 1}) + "\n"
    )
    assert ROUTE.fit(path).expected.held_back == 61


async def test_a_request_that_is_unlike_anything_is_routed(tmp_path):
    """Surrogates, a megabyte, nothing at all."""
    path = tmp_path / "rows.jsonl"
    path.write_text(lines())
    route = await asyncio.to_thread(ROUTE.fit, path)
    for text in ("\ud800\udfff", "x" * 1_000_000, "", "\x00", "\u202e" * 50):
        assert (await route(Request(text=text))).model in {"small", "large"}
