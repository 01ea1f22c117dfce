"""Answers: what a cache needs to know of one before it is kept, and how a kept one is given back.

Law: only a whole answer is kept. One that was cut short, filtered or refused, and a stream that was not read to its
end, would be wrong for ever; and what an answer saved is what it, or the answer it was a copy of, truly cost.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from frugal._core.call import Call
from frugal._core.mirror import Mirror
from frugal._core.stream import Ending, Stream, replay, tap
from frugal._values.facts import Escalated, Refused, Saved, Spent, Split
from frugal._values.usage import NO_USAGE, Usage
from frugal.ports import UsageReader

__all__ = ["Cost", "is_whole", "paid", "recorded", "replayed"]

_log = logging.getLogger("frugal")


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer cost whoever bought it."""

    pico: int
    usage: Usage
    model: str | None
    source: str


def paid(call: Call, before: int) -> Cost:
    """Return what the answer of a call cost, from the facts that came after `before`.

    An answer that was itself found by meaning keeps the price and the source of the one that was bought.
    """
    pico, usage, model, source = 0, NO_USAGE, None, call.id
    for fact in call.journal.facts[before:]:
        if type(fact) is Saved:
            pico, usage, model, source = fact.cost.pico, fact.usage, fact.model, fact.source_id or call.id
        elif isinstance(fact, (Spent, Split)):
            spent = fact.spent if isinstance(fact, Split) else fact
            pico += spent.worth.pico
            usage += spent.usage
            model = spent.model or model
    return Cost(pico, usage, model, source)


def is_whole(call: Call, before: int, reader: UsageReader, response: Any, chunks: list[Any] | None = None) -> bool:
    """Say whether an answer came to its own end; what a cascade refused before it is not the answer."""
    if call.journal.inner is not None and not call.journal.inner.whole:
        return False
    facts = call.journal.facts[before:]
    if any(type(fact) is Refused for fact in facts):
        return False  # what is said in the place of an answer while there is no money is not one
    refused = {id(fact.spent) for fact in facts if type(fact) is Escalated}
    spent = [fact for fact in facts if type(fact) is Spent and id(fact) not in refused]
    if any(not fact.complete or fact.outcome not in {"provider", "composite"} for fact in spent):
        return False
    if chunks is not None and not chunks and call.model is not None:
        return False  # a model's stream that said nothing at all was cut before it began
    if spent and chunks is None and spent[-1].finish is not None:
        return True  # the meter has read it already
    try:
        if chunks is None:
            reading = reader.read(response)
        else:
            stream = reader.stream()
            for chunk in chunks:
                stream.feed(chunk)
            reading = stream.reading()
            if reading is not None and reading.model is not None and reading.finish is None:
                return False  # a model's stream that never said why it ended was cut
    except Exception:
        _log.exception("frugal: whether an answer of %s is whole could not be read; it is not kept", call.function)
        return False
    return reading is None or reading.complete


def recorded(stream: Stream, keep: Callable[[list[Any]], Awaitable[None]], copy: Callable[[Any], Any] | None) -> Stream:
    """Have a stream's chunks handed over once it was read to its end.

    What can only be entered is not kept: it is an SDK's own reader, with more ways to be read than by its chunks, and
    could not be given back. Where it is the client's own method, `instrument` decorates the stream under it.
    """
    if hasattr(type(stream._frugal_object), "__aiter__"):  # noqa: SLF001 the proxy's public face is the SDK's
        return tap(stream, _Recorder(keep, copy))
    kind = type(stream._frugal_object).__name__  # noqa: SLF001
    if kind not in _told:
        _told.add(kind)
        _log.warning("frugal: a %s is not kept; stream with create(stream=True), or instrument the client's own "
                     "method", kind)  # fmt: skip
    return stream


_told: set[str] = set()


class _Recorder:
    """Keeps a stream's chunks as they pass, and hands them over when it was read to its end."""

    __slots__ = ("_chunks", "_copy", "_keep")

    def __init__(self, keep: Callable[[list[Any]], Awaitable[None]], copy: Callable[[Any], Any] | None) -> None:
        self._keep = keep
        self._copy = copy
        self._chunks: list[Any] | None = []

    def chunk(self, chunk: Any, /) -> None:
        """Keep a chunk, as it is now: its reader may change it."""
        if self._chunks is None:
            return
        try:
            self._chunks.append(chunk if self._copy is None else self._copy(chunk))
        except Exception as error:  # what cannot be copied is not kept
            _log.warning("frugal: a stream is not kept: %s", error)
            self._chunks = None

    def end(self, ending: Ending, /) -> _Keeping | None:
        """Hand over a stream that was read to its end."""
        chunks, self._chunks = self._chunks, None
        if ending.how != "end" or chunks is None:
            return None
        return _Keeping(partial(self._keep, chunks))


class _Keeping:
    """The keeping of a stream, done before its reader goes on."""

    __slots__ = ("_work",)
    done = False

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work

    async def wait(self) -> bool:
        """Keep it."""
        try:
            await self._work()
        except Exception:
            _log.exception("frugal: a stream could not be kept")
        return True


def replayed(chunks: list[Any]) -> Stream:
    """Return a kept stream as a stream."""
    return Stream.around(Mirror(replay(chunks)))
