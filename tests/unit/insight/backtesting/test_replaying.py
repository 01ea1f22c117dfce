"""A log, run again through a real stack."""

import asyncio
import datetime as dt
import threading
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

import frugal
from frugal import (
    Budget,
    Ledger,
    Money,
    adaptive,
    backtest,
    batched,
    budgeted,
    by_complexity,
    cached,
    cascade,
    deduplicated,
    disk,
    memory,
    metered,
    middleware,
    rate_limited,
    routed,
    semantic_cached,
    stack,
)
from frugal._values.clock import clock as ambient
from frugal._values.cost import Cost
from frugal.insight.backtesting import Backtest, BudgetHit, Hour, Log, read_log
from frugal.testing import FakeClock, FakeModel, MemoryLedger, virtual

REQUEST = Money(3_500_000_000)
"""What a request of the fixture costs: a thousand tokens of gpt-4o in and a hundred out."""

Row = Callable[..., dict[str, Any]]


def of(dollars: int) -> Money:
    """Return the cost of so many requests of the fixture."""
    return REQUEST * dollars


def adds_up(found: Backtest) -> None:
    """Check that the parts add up to the whole."""
    assert found.saved == found.baseline.known - found.cost.known
    assert sum((money.pico for money in found.by_ring.values()), 0) == found.saved.pico
    assert sum(hour.requests for hour in found.by_hour) == found.requests == sum(found.outcomes.values())
    assert sum(hour.refused for hour in found.by_hour) == found.refused
    assert sum(hour.cost.known.pico for hour in found.by_hour) == found.cost.known.pico
    assert sum(hour.saved.pico for hour in found.by_hour) == found.saved.pico


# --------------------------------------------------------------------------- our own log


def lived(ledger: Ledger, decorators: Callable[[Any], Any], clock: FakeClock) -> None:
    """Let a ledger see a day of everything: repeats, streams, two shapes, cached input, failures, calls together."""
    usage = frugal.Usage(
        input_tokens=1_234, cache_read_tokens=567, cache_write_5m_tokens=89, cache_write_1h_tokens=7, output_tokens=333
    )
    claude = FakeModel("anthropic", usage=usage)
    gpt = FakeModel(
        usage=lambda text, answer, model: frugal.Usage(
            input_tokens=len(text) + 100, cache_read_tokens=17, output_tokens=41, reasoning_tokens=5
        ),
        fail={3: 500, 5: 429},
    )

    @decorators
    async def ask(messages: Any, *, model: str = "claude-sonnet-4-5") -> Any:
        return await claude(messages, model=model)

    @decorators
    async def tell(messages: Any, *, model: str = "gpt-4o", stream: bool = False) -> Any:
        return await gpt(messages, model=model, stream=stream)

    async def one(call: Any) -> None:
        try:
            found = await call
            if hasattr(found, "__aiter__"):
                async for _ in found:
                    pass
        except Exception as error:
            if "told to fail" not in str(error):
                raise

    async def day() -> None:
        for number in range(40):
            with frugal.scope(user=f"user {number % 3}", feature="=search"):
                await one(ask(f"question {number % 9}"))
                await one(
                    tell(f"and {number % 7}", model=("gpt-4o", "gpt-4o-mini")[number % 2], stream=number % 3 == 0)
                )
                await asyncio.gather(one(ask(f"together {number}")), one(ask(f"together {number}")))
            clock.advance(400)
        await ledger.flush()

    asyncio.run(day())


@pytest.mark.parametrize("form", ["log.jsonl", "log.csv", "records"])
@pytest.mark.parametrize(
    "rings",
    [stack(), stack(deduplicated), stack(deduplicated, cached(layers=[memory], ttl=200))],
    ids=["metered", "deduplicated", "cached"],
)
def test_our_own_log_costs_again_what_it_cost(tmp_path: Path, form: str, rings: Any) -> None:
    """To the pico-dollar, hits and followers and all, from a file or from the records themselves."""
    clock = FakeClock()
    with virtual(clock), Ledger(tmp_path / "ledger", clock=clock) as ledger:
        lived(ledger, stack(metered(ledger=ledger), rings), clock)
        total = ledger.totals()
        log: Any = list(ledger.records())
        if form != "records":
            log = tmp_path / form
            ledger.export(log)
    found = backtest(log, rings)
    assert total.cost.known.pico > 0
    assert found.cost.known == total.cost.known
    assert found.baseline.known == total.cost.known + total.saved
    assert found.saved == total.saved
    assert found.outcomes == total.outcomes
    adds_up(found)


