"""Records by hand: a ledger that holds what a test says, and a look at what was recorded."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from frugal import Budget, Usage, advise, feedback, metered, scope, usd
from frugal.testing import FakeClock, FakeModel, MemoryLedger, record, recorded

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_a_record_is_priced_as_a_call_would_have_been():
    """The default cost is the usage at the model's prices; what costs nothing costs nothing."""
    usage = Usage(input_tokens=1_000_000, output_tokens=0)
    assert usd("0.15") == record(model="gpt-4o-mini", usage=usage).cost.amount
    assert 0 == record(outcome="memory").cost.amount.pico
    assert Usage() == record(outcome="shared").usage
    assert ("tool", 0) == (record(model=None).kind, record(model=None).cost.amount.pico)
    assert "unpriced" == record(model="nobody's model").cost.status
    assert (
        usd("0.5")
        == record(cost="0.5").cost.amount
        == record(cost=0.5).cost.amount
        == record(cost=usd("0.5")).cost.amount
    )


def test_what_is_wrong_with_a_record_is_said():
    """A misspelt outcome, a time without a zone and a field that is none are found where they are written."""
    with pytest.raises(ValueError, match="one of provider"):
        record(outcome="hit")
    with pytest.raises(ValueError, match="aware datetime"):
        record(at=datetime(2026, 3, 2))
    with pytest.raises(TypeError, match="colour"):
        record(colour="red")


def test_a_recorded_ledger_answers_everything_that_a_ledger_is_asked(tmp_path):
    """Sums, days, budgets, single records and the audit."""
    records = [
        record(user="ann", cost="0.25", at=NOON, tags={"feature": "chat"}),
        record(user="ann", outcome="memory", saved=usd("0.25"), at=NOON + timedelta(hours=1)),
        record(user="bob", cost="1", at=NOON + timedelta(days=1), success=True, satisfaction=0.5),
    ]
    with recorded(tmp_path / "ledger", records, clock=FakeClock(NOON + timedelta(days=1, hours=2))) as ledger:
        assert {"ann": usd("0.25"), "bob": usd("1")} == {
            row.group["user"]: row.cost.amount for row in ledger.usage(by="user")
        }
        assert [0, usd("0.25").pico, usd("1").pico] == [row.cost.amount.pico for row in ledger.trend(3)]
        assert usd("0.25") == ledger.totals().saved
        assert usd("1") == ledger.budget_status(Budget(usd=5)).usd.used
        said = next(ledger.records(user="bob"))
        assert (True, 0.5) == (said.success, said.satisfaction)
        assert ledger.audit().ok
        assert isinstance(advise(ledger), list)


async def test_a_recorded_ledger_can_be_made_on_a_running_loop(tmp_path):
    """A fixture may be sync and its test async."""
    with recorded(tmp_path / "ledger", [record(id="a", cost=1, satisfaction=1.0)]) as ledger:
        one = (await asyncio.to_thread(lambda: list(ledger.records())))[0]
        assert ("a", 1.0) == (one.id, one.satisfaction)
        await feedback("a", success=False, ledger=ledger)


async def test_what_was_recorded_is_found_by_its_facts():
    """A test says what it looks for, and is told what there is instead."""
    ledger, provider = MemoryLedger(), FakeModel()

    @metered(ledger=ledger, tags={"feature": "chat", "team": "blue"})
    async def ask(prompt, *, model="gpt-4o"):
        return await provider(prompt, model=model)

    with scope(user="ann"):
        await ask("one")
    await ask("two")
    assert provider.charged == ledger.cost.amount
    assert 2 == len(ledger.find(tags={"feature": "chat"}))
    assert "gpt-4o" == ledger.only(user="ann", outcome="provider").model
    assert [] == ledger.find(tags={"feature": "search"})
    with pytest.raises(
        AssertionError, match=r"2 records have outcome='provider', not one. 2 were recorded:\n  provider"
    ):
        ledger.only(outcome="provider")
    with pytest.raises(AssertionError, match="0 records have user='eve', not one"):
        ledger.only(user="eve")
    with pytest.raises(TypeError, match="'usr' is no field of a Record"):
        ledger.find(usr="ann")
