"""Helicone: requests, as `@helicone/export` and the API behind it give them.

Source: Helicone/helicone, `examples/export/typescript` and `HeliconeRequest`, with `valhalla/jawn`'s queries (read in
November 2026). `prompt_tokens` has no cached tokens in it, and `total_tokens` is the sum of prompt and completion, so
neither tells; where the response's body is there, its own usage is read. In a CSV, JSON stands with its quotes doubled
twice.
"""

from __future__ import annotations

from collections.abc import Iterable

from frugal.insight.backtesting.logged import LeftOut, Remark
from frugal.insight.backtesting.presets.bodies import UNPAID, messages, rest, usage_in
from frugal.insight.backtesting.presets.rows import Fields, Line, words_in
from frugal.insight.backtesting.presets.tokens import Counts

__all__ = ["helicone"]

_NOBODY = "00000000-0000-0000-0000-000000000000"  # the `cache_reference_id` of what no cache answered


def helicone(line: Line) -> Iterable[Fields | LeftOut | Remark]:
    """Read a request of Helicone."""
    line = Line({name: _undoubled(cell) for name, cell in line.row.items()})
    body, answer = line.inside("request_body"), line.inside("response_body")
    properties = line.labels("request_properties", "properties")
    status = _status(line)
    failed = status is not None and (status >= 400 or status < 0)
    usage = usage_in(answer)
    if usage is None:
        usage = Counts(
            line.count("prompt_tokens"),
            line.count("completion_tokens"),
            read=line.count("prompt_cache_read_tokens"),
            written=line.count("prompt_cache_write_tokens"),
            audio_sent=line.count("prompt_audio_tokens"),
            audio_made=line.count("completion_audio_tokens"),
        ).disjoint()
    hit = line.text("cache_reference_id") not in (None, _NOBODY)
    cost = line.stated("cost", "costUSD", "cost_usd")
    unpaid = cost is not None and not cost.known and bool(usage) and not failed
    if unpaid and not hit:
        yield UNPAID
    delay = line.number("delay_ms")
    provider = line.text("provider")
    yield {
        "time": line.instant("request_created_at"),
        "model": line.text("response_model", "model", "request_model")
        or body.text("model")
        or ("unknown" if failed else None),
        "provider": provider.lower() if provider is not None and provider.upper() != "CUSTOM" else None,
        "usage": usage,
        "cost": None if hit or unpaid else cost,
        "prompt": messages(body.row),
        "parameters": rest(body.row) or None,
        "answer": words_in(answer.row or line.any("response_body")),
        "user": line.text("request_user_id", "user_id", "helicone_user"),
        "session": properties.get("Helicone-Session-Id"),
        "tags": {name: value for name, value in properties.items() if not name.startswith("Helicone-")} or None,
        "stream": body.truth("stream"),
        "max_tokens": body.count("max_tokens", "max_completion_tokens"),
        "latency": None if delay is None else delay / 1000,
        "failed": None if not failed else status if status is not None and status >= 400 else 500,
    }


def _status(line: Line) -> int | None:
    """Return the status, which is below zero where no answer came."""
    said = line.text("response_status", "status")
    if said is not None and said.strip().startswith("-"):
        return -1
    return line.count("response_status", "status")


def _undoubled(cell: object) -> object:
    """Return a cell of JSON with its quotes as they were."""
    if isinstance(cell, str) and cell.startswith(('{""', '[{""')):
        return cell.replace('""', '"')
    return cell
