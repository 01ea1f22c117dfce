"""Plain logs: a column for each fact, under the names that people give them.

Law: `input_tokens` is all that was sent, cached tokens included, as in `calculate_cost`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from frugal.insight.backtesting import cells
from frugal.insight.backtesting.logged import LeftOut
from frugal.insight.backtesting.presets.rows import Fields, Read, Row, each, first, stated, words_in

__all__ = ["NAMES", "plain"]

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

_TIERS = frozenset({"batch", "flex", "priority", "fast"})


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
    seen: dict[tuple[Any, ...], str] = {}
    numbers = iter(range(2**62))

    def one(row: Row) -> Iterable[Fields | LeftOut]:
        said = {name: first(row, *known) for name, known in names.items()}
        for name, column in (columns or {}).items():
            if column not in row:
                raise ValueError(f"it has no column {column!r}, which columns= names for {name}")
        yield _fields(said, model, start) | {"identity": _identity(said, seen, next(numbers))}

    return each(one)


def _fields(said: Fields, model: str | None, start: float) -> Fields:
    time = cells.instant(said["time"])
    if time is None and said["seconds"] is not None:
        time = start + (cells.number(said["seconds"]) or 0.0)
    tier = cells.text(said["tier"])
    return {
        "time": time,
        "model": cells.text(said["model"]) or model,
        "usage": cells.usage_of(
            said["input_tokens"],
            said["output_tokens"],
            read=said["cached_tokens"],
            written=said["cache_write_tokens"],
            reasoning=said["reasoning_tokens"],
        ),
        "cost": stated(said["cost"]),
        "prompt": cells.document(said["prompt"]),
        "answer": words_in(said["answer"]),
        "user": cells.text(said["user"]),
        "session": cells.text(said["session"]),
        "stream": cells.truth(said["stream"]),
        "latency": cells.number(said["latency"]),
        "max_tokens": cells.count(said["max_tokens"]),
        "finish": cells.text(said["finish"]),
        "function": cells.text(said["function"]),
        "provider": cells.text(said["provider"]),
        "tier": tier if tier in _TIERS else None,
        "failed": _status(said["status"]),
        "tags": cells.labels(said["tags"]),
    }


def _status(cell: Any) -> int | None:
    """Return the status of a request that failed; `None` for one that did not."""
    try:
        found = cells.count(cell)
    except ValueError:  # in words
        return 500 if str(cell).strip().lower() in {"error", "failed", "failure"} else None
    return found if found is not None and found >= 400 else None


def _identity(said: Fields, seen: dict[tuple[Any, ...], str], number: int) -> str | None:
    """Return what equal requests have in common.

    A log that says of each request whether it repeats an earlier one of its session does not say which; it is the last
    one of the same model and the same size. Where there is none, nobody knows.
    """
    if said["key"] is not None:
        return str(said["key"])
    repeats = cells.truth(said["repeat"])
    if repeats is None:
        return None
    alike = (said["session"], said["model"], said["input_tokens"])
    if not repeats:
        seen[alike] = f"request {number}"
    return seen.get(alike)


def has_only_seconds(rows: Iterator[Row]) -> bool:
    """Say whether a log tells time only since something began."""
    row = next(rows, {})
    return first(row, *NAMES["time"]) is None and first(row, *NAMES["seconds"]) is not None
