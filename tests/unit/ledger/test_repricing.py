"""What other prices would make of the records."""

from datetime import UTC, datetime, timedelta

from frugal._values.budget import Budget
from frugal._values.cost import FREE, UNPRICED, Cost
from frugal._values.money import Money
from frugal._values.usage import Usage


class Prices:
    id = "new"

    def cost(self, model, usage, *, at, provider=None, tier=None):
        if model == "unknown":
            return UNPRICED
        return Cost.exact(Money(7 * usage.total_tokens), source="table", price_table=self.id)


USAGE = Usage(input_tokens=10)


def table(pico):
    return Cost.exact(Money(pico), source="table", price_table="old")


def test_only_what_was_computed_from_tokens_is_compared(ledger, make, put):
    """Stated, estimated and free costs, and models without a price, stay."""
    put(
        make(id="differs", usage=USAGE, cost=table(50)),
        make(id="same", usage=USAGE, cost=table(70)),
        make(id="unpriced", usage=USAGE, cost=UNPRICED),
        make(id="stated", usage=USAGE, cost=Cost.exact(Money(1), source="provider")),
        make(id="estimated", usage=USAGE, cost=Cost.estimated(Money(1), Money(0), Money(2))),
        make(id="hit", usage=USAGE, cost=FREE, outcome="memory"),
        make(id="tool", cost=table(1)),
        make(id="lost", usage=USAGE, cost=table(1), model="unknown"),
    )
    found = {
        change.id: (change.before.amount, change.after.amount, change.written) for change in ledger.reprice(Prices())
    }
    assert found == {"differs": (Money(50), Money(70), False), "unpriced": (None, Money(70), False)}
    assert ledger.totals().cost.unpriced_calls == 1


def test_only_closed_windows_and_unpriced_records_are_written(ledger, make, put, clock):
    """A budget under way is not pulled away from under its calls; an unknown price is mended at once."""
    yesterday = datetime.fromtimestamp(clock.at, UTC) - timedelta(days=1)
    put(
        make(id="open", usage=USAGE, cost=table(50)),
        make(id="closed", usage=USAGE, cost=table(50), time=yesterday),
        make(id="unpriced", usage=USAGE, cost=UNPRICED),
    )
    written = {change.id: change.written for change in ledger.reprice(Prices(), apply=True)}
    assert written == {"open": False, "closed": True, "unpriced": True}
    assert {record.id: record.cost.amount for record in ledger.records()} == {
        "open": Money(50),
        "closed": Money(70),
        "unpriced": Money(70),
    }
    assert {record.id: record.price_table for record in ledger.records()}["closed"] == "new"
    assert ledger.totals().cost.amount == Money(190)
    assert ledger.audit().ok


async def test_an_open_month_keeps_yesterday_open(ledger, make, put, claim, clock):
    """A registered budget says which windows are open; mending its unpriced records reaches its account."""
    await ledger.reserve([claim(window="month", limit_pico=10**6)], pico=0, tokens=0, draft=make())
    yesterday = datetime.fromtimestamp(clock.at, UTC) - timedelta(days=1)
    put(make(id="r", usage=USAGE, cost=table(50), time=yesterday), make(id="u", usage=USAGE, cost=UNPRICED))
    assert {change.id: change.written for change in ledger.reprice(Prices(), apply=True)} == {"r": False, "u": True}
    assert ledger.budget_status(Budget(usd=1, window="month")).usd.used == Money(120)
    assert ledger.audit().ok
