"""Forgetting a user: their name goes from the money, and their answers from every cache."""

import asyncio

from frugal import Ledger, cached, disk, memory, metered, scope, semantic_cached
from frugal.testing import FakeModel


def embed(texts):
    """Return a vector by length: enough to find the same text again."""
    return [[float(len(text)), 1.0] for text in texts]


async def test_forget_removes_a_users_answers_from_every_layer(frugal_home):
    """Memory, disk and the semantic cache; the other user's stay, and so does the money."""
    provider = FakeModel()

    @metered
    @cached(layers=[memory, disk], per="user")
    @semantic_cached(embed=embed, threshold=0.999)
    async def ask(messages, *, model="gpt-4o"):
        return await provider(messages, model=model)

    with Ledger() as ledger:
        for user in ("ada", "bob\nuser ada", "bob"):
            with scope(user=user):
                await ask([{"role": "user", "content": f"I am {user}"}])
        await ledger.flush()
        await asyncio.to_thread(ledger.forget, "ada")
        for user, calls in (("ada", 4), ("bob\nuser ada", 4), ("bob", 4)):
            with scope(user=user):
                await ask([{"role": "user", "content": f"I am {user}"}])
            assert len(provider.calls) == calls
        await ledger.flush()
        totals = await asyncio.to_thread(ledger.totals)
        assert totals.cost.amount == provider.charged
        users = {row.group["user"] for row in await asyncio.to_thread(ledger.usage, by=("user",))}
        assert any(user.startswith("anonymous-") for user in users)
