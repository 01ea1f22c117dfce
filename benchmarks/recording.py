"""What does it cost to meter a call: to read its usage, to price it, and to have its record on disk?

First the arithmetic alone: a response of OpenAI's SDK is priced by our reader and price table, by LiteLLM's
`completion_cost` and by genai-prices' `extract_usage` and `calc_price`; all three must give the same dollars. Then the
whole of `@metered`, durable, one call at a time and 1,000 at once, beside the Redis pipeline of the source (a hash for
the call, counters of tokens and cost for the day, the month, the user and the model, with expiry).

Biases: the function answers at once, so its own time is nothing. `durability="normal"` survives `kill -9`. Redis runs
with its defaults on the same machine, which keep a snapshot of the last minutes; it has a process and so a core of its
own, and 100 connections (more only make it slower). Our time includes the call's way through the pipeline, and a wait
for the disk; theirs the round trip. The pipeline is handed its tokens and its cost, which somebody has yet to find
out.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

from harness.question import Question, asked
from harness.redis_server import redis_server
from harness.rounds import Case
from harness.work import completion, messages

from frugal import Ledger, PriceTable, metered, scope
from frugal.providers import ShapeReader

AT_ONCE = 1000
REQUEST = messages(0)


def pricing_peers(question: Question, response: Any) -> list[Case]:
    """Return LiteLLM's and genai-prices' ways to price a response, checked against each other."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"

    def litellm_way() -> Callable[[], float]:
        from litellm import completion_cost

        return lambda: completion_cost(completion_response=response)

    def genai_way() -> Callable[[], float]:
        from genai_prices import calc_price, extract_usage

        def priced() -> float:
            found = extract_usage(response.model_dump(), provider_id="openai", api_flavor="chat")
            return float(calc_price(found.usage, response.model, provider_id="openai").total_price)

        return priced

    def genai_alone() -> Callable[[], float]:
        from genai_prices import Usage, calc_price

        usage = Usage(input_tokens=260, cache_read_tokens=128, output_tokens=230)
        return lambda: float(calc_price(usage, response.model, provider_id="openai").total_price)

    expected = (132 * 2.5 + 128 * 1.25 + 230 * 10) / 1e6
    cases = []
    ways = {
        "LiteLLM's completion_cost": litellm_way,
        "genai-prices, extract_usage and calc_price": genai_way,
        "genai-prices, calc_price alone": genai_alone,
    }
    for name, make in ways.items():
        price = question.peer(name, make)
        if price is not None:
            assert abs(price() - expected) < 1e-12, (name, price(), expected)
            cases.append(Case(name, lambda _, price=price: price()))
    return cases


async def arithmetic(question: Question, response: Any) -> None:
    """Price one response."""
    reader, prices = ShapeReader(), PriceTable()

    def priced(_: int = 0) -> Any:
        reading = reader.read(response)
        return prices.cost(reading.model, reading.usage, at=time.time()).amount

    assert priced().pico == (132 * 2_500_000 + 128 * 1_250_000 + 230 * 10_000_000)
    await question.measure("usage read and priced", Case("frugal", priced), pricing_peers(question, response))


def pipeline(client: Any) -> Callable[[int], Awaitable[Any]]:
    """Return the source's way to record a call."""

    async def record(number: int) -> Any:
        user, model, tokens, cost = f"user-{number % 50}", "gpt-4o", 490, 0.00279
        day, month = time.strftime("%Y-%m-%d"), time.strftime("%Y-%m")
        pipe = client.pipeline()
        pipe.hset(
            f"usage:{number}",
            mapping={"at": time.time(), "user": user, "model": model, "input": 260, "output": 230, "cost": cost},
        )
        pipe.expire(f"usage:{number}", 7 * 86_400)
        for key in (f"daily:{day}", f"monthly:{month}", f"user:{user}:{day}", f"model:{model}:{day}"):
            pipe.hincrby(key, "tokens", tokens)
            pipe.hincrbyfloat(key, "cost", cost)
            pipe.expire(key, 7 * 86_400)
        return await pipe.execute()

    return record


def at_once(record: Callable[[int], Awaitable[Any]]) -> Callable[[int], Awaitable[Any]]:
    """Return 1,000 of it at once."""

    async def many(number: int) -> None:
        await asyncio.gather(*(record(number * AT_ONCE + at) for at in range(AT_ONCE)))

    return many


async def redis_record(question: Question, stack: AsyncExitStack) -> Any:
    """Start Redis and return the pipeline, checked; `None` and the reason where it cannot be had."""
    try:
        from redis import asyncio as redis

        port = stack.enter_context(redis_server(question.home / "redis"))
    except (ImportError, OSError) as error:
        question.skip("Redis pipeline", f"{type(error).__name__}: {error}")
        return None
    pool = redis.BlockingConnectionPool(host="127.0.0.1", port=port, max_connections=100, timeout=30)
    client = redis.Redis(connection_pool=pool)
    stack.push_async_callback(client.aclose, close_connection_pool=True)
    record = pipeline(client)
    await asyncio.gather(*(record(number) for number in range(10)))
    assert int((await client.hgetall(f"daily:{time.strftime('%Y-%m-%d')}"))[b"tokens"]) == 4900
    await client.flushall()
    return record


async def durable(question: Question, response: Any) -> None:
    """Record calls durably, one at a time and 1,000 at once."""
    async with AsyncExitStack() as stack:
        theirs = await redis_record(question, stack)
        ledger = Ledger(question.home / "ledger")

        @metered(ledger=ledger)
        async def ask(messages: Any, *, model: str = "gpt-4o") -> Any:
            return response

        async def ours(number: int) -> None:
            with scope(user=f"user-{number % 50}"):
                await ask(REQUEST)

        await asyncio.gather(*(ours(number) for number in range(10)))
        total = ledger.totals()
        assert (total.calls, total.cost.amount.pico) == (10, 10 * 2_790_000_000), total

        redis = None if theirs is None else Case("Redis pipeline", theirs)
        await question.measure("@metered, durable, one call at a time", Case("frugal", ours), [redis], rounds=50,
                               seconds=0.02)  # fmt: skip
        redis = None if theirs is None else Case("Redis pipeline", at_once(theirs), per=AT_ONCE, loops=1)
        case = Case("frugal", at_once(ours), per=AT_ONCE, loops=1)
        await question.measure("@metered, durable, 1,000 calls at once", case, [redis], limit="metered", rounds=15)
        # All that was recorded is there, and nothing else.
        assert ledger.audit()
        await ledger.aclose()


async def measure(question: Question) -> None:
    """Check, then time."""
    response = completion()
    await arithmetic(question, response)
    await durable(question, response)


if __name__ == "__main__":
    asked(measure, "genai-prices", "litellm", "redis", "openai", "diskcache")
