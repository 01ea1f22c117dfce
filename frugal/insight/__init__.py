"""Seeing and deciding: advice, backtests and reports, all computed from what a ledger holds.

Law: nothing here is on the way of a call; it reads ledgers and never writes to them. Each part is imported when it is
first asked for, since some of them need optional packages. No room has the name of a function: the import of a room
would otherwise put the room in the function's place.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from frugal.insight.advice import Advice, advise
    from frugal.insight.backtesting import backtest
    from frugal.insight.reporting import render, report

__all__ = ["Advice", "advise", "backtest", "render", "report"]

_HOMES = {
    "Advice": "advice",
    "advise": "advice",
    "backtest": "backtesting",
    "render": "reporting",
    "report": "reporting",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'frugal.insight' has no attribute {name!r}")
    return getattr(import_module(f"frugal.insight.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
