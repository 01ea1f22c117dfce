"""Plain logs: a column for each fact, under the names that people give them.

Law: `input_tokens` is all that was sent, cached tokens included, as in `calculate_cost`. A row that says neither what
it used nor what it cost is left out and counted, rather than taken for free.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from frugal.insight.backtesting.logged import LeftOut, Remark
from frugal.insight.backtesting.presets.rows import Fields, Line, Read, Row, each, words_in
from frugal.insight.backtesting.presets.tokens import Counts

__all__ = ["NAMES", "has_only_seconds", "plain"]

NAMES: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "TIMESTAMP", "created_at", "start_time"),
    "seconds": ("seconds", "offset"),
    "model": ("model", "model_name"),
    "input_tokens": ("input_tokens", "prompt_tokens", "ContextTokens"),
    "output_tokens": ("output_tokens", "completion_tokens", "GeneratedTokens"),
    "cached_tokens": ("cached_tokens", "cache_read_tokens", "shared_prefix_tokens"),
    "cache_write_tokens": ("cache_write_tokens", "cache_creation_input_tokens"),
    "reasoning_tokens": ("reasoning_tokens",),
    "cost": ("cost", "cost_usd"),
    "prompt": ("prompt", "messages", "input"),
    "answer": ("answer", "response", "output", "completion"),
    "user": ("user", "user_id"),
    "session": ("session", "session_id", "run"),
    "stream": ("stream",),
    "latency": ("latency", "duration", "api_seconds"),
    "max_tokens": ("max_tokens", "max_completion_tokens"),
    "finish": ("finish", "finish_reason", "stop_reason"),
    "function": ("function",),
    "provider": ("provider",),
    "tier": ("tier", "service_tier"),
    "status": ("status", "status_code"),
    "tags": ("tags",),
    "key": ("key",),
    "repeat": ("repeat", "exact_repeat"),
}
"""What a plain log may have, and the columns it is looked for in; `columns=` names another one."""

_UNKNOWN = LeftOut("neither tokens nor a cost in the log, so nobody knows what they cost")
_SILENT = Remark("no output_tokens in the log; what they cost is the cost of their input alone")
_TIERS = frozenset({"batch", "flex", "priority", "fast"})
_FAILURES = frozenset({"error", "failed", "failure", "timeout", "cancelled", "canceled"})


def plain(columns: Mapping[str, str] | None = None, model: str | None = None, start: float = 0.0) -> Read:
    """Return a reader of plain logs.

    Args:
        columns: the columns that have other names, by the names in `NAMES`.
        model: the model of rows that name none.
        start: when each session began, in Unix seconds, where a log has only `seconds` since then.

    Raises:
        ValueError: `columns` names what a log does not have.
    """
    for name in columns or {}:
        if name not in NAMES:
            raise ValueError(f"columns: {name!r} is not known; it is one of {', '.join(NAMES)}.")
    names = {name: (columns[name],) if columns and name in columns else known for name, known in NAMES.items()}
    there: dict[tuple[Any, ...], dict[str, tuple[str, ...]]] = {}
    repeats = _Repeats()

    def one(line: Line) -> Iterable[Fields | LeftOut | Remark]:
        shape = tuple(line.row)
        found = there.get(shape)
        if found is None:
            if len(there) >= 1_000:  # lines of JSON may each have other names
                there.clear()
            found = there[shape] = _there(line.row, names, columns or {})
        return _one(line, found, repeats, model, start)

    return each(one)


def _there(row: Row, names: Mapping[str, tuple[str, ...]], columns: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Return the columns that rows of this shape have, of those that are looked for."""
    for name, column in columns.items():
        if column not in row:
            raise ValueError(
                f"column {column!r}: columns= names it for {name}, and it is not there; there are "
                f"{', '.join(map(str, row))}"
            )
    return {name: tuple(column for column in known if column in row) for name, known in names.items()}


def _one(
    line: Line, names: Mapping[str, tuple[str, ...]], repeats: _Repeats, model: str | None, start: float
) -> Iterable[Fields | LeftOut | Remark]:
    sent, made = line.count(*names["input_tokens"]), line.count(*names["output_tokens"])
    cost, failed = line.stated(*names["cost"]), _status(line, names["status"])
    name, session = line.text(*names["model"]) or model, line.text(*names["session"])
    identity = repeats.identity(line.text(*names["key"]), line.truth(*names["repeat"]), (session, name, sent))
    if sent is None and made is None and cost is None and failed is None:
        yield _UNKNOWN
        return
    time = line.instant(*names["time"])
    if time is None:
        since = line.number(*names["seconds"])
        time = None if since is None else start + since
    tier = line.text(*names["tier"])
    counts = Counts(
        sent,
        made,
        read=line.count(*names["cached_tokens"]),
        written=line.count(*names["cache_write_tokens"]),
        reasoning=line.count(*names["reasoning_tokens"]),
    )
    if made is None and cost is None and failed is None:
        yield _SILENT
    yield {
        "time": time,
        "model": name,
        "usage": counts.inclusive(),
        "cost": cost,
        "prompt": line.document(*names["prompt"]),
        "answer": words_in(line.any(*names["answer"])),
        "user": line.text(*names["user"]),
        "session": session,
        "stream": line.truth(*names["stream"]),
        "latency": line.number(*names["latency"]),
        "max_tokens": line.count(*names["max_tokens"]),
        "finish": line.text(*names["finish"]),
        "function": line.text(*names["function"]),
        "provider": line.text(*names["provider"]),
        "tier": tier if tier in _TIERS else None,
        "failed": failed,
        "tags": line.labels(*names["tags"]) or None,
        "identity": identity,
    }


def _status(line: Line, names: tuple[str, ...]) -> int | None:
    """Return the status of a request that failed; `None` for one that did not."""
    said = line.text(*names)
    if said is None:
        return None
    if said.strip().lower() in _FAILURES:
        return 500
    try:
        found = line.count(*names)
    except ValueError:  # in other words: it went well
        return None
    return found if found is not None and found >= 400 else None


class _Repeats:
    """What equal requests have in common.

    A log that says of each request whether it repeats an earlier one of its session does not say which; it is the last
    one of the same model and the same size. Where there is none, nobody knows.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[Any, ...], str] = {}
        self._number = 0

    def identity(self, key: str | None, repeats: bool | None, alike: tuple[Any, ...]) -> str | None:
        """Return what this request has in common with its equals; `None` where nobody knows."""
        self._number += 1
        if key is not None or repeats is None:
            return key
        if not repeats:
            self._seen[alike] = f"request {self._number}"
        return self._seen.get(alike)


def has_only_seconds(row: Row) -> bool:
    """Say whether a log tells time only since something began."""
    line = Line(row)
    return line.any(*NAMES["time"]) is None and line.any(*NAMES["seconds"]) is not None
