"""Reading a log: from a file or from mappings to requests in the order of time.

Law: what cannot be read raises with the row, the column and the remedy; what is left out is counted.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from frugal._values.record import Record
from frugal.insight.backtesting.cells import instant
from frugal.insight.backtesting.files import opened
from frugal.insight.backtesting.logged import LeftOut, Log, Logged, Remark
from frugal.insight.backtesting.presets import PRESETS, preset_of
from frugal.insight.backtesting.presets.ledger import row_of
from frugal.insight.backtesting.presets.plain import has_only_seconds, plain
from frugal.insight.backtesting.presets.rows import Row, Rows

__all__ = ["START", "read_log"]

START = 1_768_478_400.0
"""When sessions begin whose log has no calendar: noon of 15 January 2026, UTC."""

_SESSIONS = (
    "the log tells time only within sessions: all of them began together, so figures by the hour and budgets by the "
    "calendar are those of that arrangement"
)


def read_log(
    log: str | os.PathLike[str] | Iterable[Mapping[str, Any]] | Iterable[Record],
    *,
    preset: str | None = None,
    columns: Mapping[str, str] | None = None,
    model: str | None = None,
    start: datetime | float | None = None,
    on_row: Callable[[], None] | None = None,
) -> Log:
    """Read a log of past requests.

    Args:
        log: a file (CSV, JSON Lines or JSON, also with `.gz`), mappings, or a ledger's records.
        preset: whose export it is: `"frugal"`, `"litellm"`, `"langfuse"`, `"helicone"` or `"openai"`; by its columns
            when `None`, and a plain log where they are nobody's.
        columns: for a plain log, the columns that have other names than ours.
        model: for a plain log, the model of rows that name none.
        start: when sessions began, where the log has only seconds since then.
        on_row: called as each row was read, to show progress.

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
    began = instant(start)
    reader = _Reader(preset, columns, model, START if began is None else began, on_row)
    if not isinstance(log, (str, os.PathLike)):
        return reader.read(_Given(log))
    place = Path(log)
    with opened(place) as rows:
        try:
            return reader.read(rows)
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            raise ValueError(f"{str(place)!r} cannot be replayed: {error}.") from None


class _Given:
    """Rows that are given in memory."""

    def __init__(self, rows: Iterable[Mapping[str, Any]] | Iterable[Record]) -> None:
        self._rows = rows
        self._number = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self._number += 1
            yield row_of(row) if isinstance(row, Record) else row

    def where(self) -> str:
        """Return the number of the last row."""
        return f"row {self._number}"


class _Checked:
    """Rows of which each is a mapping, whose first can be looked at before they are read."""

    def __init__(self, rows: Rows, on_row: Callable[[], None] | None) -> None:
        self._rows = rows
        self._on_row = on_row
        self._coming = iter(rows)
        self.first: Row | None = self._next()

    def _next(self) -> Row | None:
        row = next(self._coming, None)
        if row is not None and not isinstance(row, Mapping):
            raise ValueError(f"{self.where()}, it is {type(row).__name__} {row!r:.60}, and a log is made of mappings")
        return row

    def __iter__(self) -> Iterator[Row]:
        row = self.first
        while row is not None:
            yield row
            if self._on_row is not None:
                self._on_row()
            row = self._next()

    def where(self) -> str:
        """Return where the last row stands."""
        return self._rows.where()


class _Reader:
    """Reads the rows of one log."""

    def __init__(
        self,
        preset: str | None,
        columns: Mapping[str, str] | None,
        model: str | None,
        start: float,
        on_row: Callable[[], None] | None,
    ) -> None:
        self._preset = preset
        self._columns = columns
        self._model = model
        self._start = start
        self._on_row = on_row

    def read(self, given: Rows) -> Log:
        """Return the log that the rows make."""
        rows = _Checked(given, self._on_row)
        name = self._preset
        if name is None and self._columns is None and rows.first is not None:
            name = preset_of(rows.first)
        if name is not None:
            read, note = PRESETS[name].read, PRESETS[name].note
        else:
            read, note = plain(self._columns, self._model, self._start), ""
            if self._columns is None and rows.first is not None and has_only_seconds(rows.first):
                note = _SESSIONS
        requests: list[Logged] = []
        left_out: Counter[str] = Counter()
        remarks: Counter[str] = Counter()
        for found in read(rows):
            if isinstance(found, Logged):
                requests.append(found)
            elif isinstance(found, LeftOut):
                left_out[found.reason] += 1
            elif isinstance(found, Remark):
                remarks[found.about] += 1
        if name is None and not requests and left_out:
            raise ValueError(
                f"none of its {left_out.total():,} rows says what it used or what it cost: "
                "say which columns do, columns={'input_tokens': …, 'output_tokens': …}"
            )
        requests.sort(key=lambda request: request.time)
        notes = [*([note] if note else []), *getattr(given, "notes", ())]
        return Log(requests, dict(left_out), dict(remarks), notes)
