"""Seeing and deciding: advice, backtests and reports, all computed from what a ledger holds.

Law: nothing here is on the way of a call; it reads ledgers and never writes to them. Each part is imported when it is
first asked for, since some of them need optional packages.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frugal.insight.advice import Advice, advise
    from frugal.insight.backtest import backtest
    from frugal.insight.report import render, report

__all__ = ["Advice", "advise", "backtest", "render", "report"]

_HOMES = {"Advice": "advice", "advise": "advice", "backtest": "backtest", "render": "report", "report": "report"}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'frugal.insight' has no attribute {name!r}")
    value = getattr(import_module(f"frugal.insight.{home}"), name)
    globals()[name] = value  # also where importing the room has put the room itself in the name's place
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
