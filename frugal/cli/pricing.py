"""Prices from the command line: a file of the user's own, names completed, and what to say of an unknown one."""

from __future__ import annotations

import json
from pathlib import Path

from frugal.cli.endings import Trouble
from frugal.errors import InvalidPriceError, UnknownPriceError
from frugal.prices import PriceTable, default_prices

__all__ = ["completed_model", "price_table", "price_unknown"]

_FORM = '{"my-model": {"input": "0.15", "output": "0.60"}}, in dollars per million tokens'


def price_table(path: str | None) -> PriceTable:
    """Return the shipped prices, with those of a JSON file above them where one is named.

    Raises:
        Trouble: the file cannot be read, or does not hold prices.
    """
    if path is None:
        return default_prices()
    try:
        said = json.loads(Path(path).expanduser().read_text(encoding="utf-8"), parse_float=str)
    except OSError as error:
        raise Trouble(f"--prices {path!r} cannot be read: {error.strerror or error}.") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise Trouble(f"--prices {path!r} is not JSON ({error}): write it as {_FORM}.") from None
    if not isinstance(said, dict) or not all(isinstance(price, dict) for price in said.values()):
        raise Trouble(f"--prices {path!r} does not hold prices by model: write it as {_FORM}.")
    try:
        return PriceTable(said)
    except (InvalidPriceError, TypeError, ValueError) as error:
        raise Trouble(f"--prices {path!r}: {error} Write it as {_FORM}.") from None


def price_unknown(error: UnknownPriceError) -> Trouble:
    """Return what to say of a model without a price."""
    meant = f" Did you mean {', '.join(error.near)}?" if error.near else ""
    return Trouble(
        f"no price is known for model {error.model!r}.{meant} "
        f"Look for it with 'frugal prices --search TEXT', or give your own with --prices FILE."
    )


def completed_model(incomplete: str) -> list[str]:
    """Return the known models that begin so."""
    return [name for name in default_prices().models() if name.startswith(incomplete.lower())][:200]
