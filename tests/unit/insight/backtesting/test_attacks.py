"""Backtests under attack: surroundings, threads, calendars and logs that want a wrong figure or a trace outside."""

import asyncio
import gc
import threading
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import frugal
from frugal import (
    Budget,
    Money,
    Usage,
    backtest,
    budgeted,
    cached,
    current_call,
    deduplicated,
    disk,
    memory,
    metered,
    middleware,
    routed,
    scope,
    semantic_cached,
    stack,
)
from frugal._values.clock import clock as ambient
from frugal.insight.backtesting import Backtest, Log, Logged
from frugal.testing import MemoryLedger

Row = Callable[..., dict[str, Any]]
REQUEST = Money(3_500_000_000)
BERLIN = ZoneInfo("Europe/Berlin")


def adds_up(found: Backtest) -> None:
    """Check that the parts add up to the whole."""
    assert found.saved == found.baseline.known - found.cost.known
    assert sum(money.pico for money in found.by_ring.values()) == found.saved.pico
    assert sum(hour.saved.pico for hour in found.by_hour) == found.saved.pico
    assert sum(hour.requests for hour in found.by_hour) == found.requests == sum(found.outcomes.values())


# --------------------------------------------------------------------------- surroundings


def test_a_scope_a_bypass_and_a_call_around_a_backtest_are_not_the_logs(row: Row) -> None:
    """The caller's user pays for none of it, and its run's cost is what its own calls cost."""
    ledger = MemoryLedger()
    log = [row(at, "x", **({"user": "ada"} if at else {})) for at in (0, 10)]
    found: list[Backtest] = []

    @metered(ledger=ledger)
    async def tool(prompt: str) -> str:
        found.append(await asyncio.to_thread(backtest, log, stack(cached(layers=[memory]), budgeted(daily_usd=9))))
        return prompt

    async def main() -> None:
        with scope(user="me", run="mine", feature="x") as run, frugal.bypass("cached"):
            await tool("hello")
            assert run.cost.known == Money(0)
            assert len(run.calls) == 1

    asyncio.run(main())
    assert {"provider": 1, "memory": 1} == found[0].outcomes
    (record,) = ledger.records
    assert (record.kind, record.outcome, record.cost.known, record.rolled_up) == ("tool", "provider", Money(0), None)


def test_what_is_ambient_inside_is_the_logs_and_users_own_variables_stay(row: Row) -> None:
    """A user's function may rely on what its program has set."""
    from contextvars import ContextVar

    mine: ContextVar[str] = ContextVar("mine", default="unset")
    mine.set("set")
    seen: list[Any] = []

    @middleware
    async def look(call: Any, proceed: Any) -> Any:
        seen.append((mine.get(), call.user, call.run, dict(call.tags), call.parent))
        return await proceed(call)

    with scope(user="me", run="mine", feature="x"):
        backtest([row(user="ada", session="s", tags={"run": "r", "user": "u"}), row(5)], stack(look))
    assert ("set", "ada", "s", {"run": "r", "user": "u"}, None) == seen[0]
    assert ("set", None, {}, None) == (seen[1][0], seen[1][1], seen[1][3], seen[1][4])


def test_two_backtests_at_once_keep_their_own_time(row: Row) -> None:
    """Whichever ends first: the other one's clock stays, and the machine's is back at the end."""
    before = ambient.current
    log = [row(at * 3600, f"q{at % 7}") for at in range(60)]
    decorators = stack(deduplicated, cached(layers=[memory(ttl=3600 * 8)]))
    wanted = backtest(log, decorators)
    gate = threading.Barrier(3)

    def one(many: int) -> Backtest:
        gate.wait(30)
        return [backtest(log, decorators) for _ in range(many)][-1]

    with ThreadPoolExecutor(3) as pool:
        found = list(pool.map(one, (1, 2, 3)))
    assert [wanted] * 3 == found
    assert ambient.current is before
    assert abs(ambient.now() - time.time()) < 60


