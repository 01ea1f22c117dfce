"""Streams: a proxy round what a provider streams, that sees each chunk pass and tells once how it ended.

Law: the caller sees the SDK's own object — `async for`, `async with`, `close`, `aclose` and every other attribute —
and every stream ends exactly once: read to its end, closed early, cancelled, failed, or thrown away. Chunks are
pulled in the caller's own task, and no context variable is left set between two of them.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from frugal._core import collector
from frugal._core.ambient import leave, serving
from frugal._core.call import Call
from frugal._core.closing import close
from frugal._core.mirror import Response
from frugal.ports import Ticket

__all__ = ["Ending", "Stream", "Tap", "gate", "is_stream", "replay", "tap"]

_log = logging.getLogger("frugal")


@dataclass(frozen=True, slots=True)
class Ending:
    """Say how a stream ended.

    Args:
        how: `"end"` (read to its end), `"closed"` (left early), `"cancelled"`, `"failed"`, or `"dropped"` (thrown
            away without being closed).
        error: what it failed with.
        source: the SDK's object, which may know more than the chunks that passed.
    """

    how: str
    error: BaseException | None = None
    source: Any = None


class Tap(Protocol):
    """Looks on as a stream passes."""

    def chunk(self, chunk: Any, /) -> None:
        """See a chunk."""
        ...

    def end(self, ending: Ending, /) -> Ticket | None:
        """Learn how it ended; a ticket returned is waited for before the caller goes on."""
        ...


@lru_cache(maxsize=4096)
def _streams(kind: Any) -> bool:
    return hasattr(kind, "__aiter__") or (hasattr(kind, "__aenter__") and hasattr(kind, "__aexit__"))


def is_stream(response: Any) -> bool:
    """Say whether a response is an async iterator or an async context manager."""
    kind: Any = type(response)
    return _streams(kind)


class _Flow:
    """The state that a stream's proxies share: a context manager and what it yields end together."""

    __slots__ = ("__weakref__", "call", "finished", "gates", "source", "taps")

    def __init__(self, source: Any, call: Call | None) -> None:
        self.source = source
        self.call = call
        self.taps: list[Tap] = []
        self.gates: list[Callable[[], Awaitable[None]]] = []
        self.finished = False

    def see(self, chunk: Any) -> None:
        for tap in self.taps:
            try:
                tap.chunk(chunk)
            except Exception:
                _log.exception("frugal: a look at a stream's chunk failed; the stream goes on")

    def end(self, how: str, error: BaseException | None = None) -> list[Ticket]:
        """Tell every tap, innermost first; return what is to be waited for."""
        if self.finished:
            return []
        self.finished = True
        tickets = []
        for tap in self.taps:
            try:
                ticket = tap.end(Ending(how, error, self.source))
            except Exception:
                _log.exception("frugal: the end of a stream could not be accounted for")
                continue
            if ticket is not None and not ticket.done:
                tickets.append(ticket)
        return tickets

    async def finish(self, how: str, error: BaseException | None = None) -> None:
        for ticket in self.end(how, error):
            await ticket.wait()

    def __del__(self) -> None:
        if self.finished or not self.taps:
            return
        if collector.is_here():  # in the middle of anything, under any lock: not the place to account for it
            collector.later(self.drop)
        else:
            self.drop()

    def drop(self) -> None:
        """It was thrown away without being closed."""
        self.end("dropped")


