"""Attacks on dropping: answers that are under way while theirs is dropped."""

import asyncio

import pytest

from frugal import cached, deduplicated, disk, invalidate, memory, metered, semantic_cached
from frugal.testing import FakeModel, MemoryLedger

ASKED = [{"role": "user", "content": "Do cats sleep?"}]


def by_letters(texts):
    """Embed equal texts alike, and others apart."""
    return [[float(text.count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]


RINGS = {
    "memory": lambda: [cached(layers=[memory])],
    "disk": lambda: [cached(layers=[disk])],
    "flight": lambda: [deduplicated, cached(layers=[memory, disk])],
    "meaning": lambda: [semantic_cached(embed=by_letters)],
    "both": lambda: [cached(layers=[memory]), semantic_cached(embed=by_letters)],
}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("rings", RINGS)
async def test_an_answer_that_was_under_way_when_it_was_dropped_is_not_kept(rings, stream):
    """Who invalidates wants what is asked from now on: an answer begun before is its caller's and nobody else's."""
    provider = FakeModel(gated=True)

    async def ask(messages, *, model="gpt-4o", stream=False):
        return await provider(messages, model=model, stream=stream)

    for ring in reversed([metered(ledger=MemoryLedger()), *RINGS[rings]()]):
        ask = ring(ask)

    async def read():
        answer = await ask(ASKED, stream=stream)
        return [chunk async for chunk in answer] if stream else answer

    first = asyncio.ensure_future(read())
    await provider.arrived(1)
    await invalidate(ask, ASKED, stream=stream)
    provider.release()
    await first
    second = asyncio.ensure_future(read())
    await asyncio.wait_for(provider.arrived(2), 30)
    provider.release()
    await second
    await read()
    assert 2 == len(provider.calls)
