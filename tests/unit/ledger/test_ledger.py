"""The facade: what a user of the ledger calls."""

import pytest

from frugal._values.budget import Budget
from frugal._values.cost import UNPRICED, Cost
from frugal._values.money import Money, usd
from frugal._values.usage import Usage
from frugal.errors import FrugalError
from frugal.ledger import Ledger
from frugal.ledger.owner import LIVING
from frugal.ports import Settlement


class Prices:
    id = "test"

    def cost(self, model, usage, *, at, provider=None, tier=None):
        return Cost.exact(Money(usage.total_tokens), source="table", price_table=self.id)


async def test_a_record_by_hand_counts_once(ledger):
    """The same id again changes nothing, whatever it says."""
    for cost in ("0.25", 99):
        assert await ledger.record(kind="vectors", cost=cost, id="invoice-7", user="ann", tags={"n": 1}) == "invoice-7"
    (record,) = ledger.records()
    assert (record.cost.amount, record.kind, record.user, record.tags) == (usd("0.25"), "vectors", "ann", {"n": "1"})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cost": Money(7)}, Cost.exact(Money(7), source="stated")),
        ({"cost": 0.1}, Cost.exact(usd("0.1"), source="stated")),
        ({"cost": UNPRICED, "model": "m"}, UNPRICED),
        ({"model": "m", "usage": Usage(input_tokens=3)}, Cost.exact(Money(3), source="table", price_table="test")),
        ({"model": "m"}, UNPRICED),
        ({}, Cost.exact(Money(0))),
    ],
)
async def test_what_a_record_by_hand_costs(ledger, given, expected):
    """Stated dollars win; model and usage are priced; what has neither is free, and what nobody knows is unpriced."""
    ledger.prices = Prices()
    await ledger.record(**given)
    (record,) = ledger.records()
    assert record.cost == expected


async def test_without_prices_a_record_is_unpriced_and_not_free(ledger):
    """An unknown price is never zero."""
    await ledger.record(model="m", usage=Usage(input_tokens=3))
    assert ledger.totals().cost.status == "unpriced"
    assert ledger.totals().cost.unpriced_calls == 1


@pytest.mark.parametrize("cost", ["much", float("nan"), float("inf")])
async def test_a_cost_that_is_no_amount_is_refused(ledger, cost):
    """Bad input never becomes a wrong number."""
    with pytest.raises(ValueError, match="amount of money"):
        await ledger.record(cost=cost)
    assert ledger.totals().calls == 0


@pytest.mark.parametrize(
    "arguments",
    [{"durability": "high"}, {"lease": 0}, {"patience": -1}, {"retention_days": 0}, {"patience": float("nan")}],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments):
    """At once, and with the argument's name."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        Ledger(tmp_path, **arguments)


async def test_feedback_is_joined_with_its_records(ledger, make, put):
    """What was said later adds to what was said before."""
    put(make(id="one"), make(id="two", call="one"), make(id="other"))
    await ledger.feedback("one", success=True)
    await ledger.feedback("one", satisfaction=0.5)
    rated = {record.id: (record.success, record.satisfaction) for record in ledger.records()}
    assert rated == {"one": (True, 0.5), "two": (True, 0.5), "other": (None, None)}
    assert {record.id for record in ledger.records(rated=True)} == {"one"}


@pytest.mark.parametrize("satisfaction", [-0.1, 1.1, float("nan")])
async def test_satisfaction_is_a_share(ledger, satisfaction):
    """0 to 1, or an error."""
    with pytest.raises(ValueError, match="0 to 1"):
        await ledger.feedback("one", satisfaction=satisfaction)


async def test_a_call_of_a_run_is_found_with_all_its_records(ledger, make, put):
    """A cascade's attempts share the call."""
    put(make(id="a", run="r"), make(id="b", call="a", run="r"), make(id="c", run="r"))
    assert [record.id for record in ledger.records(call="a")] == ["a", "b"]
    assert [record.id for record in ledger.records(call="a", outcome="failed")] == []


async def test_documents_are_copies(ledger):
    """What a caller does to a document later does not reach the ledger."""
    document = {"list": [1]}
    changed = await ledger.update_state("router", lambda before: document)
    document["list"].append(2)
    changed["list"].append(3)
    assert ledger.load_state("router") == {"list": [1]}
    assert ledger.update_state_now("router", lambda before: {**before, "n": 2**80}) == {"list": [1], "n": 2**80}
    assert ledger.load_state("router")["n"] == 2**80
    assert ledger.load_state("nothing") is None


async def test_outputs_are_learned_for_function_and_model(ledger, make, put):
    """None without history; then the quantile, whoever asks."""
    assert await ledger.typical_output("ask", "m", 0.5) is None
    put(*(make(usage=Usage(output_tokens=at)) for at in range(1, 20)))
    put(make(usage=Usage(output_tokens=9000), outcome="memory"), make(usage=Usage(output_tokens=9000), kind="tool"))
    again = Ledger(ledger.directory, clock=ledger.clock)
    assert await again.typical_output("ask", "m", 0.5) == 10
    assert await again.typical_output("ask", "m", 1.0) == 19
    assert await again.typical_output("ask", "other", 0.5) is None
    again.close()