def test_the_same_log_through_a_cache_that_was_not_there(tmp_path: Path) -> None:
    """A log of plain metered calls says what a cache would have saved, by the keys of its records alone."""
    clock = FakeClock()
    with virtual(clock), Ledger(tmp_path / "ledger", clock=clock) as ledger:
        lived(ledger, stack(metered(ledger=ledger)), clock)
        total, log = ledger.totals(), list(ledger.records())
    found = backtest(log, stack(deduplicated, cached(layers=[memory(ttl=None)])))
    assert found.baseline.known == total.cost.known
    assert found.outcomes["memory"] > 30
    assert found.by_ring["cached"].pico > 0
    assert found.by_ring["deduplicated"].pico > 0
    adds_up(found)


# --------------------------------------------------------------------------- nothing of the user's is touched


class Untouchable:
    """A store that nobody may touch."""

    name = "disk"
    durable = True

    def get(self, key: str) -> Any:
        """Fail."""
        raise AssertionError("a backtest read the user's store")

    set = delete = clear = get


def test_nothing_that_the_decorators_name_is_touched(tmp_path: Path, frugal_home: Path, row: Row) -> None:
    """Neither ledger nor layer, nor directory, nor store, nor callback, though each is named."""
    ledger = Ledger(tmp_path / "ledger")
    shared = memory(max_items=10)
    told: list[Any] = []
    found = backtest(
        [row(at, f"question {at % 5}") for at in range(20)],
        stack(
            metered(ledger=ledger),
            cached(layers=[shared, disk(tmp_path / "answers"), Untouchable()]),
            semantic_cached(embed=lambda texts: [[1.0, 0.0]] * len(texts), directory=tmp_path / "meaning"),
            budgeted(daily_usd="0.01", on_warning=told.append, on_exceeded=lambda error, call: told.append(error)),
        ),
    )
    assert found.refused > 0
    assert found.budgets
    assert told == []
    assert list(tmp_path.iterdir()) == []
    assert shared.stores == {}
    ledger.close()
    assert not frugal_home.exists()


def test_a_function_called_inside_that_has_a_ledger_of_its_own_does_not_write_to_it(row: Row) -> None:
    """An embedder that is metered elsewhere counts in the backtest, and not in its own ledger."""
    mine = MemoryLedger()

    @metered(ledger=mine, read=lambda vectors: frugal.Usage(input_tokens=10))
    async def embed(texts: list[str], *, model: str = "text-embedding-3-small") -> list[list[float]]:
        return [[1.0, 0.0]] * len(texts)

    found = backtest([row(at * 9, "What is it?") for at in range(3)], stack(semantic_cached(embed=embed)))
    assert mine.records == []
    assert found.by_ring["embed"].pico < 0
    assert found.outcomes == {"semantic": 2, "provider": 1}
    adds_up(found)


def test_time_goes_on_for_everybody_else(row: Row) -> None:
    """The virtual clock is the backtest's alone: other threads and loops see the machine's time."""
    before = ambient.current
    seen: list[float] = []

    def look() -> None:
        def read() -> None:
            seen.append(ambient.now())

        thread = threading.Thread(target=read)
        thread.start()
        thread.join()

    backtest([row(at) for at in (0, 9_000)], stack(metered), on_request=look)
    assert all(abs(at - before.now()) < 60 for at in seen)
    assert ambient.current is before


def test_a_function_decorated_before_keeps_its_own_things(row: Row) -> None:
    """Attaching a stack in a backtest leaves no scratch store in a ring outside of it."""
    ledger = MemoryLedger()
    decorators = stack(metered(ledger=ledger), cached(layers=[memory]))
    backtest([row(0, "x"), row(5, "x")], decorators)

    @decorators
    async def ask(prompt: str) -> str:
        return prompt

    assert asyncio.run(ask("x")) == "x"
    assert len(ledger.records) == 1


# --------------------------------------------------------------------------- ring by ring


def test_equal_requests_hit_while_an_answer_lives(row: Row) -> None:
    """And not after it, on the log's own time."""
    found = backtest([row(at, "x") for at in (0, 60, 120)], stack(cached(layers=[memory(ttl=90)])))
    assert found.outcomes == {"provider": 2, "memory": 1}
    assert found.by_ring == {"cached": of(1)}
    adds_up(found)


