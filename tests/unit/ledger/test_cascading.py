"""Promises of `Ledger.cascades`: what a cascade cost against always asking its strongest model, signed."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal import Ledger, ModelPrice, PriceTable, Usage, budgeted, cascade, metered, routed, scope, usd
from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.plan import planned, told
from frugal._values.record import Record
from frugal.errors import BudgetExceededError
from frugal.ledger import Ledger as BareLedger
from frugal.ledger.cascading import Cascades, cascades_of
from frugal.testing import FakeModel

PRICES = PriceTable(
    {
        "small": ModelPrice(input=1, output=2),
        "middle": ModelPrice(input=5, output=9),
        "large": ModelPrice(input=10, output=30),
    },
    base=False,
)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TOKENS = Usage(input_tokens=1_000, output_tokens=100)


def cost(model, usage=TOKENS):
    """Return what a model costs, by the plainest reading."""
    rates = {"small": (1, 2), "middle": (5, 9), "large": (10, 30)}[model]
    return rates[0] * usage.input_tokens * 10**6 + rates[1] * usage.output_tokens * 10**6


def call(name, *attempts, plan=("small", "large"), answered=True, usage=TOKENS, **facts):
    """Make the records of one call: its attempts in their order, the last of which answered."""
    records = []
    for number, model in enumerate(attempts, start=1):
        last = number == len(attempts)
        records.append(
            Record(
                id=name if last else f"{name}.{number}", call=name, time=NOON, function="app.ask", usage=usage,
                model_requested=model, model=model, cost=Cost.exact(Money(cost(model, usage))),
                outcome="provider" if last and answered else "escalated", route_reason=told(plan), **facts,
            )
        )  # fmt: skip
    return records


def test_an_accepted_cheap_answer_saves_what_the_same_tokens_would_have_cost():
    """Estimated, and said to be: the strongest model's answer may have been longer or shorter."""
    (row,) = cascades_of(call("a", "small"), PRICES)
    assert (row.function, row.models, row.calls, row.refused) == ("app.ask", ("small", "large"), 1, 0)
    assert row.cost == Money(cost("small"))
    assert row.strongest_cost == Money(cost("large"))
    assert row.saved == Money(cost("large") - cost("small"))
    assert row.estimated_calls == 1


def test_a_refused_answer_is_lost_money():
    """Known to the pico-dollar: the strongest model answered."""
    (row,) = cascades_of(call("a", "small", "large"), PRICES)
    assert row.refused == 1
    assert row.refused_cost == Money(cost("small"))
    assert row.saved == Money(-cost("small"))
    assert row.estimated_calls == 0


def test_calls_and_functions_add_up_apart():
    """One row for each function and plan, the one that saved the most first."""
    records = [
        *call("a", "small"), *call("b", "small", "middle", plan=("small", "middle", "large")),
        *call("c", "small", "middle", "large", plan=("small", "middle", "large")), *call("d", "small", "large"),
    ]  # fmt: skip
    first, second = sorted(cascades_of(records, PRICES), key=lambda row: len(row.models))
    assert (first.calls, second.calls) == (2, 2)
    assert first.saved == Money(cost("large") - 2 * cost("small"))
    assert second.saved == Money(cost("large") - 2 * cost("small") - 2 * cost("middle"))
    assert (second.refused, second.estimated_calls) == (3, 1)
    assert [row.saved for row in cascades_of(records, PRICES)] == sorted((first.saved, second.saved), reverse=True)


@pytest.mark.parametrize(
    "records",
    [
        call("a", "small", answered=False),
        call("a", "small", usage=Usage()),
        [r for r in call("a", "small", "large") if r.id != "a"],
        call("a", "small", plan=("small", "unheard-of")),
    ],
)
def test_what_cannot_be_compared_is_not_judged(records):
    """No answer, no tokens, no price: counted, and in no figure."""
    (row,) = cascades_of(records, PRICES)
    assert (row.calls, row.not_judged) == (0, 1)
    assert row.cost == row.strongest_cost == row.saved == Money(0)


def test_an_unpriced_attempt_leaves_its_call_out():
    """A sum without it would flatter the cascade."""
    first, last = call("a", "small", "large")
    object.__setattr__(first, "cost", Cost.unpriced())
    (row,) = cascades_of([first, last], PRICES)
    assert (row.calls, row.not_judged) == (0, 1)


def test_other_routes_are_no_cascades():
    """Nor is what the caller pinned."""
    record = call("a", "small")[0]
    for reason in (None, "pinned", "simple: translate", "cascade", "cascade:", "cascaded: a then b"):
        object.__setattr__(record, "route_reason", reason)
        assert cascades_of([record], PRICES) == []


