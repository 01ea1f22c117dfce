"""The approximate index for large partitions: usearch's graph of near neighbours (extra ``frugal[ann]``).

usearch is an HNSW graph (Y. Malkov and D. Yashunin, 2018). It finds nearly always the nearest entry, in a
time that hardly grows with their number, but takes about a hundred times longer to insert.

Law: vectors are kept as float16, half the memory; a similarity is true to about 0.001. Imported on first use.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

from frugal.errors import MissingExtraError
from frugal.indexes.vectors import direction

__all__ = ["GraphIndex"]


class GraphIndex:
    """Nearly exact nearest neighbours by cosine.

    Args:
        dims: numbers in a vector; those of the first that is added when `None`.

    Raises:
        MissingExtraError: usearch is not installed.
    """

    __slots__ = ("_graph", "_usearch", "dims")

    def __init__(self, dims: int | None = None) -> None:
        try:
            self._usearch: Any = importlib.import_module("usearch.index")
        except ImportError as error:
            raise MissingExtraError("an approximate index (usearch)", "ann") from error
        self.dims = dims
        self._graph: Any = None if dims is None else self._of(dims)

    def _of(self, dims: int) -> Any:
        return self._usearch.Index(ndim=dims, metric="cos", dtype="f16")

    @staticmethod
    def available() -> bool:
        """Whether usearch can be imported."""
        return importlib.util.find_spec("usearch") is not None

    def __len__(self) -> int:
        return 0 if self._graph is None else len(self._graph)

    def __contains__(self, id: int) -> bool:
        return self._graph is not None and bool(self._graph.contains(id))

    def add(self, id: int, vector: Any) -> None:
        """Keep *vector* under *id*, in the place of what the id had.

        Raises:
            ValueError: the vector cannot be used (see `direction`).
        """
        unit = direction(vector, self.dims)
        if self._graph is None:
            self.dims = len(unit)
            self._graph = self._of(self.dims)
        elif id in self:
            self._graph.remove(id)
        self._graph.add(id, unit)

    def remove(self, id: int) -> None:
        """Drop *id*; nothing happens when it is not there."""
        if id in self:
            self._graph.remove(id)

    def search(self, vector: Any, k: int) -> list[tuple[int, float]]:
        """Return up to *k* ids with their similarity, nearest first.

        Raises:
            ValueError: the vector cannot be used (see `direction`).
        """
        unit = direction(vector, self.dims)
        if not len(self) or k < 1:
            return []
        found = self._graph.search(unit, k)
        similarities = np.clip(1.0 - found.distances, -1.0, 1.0)
        return list(zip(found.keys.tolist(), similarities.tolist(), strict=True))
