"""What is dropped when it has served, and what is not."""

import pytest

from frugal._values.budget import Budget
from frugal._values.money import Money
from frugal.ledger.scopes import KEPT, RUN_KEPT
from frugal.ledger.tidying import tidy
from frugal.ports import Settlement


def keys(ledger, prefix):
    query = "SELECT key FROM Cache WHERE key LIKE ?"
    found = ledger._writer.run(lambda desk: desk.connection.execute(query, (prefix + "%",)).fetchall())
    return [key for (key,) in found]


async def spend(ledger, make, claims, **facts):
    draft = make(**facts)
    grant = await ledger.reserve(claims, pico=9, tokens=0, draft=draft)
    await ledger.commit(Settlement(records=(draft,), releases=(grant.id,))).wait()


async def test_accounts_of_runs_that_are_over_go_and_come_back_when_they_are_asked_for(ledger, make, claim, clock):
    """A run's account is made again from its records."""
    run = claim(window="run", run="r")
    await spend(ledger, make, [run], run="r")
    ledger._writer.run(lambda desk: tidy(desk.unit))
    assert len(keys(ledger, "account/")) == 1
    clock.at += RUN_KEPT + 1
    ledger._writer.run(lambda desk: tidy(desk.unit))
    assert keys(ledger, "account/") == []
    assert ledger.budget_status(Budget(usd=1, window="run"), run="r").usd.used == Money(5)
    grant = await ledger.reserve([run], pico=0, tokens=0, draft=make(run="r"))
    assert grant.statuses[0].usd.used == Money(5)
    assert ledger.audit().ok


async def test_accounts_of_windows_long_over_go_and_those_of_open_windows_stay(ledger, make, claim, clock):
    """A month outlives its days; what is dropped is found in the records again."""
    claims = [claim(), claim(window="month", limit_pico=10**6)]
    await spend(ledger, make, claims)
    clock.at += 2 * 86_400
    ledger._writer.run(lambda desk: tidy(desk.unit))
    assert len(keys(ledger, "account/")) == 2
    clock.at += KEPT
    ledger._writer.run(lambda desk: tidy(desk.unit))
    assert keys(ledger, "account/") == ['account/["month","UTC",null]/["2026-03",""]']


@pytest.mark.parametrize("amount", [9, 0])
async def test_an_account_in_which_a_hold_stands_never_goes(ledger, make, claim, clock, amount):
    """However old its window is, and if it is a hold of nothing."""
    grant = await ledger.reserve([claim()], pico=amount, tokens=0, draft=make())
    clock.at += 100 * 86_400
    ledger._writer.run(lambda desk: tidy(desk.unit))
    assert len(keys(ledger, "account/")) == 1
    await ledger.commit(Settlement(records=(), releases=(grant.id,))).wait()
    assert ledger.audit().ok


@pytest.mark.parametrize("age", [1, 400])
async def test_budgets_that_nobody_claims_are_forgotten_at_last(ledger, make, claim, clock, age):
    """The list of budgets is of those in use."""
    await spend(ledger, make, [claim()])
    clock.at += age * 86_400
    ledger._writer.run(lambda desk: tidy(desk.unit))
    assert len(keys(ledger, "budget/")) == (1 if age == 1 else 0)
