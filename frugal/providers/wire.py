"""The wire: JSON events out of raw bytes that are cut anywhere.

Law: the events are the same wherever the bytes are cut. Server-sent events, JSON Lines, and a JSON array (Gemini
without `alt=sse`) are told apart by how they begin; anything else is text. Work is linear in the bytes, and what
is kept is at most the event that is not yet whole.
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

__all__ = ["Wire"]

_LINE_END = re.compile(rb"\r\n|\n|\r(?=[^\n])")  # a carriage return at the very end may be half of a line end
_STRUCTURE = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'["\\]')
_FIELDS = (b"data:", b"event:", b"id:", b"retry:", b":")
_LONGEST = 64 * 1024 * 1024
"""The longest event that is waited for, in bytes; what is longer is no event of a model's stream."""


class Wire:
    r"""Take raw bytes, give decoded events.

    >>> wire = Wire()
    >>> wire.feed(b'data: {"a"'), wire.feed(b': 1}\n\ndata: [DONE]\n\n')
    ([], [{'a': 1}])
    """

    __slots__ = ("_array", "_buffer", "_depth", "_mode", "_pending", "_scanned", "_start", "_string")

    def __init__(self) -> None:
        self._mode: Literal["", "sse", "json", "text"] = ""
        self._buffer = bytearray()
        self._scanned = 0
        self._pending: list[bytes] = []
        self._array = self._string = False
        self._depth = self._start = 0

    @property
    def is_text(self) -> bool:
        """Whether these bytes turned out to be no events at all."""
        return self._mode == "text"

    def feed(self, data: bytes) -> list[Any]:
        """Return the events that these bytes complete."""
        if self._mode == "text":
            return []
        self._buffer += data
        if not self._mode:
            self._begin()
        if len(self._buffer) > _LONGEST:
            self._mode = "text"
        match self._mode:
            case "sse":
                return self._lines()
            case "json":
                return self._values()
            case "text":
                self._buffer.clear()
        return []

    def tail(self) -> list[Any]:
        """Return the last event of a stream that ended without a line end; asking again gives nothing."""
        last = bytes(self._buffer).strip()
        if self._mode != "sse" or not (last.startswith(b"data:") or self._pending):
            return []
        events: list[Any] = []
        if self._decode(b"\n".join([*self._pending, last.removeprefix(b"data:")]), events):
            # A whole value cannot go on, so the bytes are done with, even if the stream is not.
            self._buffer.clear()
            self._scanned = 0
            self._pending = []
        return events

    def _begin(self) -> None:
        head = bytes(self._buffer[:64]).removeprefix(b"\xef\xbb\xbf").lstrip()
        if not head:
            return
        if head[:1] in b"{[":
            self._mode = "json"
        elif head.startswith(_FIELDS):
            self._mode = "sse"
        elif not any(field.startswith(head) for field in _FIELDS):
            self._mode = "text"

    def _lines(self) -> list[Any]:
        events: list[Any] = []
        start = 0
        for end in _LINE_END.finditer(self._buffer, self._scanned):
            self._line(bytes(self._buffer[start : end.start()]), events)
            start = end.end()
        del self._buffer[:start]
        self._scanned = max(len(self._buffer) - 1, 0)
        return events

    def _line(self, line: bytes, events: list[Any]) -> None:
        # An event is given as soon as a line of it is a whole value: a recording may lack the blank line after it.
        line = line.strip()
        if line.startswith(b"data:"):
            self._pending.append(line[5:].strip())
            if len(self._pending) == 1 and self._decode(self._pending[0], events):
                self._pending = []
        elif not line and self._pending:
            self._decode(b"\n".join(self._pending), events)
            self._pending = []

    def _values(self) -> list[Any]:
        events: list[Any] = []
        done, at, buffer = 0, self._scanned, self._buffer
        while found := (_IN_STRING if self._string else _STRUCTURE).search(buffer, at):
            at = found.end()
            match found.group():
                case b"\\":
                    if at >= len(buffer):
                        at = found.start()  # the escaped character is still to come
                        break
                    at += 1
                case b'"':
                    self._string = not self._string
                case b"[" if not self._depth and not self._array:
                    self._array = True
                case b"{" | b"[":
                    if not self._depth:
                        self._start = found.start()
                    self._depth += 1
                case _ if self._depth:
                    self._depth -= 1
                    if not self._depth:
                        self._decode(bytes(buffer[self._start : at]), events)
                        done = at
                case _:
                    self._array = False
        else:
            at = len(buffer)
        del buffer[:done]
        self._start -= done
        self._scanned = at - done
        return events

    def _decode(self, data: bytes, events: list[Any]) -> bool:
        try:
            events.append(json.loads(data))
        except (ValueError, RecursionError):  # [DONE], half a value, or no JSON
            return data == b"[DONE]"
        return True
