"""The contract of usage readers: of a `UsageReader`, and of the plain function that `read=` takes."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.ports import Reading
from frugal.testing.contracts.promises import Contract, expect, promise

__all__ = ["UsageReaderContract"]

Expected = Reading | Usage | Cost | Money | None


class _Hostile:
    """An object that raises at every touch."""

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return _Hostile
        raise RuntimeError(f"{name} may not be looked at")

    def __repr__(self) -> str:
        return "<an object that raises at every touch>"


STRANGE: tuple[Any, ...] = (
    None, "", "just text", b"bytes", 0, 1.5, True, [], [1, 2], (), {}, {"usage": None}, {"usage": "many"},
    {"usage": {}}, {"usage": {"total": "one"}}, {"usage": [1]}, {"choices": None}, object(), _Hostile(),
)  # fmt: skip
"""What a function may return beside what a reader knows."""


class UsageReaderContract(Contract):
    """Hold a reader to its promises; a subclass gives `make`, which returns the reader, and examples.

    The reader is a `UsageReader` (`read` and `stream`), or a function of a response, as `metered(read=…)` takes both.
    """

    def examples(self) -> Sequence[tuple[Any, Expected]]:
        """Return responses, and what is read from each: a `Reading`, or a `Usage`, `Cost` or `Money` of it."""
        raise NotImplementedError(f"{type(self).__name__}.examples() must return responses with what they say.")

    def streams(self) -> Sequence[tuple[Sequence[Any], Expected]]:
        """Return streams as lists of their chunks, and what is known of each at its end; none by default."""
        return ()

    @promise
    def test_an_example_is_read(self, reader: Any) -> None:
        """Every response that it is for says what it should."""
        if not self.examples():
            raise AssertionError("there are no examples, so nothing can be said of the reader")
        for number, (response, expected) in enumerate(self.examples()):
            self._says(expected, _read(reader, response), f"example {number}")

    @promise
    def test_what_it_does_not_know_is_none_of_its_business(self, reader: Any) -> None:
        """Whatever else a function returns is answered with `None`, and never raises."""
        for strange in STRANGE:
            found = _read(reader, strange)
            if found is not None and getattr(found, "usage", found) is not None:
                raise AssertionError(f"{strange!r} is read as {found!r}")

    @promise
    def test_reading_changes_nothing(self, reader: Any) -> None:
        """The response is the caller's; reading it again says the same."""
        for number, (response, expected) in enumerate(self.examples()):
            before = copy.deepcopy(response)
            _read(reader, response)
            if response != before and vars(response) != vars(before):
                raise AssertionError(f"reading has changed example {number}")
            self._says(expected, _read(reader, response), f"example {number}, read again")

    @promise
    def test_a_stream_is_known_at_its_end(self, reader: Any) -> None:
        """The chunks of a stream together say what it used."""
        for number, (chunks, expected) in enumerate(self.streams()):
            self._says(expected, _read_all(reader, chunks), f"stream {number}")

    @promise
    def test_two_streams_are_never_mixed(self, reader: Any) -> None:
        """Streams that are read at the same time are each read alone."""
        streams = self.streams()
        if not hasattr(reader, "stream") or not streams:
            return
        readers = [(reader.stream(), chunks, expected) for chunks, expected in (*streams, *streams)]
        for place in range(max(len(chunks) for chunks, _ in streams)):
            for one, chunks, _ in readers:
                if place < len(chunks):
                    one.feed(chunks[place])
        for number, (one, _, expected) in enumerate(readers):
            self._says(expected, one.reading(), f"stream {number % len(streams)}, read beside others")

    @promise
    def test_a_stream_may_end_anywhere(self, reader: Any) -> None:
        """After no chunk, after some, and among chunks that it does not know, it never raises."""
        for number, (chunks, expected) in enumerate(self.streams()):
            for end in range(len(chunks)):
                _read_all(reader, chunks[:end])
            between = [part for chunk in chunks for part in (None, "?", {"type": "ping"}, chunk)]
            self._says(expected, _read_all(reader, between), f"stream {number}, with strange chunks between its own")
        _read_all(reader, STRANGE)

    @staticmethod
    def _says(expected: Expected, found: Any, what: str) -> None:
        if isinstance(expected, Usage) and isinstance(found, Reading):
            found = found.usage
        elif isinstance(expected, Money) and isinstance(found, Reading):
            found = found.stated
        expect(expected, found, what)


def _read(reader: Any, response: Any) -> Any:
    return reader.read(response) if hasattr(reader, "read") else reader(response)


def _read_all(reader: Any, chunks: Sequence[Any]) -> Any:
    """Return what is known of a stream: of a plain function, the last that it said of a chunk."""
    if hasattr(reader, "stream"):
        stream = reader.stream()
        for chunk in chunks:
            stream.feed(chunk)
        return stream.reading()
    said = None
    for chunk in chunks:
        found = reader(chunk)
        said = found if found is not None else said
    return said
