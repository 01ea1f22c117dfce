"""`batched`: answer single items from one call of a function that takes many."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar, cast, overload

from frugal._core.pipeline import attach
from frugal._middleware.batched import Batched
from frugal.decorators.wiring import ports

__all__ = ["Batches", "BatchesOf", "batched"]

T = TypeVar("T")
R = TypeVar("R")
S = TypeVar("S")
S_contra = TypeVar("S_contra", contravariant=True)
T_contra = TypeVar("T_contra", contravariant=True)


class Batches(Protocol[T_contra, R]):
    """A batched function: takes one item, returns its result."""

    def __call__(self, item: T_contra, /, **others: Any) -> Coroutine[Any, Any, R]:
        """Return the result of one item."""
        ...

    def many(self, items: Sequence[T_contra], /, **others: Any) -> Coroutine[Any, Any, list[R]]:
        """Return the results of many items, in order."""
        ...


class BatchesOf(Protocol[S_contra, T_contra, R]):
    """A batched method: on an object it takes one item, and returns its result."""

    @overload
    def __get__(self, instance: None, owner: Any = None, /) -> BatchesOf[S_contra, T_contra, R]: ...

    @overload
    def __get__(self, instance: S_contra, owner: Any = None, /) -> Batches[T_contra, R]: ...

    def __call__(self, instance: S_contra, item: T_contra, /, **others: Any) -> Coroutine[Any, Any, R]:
        """Return the result of one item, asked of an object."""
        ...


class _Batching(Protocol):
    @overload
    def __call__(self, function: Callable[[Sequence[T]], Awaitable[Sequence[R]]], /) -> Batches[T, R]: ...

    @overload
    def __call__(self, function: Callable[[S, Sequence[T]], Awaitable[Sequence[R]]], /) -> BatchesOf[S, T, R]: ...


@overload
def batched(function: Callable[[Sequence[T]], Awaitable[Sequence[R]]], /) -> Batches[T, R]: ...


@overload
def batched(function: Callable[[S, Sequence[T]], Awaitable[Sequence[R]]], /) -> BatchesOf[S, T, R]: ...


@overload
def batched(
    *,
    max_size: int = 10,
    max_wait: float = 0.1,
    max_tokens: int | None = None,
    split: bool | Callable[[BaseException], bool] | None = None,
) -> _Batching: ...


def batched(
    function: Any = None,
    /,
    *,
    max_size: int = 10,
    max_wait: float = 0.1,
    max_tokens: int | None = None,
    split: bool | Callable[[BaseException], bool] | None = None,
) -> Any:
    """Gather single calls into one call of a function that takes many items.

    The decorated function takes one item and returns one result; `.many(items)` takes many at once.

    Args:
        function: `async def f(items) -> results`, when used bare; further arguments are by name, and calls in which
            they differ are other batches.
        max_size: the most items in a batch.
        max_wait: seconds after its first item that a batch goes at the latest.
        max_tokens: the most tokens in a batch, estimated from the items' text; a larger item goes alone.
        split: halve a batch that fails until only the items fail that fail alone; or a function of the error that
            says whether to.

    Returns:
        The function of one item, or a decorator.

    Raises:
        ValueError: a bound is out of its range.
        StackError: something other than `rate_limited` stands under it.

    A decorated function raises `BatchSizeMismatchError` where the function returns another number of results than it
    was given items.

    >>> import asyncio
    >>> from frugal import batched
    >>> @batched(max_size=100)
    ... async def lengths(texts):
    ...     return [len(text) for text in texts]
    >>> asyncio.run(lengths.many(["a", "bc"]))
    [1, 2]
    """
    if isinstance(max_size, bool) or not isinstance(max_size, int) or max_size < 1:
        raise ValueError(f"max_size={max_size!r}: give a whole number of items, 1 or more.")
    if isinstance(max_wait, bool) or not isinstance(max_wait, (int, float)) or not 0 <= max_wait < float("inf"):
        raise ValueError(f"max_wait={max_wait!r}: give seconds, 0 or more.")
    if max_tokens is not None and (isinstance(max_tokens, bool) or not max_tokens >= 1):
        raise ValueError(f"max_tokens={max_tokens!r}: give a whole number of tokens, 1 or more.")

    def size_of(item: Any) -> int:
        return max(1, ports().requests.input_tokens({"input": item})[0])

    def decorate(inner: Any) -> Any:
        return attach(Batched(max_size, max_wait, max_tokens, split or False, size_of), inner)

    return decorate if function is None else cast("Any", decorate(function))
