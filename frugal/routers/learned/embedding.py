"""Embedding: ask a port's embedder or a user's plain function, from async code and from sync code.

Law: what comes back is checked before anyone counts on it, and what fails is an `EmbeddingError` that names the
embedder.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Coroutine
from typing import Any

import numpy as np

from frugal._values.threads import in_thread
from frugal.errors import EmbeddingError
from frugal.routers.learned.space import Matrix

__all__ = ["embedded", "embedded_now", "name_of"]

_CHUNK = 512
"""Texts that are embedded in one go while fitting."""


async def embedded(embed: Any, texts: list[str]) -> Matrix:
    """Embed with a port's embedder or a plain function, and check what comes back.

    Raises:
        EmbeddingError: it failed, or gave no usable vectors.
    """
    try:
        if hasattr(embed, "embed"):
            given = await embed.embed(texts)
        elif inspect.iscoroutinefunction(embed):
            given = await embed(texts)
        else:
            # It may compute for long, so it does not run on the loop.
            given = await in_thread(embed, texts)
            given = await given if inspect.isawaitable(given) else given
        rows = np.asarray(given, dtype=np.float32)
    except EmbeddingError:
        raise
    except Exception as error:
        raise EmbeddingError(name_of(embed), f"it raised {type(error).__name__}: {error}") from error
    if rows.ndim != 2 or len(rows) != len(texts) or not rows.shape[1] or not np.isfinite(rows).all():
        raise EmbeddingError(name_of(embed), f"{len(texts)} texts gave an array of shape {rows.shape}")
    return rows


def name_of(embed: Any) -> str:
    """Return how an embedder is called."""
    return str(getattr(embed, "identity", None) or getattr(embed, "__qualname__", type(embed).__qualname__))


def _run(work: Coroutine[Any, Any, Matrix]) -> Matrix:
    """Run a coroutine to its end from sync code; in a thread of its own where this one has a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    ended: list[Matrix | BaseException] = []

    def run() -> None:
        try:
            ended.append(asyncio.run(work))
        except BaseException as error:  # It is raised again below.
            ended.append(error)

    thread = threading.Thread(target=run, name="frugal-fit")
    thread.start()
    thread.join()
    if isinstance(ended[0], BaseException):
        raise ended[0]
    return ended[0]


def embedded_now(embed: Any, texts: list[str]) -> Matrix:
    """Embed from sync code, whether or not a loop runs in this thread.

    Raises:
        EmbeddingError: the embedder failed.
    """

    async def all_of_them() -> Matrix:
        chunks = (texts[at : at + _CHUNK] for at in range(0, len(texts), _CHUNK))
        return np.vstack([await embedded(embed, chunk) for chunk in chunks])

    return _run(all_of_them())
