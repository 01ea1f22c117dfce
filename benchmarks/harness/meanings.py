"""Semantic caches that are full: filled past the model, since a hundred thousand calls would take an hour."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from frugal import semantic_cached
from frugal._core.pipeline import plan_of
from frugal.embedders import WordLlamaEmbedder
from frugal.stores import DiskRows
from harness.work import ANSWER, question

__all__ = ["DIMENSIONS", "WORDS", "filled", "opened", "vectors_of"]

DIMENSIONS, WORDS = 256, 10
"""Numbers of a vector, and made-up words of a question."""


def opened(directory: Path, entries: int) -> tuple[Any, list[str]]:
    """Return a function with a semantic cache in that directory, and the list of what it is asked past the cache."""
    made: list[str] = []

    @semantic_cached(threshold=0.95, directory=directory, max_items=entries + 10)
    async def ask(prompt: str) -> str:
        if not prompt.endswith("first?"):
            made.append(prompt)
        return ANSWER

    return ask, made


async def vectors_of(entries: int) -> tuple[list[str], Any]:
    """Return that many questions and their vectors."""
    texts = [question(number, WORDS) for number in range(entries)]
    return texts, await WordLlamaEmbedder().embed(texts)


async def filled(directory: Path, entries: int, *, move: bool = True) -> tuple[Any, list[str], Any]:
    """Return what `opened` does, with that many entries in it, and their vectors.

    Args:
        directory: where.
        entries: how many.
        move: go over to the graph where it is due, as a running cache does in a thread of its own.
    """
    ask, made = opened(directory, entries)
    texts, rows = await vectors_of(entries)
    await ask("what was asked at first?")
    plan = plan_of(ask)
    assert plan is not None
    (matcher,) = plan.stack[0].made.values()
    (one,) = (matcher.collection.fetch(id) for id in _ids(matcher.collection))

    def fill() -> None:
        for text, row in zip(texts, rows, strict=True):
            matcher.collection.add(one.partition, text, row, answer=one.answer, answer_class="", alike=())
        assert DiskRows(directory).store.flush(120)
        if move:
            matcher.collection.maintain()

    await asyncio.to_thread(fill)
    assert len(matcher.collection) == entries + 1
    return ask, made, rows


def _ids(collection: Any) -> list[int]:
    return [id for id, _ in collection._shelf]  # noqa: SLF001 an entry's own row is the only example of one
