"""The ring that answers by meaning: who is answered by whose answer."""

import asyncio
import importlib.util
import logging
import math
import threading

import pytest

from frugal import errors, metered, scope, semantic_cached
from frugal._core.pipeline import plan_of
from frugal.indexes import Collection
from frugal.stores import DiskRows
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


def matcher_of(ask):
    """Return what the semantic ring of a decorated function works with, after its first call."""
    (ring,) = (ring for ring in plan_of(ask).stack if getattr(ring, "name", "") == "semantic_cached")
    (matcher,) = ring.made.values()
    return matcher


async def test_a_small_cache_answers_and_keeps_without_a_thread(tmp_path, monkeypatch):
    """A way to a thread and back takes longer than the search."""
    monkeypatch.setattr("frugal._mechanisms.errands._SHORT", 3600.0)  # however busy this machine is
    model, loop, ways = FakeModel(), asyncio.get_running_loop(), []

    async def embed(texts):
        return [[float("orange" in text), 1.0] for text in texts]

    @semantic_cached(embed=embed, directory=tmp_path)
    async def ask(prompt):
        return await model([{"role": "user", "content": prompt}], model="gpt-4o")

    await ask("what is an apple")
    matcher_of(ask).due.__self__._looked = math.inf
    threads = loop.run_in_executor
    monkeypatch.setattr(loop, "run_in_executor", lambda *given: ways.append(given) or threads(*given))
    for question in ("what is an apple", "what is an orange", "what is an orange"):
        await ask(question)
    assert ([], 2) == (ways, len(model.calls))


def test_a_hit_does_not_wait_for_a_look_at_other_processes_entries(tmp_path, monkeypatch):
    """About once a second somebody looks; whoever is answered anyway goes on meanwhile."""
    gate, looked = threading.Event(), []
    refresh = Collection.refresh

    def slow(self):
        looked.append(threading.current_thread())
        assert gate.wait(30)
        return refresh(self)

    async def main():
        ledger = MemoryLedger()
        ask = asking(FakeModel(), ledger, tmp_path)
        await ask("what is an apple")
        monkeypatch.setattr(Collection, "refresh", slow)
        matcher = matcher_of(ask)
        monkeypatch.setattr(matcher.due.__self__, "_looked", 0.0)
        await asyncio.wait_for(ask("what is an apple"), 30)
        await asyncio.wait_for(ask("what is an apple"), 30)
        gate.set()
        return outcomes(ledger)

    assert ["provider", "semantic", "semantic"] == asyncio.run(main())
    assert 1 == len(looked)
    assert threading.main_thread() not in looked


async def test_what_another_process_forgot_is_not_served(tmp_path):
    """Also where this one has it whole: from the next look on, its row is read again."""
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path)
    await ask("what is an apple")
    here = matcher_of(ask)
    ((id, _),) = here.collection._shelf
    DiskRows(tmp_path).delete(here.collection._key(id))
    here.due.__self__._looked = 0.0
    await ask("what is an apple")
    assert ["provider", "provider"] == outcomes(ledger)


async def test_a_miss_finds_what_another_process_has_added(tmp_path):
    """It waits for the look that is due, and then looks again."""
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path)
    await ask("what is an apple")
    here = matcher_of(ask)
    (entry,) = (here.collection.fetch(id) for id, _ in here.collection._shelf)
    here.collection.remove(entry.id)
    rows = DiskRows(tmp_path)
    there = Collection("", "", rows=rows)
    there.prefix = here.collection.prefix
    there.add(entry.partition, entry.text, entry.vector, answer=entry.answer, answer_class=entry.answer_class)
    rows.store.flush()
    here.due.__self__._looked = 0.0
    await ask("what is an apple")
    assert ["provider", "semantic"] == outcomes(ledger)


async def test_equal_questions_at_once_leave_one_entry(tmp_path):
    """Each looked before any had an answer; the last answer takes the place of the others."""
    ledger = MemoryLedger()
    ask = asking(FakeModel(), ledger, tmp_path)
    await ask("what is an apple")
    await asyncio.gather(*(ask("what is a pear", temperature=1) for _ in range(20)))
    assert 2 == len(matcher_of(ask).collection)
