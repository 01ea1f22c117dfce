"""The default embedder: WordLlama's table of word vectors, offline, from the weights in its wheel.

A text's vector is the mean of its tokens' vectors (256 numbers), so it knows what a text is about and little
of how its words relate: that is what the veto is for. Chinese is covered by the vocabulary, character by
character, with similarities about as high as in English.

Law: loaded once in a process, in a thread, on first use; downloads are disabled. Importing wordllama
configures the root logger (``logging.basicConfig``); that is undone.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import importlib.util
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from frugal.embedders.function import Rows, checked
from frugal.errors import EmbeddingError, MissingExtraError

__all__ = ["WordLlamaEmbedder"]

_CONFIG, _DIMS = "l2_supercat", 256
_INLINE = 2_000
_BLOCK = 4_096

_lock = threading.Lock()
_loaded: list[Any] = []


class WordLlamaEmbedder:
    """Embed with WordLlama (extra ``frugal[semantic]``).

    Raises:
        MissingExtraError: wordllama is not installed (looked for, not imported).
    """

    def __init__(self) -> None:
        if not self.available():
            raise MissingExtraError("the default embedder (wordllama; or give embed= a function)", "semantic")
        self._identity = f"wordllama/{importlib.metadata.version('wordllama')}/{_CONFIG}/{_DIMS}"

    @staticmethod
    def available() -> bool:
        """Whether wordllama can be imported."""
        return importlib.util.find_spec("wordllama") is not None

    @property
    def identity(self) -> str:
        """Name, version and width."""
        return self._identity

    @property
    def name(self) -> str:
        """The identity, which is known before the first call."""
        return self._identity

    @property
    def ready(self) -> bool:
        """Whether the weights are loaded, so that a short text is embedded in some tens of microseconds."""
        return bool(_loaded)

    async def embed(self, texts: Sequence[str]) -> Rows:
        """Return one vector for each text, as rows of length one.

        Raises:
            EmbeddingError: the weights cannot be loaded, or a text has nothing to embed.
        """
        wanted = list(texts)
        try:
            if not _loaded:
                await asyncio.to_thread(_load)
            if sum(map(len, wanted)) <= _INLINE:
                rows = _embed(wanted)
            else:
                rows = await asyncio.to_thread(_embed, wanted)
        except Exception as error:
            raise EmbeddingError(self._identity, f"{type(error).__name__}: {error}") from error
        return checked(self._identity, rows, len(wanted), _DIMS if wanted else None)

    def __repr__(self) -> str:
        return "WordLlamaEmbedder()"


def _load() -> None:
    """Load the weights, once; takes about half a second."""
    with _lock:
        if _loaded:
            return
        root = logging.getLogger()
        handlers, level = list(root.handlers), root.level
        try:
            package = importlib.import_module("wordllama")
        finally:
            for handler in list(root.handlers):
                if handler not in handlers:
                    root.removeHandler(handler)
            root.setLevel(level)
        home = Path(package.__file__ or "").parent
        model = package.WordLlama.load(config=_CONFIG, dim=_DIMS, cache_dir=home, disable_download=True)
        model.tokenizer.no_padding()
        _loaded.append(model)


def _embed(texts: list[str]) -> Rows:
    # Token by token rather than through `model.embed`, which pads every text to the longest of its batch: one
    # of a megabyte would take a quarter of a gigabyte for each of its neighbours.
    model = _loaded[0]
    rows: Rows = np.zeros((len(texts), _DIMS), dtype=np.float32)
    for at, text in enumerate(texts):
        ids = _tokens(model.tokenizer, text)
        for start in range(0, len(ids), _BLOCK):
            rows[at] += model.embedding[ids[start : start + _BLOCK]].sum(axis=0)
        length = float(np.sqrt(np.dot(rows[at], rows[at])))
        if length:
            rows[at] /= np.float32(length)
    return rows


def _tokens(tokenizer: Any, text: str) -> list[int]:
    """Return the token ids of *text*; a long one without the interpreter lock, which `encode` holds."""
    if len(text) <= _INLINE:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)
    return list(tokenizer.encode_batch([text], add_special_tokens=False)[0].ids)