def test_requests_that_are_under_way_together_share(row: Row) -> None:
    """For as long as the log's latency says that the first is under way."""
    found = backtest([row(at, "x", latency=10.0) for at in (0, 9, 11)], stack(deduplicated))
    assert found.outcomes == {"provider": 2, "shared": 1}
    assert found.by_ring == {"deduplicated": of(1)}


def test_a_cache_of_streams_is_judged_like_any_other(row: Row) -> None:
    """A stream that was read to its end is kept and replayed."""
    found = backtest([row(at, "x", stream=True) for at in (0, 60)], stack(deduplicated, cached(layers=[memory])))
    assert found.outcomes == {"provider": 1, "memory": 1}
    assert found.saved == of(1)


def test_an_answer_that_was_cut_short_is_not_kept(row: Row) -> None:
    """What the log says of an answer's end is what the cache sees."""
    found = backtest([row(at, "x", finish="max_tokens") for at in (0, 60)], stack(cached(layers=[memory])))
    assert found.outcomes == {"provider": 2}


def test_a_budget_refuses_at_its_limit_and_begins_again_with_its_window(row: Row) -> None:
    """What was hit, by whom and when is said; a new day has its money again."""
    log = [row(at, "x", user="ada", max_tokens=100) for at in range(0, 6 * 3600, 3600)]
    log += [row(86_400, "x", user="ada", max_tokens=100), row(10, "x", user="bob", max_tokens=100)]
    found = backtest(log, stack(budgeted(Budget(usd="0.0115", window="day", per="user", name="each"))))
    assert found.refused == 3
    assert found.by_ring == {"budgeted": of(3)}
    (hit,) = (hit for hit in found.budgets if hit.refused)
    assert (hit.budget, hit.subject, hit.refused) == ("each", "ada", 3)
    assert hit.refused_at == datetime(2026, 1, 15, 15, tzinfo=UTC)
    assert hit.warned_at is None
    assert hit.resets_at == datetime(2026, 1, 16, tzinfo=UTC)
    adds_up(found)


def test_a_run_is_the_logs_session(row: Row) -> None:
    """A budget for each run holds each session to it."""
    log = [row(at, "x", session=name, max_tokens=100) for name in ("a", "b") for at in range(0, 50, 10)]
    found = backtest(log, stack(budgeted(run_usd="0.0115")))
    assert found.outcomes == {"provider": 6, "rejected": 4}
    adds_up(found)


def test_a_budget_holds_for_what_the_log_says_that_was_sent(row: Row) -> None:
    """A request without its prompt is held for by its tokens: here, more than there is."""
    found = backtest([row(input_tokens=1_000_000, max_tokens=10)], stack(budgeted(daily_usd=2)))
    assert found.refused == 1
    assert any("no prompt in the log" in note for note in found.not_judged)


def test_a_rate_limit_makes_requests_wait_and_costs_nothing(row: Row) -> None:
    """Time is spent, no money; the last of ten goes nine minutes later."""
    ended: list[float] = []
    found = backtest(
        [row(0) for _ in range(10)], stack(rate_limited(rpm=1)), on_request=lambda: ended.append(ambient.now())
    )
    assert found.saved == Money(0)
    assert ended[-1] - ended[0] == pytest.approx(540, abs=1)


def test_batches_are_as_dear_as_their_members(row: Row) -> None:
    """Equal texts in one batch are two members; every token is somebody's."""
    log = [row(at * 0.01, f"text {at % 3}", input_tokens=1000 + at) for at in range(10)]
    found = backtest(log, stack(batched(max_size=4)))
    assert found.outcomes == {"batched": 10}
    assert found.cost.known == found.baseline.known
    assert found.saved == Money(0)


def test_a_router_is_judged_by_the_prompts(row: Row) -> None:
    """The same tokens at the price of the model that it chooses, and the other requests at their own."""
    log = [row(0, "Translate to French: good morning"), row(5), row(9, "Say hello in German")]
    rules = by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4o-mini"], complex=["gpt-4o"])
    found = backtest(log, stack(routed(rules)))
    cheap = Money(210_000_000)
    assert found.cost.known == REQUEST + cheap + cheap
    assert found.by_ring == {"routed": (REQUEST - cheap) * 2}
    assert any(note.startswith("routed: 1 of 3 requests have no prompt") for note in found.not_judged)
    adds_up(found)


