"""Backtests: a log of past requests, run again through a stack that is being thought about.

Law: the stack is the real one, with the decorators of production; only what stands around it is not: time is virtual,
the provider answers from the log, and ledgers and caches are scratch ones that vanish with the run.
"""

from frugal.insight.backtesting.logged import Log, Logged
from frugal.insight.backtesting.reading import read_log
from frugal.insight.backtesting.replaying import backtest
from frugal.insight.backtesting.verdict import Backtest, BudgetHit, Hour

__all__ = ["Backtest", "BudgetHit", "Hour", "Log", "Logged", "backtest", "read_log"]