def test_the_same_stack_serves_real_calls_while_it_is_tried_out(row: Row) -> None:
    """The functions that it decorates in production have their own ledger, caches and time."""
    ledger = MemoryLedger()
    decorators = stack(metered(ledger=ledger), cached(layers=[memory]))

    @decorators
    async def ask(prompt: str) -> str:
        return prompt + str(ambient.now() > 1_780_000_000)

    served: list[str] = []

    def serve() -> None:
        if len(served) < 3:
            thread = threading.Thread(target=lambda: served.append(asyncio.run(ask(f"real {len(served)}"))))
            thread.start()
            thread.join()

    found = backtest([row(at, "x") for at in range(5)], decorators, on_request=serve)
    assert {"provider": 1, "memory": 4} == found.outcomes
    assert ["real 0True", "real 1True", "real 2True"] == served
    assert len(ledger.records) == 3


def test_a_backtest_in_async_code_says_what_to_await(row: Row) -> None:
    """And does so before anything was played."""
    played: list[None] = []

    async def main() -> None:
        backtest([row()], stack(metered), on_request=lambda: played.append(None))

    with pytest.raises(RuntimeError, match=r"await asyncio\.to_thread"):
        asyncio.run(main())
    assert played == []


# --------------------------------------------------------------------------- functions of the user's


def test_a_paid_embedder_is_paid_for_in_the_result_and_nowhere_else(row: Row, tmp_path: Path) -> None:
    """Its calls count against the stack, in its budgets too; its own ledger and disk cache are not touched."""
    mine = MemoryLedger()

    @metered(ledger=mine, read=lambda vectors: Usage(input_tokens=50_000_000))  # a dollar each
    @cached(layers=[memory, disk(tmp_path / "vectors")])
    async def embed(texts: list[str], *, model: str = "text-embedding-3-small") -> list[list[float]]:
        return [[1.0, 0.0]] * len(texts)

    log = [row(at * 60, "What is it?", max_tokens=100) for at in range(8)]
    found = backtest(log, stack(semantic_cached(embed=embed), budgeted(Budget(usd=3, name="a day"))))
    assert mine.records == []
    assert list(tmp_path.iterdir()) == []
    # An embedding asks no budget of the stack's; what it costs stands in them all the same.
    assert Money(-8 * 10**12) == found.by_ring["embed"]
    assert found.outcomes == {"semantic": 7, "provider": 1}
    adds_up(found)
    strict = backtest([{**one, "prompt": f"{number} of them"} for number, one in enumerate(log)], stack(
        semantic_cached(embed=embed), budgeted(Budget(usd=3, name="a day"))
    ))  # fmt: skip
    assert strict.refused == 6
    assert "a day" == strict.budgets[0].budget


def test_a_router_that_asks_a_cached_function_keeps_nothing_under_a_virtual_time(row: Row, tmp_path: Path) -> None:
    """An answer kept in January would be thought to have expired, or never to expire."""

    @metered(ledger=MemoryLedger())
    @cached(layers=[disk(tmp_path / "classes")])
    async def classify(text: str) -> str:
        return "gpt-4o-mini"

    async def router(request: Any) -> str:
        return await classify(request.text)

    found = backtest([row(at, "x") for at in range(4)], stack(routed(router)))
    assert found.by_ring["routed"].pico > 0
    assert list(tmp_path.iterdir()) == []


def test_threads_are_waited_for_and_those_that_the_loop_does_not_know_of_are_said(row: Row) -> None:
    """Time stands still for `to_thread`; for a pool of one's own it cannot, and each request is still one."""
    log = [row(at * 1000, f"q{at % 5}") for at in range(20)]
    cache = cached(layers=[memory(ttl=9e5)])

    @middleware
    async def waits(call: Any, proceed: Any) -> Any:
        await asyncio.to_thread(time.sleep, 0.001)
        return await proceed(call)

    found = backtest(log, stack(waits, cache))
    assert {"provider": 5, "memory": 15} == found.outcomes
    assert not any("threads" in note for note in found.not_judged)
    with ThreadPoolExecutor(2) as pool:

        @middleware
        async def strange(call: Any, proceed: Any) -> Any:
            await asyncio.wrap_future(pool.submit(time.sleep, 0.001))
            return await proceed(call)

        found = backtest(log, stack(strange, cache))
    assert found.requests == sum(found.outcomes.values()) == 20
    assert any("threads that the event loop does not know of" in note for note in found.not_judged)
    adds_up(found)


