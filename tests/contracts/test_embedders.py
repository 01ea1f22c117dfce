"""The contract of `Embedder`, held by a user's function, sync and async, and by WordLlama."""

import asyncio
import hashlib
import importlib.util

import pytest

from frugal.embedders import FunctionEmbedder, WordLlamaEmbedder
from frugal.testing import EmbedderContract


def hashed(text):
    """Return a vector of a text: 16 numbers that have nothing to do with what it means."""
    return [byte / 255 + 0.001 for byte in hashlib.sha256(text.encode()).digest()[:16]]


class TestSyncFunction(EmbedderContract):
    def make(self, clock, directory):
        return FunctionEmbedder(lambda texts: [hashed(text) for text in texts], identity="hashed")


class TestAsyncFunction(EmbedderContract):
    def make(self, clock, directory):
        async def embed(texts):
            await asyncio.sleep(0)
            return [hashed(text) for text in texts]

        return FunctionEmbedder(embed, identity="hashed")


@pytest.mark.skipif(importlib.util.find_spec("wordllama") is None, reason="frugal[semantic] is not installed")
class TestWordLlama(EmbedderContract):
    def make(self, clock, directory):
        return WordLlamaEmbedder()


# --------------------------------------------------------------------------- embedders that break a promise


class Right:
    """An embedder that keeps every promise; what is broken is one method of it."""

    identity = "right/16"

    def __init__(self):
        self.calls = 0

    async def embed(self, texts):
        self.calls += 1
        await asyncio.sleep(0)
        return [self.one(text) for text in texts]

    def one(self, text):
        return hashed(text)


class Sorting(Right):
    async def embed(self, texts):
        return await super().embed(sorted(texts))


class Drifting(Right):
    def one(self, text):
        return [number + 0.01 * self.calls for number in hashed(text)]


class Blind(Right):
    def one(self, text):
        return [1.0] * 16


class Ragged(Right):
    def one(self, text):
        return hashed(text)[: 8 + len(text) % 8]


class Zeros(Right):
    def one(self, text):
        return [0.0] * 16 if len(text) == 1 else hashed(text)


class NeedsOne(Right):
    async def embed(self, texts):
        return [hashed(texts[0]), *[hashed(text) for text in texts[1:]]]


class Counting(Right):
    @property
    def identity(self):
        return f"counting/{self.calls}"


class Shared(Right):
    """Keeps the texts that are under way on itself, where another caller's take their place."""

    async def embed(self, texts):
        self.texts = texts
        await asyncio.sleep(0)
        return [hashed(text) for text in self.texts]


class Taking(Right):
    async def embed(self, texts):
        rows = []
        while texts:
            rows.append(hashed(texts.pop(0)))
        return rows


BROKEN = [
    (Sorting, "test_each_text_has_a_vector_in_its_place"),
    (Drifting, "test_one_text_has_one_vector"),
    (Blind, "test_texts_are_told_apart"),
    (Ragged, "test_all_vectors_have_one_width"),
    (Zeros, "test_every_vector_has_a_direction"),
    (NeedsOne, "test_no_texts_have_no_vectors"),
    (Counting, "test_its_identity_is_a_name_that_stays"),
    (Shared, "test_callers_may_embed_at_once"),
    (Taking, "test_the_texts_are_left_as_they_are"),
]


def contract_of(embedder):
    """Return the contract of an embedder."""
    return type(
        f"{embedder.__name__}Contract", (EmbedderContract,), {"make": lambda self, clock, directory: embedder()}
    )


@pytest.mark.parametrize(("embedder", "promise"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_an_embedder_that_breaks_a_promise_is_caught(embedder, promise):
    """For each promise there is an embedder that does not keep it."""
    assert promise in contract_of(embedder).broken()


def test_every_promise_can_be_broken():
    """A contract that cannot fail promises nothing."""
    assert set(EmbedderContract.promises()) == {promise for _, promise in BROKEN}
    assert {} == contract_of(Right).broken()
