"""The laws of sharing out what an attempt of a batch spent: nothing is lost, and a guess passes nobody's hold."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from frugal._core.cover import HELD
from frugal._core.estimate import Estimate
from frugal._core.splitting import split_spent
from frugal._values.cost import Cost
from frugal._values.facts import Spent
from frugal._values.money import Money
from frugal._values.usage import BUCKETS, Usage

picos = st.integers(0, 10**12)
tokens = st.integers(0, 10**5)
members = st.lists(st.tuples(tokens, tokens, picos, st.integers(0, 1000)), min_size=1, max_size=8)


def spent(outcome, amount, low, high, usage):
    """Return an attempt that is known within bounds."""
    cost = Cost.estimated(Money(amount), Money(amount - low), Money(amount + high), {})
    return Spent(outcome, 0.0, 0.0, usage=usage, cost=cost)


def calls_of(drawn):
    """Return calls that are held for."""
    return [
        SimpleNamespace(
            memo={HELD: Estimate(Usage(into, output_tokens=out), Cost.exact(Money(pico)), None, bounded=True)}
        )
        for into, out, pico, _ in drawn
    ]


@given(drawn=members, outcome=st.sampled_from(["failed", "cancelled"]), into=tokens, out=tokens, data=st.data())
def test_a_lost_attempt_charges_nobody_more_than_is_held_for_them(drawn, outcome, into, out, data):
    """In dollars and in tokens of each kind, however the items' sizes compare; at the most, all that is held."""
    amount = data.draw(picos)
    held = sum(pico for _, _, pico, _ in drawn)
    low = data.draw(st.integers(max(0, amount - held), amount))  # no more is known to be billed than is held
    lost = spent(outcome, amount, low, data.draw(picos), Usage(into, output_tokens=out))
    calls = calls_of(drawn)
    shares = split_spent(lost, calls, [size for *_, size in drawn])
    assert min(amount, held) == sum(share.cost.amount.pico for share in shares)
    for share, call in zip(shares, calls, strict=True):
        hold = call.memo[HELD]
        assert share.cost.amount.pico <= hold.pico
        assert 0 <= share.cost.low.pico <= share.cost.amount.pico <= share.cost.high.pico
        assert all(getattr(share.usage, name) <= getattr(hold.hold, name) for name in BUCKETS)


@given(drawn=members, into=tokens, out=tokens, amount=picos, unheld=st.booleans())
def test_what_was_answered_is_shared_out_to_the_last_unit(drawn, into, out, amount, unheld):
    """By the sizes of the items, whatever is held; and so is what was lost where somebody has no hold."""
    calls = calls_of(drawn)
    if unheld:
        calls[-1].memo.clear()
    whole = spent("cancelled" if unheld else "provider", amount, 0, 0, Usage(into, output_tokens=out))
    shares = split_spent(whole, calls, [size for *_, size in drawn])
    assert amount == sum(share.cost.amount.pico for share in shares)
    assert Usage(into, output_tokens=out) == sum((share.usage for share in shares), Usage())


def test_what_is_known_to_be_billed_is_charged_though_less_was_held():
    """A floor is no guess."""
    drawn = [(10, 10, 100, 1), (10, 10, 100, 1)]
    shares = split_spent(spent("cancelled", 1000, 400, 0, Usage(5)), calls_of(drawn), [1, 1])
    assert [300, 300] == [share.cost.amount.pico for share in shares]
