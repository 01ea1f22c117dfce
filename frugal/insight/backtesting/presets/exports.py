"""The exports of LiteLLM, Langfuse, Helicone and OpenAI.

Sources: LiteLLM's table `LiteLLM_SpendLogs` (litellm/proxy/schema.prisma; the rows of `/spend/logs`); Langfuse's
observations as its blob export and its interface write them (langfuse.com/docs, "Blob storage export field reference");
Helicone's `HeliconeRequest` and the columns of `@helicone/export`; OpenAI's completions usage API (buckets, or its rows
one by one).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from frugal._values.shares import split_usage
from frugal._values.usage import Usage
from frugal.insight.backtesting import cells
from frugal.insight.backtesting.logged import LeftOut
from frugal.insight.backtesting.presets.rows import Fields, Row, first, stated, words_in

__all__ = ["helicone", "langfuse", "litellm", "openai"]

_OWN = frozenset({"model", "messages", "prompt", "stream", "user", "max_tokens", "max_completion_tokens"})
"""Parts of a request's body that have a field of their own."""


def _mapping(cell: Any) -> Mapping[str, Any]:
    found = cells.document(cell)
    return found if isinstance(found, Mapping) else {}


def _messages(cell: Any) -> Any:
    """Return a prompt: a list of messages, or a text; `None` for an empty one."""
    found = cells.document(cell)
    if isinstance(found, Mapping):
        found = found.get("messages") or found.get("prompt") or found.get("input")
    return found if isinstance(found, (list, str)) and found else None


def litellm(row: Row) -> Iterable[Fields | LeftOut]:
    """Read a row of LiteLLM's spend logs."""
    began, ended = cells.instant(row.get("startTime")), cells.instant(row.get("endTime"))
    detail = _mapping(_mapping(row.get("metadata")).get("usage_object"))
    inside = _mapping(detail.get("prompt_tokens_details"))
    hit = cells.text(row.get("cache_hit"))
    failed = str(row.get("status") or "").lower() == "failure"
    body = _mapping(row.get("proxy_server_request"))
    duration = cells.number(row.get("request_duration_ms"))
    yield {
        "time": began,
        "model": cells.text(first(row, "model", "model_group")) or ("unknown" if failed else None),
        "provider": cells.text(row.get("custom_llm_provider")),
        "usage": cells.usage_of(
            row.get("prompt_tokens"),
            row.get("completion_tokens"),
            read=first(detail, "cache_read_input_tokens") or first(inside, "cached_tokens"),
            written=first(detail, "cache_creation_input_tokens"),
        ),
        # A hit of LiteLLM's own cache cost nothing; what it would have cost is the table's to say.
        "cost": None if hit is not None and hit.lower() == "true" else stated(row.get("spend")),
        "prompt": _messages(row.get("messages")) or _messages(body),
        "parameters": _rest(body),
        "answer": words_in(row.get("response")),
        "user": cells.text(first(row, "end_user", "user")),
        "session": cells.text(row.get("session_id")),
        "tags": cells.labels(row.get("request_tags")),
        "stream": cells.truth(body.get("stream")),
        "max_tokens": cells.count(first(body, "max_tokens", "max_completion_tokens")),
        "latency": duration / 1000 if duration is not None else _between(began, ended),
        "failed": 500 if failed else None,
    }


def _between(began: float | None, ended: float | None) -> float | None:
    return None if began is None or ended is None else max(0.0, ended - began)


