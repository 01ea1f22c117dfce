"""An index that is exact while that is fast, and a graph when it has grown.

Law: a search never waits for the move. `move` builds the graph beside the exact index, in whatever thread
calls it; what is added and removed meanwhile is done to both. Where usearch is not installed, or the move
fails, the exact index stays: slower, never wrong.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from frugal.indexes.exact import ExactIndex
from frugal.indexes.graph import GraphIndex

__all__ = ["AutoIndex"]

_log = logging.getLogger("frugal")

EXACT_NUMBERS = 10_000_000
"""Numbers (entries times dimensions) that NumPy compares in about a millisecond on a small machine."""


class AutoIndex:
    """Start with `ExactIndex`, go over to `GraphIndex` when it pays.

    Args:
        limit: entries from which the graph is due; by default what NumPy answers in about a millisecond.
    """

    def __init__(self, *, limit: int | None = None) -> None:
        self._limit = limit
        self._exact: ExactIndex | None = ExactIndex()
        self._graph: GraphIndex | None = None
        self._changed: list[int] | None = None
        self._stay = not GraphIndex.available()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._exact if self._exact is not None else self._graph or ())

    @property
    def kind(self) -> str:
        """``"exact"`` or ``"graph"``: what answers at present."""
        return "exact" if self._exact is not None else "graph"

    @property
    def due(self) -> bool:
        """Whether `move` should be called, off the event loop."""
        exact = self._exact
        if exact is None or self._stay or self._changed is not None or not exact.dims:
            return False
        return len(exact) > (self._limit if self._limit is not None else EXACT_NUMBERS // exact.dims)

    @property
    def quick(self) -> bool:
        """Whether a search and an add take so little now that an event loop's thread may do them."""
        exact = self._exact
        return exact is not None and exact.quick

    def add(self, id: int, vector: Any) -> None:
        """Keep *vector* under *id*, in the place of what the id had.

        Raises:
            ValueError: the vector cannot be used (see `direction`).
        """
        with self._lock:
            if self._exact is not None:
                self._exact.add(id, vector)
                if self._changed is not None:
                    self._changed.append(id)
            elif self._graph is not None:
                self._graph.add(id, vector)

    def remove(self, id: int) -> None:
        """Drop *id*; nothing happens when it is not there."""
        with self._lock:
            if self._exact is not None:
                self._exact.remove(id)
                if self._changed is not None:
                    self._changed.append(id)
            elif self._graph is not None:
                self._graph.remove(id)

    def search(self, vector: Any, k: int) -> list[tuple[int, float]]:
        """Return up to *k* ids with their similarity, nearest first.

        Raises:
            ValueError: the vector cannot be used (see `direction`).
        """
        with self._lock:
            if self._exact is not None:
                return self._exact.search(vector, k)
            return self._graph.search(vector, k) if self._graph is not None else []

    def move(self) -> None:
        """Go over to the graph, if it is due; takes seconds for large partitions: call it in a thread."""
        with self._lock:
            exact = self._exact
            if not self.due or exact is None or not exact.dims:
                return
            self._changed = []
            ids, rows = exact.snapshot()
            dims = exact.dims
        try:
            graph = GraphIndex(dims)
            for id, row in zip(ids.tolist(), rows, strict=True):
                graph.add(id, row)
            self._catch_up(exact, graph)
        except Exception as error:  # whatever usearch raises, the exact index still answers
            _log.warning("usearch could not take over an index of %d entries: %r; it stays exact", len(ids), error)
            with self._lock:
                self._stay, self._changed = True, None

    def _catch_up(self, exact: ExactIndex, graph: GraphIndex) -> None:
        """Repeat on the graph what was done to the exact index meanwhile, then swap them.

        The graph is touched by this thread alone until the swap, so the lock is held for moments only.
        """
        while True:
            with self._lock:
                changed, self._changed = self._changed, []
                if not changed:
                    self._graph, self._exact, self._changed = graph, None, None
                    return
            for id in dict.fromkeys(changed):
                with self._lock:
                    vector = exact.vector(id) if id in exact else None
                if vector is None:
                    graph.remove(id)
                else:
                    graph.add(id, vector)
