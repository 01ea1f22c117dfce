"""Wrong calls that a type checker must refuse: each ignore is an assertion, because unused ones are errors."""

from collections.abc import Sequence

from frugal import Budget, Money, batched, budgeted, cached, metered, usd


@metered
@cached
async def ask(prompt: str, *, model: str = "gpt-4o") -> int:
    """Return a number."""
    return len(prompt)


@batched
async def lengths(texts: Sequence[str]) -> list[int]:
    """Return lengths."""
    return [len(text) for text in texts]


class Agent:
    """A method that is called wrongly."""

    @batched
    async def measured(self, texts: Sequence[str]) -> list[int]:
        """Return lengths."""
        return [len(text) for text in texts]


async def wrong() -> None:
    """Call everything wrongly."""
    await Agent().measured(1)  # type: ignore[arg-type]
    await Agent().measured("x", "y")  # type: ignore[call-arg]
    await ask(1)  # type: ignore[arg-type]
    await ask("x", modell="m")  # type: ignore[call-arg]
    await ask()  # type: ignore[call-arg]
    text: str = await ask("x")  # type: ignore[assignment]
    await lengths(1)  # type: ignore[arg-type]
    await lengths.many("x", 1)  # type: ignore[call-arg]
    amount: int = usd("1") + Money(1)  # type: ignore[assignment]
    assert text
    assert amount


Budget(50)  # type: ignore[call-arg]
budgeted(daily=50)  # type: ignore[call-arg]
metered(tag="x")  # type: ignore[call-overload]
cached(layer=[])  # type: ignore[call-overload]