async def test_a_record_that_names_its_hold_is_booked_in_its_window(ledger, make, claim, clock):
    """A cost belongs to the windows its hold was taken in, also when it settles in the next one."""
    clock.at += 12 * 3600 - 1  # one second before midnight
    draft = make()
    grant = await ledger.reserve([claim()], pico=10, tokens=0, draft=draft)
    clock.at += 2
    settlement = Settlement(records=(draft,), releases=(grant.id,), charges={draft.id: grant.id})
    assert await ledger.commit(settlement).wait()
    (record,) = ledger.records()
    assert record.booked == grant.booked
    (status,) = (await ledger.reserve([claim()], pico=0, tokens=0, draft=make())).statuses
    assert status.usd.used == Money(0)


async def test_a_refused_adoption_keeps_the_hold(ledger, make, claim):
    """A call that asks for more and is refused still holds what it held."""
    grant = await ledger.reserve([claim()], pico=60, tokens=0, draft=make())
    with pytest.raises(FrugalError) as caught:
        await ledger.reserve([claim()], pico=101, tokens=0, draft=make(), adopt=grant.id)
    assert (caught.value.held, caught.value.spent, caught.value.requested) == (Money(0), Money(0), Money(101))
    larger = await ledger.reserve([claim()], pico=100, tokens=0, draft=make(), adopt=grant.id)
    assert larger.statuses[0].usd.held == Money(100)
    assert ledger.audit().ok


async def test_a_hold_that_grew_is_presumed_under_the_draft_of_its_call(ledger, make, claim):
    """What a written hold is remembered by has no draft; it is there where the hold grows, and where its owner dies."""
    grown = await ledger.reserve([claim()], pico=30, tokens=0, draft=make(function="grown"))
    await ledger.reserve([claim()], pico=1, tokens=0, draft=make(function="kept"))
    assert await ledger.grow(grown.id, pico=40, tokens=0)
    assert await ledger.grow(grown.id, pico=50, tokens=0), "it is remembered lightly again"
    LIVING.discard(ledger._writer.owner)
    ledger.clock.at += 3600
    assert 2 == ledger._writer.run(lambda desk: desk.holds.sweep()), "by the connection that remembers them"
    LIVING.add(ledger._writer.owner)
    assert {("grown", Money(50)), ("kept", Money(1))} == {
        (record.function, record.cost.amount) for record in ledger.records() if record.outcome == "presumed"
    }
    assert ledger.audit().ok


async def test_a_hold_that_was_taken_for_dead_is_replaced_by_its_own_call(ledger, make, claim):
    """A process that slept and goes on has one charge, not the presumed one beside its own."""
    draft = make()
    grant = await ledger.reserve([claim()], pico=30, tokens=0, draft=draft)
    LIVING.discard(ledger._writer.owner)
    ledger.clock.at += 3600
    with Ledger(ledger.directory, clock=ledger.clock) as other:
        assert other.budget_status(Budget(usd=Money(100))).usd.used == Money(30)
    LIVING.add(ledger._writer.owner)
    assert not await ledger.grow(grant.id, pico=31, tokens=0)
    again = await ledger.reserve([claim()], pico=40, tokens=0, draft=draft, adopt=grant.id)
    assert ledger.totals().calls == 0
    await ledger.commit(Settlement(records=(draft,), releases=(again.id,))).wait()
    assert [record.outcome for record in ledger.records()] == ["provider"]
    audit = ledger.audit()
    assert audit.ok, audit.problems


async def test_negative_holds_are_refused(ledger, make, claim):
    """A negative hold would make room that is not there."""
    with pytest.raises(ValueError, match="negative"):
        await ledger.reserve([claim()], pico=-1, tokens=0, draft=make())


async def test_an_unknown_zone_is_refused_and_disturbs_nobody(ledger, make, claim, put):
    """A claim that cannot be judged is an error of its own."""
    with pytest.raises(ValueError, match="time zone"):
        await ledger.reserve([claim(timezone="Mars/Olympus")], pico=1, tokens=0, draft=make())
    put(make())
    assert ledger.audit().ok


def test_the_default_directory_follows_the_environment(tmp_path, monkeypatch):
    """`$FRUGAL_HOME` is looked up when a ledger is made, and nothing is made there by that."""
    monkeypatch.setenv("FRUGAL_HOME", str(tmp_path / "home"))
    assert Ledger().directory == str(tmp_path / "home" / "ledger")
    assert not (tmp_path / "home").exists()
    assert repr(Ledger("/tmp/x")) == "Ledger('/tmp/x')"
