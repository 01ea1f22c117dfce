"""The prices that stand behind everything where the user names none, loaded when they are first asked for."""

from __future__ import annotations

from functools import cache

from frugal.ports import Prices

__all__ = ["default_prices"]


@cache
def default_prices() -> Prices:
    """Return the shipped prices."""
    from frugal import prices  # noqa: PLC0415

    return prices.default_prices()
