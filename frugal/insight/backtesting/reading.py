"""Reading a log: from a file or from mappings to requests in the order of time.

Law: a file is never changed and never run; what cannot be read raises with the row and the remedy.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

from frugal._values.record import Record
from frugal.insight.backtesting.cells import instant
from frugal.insight.backtesting.logged import LeftOut, Log, Logged
from frugal.insight.backtesting.presets import PRESETS, preset_of
from frugal.insight.backtesting.presets.ledger import row_of
from frugal.insight.backtesting.presets.plain import has_only_seconds, plain
from frugal.insight.backtesting.presets.rows import Row

__all__ = ["FORMATS", "START", "read_log"]

FORMATS = (".csv", ".jsonl", ".ndjson", ".json")
"""The suffixes of files that can be read; each may be followed by `.gz`."""

START = 1_768_478_400.0
"""When sessions begin whose log has no calendar: noon of 15 January 2026, UTC."""

_SESSIONS = (
    "the log tells time only within sessions: all of them began together, so figures by the hour and budgets by the "
    "calendar are those of that arrangement"
)
_WIDE = 2**31 - 1  # a cell of csv may hold a whole prompt


def read_log(
    log: str | os.PathLike[str] | Iterable[Mapping[str, Any]] | Iterable[Record],
    *,
    preset: str | None = None,
    columns: Mapping[str, str] | None = None,
    model: str | None = None,
    start: datetime | float | None = None,
) -> Log:
    """Read a log of past requests.

    Args:
        log: a file (CSV, JSON Lines or JSON, also with `.gz`), mappings, or a ledger's records.
        preset: whose export it is: `"frugal"`, `"litellm"`, `"langfuse"`, `"helicone"` or `"openai"`; by its columns
            when `None`, and a plain log where they are nobody's.
        columns: for a plain log, the columns that have other names than ours.
        model: for a plain log, the model of rows that name none.
        start: when sessions began, where the log has only seconds since then.

    Raises:
        ValueError: the preset or a column is not known, the suffix is not, or a row cannot be read.
        OSError: the file cannot be read.

    >>> log = read_log([{"time": 0, "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100}])
    >>> log.requests[0].usage.total_tokens
    1100
    """
    if preset is not None and preset not in PRESETS:
        raise ValueError(f"preset={preset!r} is not known: it is one of {', '.join(PRESETS)}.")
    if preset is not None and columns is not None:
        raise ValueError("columns= is for plain logs; a preset knows its own.")
    if isinstance(log, (str, os.PathLike)):
        place = Path(log)
        try:
            with _rows(place) as rows:
                return _read(rows, preset, columns, model, start)
        except (ValueError, EOFError, csv.Error) as error:
            raise ValueError(f"{str(place)!r} cannot be replayed: {error}") from None
    return _read((row_of(row) if isinstance(row, Record) else row for row in log), preset, columns, model, start)


def _read(
    rows: Iterable[Row],
    preset: str | None,
    columns: Mapping[str, str] | None,
    model: str | None,
    start: datetime | float | None,
) -> Log:
    coming = iter(rows)
    head = list(islice(coming, 1))
    if head and not isinstance(head[0], Mapping):
        raise ValueError(f"a log is made of mappings, and the first row is {head[0]!r}")
    notes = []
    name = preset
    if name is None and columns is None and head:
        name = preset_of(head[0])
    if name is not None:
        read, note = PRESETS[name].read, PRESETS[name].note
    else:
        began = instant(start)
        read, note = plain(columns, model, START if began is None else began), ""
        if columns is None and has_only_seconds(iter(head)):
            note = _SESSIONS
    if note:
        notes.append(note)
    requests: list[Logged] = []
    left_out: Counter[str] = Counter()
    for found in read(chain(head, coming)):
        if isinstance(found, LeftOut):
            left_out[found.reason] += 1
        else:
            requests.append(found)
    requests.sort(key=lambda request: request.time)
    return Log(requests, dict(left_out), notes)


@contextmanager
def _rows(place: Path) -> Iterator[Iterator[Row]]:
    """Open a file and yield its rows."""
    suffixes = [suffix.lower() for suffix in place.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = (suffixes[:-1] if zipped else suffixes)[-1:]
    if not kind or kind[0] not in FORMATS:
        raise ValueError(f"its suffix is none of {', '.join(FORMATS)}, each perhaps with .gz")
    with io.TextIOWrapper(gzip.open(place) if zipped else place.open("rb"), "utf-8-sig", newline="") as file:
        if kind[0] == ".csv":
            before = csv.field_size_limit(_WIDE)
            try:
                yield csv.DictReader(file)
            finally:
                csv.field_size_limit(before)
        elif kind[0] == ".json":
            yield iter(_array(json.load(file)))
        else:
            yield _lines(file)


def _array(value: Any) -> list[Row]:
    """Return the rows of a JSON document: a list, or an object with one under `data`."""
    found = value.get("data") if isinstance(value, Mapping) else value
    if not isinstance(found, list):
        raise ValueError("it is neither a JSON list nor an object with a list under 'data'")  # noqa: TRY004 a bad log
    return found


def _lines(file: TextIO) -> Iterator[Row]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"line {number} is not JSON ({error})") from None
            if not isinstance(row, Mapping):
                raise ValueError(f"line {number} is not a JSON object")
            yield row