def test_a_router_that_is_dearer_saves_less_than_nothing(row: Row) -> None:
    """The result is signed."""
    found = backtest([row(0, "x", model="gpt-4o-mini")], stack(routed(lambda request: ("gpt-4o", "always"))))
    assert found.saved.pico < 0
    assert found.by_ring["routed"] == found.saved


@pytest.mark.parametrize(
    "router", [cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: True), adaptive(["gpt-4o-mini", "gpt-4o"])]
)
def test_what_only_production_knows_is_not_judged(router: Any, row: Row) -> None:
    """A cascade's answers and an adaptive router's outcomes never were; models are kept, and it is said."""
    found = backtest([row(at, f"question {at}") for at in range(30)], stack(routed(router)))
    assert found.saved == Money(0)
    assert any("only production has" in note for note in found.not_judged)


def test_a_semantic_cache_is_judged_by_the_prompts(row: Row) -> None:
    """With the embedder of the stack; requests without a prompt go by."""
    axes = {"a": [1.0, 0.0], "b": [0.0, 1.0]}
    log = [row(0, "a first"), row(10, "a second"), row(20, "b third"), row(30)]
    found = backtest(log, stack(semantic_cached(embed=lambda texts: [axes[text[0]] for text in texts], veto=False)))
    assert found.outcomes == {"provider": 3, "semantic": 1}
    assert found.by_ring == {"semantic_cached": of(1)}
    assert any(note.startswith("semantic_cached: 1 of 4 requests have no prompt") for note in found.not_judged)


def test_a_semantic_cache_that_compares_answers_needs_them(row: Row) -> None:
    """Without them nothing is looked up; with them, it learns as in production."""

    def embed(texts: list[str]) -> list[list[float]]:
        return [[1.0, 0.0]] * len(texts)

    without = backtest([row(at, "What?") for at in range(40)], stack(semantic_cached(max_error_rate=0.2, embed=embed)))
    assert without.outcomes == {"provider": 40}
    assert any("no answer in the log" in note for note in without.not_judged)
    log = [row(at, "What?", answer="This.") for at in range(200)]
    found = backtest(log, stack(semantic_cached(max_error_rate=0.2, embed=embed)))
    assert found.outcomes["semantic"] > 20
    adds_up(found)


def test_requests_that_nobody_can_tell_apart_are_never_taken_for_equal(row: Row) -> None:
    """A log with neither prompts nor keys says nothing of repeats."""
    found = backtest([row(0), row(1), row(2)], stack(deduplicated, cached(layers=[memory])))
    assert found.outcomes == {"provider": 3}
    assert sum("neither a prompt nor a key" in note for note in found.not_judged) == 2


def test_what_a_model_without_a_price_cost_is_not_nothing(row: Row) -> None:
    """It is unpriced, counted, and named."""
    found = backtest([row(0, model="nobodys-model"), row(1)], stack(metered))
    assert found.baseline.unpriced_calls == 1
    assert any("'nobodys-model'" in note for note in found.not_judged)
    priced = backtest(
        [row(0, model="nobodys-model")], stack(metered), prices={"nobodys-model": frugal.ModelPrice(input=1, output=1)}
    )
    assert priced.cost.known == Money(1_100_000_000)


def test_a_failure_of_the_log_fails_again_and_costs_what_it_cost(row: Row) -> None:
    """Nothing, unless the log says so; a cache does not keep it."""
    log = [row(0, "x", status=503), row(5, "x", status=503, cost="0.001"), row(9, "x")]
    found = backtest(log, stack(cached(layers=[memory])))
    assert found.outcomes == {"failed": 2, "provider": 1}
    assert found.cost.known == REQUEST + Money(10**9) == found.baseline.known


def test_costs_that_the_log_states_go_before_any_price(row: Row) -> None:
    """They are what was paid."""
    found = backtest([row(0, "x", cost="0.5"), row(1, "x")], stack(cached(layers=[memory])))
    assert found.cost.known == Money(5 * 10**11)
    assert found.by_ring == {"cached": REQUEST}


# --------------------------------------------------------------------------- the rest


