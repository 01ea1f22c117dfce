"""The names of the ledger's rows, and the hours and days of the cells.

Law: a key's first word says what the row is, and keys of one kind sort by time where they have one; no part
of a key that comes from a user can be mistaken for another part (dims and subjects are JSON, and stand
last).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

import msgspec

__all__ = [
    "DAY",
    "HOUR",
    "LAST",
    "account_key",
    "cell_key",
    "day_label",
    "dims_of",
    "dims_text",
    "hour_label",
    "hour_start",
    "output_key",
    "record_key",
    "scope_key",
]

HOUR = 3_600_000_000
"""One hour, in microseconds."""

DAY = 24 * HOUR
"""One day, in microseconds."""

LAST = "\U0010ffff"
"""A text that sorts after every key that starts with what stands before it."""


def record_key(id: str) -> str:
    """Return the key of a record."""
    return "record/" + id


@lru_cache(maxsize=4096)
def hour_label(hour: int) -> str:
    """Return the label of a UTC hour, counted from 1970."""
    return f"{datetime.fromtimestamp(hour * 3600, UTC):%Y-%m-%dT%H}"


def day_label(hour: int) -> str:
    """Return the label of the UTC day that an hour lies in."""
    return hour_label(hour)[:10]


@lru_cache(maxsize=4096)
def hour_start(label: str) -> int:
    """Return the first hour, counted from 1970, of an hour's or a day's label."""
    return (
        int(datetime.fromisoformat(label + (":00" if "T" in label else "T00:00")).replace(tzinfo=UTC).timestamp())
        // 3600
    )


@lru_cache(maxsize=8192)
def dims_text(dims: tuple[str, ...]) -> str:
    """Return dims as they stand in a key."""
    return msgspec.json.encode(dims).decode()


_dims = msgspec.json.Decoder(tuple[str, ...])


@lru_cache(maxsize=8192)
def dims_of(text: str) -> tuple[str, ...]:
    """Return the dims that stand in a key; raises `msgspec.MsgspecError` for anything else."""
    return _dims.decode(text)


def cell_key(grain: str, label: str, dims: str) -> str:
    """Return the key of a cell; `grain` is `"hour"`, `"day"` or `"folded"`."""
    return f"{grain}/{label}/{dims}"


def scope_key(window: str, timezone: str, per: str | None) -> str:
    """Return the name of a budget's scope: what its accounts have in common."""
    return msgspec.json.encode((window, timezone, per)).decode()


def account_key(scope: str, label: str, subject: str) -> str:
    """Return the key of an account."""
    return f"account/{scope}/{msgspec.json.encode((label, subject)).decode()}"


def output_key(function: str, model: str) -> str:
    """Return the key of what is learned about the output of a function and a model."""
    parts: Sequence[str] = (function, model)
    return "output/" + msgspec.json.encode(parts).decode()
