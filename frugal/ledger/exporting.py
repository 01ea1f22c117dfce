"""Export: the records as CSV or JSON Lines, for spreadsheets and programs.

Law: the file appears whole or not at all, readable by its owner only, and streams: its size is no matter.
Money stands as exact dollars and as whole pico-dollars. A cell of CSV that a spreadsheet would take for a
formula begins with an apostrophe, for users and tags come from outside.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from frugal._values.money import Money
from frugal._values.record import Record
from frugal._values.usage import BUCKETS

__all__ = ["FORMATS", "export"]

FORMATS = (".csv", ".jsonl")
"""The suffixes of files that can be written."""

_PLAIN = (
    *("id", "call", "parent", "kind", "function", "model_requested", "model", "provider", "outcome", "overrun"),
    *("latency", "user", "run", "route_reason", "similarity", "source_id", "price_table", "key", "attempts"),
    *("tier", "booked", "success", "satisfaction"),
)
_MONEY = ("cost", "cost_low", "cost_high", "saved")
_COLUMNS = (
    *("time", *_PLAIN, *BUCKETS),
    *(f"{name}_{unit}" for name in _MONEY for unit in ("usd", "pico")),
    *("cost_status", "cost_source", "unpriced_calls", "cost_by_bucket", "tags", "digests"),
)


def export(path: str | os.PathLike[str], records: Iterable[Record]) -> int:
    """Write records to a file; the suffix says how.

    Returns:
        How many.

    Raises:
        ValueError: the suffix is neither `.csv` nor `.jsonl`.
        OSError: the file cannot be written.
    """
    place = Path(path)
    if place.suffix not in FORMATS:
        raise ValueError(f"{str(path)!r} has suffix {place.suffix!r}; export writes {' and '.join(FORMATS)}.")
    half = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            count = _csv(file, records) if place.suffix == ".csv" else _lines(file, records)
        half.replace(place)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    return count


def _row(record: Record) -> dict[str, Any]:
    cost = record.cost
    row: dict[str, Any] = {"time": record.time.isoformat()}
    row.update((name, getattr(record, name)) for name in _PLAIN)
    row.update(zip(BUCKETS, record.usage, strict=True))
    for name, money in zip(_MONEY, (cost.amount, cost.low, cost.high, record.saved), strict=True):
        row[name + "_usd"] = None if money is None else f"{money.usd:f}"
        row[name + "_pico"] = None if money is None else money.pico
    row["cost_status"], row["cost_source"] = cost.status, cost.source
    row["unpriced_calls"] = cost.unpriced_calls
    row["cost_by_bucket"] = {bucket: _pico(money) for bucket, money in cost.by_bucket.items()}
    row["tags"], row["digests"] = dict(record.tags), dict(record.digests)
    return row


def _pico(money: Money) -> int:
    return money.pico


def _lines(file: Any, records: Iterable[Record]) -> int:
    count = 0
    for record in records:
        file.write(msgspec.json.encode(_row(record)).decode() + "\n")
        count += 1
    return count


def _csv(file: Any, records: Iterable[Record]) -> int:
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    count = 0
    for record in records:
        writer.writerow({name: _cell(value) for name, value in _row(record).items()})
        count += 1
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, dict):
        return msgspec.json.encode(value, order="sorted").decode() if value else ""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value
