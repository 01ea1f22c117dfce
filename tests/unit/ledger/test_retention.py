"""Folding old days, and forgetting users."""

from datetime import UTC, datetime, timedelta

import pytest

from frugal._values.budget import Budget
from frugal._values.money import Money
from frugal.ports import Settlement


def days_ago(clock, days, **more):
    return datetime.fromtimestamp(clock.at, UTC) - timedelta(days=days, **more)


def test_old_days_are_folded_and_no_dollar_is_lost(ledger, make, put, clock):
    """Totals, users and days stay as they were; the single records are gone; the audit knows."""
    put(*(make(time=days_ago(clock, age), user=user) for age in range(10) for user in ("ann", "bob")))
    before = ledger.usage(by=("day", "user", "model"))
    compacted = ledger.compact(5)
    assert (compacted.days, compacted.records) == (4, 8)
    assert ledger.usage(by=("day", "user", "model")) == before
    assert sum(1 for _ in ledger.records()) == 12
    assert ledger.audit().ok
    assert ledger.compact(5).records == 0


def test_a_late_record_on_a_folded_day_counts_and_is_folded_the_next_time(ledger, make, put, clock):
    """The day's cell is what was folded and that record."""
    put(make(time=days_ago(clock, 9)))
    ledger.compact(5)
    put(make(time=days_ago(clock, 9, hours=1)))
    assert ledger.totals().cost.amount == Money(10)
    assert ledger.audit().ok
    assert ledger.compact(5).records == 1
    assert ledger.totals().cost.amount == Money(10)
    assert ledger.audit().ok


def test_without_a_retention_nothing_is_folded(ledger, make, put, clock):
    """Keeping everything is the default."""
    put(make(time=days_ago(clock, 400)))
    assert ledger.compact().records == 0
    with pytest.raises(ValueError, match="more than 0"):
        ledger.compact(-1)


def test_an_audit_sees_a_folded_day_that_was_changed(ledger, make, put, clock):
    """Folded sums are checked against the day they stand for."""
    put(make(time=days_ago(clock, 9)))
    ledger.compact(5)

    def spoil(desk):
        desk.connection.execute("UPDATE Cache SET value = replace(value, '5', '6') WHERE key LIKE 'folded/%'")

    ledger._writer.run(spoil)
    audit = ledger.audit()
    assert not audit
    assert "the day 2026-03-19" in audit.problems[0]


async def test_a_forgotten_user_is_in_no_row_and_the_money_stays(ledger, make, put, claim, clock):
    """Records, cells, folded days and accounts: the name is gone from all of them, and the sums add up."""
    put(*(make(time=days_ago(clock, age), user=user) for age in range(10) for user in ("ann-name", "bob")))
    ledger.compact(5)
    put(make(time=days_ago(clock, 9), user="ann-name"))
    grant = await ledger.reserve([claim(per="user", subject="ann-name")], pico=1, tokens=0, draft=make())
    await ledger.grow(grant.id, pico=2, tokens=0)

    await ledger.commit(Settlement(records=(make(user="ann-name"),), releases=(grant.id,))).wait()
    before = ledger.totals()
    forgotten = ledger.forget("ann-name")
    assert forgotten.records == 8
    assert ledger.totals() == before
    assert {row.group["user"]: row.calls for row in ledger.usage(by=("user",))} == {forgotten.user: 12, "bob": 10}
    rows = ledger._writer.run(lambda desk: desk.connection.execute("SELECT key, value FROM Cache").fetchall())
    assert not [row for row in rows if "ann-name" in "".join(row)]
    audit = ledger.audit()
    assert audit.ok, audit.problems
    assert ledger.forget("ann-name").records == 0
    assert ledger.forget("bob").user != forgotten.user


async def test_the_account_of_a_forgotten_user_is_renamed_where_its_records_are_folded(ledger, make, put, claim, clock):
    """An open month's spending has no records any more that would carry it to the new name."""
    clock.at = datetime(2026, 3, 20, tzinfo=UTC).timestamp()
    one = claim(window="month", per="user", subject="ann-name", limit_pico=10**6)
    grant = await ledger.reserve([one], pico=0, tokens=0, draft=make())
    put(make(time=days_ago(clock, 9), user="ann-name"), make(user="ann-name"))
    ledger.compact(5)
    ledger.forget("ann-name")  # a hold stands in the account: it keeps its name until that ends
    budget = Budget(usd=1, window="month", per="user")
    assert ledger.audit().ok
    await ledger.commit(Settlement(records=(), releases=(grant.id,))).wait()
    forgotten = ledger.forget("ann-name")
    assert ledger.budget_status(budget, user=forgotten.user).usd.used == Money(5)
    assert ledger.budget_status(budget, user="ann-name").usd.used == Money(0)
    assert ledger.audit().ok
