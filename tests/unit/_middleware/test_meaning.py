"""The ring that answers by meaning: who is answered by whose answer."""

import importlib.util
import logging

import pytest

from frugal import errors, metered, scope, semantic_cached
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


@pytest.mark.parametrize("index", ["auto", "exact", "ann"])
async def test_every_index_that_can_be_named_finds_the_nearest(tmp_path, index):
    """By whatever name it is chosen, an index is made without knowing the vectors' length."""
    if index == "ann":
        pytest.importorskip("usearch")
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path, index=index)
    for _ in range(2):
        await ask("what is an apple")
    assert ["provider", "semantic"] == outcomes(ledger)


def test_an_index_that_is_not_installed_is_refused_where_it_is_chosen(tmp_path, monkeypatch):
    """Not at each call, as a miss that only the log tells of."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(errors.MissingExtraError, match=r"frugal\[ann\]"):
        asking(FakeModel(), MemoryLedger(), tmp_path, index="ann")


async def test_a_function_that_has_no_question_is_told_of_once(tmp_path, caplog):
    """A question that is called by another name would never be answered by meaning, and nobody would know why."""

    @semantic_cached(embed=lambda texts: [[1.0] for _ in texts], directory=tmp_path)
    async def ask(question, *, model="gpt-4o"):
        return question

    with caplog.at_level(logging.WARNING, "frugal"):
        await ask("what is an apple")
        await ask("what is an apple")
    (line,) = caplog.messages
    assert "ask has no argument messages, input, contents or prompt" in line
    assert "query=" in line
