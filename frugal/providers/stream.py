"""The stream reader: what a stream says about tokens and money, while it passes.

Law: `feed` never raises and never keeps a chunk. Wherever the stream stops, `reading` says what is known: until
the provider says why the answer ended, `finish` is `None` and `complete` is false. Of an Anthropic stream that is
cut, the input is known from its first event and the output is the count that this event began with, a lower
bound; `text_bytes` is there to estimate the rest.
"""

from __future__ import annotations

import logging
from typing import Any

from frugal.ports import Reading
from frugal.providers.events import take_event
from frugal.providers.nodes import look, size
from frugal.providers.state import StreamState
from frugal.providers.wire import Wire

__all__ = ["ShapeStream"]

_log = logging.getLogger("frugal")


class ShapeStream:
    """Read one stream; satisfies `frugal.ports.StreamReader`.

    Chunks are what the caller sees: an SDK's events, mappings, or raw bytes or text cut anywhere. A stream of
    plain text is a stream of text: its length is known, and nothing else.

    >>> stream = ShapeStream()
    >>> stream.feed('data: {"choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}], "mo')
    >>> stream.feed('del": "gpt-4o"}')
    >>> stream.reading().model, stream.reading().text_bytes
    ('gpt-4o', 2)
    """

    __slots__ = ("_failed", "_plain", "_state", "_wire")

    def __init__(self) -> None:
        self._state = StreamState()
        self._wire: Wire | None = None
        self._plain = 0
        self._failed = False

    def feed(self, chunk: Any) -> None:
        """Take the next chunk, as the caller sees it; never raises."""
        try:
            if isinstance(chunk, str):
                self._plain += size(chunk)
                self._raw(chunk.encode("utf-8", "surrogatepass"))
            elif isinstance(chunk, (bytes, bytearray, memoryview)):
                self._raw(bytes(chunk))
            elif (node := look(chunk)) is not None:
                take_event(self._state, node)
        except Exception:
            if not self._failed:
                self._failed = True
                _log.warning("a %s in a stream could not be read", type(chunk).__name__, exc_info=True)

    def reading(self) -> Reading | None:
        """Return what is known so far; `None` when nothing was recognised."""
        try:
            if self._wire is not None:
                self._take(self._wire.tail())
            if self._state.seen:
                return self._state.reading()
        except Exception:
            _log.warning("the usage of a stream could not be read", exc_info=True)
            return Reading(complete=False, problem="the stream could not be read", text_bytes=self._plain or None)
        return Reading(text_bytes=self._plain) if self._plain else None

    def _raw(self, data: bytes) -> None:
        if self._wire is None:
            self._wire = Wire()
        self._take(self._wire.feed(data))

    def _take(self, events: list[Any]) -> None:
        for event in events:
            if (node := look(event)) is not None:
                take_event(self._state, node)
