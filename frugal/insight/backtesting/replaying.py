"""Replaying: each request of a log, at its time, through the real stack.

Law: requests begin when they began in the log, whatever the stack does with those before them; two runs of one log give
the same figures. Nothing of the user's is read, written, sent or spent, except what functions of their own do.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from contextvars import Context, copy_context
from datetime import datetime
from statistics import median
from typing import Any

from frugal._core.ambient import Scope, bypass
from frugal._core.pipeline import plan_of
from frugal._core.recording import REFUSALS
from frugal._core.rehearsal import rehearsal
from frugal._values.cost import FREE, UNPRICED, Cost
from frugal._values.record import Record
from frugal.decorators.wiring import priced
from frugal.insight.backtesting.counting import Tally
from frugal.insight.backtesting.door import Door
from frugal.insight.backtesting.hours import VirtualLoop, run
from frugal.insight.backtesting.judging import notes_on
from frugal.insight.backtesting.logged import Log, Logged
from frugal.insight.backtesting.playing import Playing, playing
from frugal.insight.backtesting.provider import Failed
from frugal.insight.backtesting.reading import read_log
from frugal.insight.backtesting.sparing import sparing
from frugal.insight.backtesting.stage import Stage
from frugal.insight.backtesting.verdict import Backtest
from frugal.ports import Prices
from frugal.prices import default_prices

__all__ = ["backtest"]

_LATENCY = 1.0  # seconds, where neither the log nor the caller knows better
_STRANGERS = (
    "the stack works in threads that the event loop does not know of, for which time did not wait: which requests "
    "were under way together may differ from run to run; asyncio.to_thread() would be waited for"
)
_LINGER = 3600.0  # virtual seconds that what goes on behind the requests has to end


def backtest(
    log: str | os.PathLike[str] | Iterable[Mapping[str, Any]] | Iterable[Record] | Log,
    stack: Callable[[Any], Any],
    *,
    preset: str | None = None,
    columns: Mapping[str, str] | None = None,
    model: str | None = None,
    start: datetime | float | None = None,
    latency: float | None = None,
    prices: Any = None,
    respond: Callable[[Logged], Any] | None = None,
    timezone: str = "UTC",
    on_request: Callable[[], None] | None = None,
) -> Backtest:
    """Run a log of past requests through a stack, on a virtual clock, against a simulated provider.

    The decorators are those of production. Ledgers and caches that they name are neither read nor written; functions of
    your own (an embedder, a router, `key=`) are called.

    Args:
        log: a file (CSV, JSON Lines or JSON, also with `.gz`), mappings, a ledger's records, or what `read_log` gave.
        stack: `frugal.stack(...)`, or one decorator.
        preset: whose export the log is: `"frugal"`, `"litellm"`, `"langfuse"`, `"helicone"` or `"openai"`; by its
            columns when `None`, and a plain log where they are nobody's.
        columns: for a plain log, the columns that have other names than ours: `{"input_tokens": "tokens_in"}`.
        model: for a plain log, the model of rows that name none.
        start: when sessions began, where the log has only seconds since then.
        latency: seconds that a request takes of which the log does not say it; the median of its model when `None`, and
            one second where the log knows none.
        prices: prices in the place of the stack's own: a `PriceTable`, or a mapping of models to `ModelPrice`. Costs
            that the log states go before them.
        respond: makes what the decorated function returns, of a request, for stacks that look at it (`cache_if=`); by
            default a response of OpenAI's shape.
        timezone: whose hours.
        on_request: called as each request has ended, to show progress.

    Returns:
        What the stack would have done: the bill and what each ring saved of it, hour by hour, and what the log could
        not tell.

    Raises:
        ValueError: the log cannot be read, or an argument is out of its range.
        TypeError: the stack is not one.
        RuntimeError: an event loop runs in this thread; await `asyncio.to_thread(backtest, …)` there.
        OSError: the file cannot be read.
        Exception: what a function of the stack's user raised, with the request in a note.

    >>> import frugal
    >>> log = [{"time": at, "model": "gpt-4o", "prompt": "Hello?", "input_tokens": 1000, "output_tokens": 100}
    ...        for at in (0, 60, 120)]
    >>> found = frugal.backtest(log, frugal.stack(frugal.cached(layers=[frugal.memory(ttl=90)])))
    >>> str(found.baseline.amount), str(found.cost.amount), {ring: str(money) for ring, money in found.by_ring.items()}
    ('$0.0105', '$0.0070', {'cached': '$0.0035'})
    """
    if not callable(stack) or plan_of(stack) is not None:
        raise TypeError(f"stack={stack!r}: give frugal.stack(...) or a decorator, rather than what it decorated.")
    if latency is not None and (isinstance(latency, bool) or not 0 <= latency < float("inf")):
        raise ValueError(f"latency={latency!r}: give seconds, 0 or more.")
    read = log if isinstance(log, Log) else read_log(log, preset=preset, columns=columns, model=model, start=start)
    tally = Tally(timezone)
    stage = Stage(priced(prices), default_prices, respond, tally)
    return alone().run(_replay, read, stack, stage, tally, latency, on_request)


def alone() -> Context:
    """Return a context in which nothing is ambient but what is the user's own.

    A scope, a call or a bypass around the backtest is about the calls of its caller, and none of the log's.
    """
    context = Context()
    for variable, value in copy_context().items():
        if not variable.name.startswith("frugal_"):
            context.run(variable.set, value)
    return context


def _replay(
    log: Log,
    stack: Callable[[Any], Any],
    stage: Stage,
    tally: Tally,
    latency: float | None,
    on_request: Callable[[], None] | None,
) -> Backtest:
    rehearsal.set(stage)
    with _quiet(), sparing:
        doors = {name: Door(name, stack, stage) for name in dict.fromkeys(logged.function for logged in log.requests)}
        tally.functions.update(door.name for door in doors.values())
        waits = _Latencies(log.requests, latency)

        async def play(loop: VirtualLoop) -> None:
            stage.loop = loop
            await _all(log.requests, waits, doors, stage, tally, on_request)

        if log.requests:
            run(play, log.requests[0].time)
        strangers = stage.loop.strangers if stage.loop is not None else 0
        return tally.verdict([*notes_on(log, stage.rings, tally.unpriced), *([_STRANGERS] if strangers else ())])


def _baseline(logged: Logged, prices: Prices) -> Cost:
    """Return what a request costs with no ring at all."""
    if logged.cost is not None:
        return logged.cost
    if logged.failed is not None:
        return FREE
    served = logged.served or logged.model
    cost = UNPRICED
    for name, provider in ((served, logged.provider), (served, None), (logged.model, None)):
        cost = prices.cost(name, logged.usage, at=logged.time, provider=provider, tier=logged.tier)
        if cost.amount is not None:
            return cost
    return cost


class _Latencies:
    """Know how long each request takes.

    Args:
        requests: the log's.
        given: seconds for those of which the log does not say it; their model's median when `None`.
    """

    def __init__(self, requests: Sequence[Logged], given: float | None) -> None:
        known: dict[str, list[float]] = {}
        if given is None:
            for logged in requests:
                if logged.latency is not None and logged.failed is None:
                    known.setdefault(logged.model, []).append(logged.latency)
        every = [latency for latencies in known.values() for latency in latencies]
        self._by_model = {model: median(latencies) for model, latencies in known.items()}
        self._usual = given if given is not None else median(every) if every else _LATENCY

    def of(self, logged: Logged) -> float:
        """Return the seconds that a request takes."""
        return logged.latency if logged.latency is not None else self._by_model.get(logged.model, self._usual)


async def _all(
    requests: Sequence[Logged],
    waits: _Latencies,
    doors: Mapping[str, Door],
    stage: Stage,
    tally: Tally,
    on_request: Callable[[], None] | None,
) -> None:
    """Begin each request at its time, and wait for all, and for what goes on behind them."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.TaskGroup() as group:
            for number, logged in enumerate(requests, 1):
                ahead = logged.time - loop.time()
                if ahead > 0:
                    await asyncio.sleep(ahead)
                now = Playing(logged, number, _baseline(logged, stage.prices), waits.of(logged))
                tally.begin(now)
                group.create_task(_one(now, doors[logged.function], stage, tally, on_request))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None
    behind = asyncio.all_tasks() - {asyncio.current_task()}
    if behind:
        await asyncio.wait(behind, timeout=_LINGER)


async def _one(now: Playing, door: Door, stage: Stage, tally: Tally, on_request: Callable[[], None] | None) -> None:
    """Play one request."""
    playing.set(now)
    logged = now.logged
    blind = door.bypassed(logged)
    try:
        with Scope(logged.user, logged.session, logged.tags), bypass(*blind, store=False) if blind else nullcontext():
            await door.ask(now)
    except REFUSALS as error:
        now.refusal = error.with_traceback(None)  # its frames would keep the whole call alive
    except Failed:
        pass
    except Exception as error:
        error.add_note(f"This was request {now.number} of the backtest's log.")
        raise
    tally.end(now)
    stage.books.over(now)
    if on_request is not None:
        on_request()


@contextmanager
def _quiet() -> Any:
    """Keep what the stack says of made-up calls out of the log: warnings of budgets are in the result."""

    def passes(record: logging.LogRecord) -> bool:
        return rehearsal.get() is None or record.levelno >= logging.ERROR

    log = logging.getLogger("frugal")
    log.addFilter(passes)
    try:
        yield
    finally:
        log.removeFilter(passes)
