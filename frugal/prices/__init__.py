"""Prices: from tokens to money, offline.

Law: what is listed is exact to the pico-dollar, what is inferred is estimated with bounds, and what nobody
lists is unpriced. Nothing here asks a network, and nothing is read before the first question.
"""

from __future__ import annotations

from frugal.prices.estimate import MonthlyEstimate, calculate_cost, estimate_monthly
from frugal.prices.model import ModelPrice
from frugal.prices.pricetable import PriceTable, default_prices

__all__ = [
    "ModelPrice",
    "MonthlyEstimate",
    "PriceTable",
    "calculate_cost",
    "default_prices",
    "estimate_monthly",
]
