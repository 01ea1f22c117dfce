"""Values in JSON."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from frugal import Cost, Money
from frugal.cli.documents import cost_document, money_document


@given(st.integers(min_value=-(10**30), max_value=10**30))
def test_money_stands_twice_and_exactly(pico: int) -> None:
    """The dollars in the string are the pico-dollars, whatever their number."""
    document = money_document(Money(pico))
    assert document is not None
    assert document["pico"] == pico
    assert Fraction(document["usd"]) * 10**12 == pico
    assert "E" not in document["usd"]


def test_what_is_unpriced_is_null_and_not_zero() -> None:
    """A program cannot mistake an unknown price for nothing."""
    document = cost_document(Cost.unpriced())
    assert document["amount"] is None
    assert document["unpriced_calls"] == 1
