"""A user's function as an embedder: what it may give, and what becomes of everything else."""

import asyncio
import functools

import numpy as np
import pytest

from frugal.embedders import FunctionEmbedder
from frugal.errors import EmbeddingError


class Clock:
    """A clock whose sleeps end when it is told."""

    def __init__(self):
        self.rings = asyncio.Event()

    def now(self):
        """Return no time in particular."""
        return 0.0

    async def sleep(self, seconds):
        """Wait to be told."""
        await self.rings.wait()


async def lengths(texts):
    """Embed by length."""
    return [[float(len(text)), 1.0] for text in texts]


class Callme:
    """An object with an async call."""

    async def __call__(self, texts):
        """Embed by length."""
        return await lengths(texts)


def returns_awaitable(texts):
    """Be sync, but give an awaitable."""
    return lengths(texts)


@pytest.mark.parametrize(
    "function",
    [
        lengths,
        functools.partial(lengths),
        Callme(),
        returns_awaitable,
        lambda texts: [[float(len(text)), 1.0] for text in texts],
        lambda texts: np.array([[float(len(text)), 1.0] for text in texts]),
        lambda texts: tuple((len(text), 1) for text in texts),
    ],
)
async def test_sync_async_and_anything_callable_will_do(function):
    """Lists, tuples and arrays of numbers, from functions of every kind, become rows of float32."""
    rows = await FunctionEmbedder(function).embed(["a", "four"])
    assert (np.float32, [[1.0, 1.0], [4.0, 1.0]]) == (rows.dtype, rows.tolist())


@pytest.mark.parametrize(
    ("returned", "why"),
    [
        ([[1.0]], "2 texts need 2 vectors"),
        ([[1.0], [1.0], [1.0]], "2 texts need 2 vectors"),
        ([1.0, 2.0], "2 texts need 2 vectors"),
        ([[1.0], [1.0, 2.0]], "one length"),
        ([["x"], ["y"]], "rows of numbers"),
        (None, "2 texts need 2 vectors"),
        ([[], []], "0 numbers"),
        ([[1.0], [float("nan")]], "NaN"),
        ([[1.0], [float("inf")]], "NaN or infinity"),
        ([[1.0], [0.0]], "all zeros"),
    ],
)
async def test_what_cannot_be_used_is_an_error_that_says_why(returned, why):
    """No doubtful vector passes."""
    with pytest.raises(EmbeddingError, match=why):
        await FunctionEmbedder(lambda texts: returned).embed(["a", "b"])


async def test_a_width_that_changes_is_an_error():
    """Vectors of two widths come from two models, whatever they are called."""
    embedder = FunctionEmbedder(lambda texts: [[1.0] * len(texts[0])], identity="mine")
    await embedder.embed(["aa"])
    assert ("mine/2", "mine") == (embedder.identity, embedder.name)
    with pytest.raises(EmbeddingError, match="vectors of 3 numbers where 2"):
        await embedder.embed(["aaa"])


async def test_an_error_of_the_function_is_told_with_its_cause():
    """The caller of the embedder meets one type of error, and the first one is behind it."""
    embedder = FunctionEmbedder(lambda texts: 1 / 0)
    with pytest.raises(EmbeddingError, match="ZeroDivisionError") as caught:
        await embedder.embed(["a"])
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


async def test_one_that_hangs_is_given_up():
    """After the timeout it is an error like any other, and the function is cancelled."""
    clock, cancelled = Clock(), asyncio.Event()

    async def hangs(texts):
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(FunctionEmbedder(hangs, timeout=5.0, clock=clock).embed(["a"]))
    await asyncio.sleep(0)
    clock.rings.set()
    with pytest.raises(EmbeddingError, match="within 5"):
        await task
    assert cancelled.is_set()


async def test_one_that_fails_after_it_was_given_up_disturbs_nobody():
    """An error that comes too late is nobody's error."""
    clock = Clock()

    async def stubborn(texts):
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("late")

    task = asyncio.create_task(FunctionEmbedder(stubborn, clock=clock).embed(["a"]))
    await asyncio.sleep(0)
    clock.rings.set()
    with pytest.raises(EmbeddingError):
        await task


@pytest.mark.parametrize("patience", [None, 5.0])
async def test_a_cancelled_caller_cancels_the_function(patience):
    """Cancellation passes through and is never an embedding error."""
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def hangs(texts):
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(FunctionEmbedder(hangs, timeout=patience, clock=Clock()).embed(["a"]))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_no_texts_need_no_vectors():
    """An empty batch is an empty array."""
    assert 0 == len(await FunctionEmbedder(lambda texts: []).embed([]))


def test_its_identity_is_its_name_unless_one_is_given():
    """Two functions are two embedders."""
    assert __name__ + ".lengths" == FunctionEmbedder(lengths).identity
    assert __name__ + ".lengths" == FunctionEmbedder(functools.partial(lengths)).identity
    assert FunctionEmbedder(Callme()).identity.endswith("Callme")
    assert "FunctionEmbedder('mine')" == repr(FunctionEmbedder(lengths, identity="mine"))


def test_what_is_no_function_is_refused():
    """The error comes at once, not at the first call."""
    with pytest.raises(TypeError, match="embed="):
        FunctionEmbedder("text-embedding-3-small")