def test_two_runs_of_one_log_are_equal(row: Row) -> None:
    """Virtual time has one order."""
    log = [row(at % 17, f"q{at % 7}", latency=0.5 + at % 3) for at in range(60)]
    decorators = stack(
        deduplicated, cached(layers=[memory]), budgeted(daily_usd="0.05"), rate_limited(max_concurrency=2)
    )
    assert backtest(log, decorators) == backtest(log, decorators)


def test_what_a_function_of_the_user_raises_is_raised_with_the_request(row: Row) -> None:
    """A fault in a stack is no result."""

    @middleware
    async def broken(call: Any, proceed: Any) -> Any:
        if "2" in str(call.arguments):
            raise LookupError("broken")
        return await proceed(call)

    with pytest.raises(LookupError, match="broken") as caught:
        backtest([row(0, "1"), row(1, "2"), row(2, "3")], stack(broken))
    assert "request 2" in caught.value.__notes__[0]


def test_a_stack_that_looks_at_answers_is_given_its_own_kind(row: Row) -> None:
    """`respond=` makes what the decorated function returns."""
    kept = cached(layers=[memory], cache_if=lambda text: "good" in text)
    log = [
        row(0, "x", answer="good"),
        row(5, "x", answer="good"),
        row(9, "y", answer="bad"),
        row(12, "y", answer="bad"),
    ]
    found = backtest(log, stack(kept), respond=lambda logged: logged.answer)
    assert found.outcomes == {"provider": 3, "memory": 1}
    assert found.cost.known == of(3)


def test_a_stack_is_decorators_and_not_what_they_decorated(row: Row) -> None:
    """The difference is said."""

    @metered
    async def ask(prompt: str) -> str:
        return prompt

    with pytest.raises(TypeError, match="rather than what it decorated"):
        backtest([row()], ask)


def test_a_running_loop_is_told_to_use_a_thread(row: Row) -> None:
    """And in a thread it works."""
    log = [row()]

    async def main() -> Backtest:
        with pytest.raises(RuntimeError, match="to_thread"):
            backtest(log, stack(metered))
        return await asyncio.to_thread(backtest, log, stack(metered))

    assert asyncio.run(main()).requests == 1


def test_an_empty_log_is_nothing_rather_than_an_error() -> None:
    """No request, no hour, no money."""
    found = backtest([], stack(metered))
    assert (found.requests, found.saved, found.by_hour) == (0, Money(0), ())
    assert found == backtest(Log([]), stack())


def test_latencies_that_the_log_does_not_have_are_medians_or_given(row: Row) -> None:
    """Of the same model first."""
    log = [row(0, "a", latency=10.0), row(5, "x", latency=None), row(12, "x", latency=None)]
    assert backtest(log, stack(deduplicated)).outcomes == {"provider": 2, "shared": 1}
    assert backtest(log, stack(deduplicated), latency=1).outcomes == {"provider": 3}
    with pytest.raises(ValueError, match="latency"):
        backtest(log, stack(metered), latency=-1)


def test_a_result_repeats_itself_faithfully(row: Row) -> None:
    """Its repr names all that it says."""
    found = backtest([row(0, "x"), row(1, "x")], stack(cached(layers=[memory])))
    names = {kind.__name__: kind for kind in (Backtest, BudgetHit, Hour, Cost, Money)}
    assert eval(repr(found), {**names, "datetime": dt}) == found


@pytest.mark.timeout(600)
def test_real_sessions_of_agents_are_replayed(data_dir: Path) -> None:
    """All 21,798 of them, through a flight, two caches and two budgets; `backtest_agent_sessions` takes the time."""
    decorators = stack(
        metered,
        deduplicated,
        cached(layers=[memory, disk]),
        budgeted(Budget(usd=600, timezone="Europe/Berlin"), monthly_usd=50_000),
    )
    found = backtest(data_dir / "traces" / "agent_sessions.csv.gz", decorators)
    assert found.requests == 21_798
    assert found.baseline.status == "exact"
    assert found.refused > 0
    assert {"budgeted"} == found.by_ring.keys()
    assert any(note.startswith("cached: 4 of 21,798 requests") for note in found.not_judged)
    assert len(read_log(data_dir / "traces" / "azure_conversations.csv.gz", model="gpt-4o")) == 19_366
    adds_up(found)


def test_an_order_that_loses_something_is_said_once(row: Row) -> None:
    """As at any decoration."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        backtest([row(0, "x")], stack(cached(layers=[memory]), deduplicated))
    assert [warning.category for warning in caught] == [frugal.OrderWarning]
