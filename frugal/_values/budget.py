"""Budgets: a limit on dollars or tokens, in a window, for everyone or for each of something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from frugal._values.money import Money
from frugal._values.money import usd as _usd
from frugal._values.spelling import spelt
from frugal._values.window import WINDOWS, zone

__all__ = ["Budget", "check_per", "subject_of"]

_PER = ("user", "model", "function")


def check_per(per: str | None) -> str | None:
    """Return `per` if it is one of the subjects that limits and partitions know.

    Raises:
        ValueError: it is not `None`, `"user"`, `"model"`, `"function"` or `"tag:<name>"`.
    """
    if per is None or per in _PER or (isinstance(per, str) and per.startswith("tag:") and len(per) > 4):
        return per
    raise ValueError(f"per is {per!r}; it is None, 'user', 'model', 'function' or 'tag:<name>'.")


def subject_of(per: str | None, *, user: str | None, model: str | None, function: str, tags: Any) -> str:
    """Return which of its subjects a call belongs to; `""` for everyone and for what is not set."""
    if per is None:
        return ""
    if per == "user":
        return user or ""
    if per == "model":
        return model or ""
    if per == "function":
        return function
    return str(tags.get(per[4:], ""))


@dataclass(frozen=True, slots=True, kw_only=True, init=False, repr=False)
class Budget:
    """Limit what is spent in a window.

    Args:
        usd: the limit in dollars, or `None`.
        tokens: the limit in tokens, or `None`.
        window: `"hour"`, `"day"`, `"week"`, `"month"` or `"run"`.
        per: `None` (everyone together), `"user"`, `"model"`, `"function"` or `"tag:<name>"` (each its own).
        warn_at: the share of the limit at which to warn; by default 0.9 of a month, else 0.8.
        suggest: a cheaper model to go on with near the limit, or a function `(call)` to its name.
        timezone: the IANA time zone of the window's borders.
        name: what it is called in messages and reports.

    Raises:
        TypeError: neither `usd` nor `tokens` is given, or one is not a number.
        ValueError: a limit is negative or not finite, or another argument is out of its range.

    >>> Budget(usd=50, window="day").name
    'day'
    >>> Budget(usd="0.05", per="user")
    Budget(usd='0.05', per='user')
    """

    usd: Money | None
    tokens: int | None
    window: str
    per: str | None
    warn_at: float
    suggest: str | Callable[[Any], str | None] | None
    timezone: str
    name: str

    def __hash__(self) -> int:
        return hash(self.name)  # equal budgets have equal names, and a claim looks its budget up for every call

    def __init__(
        self,
        *,
        usd: Money | str | float | Decimal | None = None,
        tokens: int | None = None,
        window: str = "day",
        per: str | None = None,
        warn_at: float | None = None,
        suggest: str | Callable[[Any], str | None] | None = None,
        timezone: str = "UTC",
        name: str | None = None,
    ) -> None:
        if usd is None and tokens is None:
            raise TypeError("a Budget needs a limit: give usd= or tokens=.")
        limit = usd if isinstance(usd, Money) or usd is None else _usd(usd)
        if limit is not None and limit.pico < 0:
            raise ValueError(f"usd is {usd!r}; a limit is 0 or more.")
        if tokens is not None and (isinstance(tokens, bool) or not isinstance(tokens, int)):
            raise TypeError(f"tokens is {tokens!r}; give a whole number of tokens.")
        if tokens is not None and tokens < 0:
            raise ValueError(f"tokens is {tokens!r}; a limit is 0 or more.")
        if suggest is not None and not isinstance(suggest, str) and not callable(suggest):
            raise TypeError(f"suggest is {suggest!r}; give a model's name, or a function of the call.")
        if window not in WINDOWS and window != "run":
            raise ValueError(f"window is {window!r}; it is one of {', '.join(WINDOWS)} or run.")
        share = _usual_share(window) if warn_at is None else warn_at
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
            raise ValueError(f"warn_at is {warn_at!r}; it is a share of the limit, above 0 and at most 1.")
        zone(timezone)
        check_per(per)
        for field, value in (
            ("usd", limit),
            ("tokens", tokens),
            ("window", window),
            ("per", per),
            ("warn_at", float(share)),
            ("suggest", suggest),
            ("timezone", timezone),
            ("name", _usual_name(window, per) if name is None else name),
        ):
            object.__setattr__(self, field, value)

    def __repr__(self) -> str:
        return spelt(
            "Budget",
            usd=None if self.usd is None else f"{self.usd.usd.normalize():f}",
            tokens=self.tokens,
            window=_unless(self.window, "day"),
            per=self.per,
            warn_at=_unless(self.warn_at, _usual_share(self.window)),
            suggest=self.suggest,
            timezone=_unless(self.timezone, "UTC"),
            name=_unless(self.name, _usual_name(self.window, self.per)),
        )


def _usual_share(window: str) -> float:
    return 0.9 if window == "month" else 0.8


def _usual_name(window: str, per: str | None) -> str:
    return window if per is None else f"{window} per {per}"


def _unless(value: object, default: object) -> object:
    """Return a value that is worth saying."""
    return None if value == default else value