def _rest(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a request's body that tell equal requests apart."""
    return {str(name): value for name, value in body.items() if name not in _OWN and name != "metadata"}


def langfuse(row: Row) -> Iterable[Fields | LeftOut]:
    """Read an observation of Langfuse."""
    kind = first(row, "type")
    if kind is not None and str(kind).upper() not in {"GENERATION", "EMBEDDING"}:
        yield LeftOut("observations that are no generations")
        return
    began = cells.instant(first(row, "start_time", "startTime"))
    ended = cells.instant(first(row, "end_time", "endTime"))
    details = _mapping(first(row, "usage_details", "usageDetails", "usage"))
    parameters = _mapping(first(row, "model_parameters", "modelParameters"))
    costs = _mapping(first(row, "cost_details", "costDetails"))
    latency = cells.number(row.get("latency"))
    failed = str(row.get("level") or "").upper() == "ERROR"
    yield {
        "time": began,
        "model": cells.text(first(row, "provided_model_name", "providedModelName", "model"))
        or ("unknown" if failed else None),
        "usage": _details(details) if details else _columns(row),
        "cost": stated(first(row, "total_cost", "totalCost", "calculatedTotalCost") or first(costs, "total")),
        "prompt": _messages(row.get("input")),
        "parameters": _rest(parameters),
        "max_tokens": cells.count(first(parameters, "max_tokens", "max_completion_tokens", "maxTokens")),
        "answer": words_in(row.get("output")),
        "user": cells.text(first(row, "user_id", "userId")),
        "session": cells.text(first(row, "session_id", "sessionId", "trace_id", "traceId")),
        "tags": cells.labels(first(row, "tags", "trace_tags", "traceTags")),
        "latency": latency if latency is not None else _between(began, ended),
        "failed": 500 if failed else None,
    }


def _columns(row: Row) -> Usage:
    """Return the usage of an observation whose counts have columns of their own."""
    return cells.usage_of(
        first(row, "input_tokens", "inputTokens", "inputUsage", "promptTokens"),
        first(row, "output_tokens", "outputTokens", "outputUsage", "completionTokens"),
    )


_DETAILS = (  # words in a name of Langfuse's, and the bucket; the first that fits
    (("cache_creation", "cache_write"), "cache_write_5m_tokens"),
    (("cach",), "cache_read_tokens"),
    (("input_audio", "prompt_audio"), "input_audio_tokens"),
    (("input_image",), "input_image_tokens"),
    (("output_audio", "completion_audio"), "output_audio_tokens"),
    (("reasoning",), "reasoning_tokens"),
    (("input", "prompt"), "input_tokens"),
    (("output", "completion"), "output_tokens"),
)


def _details(details: Mapping[str, Any]) -> Usage:
    """Return the usage of named counts, which are disjoint unless their sum is above the total."""
    buckets: dict[str, int] = {}
    for name, cell in details.items():
        low = str(name).lower()
        bucket = next((bucket for words, bucket in _DETAILS if any(word in low for word in words)), None)
        if bucket is not None and low != "total":
            buckets[bucket] = buckets.get(bucket, 0) + (cells.count(cell) or 0)
    total = cells.count(details.get("total"))
    if total is not None and sum(buckets.values()) > total:
        sent = buckets.get("input_tokens", 0)
        parts = sum(count for name, count in buckets.items() if name.startswith(("cache", "input_")))
        buckets["input_tokens"] = max(0, 2 * sent - parts)
        hidden = buckets.get("reasoning_tokens", 0) + buckets.get("output_audio_tokens", 0)
        buckets["output_tokens"] = max(0, buckets.get("output_tokens", 0) - hidden)
    return Usage(**buckets)


def helicone(row: Row) -> Iterable[Fields | LeftOut]:
    """Read a request of Helicone."""
    body = _mapping(row.get("request_body"))
    properties = cells.labels(first(row, "request_properties", "properties"))
    status = cells.count(first(row, "response_status", "status"))
    failed = status if status is not None and (status >= 400 or status < 0) else None
    delay = cells.number(first(row, "delay_ms", "latency"))
    sent, made = cells.count(row.get("prompt_tokens")) or 0, cells.count(row.get("completion_tokens")) or 0
    read = cells.count(row.get("prompt_cache_read_tokens")) or 0
    written = cells.count(row.get("prompt_cache_write_tokens")) or 0
    total = cells.count(row.get("total_tokens"))
    whole = total is not None and sent + made == total and read + written <= sent
    yield {
        "time": cells.instant(row.get("request_created_at")),
        "model": cells.text(first(row, "response_model", "model", "request_model") or body.get("model"))
        or ("unknown" if failed else None),
        "provider": str(row["provider"]).lower() if row.get("provider") else None,
        "usage": cells.usage_of(sent, made, read=read, written=written, whole=whole),
        "cost": stated(first(row, "costUSD", "cost_usd", "cost")),
        "prompt": _messages(body),
        "parameters": _rest(body),
        "answer": words_in(row.get("response_body")),
        "user": cells.text(first(row, "request_user_id", "user_id", "helicone_user")),
        "session": properties.get("Helicone-Session-Id"),
        "tags": {name: value for name, value in properties.items() if not name.startswith("Helicone-")},
        "stream": cells.truth(body.get("stream")),
        "max_tokens": cells.count(first(body, "max_tokens", "max_completion_tokens")),
        "latency": None if delay is None else delay / 1000,
        "failed": (failed if failed >= 400 else 500) if failed is not None else None,
    }


def openai(row: Row) -> Iterable[Fields | LeftOut]:
    """Read a bucket of OpenAI's usage: so many requests, spread evenly over its time."""
    results = row.get("results")
    if isinstance(results, list):
        for result in results:
            yield from openai({"start_time": row.get("start_time"), "end_time": row.get("end_time"), **result})
        return
    began = cells.instant(first(row, "start_time", "start_time_iso"))
    ended = cells.instant(first(row, "end_time", "end_time_iso"))
    requests = cells.count(first(row, "num_model_requests", "num_requests"))
    if began is None or requests is None:
        raise ValueError("it has no start_time or no num_model_requests, as a bucket of OpenAI's usage has")
    if not requests:
        yield LeftOut("buckets without requests")
        return
    usage = cells.usage_of(
        row.get("input_tokens"),
        row.get("output_tokens"),
        read=row.get("input_cached_tokens"),
    )
    tier = "batch" if cells.truth(row.get("batch")) else cells.text(row.get("service_tier"))
    step = ((ended if ended is not None else began + 60) - began) / requests
    for number, share in enumerate(split_usage(usage, [1] * requests)):
        yield {
            "time": began + number * step,
            "model": cells.text(first(row, "model", "snapshot_id")),
            "usage": share,
            "provider": "openai",
            "tier": tier if tier in {"batch", "flex", "priority"} else None,
            "user": cells.text(row.get("user_id")),
            "tags": {
                name: str(row[column])
                for name, column in (("project", "project_id"), ("api_key", "api_key_id"))
                if row.get(column)
            },
        }