class Stream:
    """Stand in for a streamed response, and let taps look on.

    The proxy answers `isinstance` as the object that it stands for, and hands on every attribute it does not know.
    """

    __slots__ = ("__weakref__", "_frugal_flow", "_frugal_iterator", "_frugal_object")

    def __init__(self, source: Any, flow: _Flow) -> None:
        self._frugal_object = source
        self._frugal_flow = flow
        self._frugal_iterator: Any = None

    @classmethod
    def around(cls, source: Any, call: Call | None = None) -> Stream:
        """Return a proxy of `source`, whose chunks are pulled while serving `call`."""
        return cls(source, _Flow(source, call))

    @property
    def __class__(self) -> Any:
        return self._frugal_object.__class__

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("a stream's class cannot be changed.")

    def __aiter__(self) -> Stream:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Any]:
        return self._frugal_pull(self._frugal_next)

    def asend(self, value: Any) -> Coroutine[Any, Any, Any]:
        """Send a value into an async generator and return its next chunk."""
        return self._frugal_pull(lambda: self._frugal_object.asend(value))

    def athrow(self, *error: Any) -> Coroutine[Any, Any, Any]:
        """Throw an error into an async generator and return its next chunk."""
        return self._frugal_pull(lambda: self._frugal_object.athrow(*error))

    def _frugal_next(self) -> Awaitable[Any]:
        iterator = self._frugal_iterator
        if iterator is None:
            source = self._frugal_object
            iterator = source if hasattr(type(source), "__anext__") else source.__aiter__()
            self._frugal_iterator = iterator
        return iterator.__anext__()  # type: ignore[no-any-return]  # an async iterator by its shape

    async def _frugal_pull(self, advance: Callable[[], Awaitable[Any]]) -> Any:
        flow = self._frugal_flow
        try:
            for gate in flow.gates:
                await gate()
            if flow.call is None:
                chunk = await advance()
            else:
                token = serving.set(flow.call)
                try:
                    chunk = await advance()
                finally:
                    leave(token)
        except StopAsyncIteration:
            await flow.finish("end")
            raise
        except asyncio.CancelledError:
            flow.end("cancelled")
            raise
        except GeneratorExit:
            flow.end("dropped")
            raise
        except BaseException as error:
            with suppress(Exception):  # a source that failed at a gate is still open
                await close(self._frugal_object)
            await flow.finish("failed", error)
            raise
        flow.see(chunk)
        return chunk

    async def __aenter__(self) -> Any:
        flow = self._frugal_flow
        enter = getattr(type(self._frugal_object), "__aenter__", None)
        if enter is None:  # an async generator of our own making, used as `async with`
            return self
        try:
            token = serving.set(flow.call)
            try:
                entered = await enter(self._frugal_object)
            finally:
                leave(token)
        except asyncio.CancelledError:
            flow.end("cancelled")
            raise
        except BaseException as error:
            await flow.finish("failed", error)
            raise
        if entered is self._frugal_object or not is_stream(entered):
            return self if entered is self._frugal_object else entered
        flow.source = entered
        return Stream(entered, flow)

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> Any:
        flow = self._frugal_flow
        exit_ = getattr(type(self._frugal_object), "__aexit__", None)
        try:
            if exit_ is None:
                await close(self._frugal_object)
                return None
            return await exit_(self._frugal_object, kind, error, trace)
        except asyncio.CancelledError:
            flow.end("cancelled")
            raise
        finally:
            if isinstance(error, asyncio.CancelledError):
                flow.end("cancelled")
            else:
                await flow.finish("failed" if isinstance(error, Exception) and kind else "closed", error)

    async def aclose(self) -> None:
        """Close the stream; what was not read is not charged beyond what is known of it."""
        try:
            await close(self._frugal_object)
        except asyncio.CancelledError:
            self._frugal_flow.end("cancelled")
            raise
        finally:
            await self._frugal_flow.finish("closed")

    async def close(self, *args: Any, **kwargs: Any) -> Any:
        """Close the stream, as the SDK's own `close` does."""
        method = getattr(self._frugal_object, "close", None)
        try:
            if method is None:
                return await close(self._frugal_object)
            result = method(*args, **kwargs)
            return await result if inspect.isawaitable(result) else result
        except asyncio.CancelledError:
            self._frugal_flow.end("cancelled")
            raise
        finally:
            await self._frugal_flow.finish("closed")

    @property
    def response(self) -> Any:
        """The HTTP response under the stream, where there is one; closing it closes the stream, and tells."""
        found = self._frugal_object.response
        return Response(found, self.aclose) if hasattr(found, "aclose") else found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._frugal_object, name)

    def __repr__(self) -> str:
        return f"<metered {self._frugal_object!r}>"


def tap(stream: Stream, *taps: Tap) -> Stream:
    """Let further taps look on, outside those that are there."""
    flow = stream._frugal_flow  # noqa: SLF001 the proxy's public face is the SDK's
    if not flow.taps:
        collector.watch(flow)
    flow.taps.extend(taps)
    return stream


def gate(stream: Stream, before_each: Callable[[], Awaitable[None]]) -> Stream:
    """Ask `before_each` before every chunk; what it raises ends the stream."""
    stream._frugal_flow.gates.append(before_each)  # noqa: SLF001
    return stream


async def replay(chunks: Iterable[Any]) -> AsyncIterator[Any]:
    """Yield chunks that were kept."""
    for chunk in chunks:
        yield chunk
