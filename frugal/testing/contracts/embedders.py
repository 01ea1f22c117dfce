"""The contract of `Embedder`: what every embedder promises."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from frugal.ports import Embedder
from frugal.testing.contracts.promises import Contract, expect, promise

__all__ = ["EmbedderContract"]

TEXTS = ("What is the capital of France?", "How do I reset my password?", "今天天氣如何？", "a" * 5_000, "x", "🙂")


class EmbedderContract(Contract):
    """Hold an embedder to what the port says; a subclass gives `make`."""

    accuracy = 1e-4
    """How far a number of a vector may be from the same text's another time, relative to the vector's length."""

    @promise
    async def test_each_text_has_a_vector_in_its_place(self, embedder: Embedder) -> None:
        """As many rows as texts, in their order: alone, a text has the vector that it has among others."""
        rows = await _rows(embedder, TEXTS)
        expect(len(TEXTS), len(rows), "the number of vectors")
        for place, text in enumerate(TEXTS):
            self._same((await _rows(embedder, [text]))[0], rows[place], f"the vector of text {place}")

    @promise
    async def test_one_text_has_one_vector(self, embedder: Embedder) -> None:
        """The same text has the same vector, within one call and later."""
        rows = await _rows(embedder, [TEXTS[0], TEXTS[1], TEXTS[0]])
        self._same(rows[0], rows[2], "the vector of a text that is asked for twice")
        self._same(rows[0], (await _rows(embedder, [TEXTS[0]]))[0], "the vector of a text that is asked for again")

    @promise
    async def test_texts_are_told_apart(self, embedder: Embedder) -> None:
        """Two texts that have nothing in common do not point the same way."""
        one, other = await _rows(embedder, TEXTS[:2])
        if _cosine(one, other) > 0.999:
            raise AssertionError("two texts of different meaning have one direction")

    @promise
    async def test_all_vectors_have_one_width(self, embedder: Embedder) -> None:
        """Vectors of one embedder can be compared."""
        expect(1, len({len(row) for row in await _rows(embedder, TEXTS)}), "the number of widths")

    @promise
    async def test_every_vector_has_a_direction(self, embedder: Embedder) -> None:
        """No vector is all zeros, and none holds NaN or infinity."""
        for row in await _rows(embedder, TEXTS):
            if not (all(math.isfinite(number) for number in row) and any(row)):
                raise AssertionError("a vector has no direction: zeros, NaN or infinity")

    @promise
    async def test_no_texts_have_no_vectors(self, embedder: Embedder) -> None:
        """An empty list is answered, by nothing."""
        expect(0, len(await embedder.embed([])), "the number of vectors of no texts")

    @promise
    async def test_its_identity_is_a_name_that_stays(self, embedder: Embedder) -> None:
        """Vectors of two identities are never compared, so it does not change from use to use."""
        await embedder.embed(list(TEXTS[:1]))
        first = embedder.identity
        await embedder.embed(list(TEXTS[1:2]))
        if not isinstance(first, str) or not first.strip():
            raise AssertionError(f"the identity is {first!r}: give a text that names the model and its width")
        expect(first, embedder.identity, "the identity after another use")

    @promise
    async def test_callers_may_embed_at_once(self, embedder: Embedder) -> None:
        """Each gets the vectors of its own texts."""
        alone = [(await _rows(embedder, [text]))[0] for text in TEXTS]
        together = await asyncio.gather(*(_rows(embedder, [text]) for text in TEXTS))
        for place, rows in enumerate(together):
            self._same(alone[place], rows[0], f"the vector of text {place} among others at once")

    @promise
    async def test_the_texts_are_left_as_they_are(self, embedder: Embedder) -> None:
        """The caller's list is not the embedder's to change."""
        texts = list(TEXTS)
        await embedder.embed(texts)
        expect(list(TEXTS), texts, "the texts after embedding")

    def _same(self, expected: Sequence[float], found: Sequence[float], what: str) -> None:
        expect(len(expected), len(found), f"the width of {what}")
        apart = math.dist(expected, found)
        if not apart <= self.accuracy * max(math.hypot(*expected), 1e-9):
            raise AssertionError(f"{what} is another one: {apart} away from it")


async def _rows(embedder: Embedder, texts: Sequence[str]) -> list[list[float]]:
    given: Any = await embedder.embed(list(texts))
    return [[float(number) for number in row] for row in given]


def _cosine(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
