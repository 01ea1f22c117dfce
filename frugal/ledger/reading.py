"""Reading sums: usage by anything, totals, and the trend of the last days.

Law: a row equals the sum of the records in its group; how it was added up (from days, hours or single
records) cannot be seen in it. What is asked by day, hour, week or month follows the calendar of the zone
that is asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from frugal._values.money import Money
from frugal._values.record import UNCOUNTED_OUTCOMES, UsageRow
from frugal._values.window import WINDOWS, window_of, zone
from frugal.ledger.cells import Cell, cell_of, dims
from frugal.ledger.scopes import run_records
from frugal.ledger.walk import FOREVER, Step, Walk
from frugal.ledger.wire import RecordRow

__all__ = ["DIMS", "Question", "microseconds", "read_trend", "read_usage"]

DIMS = ("user", "model", "provider", "function", "kind", "outcome")
"""What cells are kept by, in their order."""


def microseconds(at: datetime | float | None, timezone: str, otherwise: int) -> int:
    """Return the first whole microsecond since 1970 that is not before an instant.

    A naive time is one of that zone's wall clock. Records lie on whole microseconds and a float lies between them, so
    rounding to the nearest would let in, or leave out, a record on the wrong side of it.
    """
    if at is None:
        return otherwise
    if isinstance(at, datetime):
        at = (at if at.tzinfo else at.replace(tzinfo=zone(timezone))).timestamp()
    nearest = round(at * 1e6)
    return min(max(nearest + (nearest / 1e6 < at), 0), FOREVER)


@dataclass(slots=True)
class Question:
    """Hold what is asked.

    Args:
        since: from when, in microseconds since 1970.
        until: until before when.
        by: what to group by.
        timezone: whose calendar.
        where: which dims must have which value.
        run: which run, or `None` for all.
        tags: which tags must have which value.

    Raises:
        ValueError: a name in `by` is unknown, or the zone.
    """

    since: int = 0
    until: int = FOREVER
    by: tuple[str, ...] = ()
    timezone: str = "UTC"
    where: Mapping[str, str] = field(default_factory=dict)
    run: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        zone(self.timezone)
        for name in self.by:
            if name not in DIMS and name not in WINDOWS and name != "run" and name[:4] != "tag:":
                known = ", ".join((*WINDOWS, *DIMS, "run", "tag:<name>"))
                raise ValueError(f"by has {name!r}; it takes {known}.")

    @property
    def needs_records(self) -> bool:
        """Whether sums do not say enough."""
        beyond = any(name == "run" or name.startswith("tag:") for name in self.by)
        return beyond or self.run is not None or bool(self.tags)

    def admits(self, step: Step) -> bool:
        """Whether a part of the ledger is asked for."""
        if any(step.dims[DIMS.index(name)] != value for name, value in self.where.items()):
            return False
        if self.run is None and not self.tags:
            return True
        row = step.row
        return (
            row is not None
            and (self.run is None or row.run == self.run)
            and all(row.tags.get(name) == value for name, value in self.tags.items())
        )

    def group(self, step: Step) -> tuple[str, ...]:
        """Return the values of what is grouped by."""
        return tuple(self._value(name, step) for name in self.by)

    def _value(self, name: str, step: Step) -> str:
        if name in DIMS:
            return step.dims[DIMS.index(name)]
        if name in WINDOWS:
            return window_of(name, step.start / 1e6, self.timezone).label
        if step.row is None:
            return ""
        return step.row.run or "" if name == "run" else step.row.tags.get(name[4:], "")

    def whole(self) -> Callable[[int, int], bool]:
        """Return what says whether a time lies in one group."""
        windows = [name for name in self.by if name in WINDOWS]
        if self.needs_records:
            return lambda since, until: False
        if not windows:
            return lambda since, until: True

        def inside(since: int, until: int) -> bool:
            at = since / 1e6
            return all(window_of(name, at, self.timezone).end * 1e6 >= until for name in windows)

        return inside


@dataclass(slots=True)
class _Sum:
    cell: Cell = field(default_factory=Cell)
    outcomes: dict[str, int] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        self.cell.add(step.cell)
        outcome = step.dims[5]
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + step.cell.records

    def row(self, group: Mapping[str, str]) -> UsageRow:
        outcomes = {outcome: count for outcome, count in sorted(self.outcomes.items()) if count}
        return UsageRow(
            group=group,
            calls=sum(count for outcome, count in outcomes.items() if outcome not in UNCOUNTED_OUTCOMES),
            usage=self.cell.tally(),
            cost=self.cell.cost(),
            saved=Money(self.cell.saved),
            outcomes=outcomes,
            latency=self.cell.latency / 1e6,
        )


def read_usage(
    connection: sqlite3.Connection | None, directory: str, question: Question
) -> dict[tuple[str, ...], UsageRow]:
    """Return the rows by the values of their groups, in order."""
    sums: dict[tuple[str, ...], _Sum] = {}
    for step in _steps(connection, directory, question):
        if question.admits(step):
            group = question.group(step)
            found = sums.get(group)
            if found is None:
                found = sums[group] = _Sum()
            found.add(step)
    return {
        group: sums[group].row(dict(zip(question.by, group, strict=True)))
        for group in sorted(sums)
        if sums[group].cell.records
    }


def _steps(connection: sqlite3.Connection | None, directory: str, question: Question) -> Iterable[Step]:
    if connection is None:
        return ()
    if question.run is not None:
        return _of_run(connection, directory, question)
    return Walk(connection, directory, question.whole()).steps(question.since, question.until)


def _of_run(connection: sqlite3.Connection, directory: str, question: Question) -> Iterable[Step]:
    rows: Iterable[RecordRow] = run_records(connection, directory, question.run or "")
    for row in rows:
        if question.since <= row.time < question.until:
            yield Step(row.time, dims(row), cell_of(row), row)


def read_trend(
    connection: sqlite3.Connection | None,
    directory: str,
    days: int,
    now: float,
    timezone: str,
    where: Mapping[str, str],
) -> list[UsageRow]:
    """Return a row for each of the last days, today included, oldest first, empty ones too."""
    windows = [window_of("day", now, timezone)]
    while len(windows) < days:
        windows.append(window_of("day", windows[-1].start - 1, timezone))
    windows.reverse()
    since, until = round(windows[0].start * 1e6), round(windows[-1].end * 1e6)
    question = Question(since, until, ("day",), timezone, where)
    rows = read_usage(connection, directory, question)
    return [rows.get((window.label,)) or _Sum().row({"day": window.label}) for window in windows]
