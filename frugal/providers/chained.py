"""Several readers as one: the first that knows a shape says what it says.

Law: a reader that fails is passed over and logged; the call goes on, and the next reader is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from frugal.ports import Reading, StreamReader, UsageReader

__all__ = ["Chained"]

_log = logging.getLogger("frugal")


class Chained:
    """Ask readers in order; satisfies `frugal.ports.UsageReader`.

    Args:
        readers: the readers, first to last.
    """

    __slots__ = ("_readers",)

    def __init__(self, *readers: UsageReader) -> None:
        self._readers = readers

    def read(self, response: Any) -> Reading | None:
        """Return what the first reader that knows it says of a response."""
        return next((found for reader in self._readers if (found := _asked(reader.read, response)) is not None), None)

    def stream(self) -> StreamReader:
        """Return a fresh reader for one stream, which all of them see."""
        return _ChainedStream([reader.stream() for reader in self._readers])

    def snapshot(self, stream: Any) -> Reading | None:
        """Return what the message that an SDK's stream has gathered says, where a reader looks at those."""
        looks = [reader.snapshot for reader in self._readers if hasattr(reader, "snapshot")]
        return next((found for look in looks if (found := _asked(look, stream)) is not None), None)

    def __repr__(self) -> str:
        return f"Chained({', '.join(map(repr, self._readers))})"


class _ChainedStream:
    __slots__ = ("_streams",)

    def __init__(self, streams: list[StreamReader]) -> None:
        self._streams = streams

    def feed(self, chunk: Any) -> None:
        for stream in self._streams:
            _asked(stream.feed, chunk)

    def reading(self) -> Reading | None:
        return next((found for stream in self._streams if (found := _asked(stream.reading)) is not None), None)


def _asked(question: Callable[..., Any], *about: Any) -> Any:
    try:
        return question(*about)
    except Exception:
        _log.exception("frugal: a usage reader failed; another is asked")
        return None
