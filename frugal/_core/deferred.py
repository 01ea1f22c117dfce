"""A stream that is asked for when it is first read: what a decorated generator, or a client method, returns."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from frugal._core.stream import Stream, is_stream, replay

__all__ = ["Deferred"]


class Deferred:
    """Stand for a pipeline that begins when it is awaited, entered or iterated.

    An async generator's call begins with its first chunk; a plain SDK method may return a coroutine, a stream or a
    context manager, and only using it tells which.
    """

    __slots__ = ("__weakref__", "_begin", "_closed", "_stream")

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self._begin = begin
        self._stream: Any = None
        self._closed = False

    async def _begun(self) -> Any:
        if self._stream is None:
            response = await self._begin()
            self._stream = response if is_stream(response) else Stream.around(replay([response]))
        return self._stream

    def __await__(self) -> Any:
        return self._begin().__await__()

    def __aiter__(self) -> Deferred:
        return self

    async def __anext__(self) -> Any:
        if self._closed:
            raise StopAsyncIteration
        stream = await self._begun()
        return await (stream if hasattr(type(stream), "__anext__") else aiter(stream)).__anext__()

    async def asend(self, value: Any) -> Any:
        """Send a value into the generator."""
        if self._closed:
            raise StopAsyncIteration
        return await (await self._begun()).asend(value)

    async def athrow(self, *error: Any) -> Any:
        """Throw an error into the generator; into one that never began, it makes no call."""
        if self._stream is None:
            self._closed = True
            raise _thrown(*error)
        return await (await self._begun()).athrow(*error)

    async def aclose(self) -> None:
        """Close the stream; one that never began makes no call."""
        self._closed = True
        if self._stream is not None:
            await self._stream.aclose()

    async def close(self) -> None:
        """Close the stream."""
        await self.aclose()

    async def __aenter__(self) -> Any:
        return await (await self._begun()).__aenter__()

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> Any:
        return await self._stream.__aexit__(kind, error, trace)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self._stream is None:
            raise AttributeError(
                f"{name!r} is known once this call has begun: await it, enter it or iterate over it first."
            )
        return getattr(self._stream, name)


def _thrown(error: Any, value: Any = None, trace: Any = None) -> BaseException:
    """Return what `athrow` is to raise; it takes an exception, or its class and what it is made of."""
    if isinstance(error, type):
        error = value if isinstance(value, BaseException) else error() if value is None else error(value)
    thrown: BaseException = error
    return thrown.with_traceback(trace) if trace is not None else thrown