def test_asyncio_run_inside_a_stack_is_its_own_error(row: Row) -> None:
    """A loop runs there, as it does in production."""

    async def choose() -> str:
        return "gpt-4o-mini"

    def router(request: Any) -> str:
        coroutine = choose()
        try:
            return asyncio.run(coroutine)
        finally:
            coroutine.close()

    with pytest.raises(RuntimeError, match="cannot be called from a running event loop") as caught:
        backtest([row(0, "x")], stack(routed(router)))
    assert "request 1" in caught.value.__notes__[0]


@pytest.mark.leaves_tasks("what waits for ever is what is tested")
def test_a_stack_that_waits_for_ever_is_an_error_and_not_a_hang(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decorator that waits for what only production has."""
    monkeypatch.setattr("frugal.insight.backtesting.hours._PATIENCE", 0.05)

    @middleware
    async def stuck(call: Any, proceed: Any) -> Any:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="never comes"):
        backtest([row(0, "x")], stack(stuck))


def test_retries_and_timeouts_of_ones_own_pass_in_virtual_time(row: Row) -> None:
    """An hour of waiting takes no hour, and a timeout goes by the log's latencies."""

    @middleware
    async def patient(call: Any, proceed: Any) -> Any:
        for pause in (1800, 1800, 0):
            try:
                async with asyncio.timeout(30):
                    return await proceed(call)
            except TimeoutError:
                await asyncio.sleep(pause)
        return await proceed(call)

    found = backtest([row(0, "x", latency=45.0), row(9_000, "y", latency=5.0)], stack(patient))
    # Three were given up after half a minute, and billed for all that anybody knows; the fourth answered.
    assert found.cost.known.pico > REQUEST.pico * 2
    assert found.requests == 2


def test_what_a_function_made_of_the_stack_is_no_function_is_said(row: Row) -> None:
    """A decorator returns a function."""
    with pytest.raises(TypeError, match="a decorator returns a function") as caught:
        backtest([row()], lambda function: None)
    assert "as the stack was put on a function" in caught.value.__notes__[0]
    with pytest.raises(frugal.FrugalError, match="2 ledgers"):
        backtest([row()], stack(metered(ledger=MemoryLedger()), budgeted(daily_usd=1, ledger=MemoryLedger())))
    with pytest.raises(LookupError):
        backtest([row(0, "x")], stack(metered, routed(lambda request: current_call().id)))


# --------------------------------------------------------------------------- calendars


def test_a_budget_follows_its_own_zone_whatever_the_logs_and_the_results_are(row: Row) -> None:
    """A day of Berlin ends at 23:00 UTC in winter and at 22:00 in summer, on the night of the change itself."""
    night = datetime(2026, 3, 28, 20, tzinfo=UTC)
    log = [row(time=(night + timedelta(hours=at)).isoformat(), prompt="x", max_tokens=100) for at in range(26)]
    decorators = stack(budgeted(Budget(usd="0.006", timezone="Europe/Berlin", name="b")))
    found = backtest(log, decorators, timezone="America/New_York")
    resets = sorted({hit.resets_at for hit in found.budgets if hit.resets_at is not None})
    assert [datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN)] == resets
    assert timedelta(hours=23) == (resets[1].astimezone(UTC) - resets[0].astimezone(UTC))
    # Two of each day are answered: the second passes the limit and is the last.
    assert found.outcomes == {"rejected": 22, "provider": 4}
    assert {"-0400"} == {f"{hour.start:%z}" for hour in found.by_hour}
    adds_up(found)


def test_hours_across_a_change_of_the_clocks_are_sixty_minutes_each_and_all_there(row: Row) -> None:
    """The hour that comes twice is two hours, and the one that is missing is missing."""
    for first, hours, offsets in (
        (datetime(2026, 10, 24, 23, tzinfo=UTC), 5, ["+0200", "+0200", "+0100", "+0100", "+0100"]),
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 5, ["+0100", "+0100", "+0200", "+0200", "+0200"]),
    ):
        log = [row(time=(first + timedelta(minutes=20 * at)).timestamp()) for at in range(hours * 3)]
        found = backtest(log, stack(), timezone="Europe/Berlin")
        assert [3] * hours == [hour.requests for hour in found.by_hour]
        assert offsets == [f"{hour.start:%z}" for hour in found.by_hour]
        assert sorted(hour.start.astimezone(UTC) for hour in found.by_hour) == [
            first + timedelta(hours=at) for at in range(hours)
        ]
        adds_up(found)


