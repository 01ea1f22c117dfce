"""Embedders: turn texts into vectors, and say by which identity, for vectors of two are never compared.

Law: an embedder gives usable vectors (finite, of one width, with a direction) or raises `EmbeddingError`; it
never gives a doubtful one, never blocks the event loop and never touches the network by itself.
"""

from frugal.embedders.function import FunctionEmbedder
from frugal.embedders.wordllama import WordLlamaEmbedder

__all__ = ["FunctionEmbedder", "WordLlamaEmbedder"]
