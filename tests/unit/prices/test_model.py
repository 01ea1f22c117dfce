"""ModelPrice: prices as people write them."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import pytest

from frugal.errors import InvalidPriceError
from frugal.prices import ModelPrice


@pytest.mark.parametrize("given", ["0.15", 0.15, Decimal("0.15")])
def test_a_string_a_float_and_a_decimal_are_one_price(given: object) -> None:
    """0.15 is 0.15 however it is written."""
    assert ModelPrice(input=given) == ModelPrice(input=Decimal("0.15"))


@pytest.mark.parametrize(
    "wrong", [-1, "-0.01", "x", "", float("nan"), float("inf"), Decimal("NaN"), None, True, [], "1e400", "1e-400"]
)
def test_what_is_not_a_price_is_refused(wrong: object) -> None:
    """Every field refuses what is negative, not finite, or not a number, and names itself."""
    with pytest.raises(InvalidPriceError, match="input"):
        ModelPrice(input=wrong)
    if wrong is not None:
        with pytest.raises(InvalidPriceError, match="cache_write_1h"):
            ModelPrice(input=1, cache_write_1h=wrong)
        with pytest.raises(InvalidPriceError, match="batch"):
            ModelPrice(input=1, batch=wrong)


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "8192", True])
def test_a_context_window_is_a_whole_number_of_tokens(wrong: object) -> None:
    """A window that is not a positive int is refused."""
    with pytest.raises(ValueError, match="context_window"):
        ModelPrice(input=1, context_window=wrong)


@pytest.mark.parametrize("wrong", [{0: ModelPrice(input=1)}, {"200000": ModelPrice(input=1)}, {200_000: "6"}])
def test_a_long_context_step_is_tokens_and_a_price(wrong: dict[object, object]) -> None:
    """A step needs a whole number of tokens and a ModelPrice."""
    with pytest.raises(ValueError, match="long_context"):
        ModelPrice(input=1, long_context=wrong)


def test_a_price_is_a_value() -> None:
    """It is hashable, comparable, picklable, copyable, and frozen."""
    price = ModelPrice(input="3", output=15, batch="0.5", long_context={200_000: ModelPrice(input=6)})
    assert {price: 1}[copy.deepcopy(price)] == 1
    assert pickle.loads(pickle.dumps(price)) == price
    with pytest.raises(AttributeError):
        price.input = Decimal(1)


def test_negative_zero_is_zero() -> None:
    """A price of -0.0 is 0, and prints so."""
    assert repr(ModelPrice(input=-0.0)) == "ModelPrice(input='0.0')"
