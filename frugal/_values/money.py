"""Money: an exact integer of pico-dollars.

Law: sums are exact and associative. A price of up to six decimals per million tokens is a whole number of
pico-dollars per token, so a cost is integer arithmetic and nothing is ever rounded on the way to a total.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

__all__ = ["PICO_PER_USD", "ZERO", "Money", "of_pico", "usd"]

PICO_PER_USD = 10**12
"""Pico-dollars in one dollar."""

# Wide enough that no amount of money in the world is rounded by the context itself.
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """Hold an amount of US dollars as whole pico-dollars (10⁻¹² dollars).

    Args:
        pico: the amount in pico-dollars; negative for a difference.

    Raises:
        TypeError: `pico` is not an `int`.

    >>> Money(12_500_000_000)
    Money(pico=12500000000)
    >>> str(Money(12_500_000_000) + Money(500_000_000))
    '$0.0130'
    """

    pico: int

    def __post_init__(self) -> None:
        if type(self.pico) is not int:
            raise TypeError(f"Money takes whole pico-dollars, not {self.pico!r}; use usd({self.pico!r}).")

    @property
    def usd(self) -> Decimal:
        """The exact amount in dollars."""
        return Decimal(self.pico).scaleb(-12, _EXACT)

    def __add__(self, other: Money | int) -> Money:
        if isinstance(other, Money):
            return of_pico(self.pico + other.pico)
        return self if other == 0 else NotImplemented  # sum() starts at 0

    __radd__ = __add__

    def __sub__(self, other: Money) -> Money:
        return Money(self.pico - other.pico) if isinstance(other, Money) else NotImplemented

    def __neg__(self) -> Money:
        return Money(-self.pico)

    def __mul__(self, factor: float | Decimal) -> Money:
        """Multiply by a number; a fraction of a pico-dollar is rounded half to even."""
        if isinstance(factor, bool) or not isinstance(factor, (int, float, Decimal)):
            return NotImplemented
        if isinstance(factor, int):
            return Money(self.pico * factor)
        return Money(_whole(_EXACT.multiply(Decimal(self.pico), _decimal(factor))))

    __rmul__ = __mul__

    def __float__(self) -> float:
        return float(self.usd)

    def __bool__(self) -> bool:
        return self.pico != 0

    def __str__(self) -> str:
        """Show dollars with at least four decimals, and more only where they are not zero."""
        sign = "-" if self.pico < 0 else ""
        whole, rest = divmod(abs(self.pico), PICO_PER_USD)
        decimals = f"{rest:012d}".rstrip("0")
        return f"{sign}${whole:,}.{decimals:0<4}"


_new = object.__new__
_fill = Money.__dict__["pico"].__set__


def of_pico(pico: int) -> Money:
    """Make money of a number that is known to be whole, such as a sum; it is not checked.

    Args:
        pico: the amount in pico-dollars.

    Returns:
        The amount.
    """
    money = _new(Money)
    _fill(money, pico)
    return money


ZERO = Money(0)
"""No money."""


def _decimal(number: float | str | Decimal) -> Decimal:
    """Read a number as the decimal that it prints as."""
    try:
        value = Decimal(repr(number) if isinstance(number, float) else number)
    except (InvalidOperation, ValueError):
        raise ValueError(f"{number!r} is not an amount of money; give dollars such as '0.05'.") from None
    if not value.is_finite():
        raise ValueError(f"{number!r} is not an amount of money; give a finite number of dollars.")
    return value


def _whole(pico: Decimal) -> int:
    return int(pico.to_integral_value(ROUND_HALF_EVEN, _EXACT))


def usd(amount: str | float | Decimal) -> Money:
    """Make `Money` from dollars.

    Args:
        amount: dollars; a float is read as the decimal number that it prints as. What is finer than a
            pico-dollar is rounded half to even.

    Returns:
        The exact amount.

    Raises:
        ValueError: `amount` is not a finite number.
        TypeError: `amount` is not a string or a number.

    >>> usd("0.05") == usd(0.05) == Money(50_000_000_000)
    True
    """
    if isinstance(amount, bool) or not isinstance(amount, (str, int, float, Decimal)):
        raise TypeError(f"usd() takes a string or a number of dollars, not {amount!r}.")
    if isinstance(amount, str):
        # What `str` of Money shows is read back: "-$1,234.5000".
        sign, text = ("-", amount.strip()[1:]) if amount.strip().startswith("-") else ("", amount.strip())
        amount = sign + text.removeprefix("$").replace(",", "")
    value = _decimal(amount)
    if value.adjusted() > 40:
        raise ValueError(f"{amount!r} is more money than there is.")
    return Money(_whole(_EXACT.scaleb(value, Decimal(12))))
