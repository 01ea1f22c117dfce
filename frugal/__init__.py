"""Composable decorators that make any async LLM-calling function economical.

Everything that users need is importable from here. What is heavy is imported when it is first asked for, and importing
this package opens nothing, creates nothing and looks nothing up.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frugal import errors, telemetry, testing
    from frugal._core.ambient import bypass, current_call, scope
    from frugal._core.call import Call
    from frugal._values.budget import Budget
    from frugal._values.cost import Cost
    from frugal._values.money import Money, usd
    from frugal._values.record import BudgetFigure, BudgetStatus, CallSummary, Record, UsageRow
    from frugal._values.routing import Model, Request
    from frugal._values.usage import Usage
    from frugal.decorators.batching import batched
    from frugal.decorators.budgeting import budgeted
    from frugal.decorators.caching import cached, disk, invalidate, memory
    from frugal.decorators.composing import Stack, middleware, stack
    from frugal.decorators.explaining import explain, explain_call
    from frugal.decorators.instrumenting import instrument
    from frugal.decorators.learning import feedback
    from frugal.decorators.limiting import rate_limited
    from frugal.decorators.matching import semantic_cached
    from frugal.decorators.metering import metered
    from frugal.decorators.routing import adaptive, by_complexity, cascade, learned, routed
    from frugal.decorators.sharing import deduplicated
    from frugal.errors import (
        BatchSizeMismatchError,
        BudgetExceededError,
        EmbeddingError,
        FrugalError,
        InvalidPriceError,
        InvalidUsageError,
        LedgerFormatError,
        LedgerUnavailableError,
        MissingExtraError,
        NoEligibleModelError,
        NotAsyncError,
        OrderWarning,
        RequestTooLargeError,
        StackError,
        StoreCorruptedError,
        UnencodableValueError,
        UnkeyableCallError,
        UnknownPriceError,
    )
    from frugal.insight import advise, backtest
    from frugal.ledger import Ledger
    from frugal.prices import ModelPrice, MonthlyEstimate, PriceTable, calculate_cost, estimate_monthly

_HOMES = {
    "frugal._core.ambient": ("bypass", "current_call", "scope"),
    "frugal._core.call": ("Call",),
    "frugal._values.budget": ("Budget",),
    "frugal._values.cost": ("Cost",),
    "frugal._values.money": ("Money", "usd"),
    "frugal._values.record": ("BudgetFigure", "BudgetStatus", "CallSummary", "Record", "UsageRow"),
    "frugal._values.routing": ("Model", "Request"),
    "frugal._values.usage": ("Usage",),
    "frugal.decorators.batching": ("batched",),
    "frugal.decorators.budgeting": ("budgeted",),
    "frugal.decorators.caching": ("cached", "disk", "invalidate", "memory"),
    "frugal.decorators.composing": ("Stack", "middleware", "stack"),
    "frugal.decorators.instrumenting": ("instrument",),
    "frugal.decorators.explaining": ("explain", "explain_call"),
    "frugal.decorators.limiting": ("rate_limited",),
    "frugal.decorators.matching": ("semantic_cached",),
    "frugal.decorators.metering": ("metered",),
    "frugal.decorators.learning": ("feedback",),
    "frugal.decorators.routing": ("adaptive", "by_complexity", "cascade", "learned", "routed"),
    "frugal.decorators.sharing": ("deduplicated",),
    "frugal.errors": (
        "BatchSizeMismatchError",
        "BudgetExceededError",
        "EmbeddingError",
        "FrugalError",
        "InvalidPriceError",
        "InvalidUsageError",
        "LedgerFormatError",
        "LedgerUnavailableError",
        "MissingExtraError",
        "NoEligibleModelError",
        "NotAsyncError",
        "OrderWarning",
        "RequestTooLargeError",
        "StackError",
        "StoreCorruptedError",
        "UnencodableValueError",
        "UnkeyableCallError",
        "UnknownPriceError",
    ),
    "frugal.insight": ("advise", "backtest"),
    "frugal.decorators.forgetting": ("Ledger",),
    "frugal.prices": ("ModelPrice", "MonthlyEstimate", "PriceTable", "calculate_cost", "estimate_monthly"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}
_ROOMS = ("cli", "errors", "insight", "telemetry", "testing")

__version__ = "0.1.0"

__all__ = [
    "BatchSizeMismatchError",
    "Budget",
    "BudgetExceededError",
    "BudgetFigure",
    "BudgetStatus",
    "Call",
    "CallSummary",
    "Cost",
    "EmbeddingError",
    "FrugalError",
    "InvalidPriceError",
    "InvalidUsageError",
    "Ledger",
    "LedgerFormatError",
    "LedgerUnavailableError",
    "MissingExtraError",
    "Model",
    "ModelPrice",
    "Money",
    "MonthlyEstimate",
    "NoEligibleModelError",
    "NotAsyncError",
    "OrderWarning",
    "PriceTable",
    "Record",
    "Request",
    "RequestTooLargeError",
    "Stack",
    "StackError",
    "StoreCorruptedError",
    "UnencodableValueError",
    "UnkeyableCallError",
    "UnknownPriceError",
    "Usage",
    "UsageRow",
    "adaptive",
    "advise",
    "backtest",
    "batched",
    "budgeted",
    "by_complexity",
    "bypass",
    "cached",
    "calculate_cost",
    "cascade",
    "current_call",
    "deduplicated",
    "disk",
    "errors",
    "estimate_monthly",
    "explain",
    "explain_call",
    "feedback",
    "instrument",
    "invalidate",
    "learned",
    "memory",
    "metered",
    "middleware",
    "rate_limited",
    "routed",
    "scope",
    "semantic_cached",
    "stack",
    "telemetry",
    "testing",
    "usd",
]


def __getattr__(name: str) -> Any:
    module = _HOME.get(name)
    if module is not None:
        value = getattr(import_module(module), name)
    elif name in _ROOMS:
        value = import_module(f"frugal.{name}")
    else:
        raise AttributeError(f"module 'frugal' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*(name for name in globals() if name.startswith("__")), *__all__})
