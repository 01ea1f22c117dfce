"""What type checkers must see: a decorator changes nothing of a function's type; `batched` alone does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, assert_type, overload

from frugal import (
    Call,
    Money,
    Record,
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
    usd,
)
from frugal.ports import Reading, StreamReader
from frugal.testing import FakeClock, MemoryLedger, StoreContract, record, recorded

P = ParamSpec("P")
T = TypeVar("T")


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

    @batched
    async def measured(self, texts: Sequence[str]) -> list[int]:
        """Return lengths."""
        return [len(text) for text in texts]

    @batched(max_size=5)
    async def gathered(self, texts: Sequence[str]) -> Sequence[str]:
        """Return texts."""
        return texts


class Heir(Agent):
    """What is overridden calls what it overrides."""

    @metered
    async def method(self, prompt: str) -> float:
        """Return a number."""
        return await super().method(prompt)


class Asks(Protocol):
    """What a decorated method satisfies."""

    async def method(self, prompt: str) -> float:
        """Return a number."""
        ...


class Box(Generic[T]):
    """A decorated method of a generic class is generic."""

    def __init__(self, value: T) -> None:
        self.value = value

    @metered
    async def get(self) -> T:
        """Return what is in it."""
        return self.value


@metered
async def listed(value: T) -> list[T]:
    """Return a list."""
    return [value]


@overload
async def either(value: int) -> int: ...


@overload
async def either(value: str) -> str: ...


@metered
async def either(value: Any) -> Any:
    """Return the value."""
    return value


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


def retried(attempts: int) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Return a ring of a user's own."""

    @middleware
    async def retried(call: Call, proceed: Callable[[Call], Awaitable[Any]]) -> Any:
        return await proceed(call.replace(attempts=attempts))

    return retried


class Reader:
    """A reader of a user's own."""

    def read(self, response: Any) -> Reading | None:
        """Return what a response says."""
        return None

    def stream(self) -> StreamReader:
        """Return a reader of one stream."""
        raise NotImplementedError


@retried(3)
@metered(read=Reader())
async def tried(prompt: str, *, attempts: int = 1) -> str:
    """Return the prompt."""
    return prompt


class TestStore(StoreContract):
    """A store of a user's own, held to its contract."""

    def make(self, clock: FakeClock, directory: Path) -> Any:
        """Return a store."""
        return None


async def kit(path: Path) -> None:
    """Assert what the kit gives."""
    clock = FakeClock()
    await clock.asleep()
    assert_type(MemoryLedger().only(user="ann"), Record)
    with recorded(path, [record(cost=usd("0.1"))], clock=clock) as ledger:
        assert_type(ledger.totals().saved, Money)
    assert_type(TestStore.promises(), dict[str, str])


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
    assert_type(await agent.measured("one"), int)
    assert_type(await agent.measured.many(["one"]), list[int])
    assert_type(await agent.gathered("one"), str)
    assert_type(await Agent.measured(agent, "one"), int)
    asks: Asks = Heir()
    assert_type(await asks.method("x"), float)
    assert_type(await Box("x").get(), str)
    assert_type(await listed(1), list[int])
    assert_type(await either(1), int)
    assert_type(await either("x"), str)
    assert_type(await tried("x"), str)
    assert_type(await partial(tried, attempts=2)("x"), str)
    coroutine: Coroutine[Any, Any, int] = bare("x")
    assert_type(await coroutine, int)
