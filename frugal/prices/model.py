"""ModelPrice: what a model costs, in dollars per million tokens, as a person writes it.

Law: a price is a finite decimal of zero or more, held as it was printed; anything else is an
`InvalidPriceError` here, so that no later sum can be poisoned by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal, InvalidOperation

from frugal.errors import InvalidPriceError

__all__ = ["Dollars", "ModelPrice", "dollars"]

Dollars = Decimal | str | float
"""A price as users give it; a float is read as the decimal number that it prints as."""

_LARGEST = 12
_FINEST = -24
"""Powers of ten beyond which a price is a slip of the pen, and its exact fraction a burden."""


def dollars(what: str, value: object) -> Decimal:
    """Read one price.

    Args:
        what: which price, for the error.
        value: dollars, as a string, a number or a `Decimal`.

    Returns:
        The exact decimal.

    Raises:
        InvalidPriceError: it is negative, not finite, or not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        raise InvalidPriceError(what, value)
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (InvalidOperation, ValueError):
        raise InvalidPriceError(what, value) from None
    if not number.is_finite() or number < 0:
        raise InvalidPriceError(what, value)
    if number and (number.adjusted() > _LARGEST or int(number.as_tuple().exponent) < _FINEST):
        raise InvalidPriceError(what, value)
    return abs(number)  # no negative zero


def _perhaps(what: str, value: Dollars | None) -> Decimal | None:
    return None if value is None else dollars(what, value)


def _tier(what: str, value: ModelPrice | Dollars | None) -> ModelPrice | Decimal | None:
    return value if isinstance(value, ModelPrice) else _perhaps(what, value)


@dataclass(frozen=True, slots=True, init=False)
class ModelPrice:
    """Price a model, in dollars per million tokens.

    What is not given follows these rules: cached input, images and reasoning that have no price of their own
    cost what input, input and output cost, exactly. Cache writes and audio without a price make a cost
    `estimated`: a write for five minutes between 1 and 1.25 times the input, for an hour up to twice, audio
    between the text price and sixty times that (the widest ratio on the market is 57). Output tokens of a
    model without an output price (an embedder) leave the call unpriced.

    Args:
        input: uncached text input.
        output: text output; `None` for a model that has none.
        cached_input: input read from the provider's cache.
        cache_write_5m: input written to that cache for five minutes.
        cache_write_1h: input written to it for an hour.
        input_audio: audio input.
        output_audio: audio output.
        input_image: image input that is counted apart.
        reasoning: hidden reasoning.
        per_request: dollars for each request, whatever its tokens.
        context_window: how many tokens a request may hold.
        batch: the batch tier: a price of its own, or a factor such as `"0.5"` on all the prices here.
        flex: the flex tier, likewise.
        priority: the priority tier, likewise.
        fast: the fast tier, likewise.
        long_context: other prices for requests whose whole input is above so many tokens, by that number;
            all tokens of such a request cost them (a cliff, as every provider bills).

    Raises:
        InvalidPriceError: a price is negative, not finite, or not a number.
        ValueError: a context window or a step is not a whole number of tokens above 0.

    >>> ModelPrice(input="0.15", output=0.6, batch="0.5").output
    Decimal('0.6')
    """

    input: Decimal
    output: Decimal | None
    cached_input: Decimal | None
    cache_write_5m: Decimal | None
    cache_write_1h: Decimal | None
    input_audio: Decimal | None
    output_audio: Decimal | None
    input_image: Decimal | None
    reasoning: Decimal | None
    per_request: Decimal | None
    context_window: int | None
    batch: ModelPrice | Decimal | None
    flex: ModelPrice | Decimal | None
    priority: ModelPrice | Decimal | None
    fast: ModelPrice | Decimal | None
    long_context: tuple[tuple[int, ModelPrice], ...]

    def __init__(
        self,
        *,
        input: Dollars,  # noqa: A002 - the word that price lists use
        output: Dollars | None = None,
        cached_input: Dollars | None = None,
        cache_write_5m: Dollars | None = None,
        cache_write_1h: Dollars | None = None,
        input_audio: Dollars | None = None,
        output_audio: Dollars | None = None,
        input_image: Dollars | None = None,
        reasoning: Dollars | None = None,
        per_request: Dollars | None = None,
        context_window: int | None = None,
        batch: ModelPrice | Dollars | None = None,
        flex: ModelPrice | Dollars | None = None,
        priority: ModelPrice | Dollars | None = None,
        fast: ModelPrice | Dollars | None = None,
        long_context: Mapping[int, ModelPrice] | Iterable[tuple[int, ModelPrice]] = (),
    ) -> None:
        put = object.__setattr__
        put(self, "input", dollars("input", input))
        put(self, "output", _perhaps("output", output))
        put(self, "cached_input", _perhaps("cached_input", cached_input))
        put(self, "cache_write_5m", _perhaps("cache_write_5m", cache_write_5m))
        put(self, "cache_write_1h", _perhaps("cache_write_1h", cache_write_1h))
        put(self, "input_audio", _perhaps("input_audio", input_audio))
        put(self, "output_audio", _perhaps("output_audio", output_audio))
        put(self, "input_image", _perhaps("input_image", input_image))
        put(self, "reasoning", _perhaps("reasoning", reasoning))
        put(self, "per_request", _perhaps("per_request", per_request))
        put(self, "batch", _tier("batch", batch))
        put(self, "flex", _tier("flex", flex))
        put(self, "priority", _tier("priority", priority))
        put(self, "fast", _tier("fast", fast))
        if context_window is not None and (type(context_window) is not int or context_window <= 0):
            raise ValueError(f"context_window is {context_window!r}; give a whole number of tokens above 0.")
        put(self, "context_window", context_window)
        put(self, "long_context", _cliffs(long_context))

    def __repr__(self) -> str:
        """Show what was given, and nothing else."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self))
        shown = (
            f"{name}='{value:f}'" if isinstance(value, Decimal) else f"{name}={value!r}"
            for name, value in given
            if value is not None and value != ()
        )
        return f"ModelPrice({', '.join(shown)})"


def _cliffs(
    given: Mapping[int, ModelPrice] | Iterable[tuple[int, ModelPrice]],
) -> tuple[tuple[int, ModelPrice], ...]:
    pairs = given.items() if isinstance(given, Mapping) else given
    cliffs = dict(pairs)
    for start, price in cliffs.items():
        if type(start) is not int or start <= 0 or not isinstance(price, ModelPrice):
            raise ValueError(
                f"long_context has {start!r}: {price!r}; give the input tokens above which it begins, "
                "a whole number above 0, and a ModelPrice."
            )
    return tuple(sorted(cliffs.items(), key=lambda cliff: cliff[0]))
