"""The ring that answers by meaning: who is answered by whose answer."""

import pytest

from frugal import metered, scope, semantic_cached
from frugal.testing import FakeModel, MemoryLedger


def asking(provider, ledger, directory, **said):
    """Return a function to which all questions mean the same."""

    @metered(ledger=ledger)
    @semantic_cached(embed=lambda texts: [[1.0, 0.0] for _ in texts], directory=directory, **said)
    async def ask(messages, *, model="gpt-4o", temperature=0):
        return await provider(messages, model=model)

    return ask


def outcomes(ledger):
    return [record.outcome for record in ledger.records]


async def test_users_are_answered_apart(tmp_path):
    """What one user asked answers no other, and nobody's answers those of nobody alone."""
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path)
    for user in ("ann", "bob", None, "ann", "bob", None):
        with scope(user=user):
            await ask("what is an apple")
    assert ["provider"] * 3 + ["semantic"] * 3 == outcomes(ledger)


async def test_all_share_where_they_are_told_to(tmp_path):
    """`per=None` says that an answer is everybody's."""
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path, per=None)
    for user in ("ann", "bob", None):
        with scope(user=user):
            await ask("what is an apple")
    assert ["provider", "semantic", "semantic"] == outcomes(ledger)


@pytest.mark.parametrize("differs", [{"temperature": 1}, {"model": "gpt-4o-mini"}])
async def test_whatever_is_not_the_question_must_be_equal(tmp_path, differs):
    """A parameter is no shade of meaning."""
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path)
    await ask("what is an apple")
    await ask("what is an apple", **differs)
    assert ["provider", "provider"] == outcomes(ledger)
