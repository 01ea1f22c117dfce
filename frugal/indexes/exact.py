"""The exact index: every vector is compared with the query, row by row, in one call.

Law: rows lie without gaps at the front of one array that doubles when it is full, so an insert copies nothing
(but the whole once in a doubling) and a removal moves one row, the last, into the gap. Unused capacity is
never touched and therefore takes no memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugal.indexes.vectors import Vector, direction, pack, unpack

__all__ = ["QUICK_NUMBERS", "ExactIndex"]

_MAGIC = b"FRX1"

QUICK_NUMBERS = 2_600_000
"""Numbers (entries times dimensions) that are compared in a fraction of a millisecond: 10,000 vectors of 256."""

_LITTLE = 250_000  # numbers that are copied in a moment, when the array doubles
_ROWS = 400  # rows in one product


class ExactIndex:
    """Exact nearest neighbours by cosine.

    Args:
        dims: numbers in a vector; taken from the first one added when not given.

    >>> index = ExactIndex()
    >>> index.add(7, [1.0, 0.0])
    >>> index.add(8, [0.0, 1.0])
    >>> index.search([2.0, 0.1], 1)[0][0]
    7
    """

    __slots__ = ("_ids", "_places", "_rows", "dims")

    def __init__(self, dims: int | None = None) -> None:
        self.dims = dims
        self._rows: Vector = np.empty((0, dims or 0), dtype=np.float32)
        self._ids: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._places: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, id: int) -> bool:
        return id in self._places

    def __iter__(self) -> Iterator[int]:
        return iter(list(self._places))

    def add(self, id: int, vector: Any) -> None:
        """Keep *vector* under *id*, in the place of what the id had.

        Raises:
            ValueError: the vector cannot be used (see `direction`).
        """
        unit = direction(vector, self.dims)
        if self.dims is None:
            self.dims = unit.size
            self._rows = np.empty((0, unit.size), dtype=np.float32)
        place = self._places.get(id)
        if place is None:
            place = len(self._places)
            if place == len(self._rows):
                self._grow()
            self._ids[place] = id
            self._places[id] = place
        self._rows[place] = unit

    def remove(self, id: int) -> None:
        """Drop *id*; nothing happens when it is not there."""
        place = self._places.pop(id, None)
        if place is None:
            return
        last = len(self._places)
        if place != last:
            self._rows[place] = self._rows[last]
            self._ids[place] = moved = int(self._ids[last])
            self._places[moved] = place
        if len(self._rows) > 8 and last < len(self._rows) // 4:
            self._resize(len(self._rows) // 2)

    def search(self, vector: Any, k: int) -> list[tuple[int, float]]:
        """Return up to *k* ids with their similarity, nearest first.

        Raises:
            ValueError: the vector cannot be used (see `direction`).
        """
        count = len(self._places)
        if not count or k < 1:
            return []
        return self._best(_dots(self._rows[:count], direction(vector, self.dims)), k)

    def search_many(self, vectors: Sequence[Any] | Vector, k: int) -> list[list[tuple[int, float]]]:
        """Answer several queries in one product of two matrices; one list for each.

        The product uses all cores and waits for the slowest of them: call it off the event loop.

        Raises:
            ValueError: one of the vectors cannot be used (see `direction`).
        """
        count = len(self._places)
        if not count or k < 1:
            return [[] for _ in vectors]
        queries = np.stack([direction(vector, self.dims) for vector in vectors])
        return [self._best(row, k) for row in queries @ self._rows[:count].T]

    @property
    def quick(self) -> bool:
        """Whether a search and an add take so little now that an event loop's thread may do them."""
        count = len(self._places)
        numbers = count * (self.dims or 0)
        return numbers <= QUICK_NUMBERS and (numbers <= _LITTLE or count < len(self._rows))

    def vector(self, id: int) -> Vector:
        """Return the unit vector of *id*.

        Raises:
            KeyError: the id is not there.
        """
        row: Vector = self._rows[self._places[id]].copy()
        return row

    def snapshot(self) -> tuple[NDArray[np.int64], Vector]:
        """Return all ids and their vectors, in the same order, as copies."""
        count = len(self._places)
        return self._ids[:count].copy(), self._rows[:count].copy()

    def dump(self) -> bytes:
        """Return everything as raw bytes."""
        count = len(self._places)
        head = _MAGIC + count.to_bytes(8, "little") + (self.dims or 0).to_bytes(4, "little")
        return head + self._ids[:count].astype("<i8").tobytes() + pack(self._rows[:count])

    @classmethod
    def load(cls, data: bytes) -> ExactIndex:
        """Return the index that `dump` wrote.

        Raises:
            ValueError: the bytes are not those of an index.
        """
        count, dims = int.from_bytes(data[4:12], "little"), int.from_bytes(data[12:16], "little")
        if data[:4] != _MAGIC or len(data) != 16 + count * 8 + count * dims * 4:
            raise ValueError("not the bytes of an index: rebuild it from its entries")
        index = cls(dims or None)
        if count:
            middle = 16 + count * 8
            index._ids = np.frombuffer(data[16:middle], dtype="<i8").astype(np.int64)
            index._rows = unpack(data[middle:]).reshape(count, dims).copy()
            index._places = {id: place for place, id in enumerate(index._ids.tolist())}
            if len(index._places) != count:
                raise ValueError("an id occurs twice in the bytes of an index: rebuild it from its entries")
        return index

    def _best(self, similarities: Vector, k: int) -> list[tuple[int, float]]:
        count = similarities.size
        if k < count:
            places = np.argpartition(similarities, count - k)[count - k :]
            similarities = similarities[places]
            ids = self._ids[places]
        else:
            ids = self._ids[:count]
        order = np.argsort(-similarities, kind="stable")
        # Rounding may leave a unit vector a hair beyond its own length.
        values = np.minimum(similarities[order], np.float32(1.0))
        return list(zip(ids[order].tolist(), values.tolist(), strict=True))

    def _grow(self) -> None:
        self._resize(max(1, 2 * len(self._rows)))

    def _resize(self, capacity: int) -> None:
        count = min(len(self._rows), capacity, len(self._ids))
        rows: Vector = np.empty((capacity, self.dims or 0), dtype=np.float32)
        ids: NDArray[np.int64] = np.empty(capacity, dtype=np.int64)
        rows[:count] = self._rows[:count]
        ids[:count] = self._ids[:count]
        self._rows, self._ids = rows, ids


def _dots(rows: Vector, query: Vector) -> Vector:
    """Return the product of each row with *query*, on this thread alone.

    One matrix product would be up to twice as fast on an idle machine. But BLAS splits it among threads and waits
    for the last, and on a busy machine that takes tens of milliseconds now and then: on an event loop, too long. It
    leaves small ones alone, so there are several; row by row, each row would cost as much as its numbers.
    """
    count = len(rows) - len(rows) % _ROWS
    if not count:
        return _each(rows, query)
    whole = np.matmul(rows[:count].reshape(-1, _ROWS, rows.shape[1]), query).reshape(count)
    return np.concatenate((whole, _each(rows[count:], query))) if count < len(rows) else whole


def _each(rows: Vector, query: Vector) -> Vector:
    if hasattr(np, "vecdot"):  # NumPy 2
        return np.asarray(np.vecdot(rows, query), dtype=np.float32)
    return np.asarray(np.einsum("ij,j->i", rows, query), dtype=np.float32)
