"""`metered`: say that a function's calls are priced and recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from frugal._middleware.metered import Metered
from frugal._values.spelling import spelt
from frugal.decorators.wiring import Decorator, decorate, metering
from frugal.ports import UsageReader

__all__ = ["metered"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def metered(function: F, /) -> F: ...


@overload
def metered(
    *,
    ledger: Any = None,
    prices: Any = None,
    tags: Mapping[str, object] | None = None,
    read: Callable[[Any], Any] | UsageReader | None = None,
) -> Decorator: ...


def metered(
    function: Any = None,
    /,
    *,
    ledger: Any = None,
    prices: Any = None,
    tags: Mapping[str, object] | None = None,
    read: Callable[[Any], Any] | UsageReader | None = None,
) -> Any:
    """Record each call with its tokens and its cost, to the pico-dollar.

    Args:
        function: the async function, when used bare.
        ledger: where to record; the default ledger when `None`.
        prices: a `PriceTable`, or a mapping of models to `ModelPrice`; the shipped prices when `None`.
        tags: free labels for every call of this function.
        read: a function of the response that returns its `Usage`, its `Cost`, or `None` to let frugal read it;
            for a stream it is given each chunk and must be sync. Or a `UsageReader`, which also says which model
            served and how the answer ended, and sees a stream as a whole.

    Returns:
        The function with its calls metered, or a decorator that does it.

    Raises:
        NotAsyncError: the function is not async.
        StackError: the stack names two ledgers.
        TypeError: an argument is not what it should be.

    >>> import asyncio
    >>> from frugal import metered, scope
    >>> from frugal.testing import FakeModel
    >>> model = FakeModel(answer="Paris.")
    >>> @metered
    ... async def ask(messages, *, model_name="gpt-4o"):
    ...     return await model(messages, model=model_name)
    >>> async def main():
    ...     with scope(user="ada") as run:
    ...         await ask([{"role": "user", "content": "Capital of France?"}])
    ...     return run.cost.amount == model.charged
    >>> asyncio.run(main())
    True
    """
    if function is not None and any(value is not None for value in (ledger, prices, tags, read)):
        raise TypeError("metered() takes the function alone, or arguments alone.")
    said = metering(ledger=ledger, prices=prices, read=read, tags=tags)
    words = spelt("metered", ledger=ledger, prices=prices, tags=tags, read=read)
    return decorate(function, lambda: Metered(said), words)
