"""Space: how a query becomes a point.

Law: a space is made from queries alone, never from their outcomes, and has far fewer directions than it was made from
queries; so a new query stands in it as a known one does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Matrix", "Space"]

Matrix: TypeAlias = NDArray[np.float32]
"""Rows of float32."""

_MOST = 64
"""Directions of the embedding that are read. On the GSM8K outcomes all 256 predict no better, and a decision has to
read every past query's."""

_EACH = 10
"""Queries for each direction."""

_FORM_WEIGHT = 0.3
"""How much a standard deviation of a text's form weighs beside an embedding of length 1; by cross-validation within
learning halves of the GSM8K outcomes."""

_TURNS = 6
"""Turns of the power method; the directions need not be exact."""


@dataclass(frozen=True)
class Space:
    """Turn an embedding and a form into a point; made from the queries that it was fitted to.

    Args:
        centre: the mean embedding.
        directions: the directions in which embeddings differ most, as columns.
        form_mean: the mean form.
        form_scale: its standard deviations; infinite where all are alike.
    """

    centre: Matrix
    directions: Matrix
    form_mean: Matrix
    form_scale: Matrix

    @classmethod
    def fitted(cls, vectors: Matrix, forms: Matrix) -> Space:
        """Make the space of these queries."""
        centre = vectors.mean(axis=0)
        scale = forms.std(axis=0)
        return cls(
            centre,
            _directions(_unit(vectors - centre)),
            forms.mean(axis=0),
            np.where(scale > 1e-6, scale, np.inf).astype(np.float32),
        )

    def points(self, vectors: Matrix, forms: Matrix) -> Matrix:
        """Return the points of queries, as rows."""
        # Outliers in form (a pasted log) would otherwise be nobody's neighbours.
        formed = np.clip((forms - self.form_mean) / self.form_scale, -3, 3) * _FORM_WEIGHT
        return np.ascontiguousarray(np.hstack([_unit(vectors - self.centre) @ self.directions, formed]), np.float32)


def _unit(rows: Matrix) -> Matrix:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Matrix = (rows / np.where(lengths > 1e-9, lengths, 1.0)).astype(np.float32)
    return scaled


def _directions(rows: Matrix) -> Matrix:
    """Return the principal directions by the power method on a block (Halko, Martinsson and Tropp, 2011)."""
    wide = rows.shape[1]
    kept = max(1, min(_MOST, wide, len(rows) // _EACH))
    block = np.random.default_rng(0).standard_normal((wide, min(wide, kept + 8)))
    for _ in range(_TURNS):
        block = np.linalg.qr(rows.T @ (rows @ block.astype(np.float32)))[0]
    # The first of the block are not the principal ones until it is turned to them.
    seen = rows @ block.astype(np.float32)
    turn = np.linalg.eigh((seen.T @ seen).astype(np.float64))[1][:, ::-1][:, :kept]
    found: Matrix = (block @ turn).astype(np.float32)
    return found