def test_local_times_of_the_repeated_hour_are_told_apart_by_their_offsets(row: Row) -> None:
    """A cache of half an hour knows that an hour has passed."""
    log = [row(time=f"2026-10-25T02:30:00{offset}", prompt="x") for offset in ("+02:00", "+01:00")]
    assert backtest(log, stack(cached(layers=[memory(ttl=1800)]))).outcomes == {"provider": 2}


def test_a_run_is_named_as_the_log_names_it_and_two_runs_are_equal(row: Row) -> None:
    """Also where the log names none: each request is a run of its own then, with no name."""
    log = [row(at, "x", max_tokens=900, **({"session": "s"} if at % 2 else {})) for at in range(10)]
    log += [row(20, "y", max_tokens=2_000), row(30, "z", max_tokens=2_000)]
    decorators = stack(budgeted(Budget(usd="0.0115", window="run", name="r")))
    found = backtest(log, decorators)
    assert {"s": 4, "": 2} == {hit.subject: hit.refused for hit in found.budgets}
    assert found == backtest(log, decorators)


# --------------------------------------------------------------------------- logs


def test_many_requests_at_the_same_time_are_played_in_the_logs_order(row: Row) -> None:
    """Each is one, and a cache that was filled at that time answers those that come later."""
    log = [row(0, f"q{at % 10}", latency=0.0, user=str(at)) for at in range(200)] + [row(1, "q0")]
    found = backtest(log, stack(deduplicated, cached(layers=[memory])))
    assert found.outcomes["provider"] == 10
    assert found.requests == 201
    assert found == backtest(log, stack(deduplicated, cached(layers=[memory])))


@pytest.mark.parametrize("latency", [0.0, 1e-9, 1e9])
def test_latencies_of_nothing_and_of_thirty_years_are_played(row: Row, latency: float) -> None:
    """Time moves by what it says."""
    found = backtest([row(0, "x", latency=latency), row(5, "y")], stack(deduplicated, cached(layers=[memory])))
    assert found.outcomes == {"provider": 2}
    adds_up(found)


def test_a_log_that_spans_the_calendar_is_played_at_once(row: Row) -> None:
    """From 1970 to 9998, with budgets by every window."""
    log = [row(time=at, prompt="x") for at in (0, 1e6, 1e9, 5e10)] + [row(time="9998-12-31T23:59:59Z", prompt="x")]
    windows = [Budget(usd=9, window=window) for window in ("hour", "day", "week", "month", "run")]
    assert backtest(log, stack(cached(layers=[memory]), budgeted(*windows))).outcomes == {"provider": 5}


def test_requests_made_by_hand_are_played_as_they_are() -> None:
    """A `Log` is no more than its requests; names may hold whatever they like."""
    names = ("a.b.<locals>.c", "odd name", "x..y", "<b>")
    log = Log([Logged(time=at, model="gpt-4o", usage=Usage(10), function=name) for at, name in enumerate(names)])
    found = backtest(log, stack(budgeted(Budget(usd=1, per="function"))))
    assert found.outcomes == {"provider": 4}
    adds_up(found)


def test_a_long_log_takes_no_more_memory_than_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was answered, recorded, spent and kept goes as it expires, and sums alone stay."""
    from frugal._core import digests
    from frugal._middleware import budgeted as ring

    monkeypatch.setattr(ring, "_MOST", 100)

    def stays(many: int) -> int:
        """Return the bytes that are there as the last of so many requests has ended."""
        log = Log([
            Logged(time=at * 60.0, model="gpt-4o", usage=Usage(1000, output_tokens=100), prompt=f"question {at}")
            for at in range(many)
        ])  # fmt: skip
        layers = [memory(max_items=50), disk(ttl=3_000)]  # fifty of each
        budgets = budgeted(Budget(usd=1000), Budget(usd=1, window="run"))
        left = iter(range(many))
        measured: list[int] = []

        def ended() -> None:
            if next(left) == many - 1:
                ring._asked.cache_clear()  # what production remembers, too, and bounds by itself
                digests._recent.clear()
                gc.collect()
                measured.append(tracemalloc.get_traced_memory()[0])

        tracemalloc.start()
        backtest(log, stack(deduplicated, cached(layers=layers), budgets), on_request=ended)
        tracemalloc.stop()
        return measured[0]

    stays(100)
    each = (stays(800) - stays(200)) / 600
    assert each < 400, f"{each:.0f} bytes a request"
