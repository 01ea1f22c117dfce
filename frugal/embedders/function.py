"""Any function of the user's that turns texts into vectors, sync or async, held to its promises.

Law: what comes back is checked before anyone sees it. A sync function runs in a thread, for it may compute or
wait. One that hangs is given up after `timeout`; `CancelledError` passes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from frugal._values.clock import clock as ambient
from frugal._values.threads import in_thread
from frugal.errors import EmbeddingError
from frugal.ports import Clock

__all__ = ["FunctionEmbedder", "Rows", "checked"]

Rows: TypeAlias = NDArray[np.float32]
"""One vector in each row."""


class FunctionEmbedder:
    """Embed with a function that takes a list of texts and returns as many vectors.

    Args:
        function: sync or async, ``(list[str]) -> list[list[float]]`` (or an array).
        identity: a name that changes when the vectors do; by default the function's qualified name. Give one
            when another model may come to stand behind the same function.
        timeout: seconds after which it is given up; None waits for ever.
        clock: what the timeout is read from.

    >>> import asyncio
    >>> embedder = FunctionEmbedder(lambda texts: [[len(text), 1.0] for text in texts], identity="length")
    >>> asyncio.run(embedder.embed(["four"])).tolist()
    [[4.0, 1.0]]
    """

    def __init__(
        self,
        function: Callable[[list[str]], Any],
        *,
        identity: str | None = None,
        timeout: float | None = 30.0,
        clock: Clock = ambient,
    ) -> None:
        if not callable(function):
            raise TypeError(f"embed= takes a function of a list of texts, not {function!r}")
        self._function = function
        self._name = identity or _name(function)
        self._timeout = timeout
        self._clock = clock
        self._dims: int | None = None
        called = getattr(function, "__call__", None)  # noqa: B004 - an object may have an async __call__
        target = inspect.unwrap(getattr(function, "func", function))
        self._is_async = inspect.iscoroutinefunction(target) or inspect.iscoroutinefunction(called)

    @property
    def identity(self) -> str:
        """The name, and the width of the vectors once one was seen."""
        return f"{self._name}/{self._dims}" if self._dims else self._name

    @property
    def name(self) -> str:
        """The identity without the width, which is known before the first call."""
        return self._name

    async def embed(self, texts: Sequence[str]) -> Rows:
        """Return one vector for each text, as rows.

        Raises:
            EmbeddingError: the function failed or took too long, or gave another number of vectors, vectors
                of another width than before, NaN, infinity, or nothing but zeros.
        """
        wanted = list(texts)
        try:
            returned = await self._within(wanted)
        except Exception as error:
            raise EmbeddingError(self._name, f"it raised {type(error).__name__}: {error}") from error
        rows = checked(self._name, returned, len(wanted), self._dims)
        if len(rows):
            self._dims = rows.shape[1]
        return rows

    async def _within(self, texts: list[str]) -> Any:
        if self._timeout is None:
            return await self._call(texts)
        work = asyncio.ensure_future(self._call(texts))
        timer = asyncio.ensure_future(self._clock.sleep(self._timeout))
        try:
            await asyncio.wait({work, timer}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                raise TimeoutError(f"no vectors within {self._timeout} seconds")
            return work.result()
        finally:
            for task in (work, timer):
                task.cancel()
            # One turn of the loop lets them end. Work that will not be cancelled is left behind, and its end
            # is looked at, or the loop would complain of an error that nobody saw.
            work.add_done_callback(_look)
            await asyncio.wait({work, timer}, timeout=0)

    async def _call(self, texts: list[str]) -> Any:
        if self._is_async:
            return await self._function(texts)
        returned = await in_thread(self._function, texts)
        return await returned if inspect.isawaitable(returned) else returned

    def __repr__(self) -> str:
        return f"FunctionEmbedder({self._name!r})"


def checked(name: str, returned: Any, count: int, dims: int | None) -> Rows:
    """Return what an embedder *returned* as rows of float32, if it can be used.

    Args:
        name: of the embedder, for the error.
        returned: what it gave.
        count: how many texts it got.
        dims: how many numbers a vector must have; None for any.

    Raises:
        EmbeddingError: it cannot be used, and why.
    """
    try:
        rows = np.asarray(returned, dtype=np.float32)
    except (TypeError, ValueError, OverflowError) as error:
        raise EmbeddingError(name, f"its vectors are not rows of numbers of one length ({error})") from error
    if count == 0 and rows.size == 0:
        return np.empty((0, dims or 0), dtype=np.float32)
    if rows.ndim != 2 or len(rows) != count:
        raise EmbeddingError(name, f"{count} texts need {count} vectors in rows, not the shape {rows.shape}")
    if rows.shape[1] == 0 or (dims is not None and rows.shape[1] != dims):
        raise EmbeddingError(name, f"vectors of {rows.shape[1]} numbers where {dims or 'some'} were expected")
    if not np.isfinite(rows).all():
        raise EmbeddingError(name, "a vector holds NaN or infinity")
    if not rows.any(axis=1).all():
        raise EmbeddingError(name, "a vector is all zeros and so has no direction")
    return rows


def _name(function: Any) -> str:
    target = inspect.unwrap(getattr(function, "func", function))
    qualified = getattr(target, "__qualname__", type(target).__qualname__)
    return f"{getattr(target, '__module__', None) or type(target).__module__}.{qualified}"


def _look(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()
