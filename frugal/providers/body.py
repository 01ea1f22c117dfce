"""Bodies under way: what an HTTP response says while somebody else reads it.

Law: looking on changes nothing. The response and its bytes stay the reader's; a body is read by whoever wants it, once,
and how that ended is told once. What cannot be understood (an encoding that the standard library does not know) says
nothing, and is never guessed at.
"""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from frugal.ports import Reading, Ticket
from frugal.providers.nodes import Attributes
from frugal.providers.reader import read
from frugal.providers.stream import ShapeStream

__all__ = ["Passing", "Whole", "body_of", "passing"]

_log = logging.getLogger("frugal")

_KEPT = 64 * 1024
"""Bytes that are kept before they are looked into: nearly always somebody else tells what they say."""

_Told = Callable[[str, BaseException | None, Reading | None], Ticket | None]


class Whole:
    """A body that has been read already, as a response or as text; it is looked into when somebody asks."""

    __slots__ = ("_response",)

    def __init__(self, response: Any) -> None:
        self._response = response

    def reading(self) -> Reading | None:
        """Return what it says."""
        response = self._response
        try:
            return read(json.loads(response) if isinstance(response, str) else response)
        except ValueError:
            return None

    def then(self, ended: _Told) -> bool:
        """It has ended."""
        return False


class Passing:
    """A body under way: it stands in the place of the response's byte stream and looks on as that is read."""

    def __init__(self, stream: Any, encoding: str) -> None:
        self._stream = stream
        self._decoder = _decoder(encoding)
        self._kept: list[bytes] | None = [] if self._decoder is not None else None
        self._size = 0
        self._reader = ShapeStream()
        self._told: list[_Told] = []
        self._ended = False

    @property
    def __class__(self) -> Any:  # the HTTP client asks whether it is a byte stream of its own kind
        return type(self._stream)

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("a stream's class cannot be changed.")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                self._see(chunk)
                yield chunk
        except asyncio.CancelledError as error:
            self._end("cancelled", error)
            raise
        except GeneratorExit:  # its reader went away; what closes the response says so
            raise
        except BaseException as error:
            await self._finish("failed", error)
            raise
        await self._finish("end", None)

    async def aclose(self) -> None:
        """Close the body, and tell that it ended early if it had not come to its end."""
        try:
            await self._stream.aclose()
        finally:
            await self._finish("closed", None)

    def reading(self) -> Reading | None:
        """Return what was said so far; `None` when nothing was recognised."""
        self._look()
        return self._reader.reading()

    def then(self, ended: _Told) -> bool:
        """Have `ended` told how this body ends; false if it has."""
        if not self._ended:
            self._told.append(ended)
        return not self._ended

    def drop(self) -> None:
        """It was thrown away unread."""
        self._end("dropped", None)

    def __del__(self) -> None:
        if self._told and not self._ended:
            self.drop()

    # ------------------------------------------------------------------ looking on

    def _see(self, chunk: bytes) -> None:
        if self._kept is None:
            return
        self._kept.append(chunk)
        self._size += len(chunk)
        if self._size > _KEPT:
            self._look()

    def _look(self) -> None:
        """Look into what was kept."""
        kept, decoder = self._kept, self._decoder
        if kept is None or decoder is None:
            return
        self._kept, self._size = [], 0
        try:
            for chunk in kept:
                self._reader.feed(decoder(chunk))
        except zlib.error:
            _log.warning("frugal: the body of a response is not what its encoding says, and is not read")
            self._kept, self._reader = None, ShapeStream()

    # ------------------------------------------------------------------ telling

    def _end(self, how: str, error: BaseException | None) -> list[Ticket]:
        if self._ended:
            return []
        self._ended = True
        told, self._told = self._told, []
        tickets = []
        for ended in told:
            try:
                ticket = ended(how, error, self.reading())
            except Exception:
                _log.exception("frugal: the end of a response's body could not be accounted for")
                continue
            if ticket is not None and not ticket.done:
                tickets.append(ticket)
        return tickets

    async def _finish(self, how: str, error: BaseException | None) -> None:
        for ticket in self._end(how, error):
            await ticket.wait()


def _decoder(encoding: str) -> Callable[[bytes], bytes] | None:
    """Return what undoes a content encoding; `None` when it is not known here."""
    if encoding in {"", "identity"}:
        return bytes
    if encoding in {"gzip", "x-gzip"}:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress
    if encoding == "deflate":
        return zlib.decompressobj().decompress
    return None


# --- finding it -------------------------------------------------------------------------------------------------

_UNREAD_DEPTH = 3


def body_of(response: Any) -> Passing | None:
    """Return the body of an SDK's raw response that nobody has read yet; `None` when it is no such thing.

    Args:
        response: what `.with_raw_response` or `.with_streaming_response` gave.
    """
    if not _is_raw(type(response)):
        return None
    http = response
    for _ in range(_UNREAD_DEPTH):
        if http is None or type(http).__module__.startswith("httpx"):
            break
        http = Attributes(http).get("http_response")
    return None if http is None else passing(http)


def passing(http: Any) -> Passing | None:
    """Return the body of an HTTP response under way, looking on from now; `None` where it has been read."""
    stream = getattr(http, "stream", None)
    if type(stream) is Passing:
        return stream
    if stream is None or not hasattr(stream, "__aiter__") or http.is_stream_consumed or http.is_closed:
        return None
    http.stream = found = Passing(stream, str(http.headers.get("content-encoding", "")).strip().lower())
    return found


_raw: dict[type, bool] = {}


def _is_raw(kind: type) -> bool:
    """Say whether objects of a class are an SDK's wrapping of an HTTP response."""
    found = _raw.get(kind)
    if found is None:
        if len(_raw) > 1024:
            _raw.clear()
        found = _raw[kind] = any("http_response" in vars(base).get("__annotations__", ()) for base in kind.__mro__)
    return found
