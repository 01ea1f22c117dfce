"""Indexes: find the nearest vectors, and keep them together with the answers they lead to.

Law: cosine similarity throughout; vectors are float32 and normalised on the way in; ids are positive integers
below 2**63. NumPy and usearch have their one home here.
"""

from frugal.indexes.auto import AutoIndex
from frugal.indexes.collection import Collection
from frugal.indexes.exact import ExactIndex
from frugal.indexes.graph import GraphIndex
from frugal.indexes.rows import Entry, MemoryRows, Rows
from frugal.indexes.shelf import Near

__all__ = ["AutoIndex", "Collection", "Entry", "ExactIndex", "GraphIndex", "MemoryRows", "Near", "Rows"]
