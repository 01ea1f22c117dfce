"""How budgets stand."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from frugal._values.budget import Budget
from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.ports import Settlement


def test_a_budget_nobody_claimed_is_the_sum_of_the_records(ledger, make, put):
    """Whatever is metered is seen, by window and subject."""
    put(make(user="ann", tags={"team": "red"}), make(user="bob", usage=Usage(input_tokens=9)), make(user="ann"))
    figures = [
        (Budget(usd=Money(100)), {}, 15),
        (Budget(usd=Money(100), per="user"), {"user": "ann"}, 10),
        (Budget(usd=Money(100), per="user"), {}, 0),
        (Budget(usd=Money(100), per="model"), {"model": "m"}, 15),
        (Budget(usd=Money(100), per="function"), {"function": "ask"}, 15),
        (Budget(usd=Money(100), per="tag:team"), {"tag": "red"}, 5),
    ]
    for budget, subject, used in figures:
        assert ledger.budget_status(budget, **subject).usd.used == Money(used)
    assert ledger.budget_status(Budget(tokens=10)).tokens.used == 9


def test_reading_a_budget_registers_nothing(ledger, make, put):
    """Only a claim makes accounts."""
    put(make())
    ledger.budget_status(Budget(usd=1))
    assert ledger.budgets() == []


def test_figures_are_those_of_the_source(ledger, make, put):
    """Used, held, left, share, warning above its share, exceeded at the limit, and when it resets."""
    budget = Budget(usd=Money(10), timezone="Europe/Berlin")
    put(make())
    status = ledger.budget_status(budget)
    assert (status.usd.remaining, status.usd.fraction, status.warning, status.exceeded) == (Money(5), 0.5, False, False)
    put(make())
    status = ledger.budget_status(budget)
    assert (status.usd.remaining, status.usd.fraction, status.warning, status.exceeded) == (Money(0), 1.0, True, True)
    assert status.resets_at == datetime(2026, 3, 29, 0, 0, tzinfo=ZoneInfo("Europe/Berlin"))


def test_a_limit_of_zero_is_exceeded_from_the_start(ledger):
    """Nothing of nothing is all of it."""
    status = ledger.budget_status(Budget(usd=0))
    assert (status.exceeded, status.usd.fraction) == (True, 1.0)


def test_a_runs_budget_needs_the_run(ledger, make, put):
    """Each run has its own, and none resets."""
    put(make(run="a"), make(run="b"), make(run="a"))
    budget = Budget(usd=1, window="run")
    with pytest.raises(TypeError, match="run="):
        ledger.budget_status(budget)
    status = ledger.budget_status(budget, run="a")
    assert (status.usd.used, status.resets_at, status.subject) == (Money(10), None, "a")


async def test_the_first_claim_finds_what_was_spent_before(ledger, make, put, claim, clock):
    """Records from before the budget, at the edges of its window, and booked elsewhere than their time."""
    midnight = datetime(2026, 3, 28, tzinfo=UTC).timestamp()

    def at(seconds, **facts):
        return make(time=datetime.fromtimestamp(midnight + seconds, UTC), **facts)

    put(at(-1), at(0), at(1), at(-10, booked=midnight + 5), at(5, booked=midnight - 1), at(86_399))
    for window in ("day", "week", "month", "hour"):
        for per, subject in ((None, ""), ("model", "m"), ("function", "ask")):
            one = claim(window=window, per=per, subject=subject)
            grant = await ledger.reserve([one], pico=0, tokens=0, draft=make())
            budget = Budget(usd=Money(100), window=window, per=per)
            expected = {"day": 20, "hour": 0}.get(window, 30)
            assert grant.statuses[0].usd.used == Money(expected), (window, per)
            assert ledger.budget_status(budget, model="m", function="ask").usd.used == Money(expected)
    audit = ledger.audit()
    assert audit.ok, audit.problems


async def test_a_scope_that_is_registered_late_in_its_window_sees_an_earlier_window_too(
    ledger, make, put, claim, clock
):
    """A clock that is set back finds the window before complete, not empty."""
    put(make())
    clock.at += 86_400
    await ledger.reserve([claim()], pico=0, tokens=0, draft=make())
    clock.at -= 86_400
    (status,) = (await ledger.reserve([claim()], pico=0, tokens=0, draft=make())).statuses
    assert status.usd.used == Money(5)


async def test_every_budget_that_was_claimed_is_listed_with_its_subjects(ledger, make, claim):
    """What `frugal budget` shows: names, subjects, what is held, and runs under way."""
    claims = [
        claim(),
        claim(name="each", per="user", subject="ann"),
        claim(name="run", window="run", run="r-1"),
        claim(name="tokens", window="month", limit_pico=None, limit_tokens=50, suggest="small"),
    ]
    grant = await ledger.reserve(claims, pico=7, tokens=3, draft=make(user="ann", run="r-1"))
    found = {(status.name, status.subject): status for status in ledger.budgets()}
    assert found.keys() == {("cap", ""), ("each", "ann"), ("run", "r-1"), ("tokens", "")}
    assert found["cap", ""].usd.held == Money(7)
    assert (found["tokens", ""].tokens.held, found["tokens", ""].suggest) == (3, "small")
    await ledger.commit(Settlement(records=(), releases=(grant.id,))).wait()
    assert all(not (status.usd or status.tokens).held for status in ledger.budgets() if status.tokens)


async def test_a_limit_that_was_changed_is_shown_as_it_is_now(ledger, make, claim, clock):
    """The old figure is gone a day after it was last claimed."""
    await ledger.reserve([claim()], pico=0, tokens=0, draft=make())
    clock.at += 2 * 86_400
    await ledger.reserve([claim(limit_pico=200)], pico=0, tokens=0, draft=make())
    assert [status.usd.limit for status in ledger.budgets()] == [Money(200)]
