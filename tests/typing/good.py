"""What type checkers must see: a decorator changes nothing of a function's type; `batched` alone does."""

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, assert_type

from frugal import (
    batched,
    budgeted,
    by_complexity,
    cached,
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


@metered
async def bare(prompt: str, *, model: str = "gpt-4o") -> int:
    """Return a number."""
    return len(prompt)


@metered(tags={"feature": "search"})
@deduplicated
@cached(layers=[memory, disk])
@semantic_cached(threshold=0.95)
@routed(by_complexity(simple=["a"], medium=["b"], complex=["c"]))
@budgeted(daily_usd=50)
@rate_limited(rpm=60)
async def stacked(prompt: str, *, model: str = "gpt-4o") -> list[str]:
    """Return words."""
    return prompt.split()


@metered
async def streamed(prompt: str) -> AsyncIterator[str]:
    """Yield words."""
    for word in prompt.split():
        yield word


class Agent:
    """Methods keep their types too."""

    @metered
    async def method(self, prompt: str) -> float:
        """Return a number."""
        return float(len(prompt))

    @classmethod
    @deduplicated
    async def of_class(cls, prompt: str) -> bytes:
        """Return bytes."""
        return prompt.encode()

    @staticmethod
    @cached
    async def static(prompt: str) -> bool:
        """Return a flag."""
        return bool(prompt)


@batched(max_size=100)
async def embed(texts: Sequence[str]) -> Sequence[list[float]]:
    """Return vectors."""
    return [[1.0] for _ in texts]


@batched
async def lengths(texts: Sequence[str]) -> list[int]:
    """Return lengths."""
    return [len(text) for text in texts]


@middleware
async def plain(call: Any, proceed: Callable[[Any], Any]) -> Any:
    """Do nothing."""
    return await proceed(call)


@plain
@stack(metered, deduplicated)
async def combined(prompt: str) -> str:
    """Return the prompt."""
    return prompt


async def uses() -> None:
    """Assert what each call gives."""
    assert_type(await bare("x"), int)
    assert_type(await bare("x", model="m"), int)
    assert_type(await stacked("x"), list[str])
    async for word in streamed("x"):
        assert_type(word, str)
    agent = Agent()
    assert_type(await agent.method("x"), float)
    assert_type(await Agent.of_class("x"), bytes)
    assert_type(await Agent.static("x"), bool)
    assert_type(await embed("one"), list[float])
    assert_type(await embed.many(["one", "two"]), list[list[float]])
    assert_type(await lengths("one"), int)
    assert_type(await combined("x"), str)
    coroutine: Coroutine[Any, Any, int] = bare("x")
    assert_type(await coroutine, int)