@settings(max_examples=60, deadline=None)
@given(
    walks=st.lists(st.integers(1, 3), min_size=1, max_size=12),
    order=st.randoms(use_true_random=False),
    tokens=st.lists(st.integers(1, 10**6), min_size=12, max_size=12),
)
def test_money_is_conserved_whatever_the_order(walks, order, tokens):
    """Every attempt is on the one side, and one answer of the strongest on the other; order changes nothing."""
    plan = ("small", "middle", "large")
    records, spent, strongest = [], 0, 0
    for number, (length, count) in enumerate(zip(walks, tokens, strict=False)):
        usage = Usage(input_tokens=count, output_tokens=count // 3)
        records += call(f"call-{number}", *plan[:length], plan=plan, usage=usage)
        spent += sum(cost(model, usage) for model in plan[:length])
        strongest += cost("large", usage)
    straight = cascades_of(records, PRICES)
    order.shuffle(records)
    assert cascades_of(records, PRICES) == straight
    assert (straight[0].cost, straight[0].strongest_cost) == (Money(spent), Money(strongest))
    assert straight[0].refused == sum(length - 1 for length in walks)


def test_memory_is_bounded(monkeypatch):
    """However long the ledger: calls are closed in the order in which they began."""
    monkeypatch.setattr("frugal.ledger.cascading._MOST", 3)
    cascades = Cascades(PRICES)
    for number in range(50):
        for record in call(f"call-{number}", "small", "large"):
            cascades.see(record, 0.0)
        assert len(cascades._open) <= 3
    assert cascades.rows()[0].calls == 50


@pytest.mark.parametrize(
    "models",
    [
        ("a",), ("a", "b", "c"), ("a then b", "c"), ("a; b", "c"), ('say "hi"', "c"), ("", " ", "b"),
        ("then", "b then"), ("a\nb", "模型"), ("cascade: a", "b"), ("a then ", " then b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("behind", ["", "; refused: a", "; 'day' is near its limit and suggests b"])
def test_a_plan_is_read_as_it_was_told(models, behind):
    """Whatever the names are."""
    assert planned(told(models) + behind) == models


@given(st.text())
def test_any_reason_can_be_looked_at(reason):
    """A hostile one included; it is no plan, or one of names."""
    assert all(isinstance(name, str) for name in planned(f"cascade: {reason}"))
    assert planned(reason) == () or reason.startswith("cascade: ")


async def cascading(ledger, hard, **how):
    """Ask easy and hard questions through a real cascade."""
    provider = FakeModel(answer=lambda text: "hm" if "hard" in text else "sure", prices=PRICES, **how)

    @metered(ledger=ledger, prices=PRICES)
    @routed(cascade(["small", "large"], accept=lambda response: "sure" in str(response)))
    async def ask(messages, *, model="large"):
        return await provider(messages, model=model)

    for number in range(20):
        text = f"{'hard' if number < hard else 'easy'} {number}"
        with scope(user="ada" if number % 2 else "bob", feature="x"):
            await ask([{"role": "user", "content": text}])
    return provider


async def test_the_ledger_tells_of_real_calls(tmp_path):
    """Few refusals save, many lose; either adds up to what the provider charged."""
    for hard, pays in ((2, True), (20, False)):
        with Ledger(tmp_path / str(hard)) as ledger:
            ledger.prices = PRICES
            provider = await cascading(ledger, hard)
            await ledger.flush()
            (row,) = await asyncio.to_thread(ledger.cascades)
            assert row.calls == 20
            assert row.refused == hard
            assert row.cost == provider.charged
            assert (row.saved > usd(0)) is pays
            assert row.estimated_calls == 20 - hard
            by_user = [await asyncio.to_thread(lambda u=u: ledger.cascades(user=u)[0]) for u in ("ada", "bob")]
            assert sum((each.saved for each in by_user), usd(0)) == row.saved
            assert ledger.cascades(tags={"feature": "y"}) == []
            assert ledger.cascades(until=NOON - timedelta(days=10_000)) == []


async def test_a_strong_model_that_a_budget_refuses_leaves_no_answer(tmp_path):
    """The cheap attempt is paid for, and the call is not judged: nobody answered."""
    with Ledger(tmp_path / "ledger") as ledger:
        ledger.prices = PRICES
        provider = FakeModel(answer="hm", prices=PRICES)

        @metered(ledger=ledger, prices=PRICES)
        @routed(cascade(["small", "large"], accept=lambda response: False))
        @budgeted(daily_usd="0.006")  # room for either of the two, and not for both
        async def ask(prompt, *, model="large", max_tokens=60):
            return await provider(prompt=prompt, model=model, max_tokens=max_tokens)

        with pytest.raises(BudgetExceededError):
            await ask("x" * 400)
        await ledger.flush()
        (row,) = await asyncio.to_thread(ledger.cascades)
        assert (row.calls, row.not_judged) == (0, 1)
        assert provider.charged > usd(0)
        assert (await asyncio.to_thread(ledger.totals)).cost.known == provider.charged


def test_without_prices_it_says_what_to_give(tmp_path, monkeypatch):
    """A ledger of its own, with nothing wired."""
    monkeypatch.setattr(BareLedger, "default_prices", None)
    with BareLedger(tmp_path) as ledger, pytest.raises(TypeError, match=r"prices=PriceTable\(\)"):
        ledger.cascades()
