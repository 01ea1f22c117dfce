"""One entry as one row of bytes."""

import numpy as np
import pytest

from frugal.indexes import Entry, MemoryRows
from frugal.indexes.rows import decode, encode
from frugal.indexes.vectors import direction


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.time = 1_000.0

    def now(self):
        """Return the time set."""
        return self.time

    async def sleep(self, seconds):
        """Never called."""
        raise AssertionError


def entry(**changes):
    """Give an entry with awkward contents."""
    fields = {
        "id": 7,
        "partition": "p",
        "text": "臺北\ud800 \x00 “x”",
        "vector": direction([1.0, 2.0]),
        "answer": b"\x00\xff{}",
        "answer_class": "c",
        "created": 1.5,
        "expires": None,
        "user": "ann",
        "source": "s",
        "saved": 10**15,
    }
    return Entry(**{**fields, **changes})


def test_a_row_comes_back_as_its_entry():
    """Every field survives, odd characters and empty answers too."""
    for one in (entry(), entry(answer=b"", user=None, saved=None, expires=9.0, text="")):
        other = decode(encode(one))
        for name in (
            "id",
            "partition",
            "text",
            "answer",
            "answer_class",
            "created",
            "expires",
            "user",
            "source",
            "saved",
        ):
            assert getattr(one, name) == getattr(other, name)
        assert np.array_equal(one.vector, other.vector)


def test_any_changed_byte_is_noticed():
    """A row with one bit turned, cut short or grown is refused, wherever it was changed."""
    row = encode(entry())
    for at in range(len(row)):
        damaged = bytearray(row)
        damaged[at] ^= 1
        with pytest.raises(ValueError, match=r"damaged|newer"):
            decode(bytes(damaged))
    for damaged in (row[:-1], row + b"x", b"", row[:16]):
        with pytest.raises(ValueError, match=r"damaged|newer"):
            decode(damaged)


def test_rows_in_memory_keep_the_order_and_the_time():
    """The memory rows behave as the durable ones do."""
    clock = Clock()
    rows = MemoryRows(clock)
    for key in ("a/2", "a/1", "b/1", "a/3"):
        rows.put(key, key.encode(), 1_005.0 if key == "a/3" else None, None)
    assert ["a/1", "a/2", "a/3"] == [key for key, _ in rows.iterate("a/")]
    assert ["a/2", "a/3"] == [key for key, _ in rows.iterate("a/", "a/1")]
    clock.time = 1_005.0
    assert (None, b"a/1") == (rows.get("a/3"), rows.get("a/1"))
    assert ["a/1", "a/2"] == [key for key, _ in rows.iterate("a/")]
    rows.delete("a/1")
    rows.delete("a/1")
    assert (None, 3) == (rows.get("a/1"), len(rows))
