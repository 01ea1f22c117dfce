"""Langfuse: observations, as its blob storage export and its interface write them.

Source: langfuse.com/docs, "Blob storage export field reference" and "Export from UI" (read in November 2026). The blob
export writes `snake_case`, the interface `camelCase`; counts in `usage_details` are disjoint unless their sum is above
`total`. Exports by integrations made before 1 April 2026 have `latency` in milliseconds, so that it is taken from the
start and the end.
"""

from __future__ import annotations

from collections.abc import Iterable

from frugal._values.usage import Usage
from frugal.insight.backtesting.logged import LeftOut, Remark
from frugal.insight.backtesting.presets.bodies import UNPAID, between, messages, rest
from frugal.insight.backtesting.presets.rows import Fields, Line, words_in
from frugal.insight.backtesting.presets.tokens import Counts

__all__ = ["langfuse"]

_NO_CALL = LeftOut("observations that are no generations")
_NO_TOKENS = LeftOut("observations that are not counted in tokens")
_ONLY_A_TOTAL = LeftOut("observations with a total of tokens alone, which has no price")

_PARTS = (  # words in a name of Langfuse's, and what it counts; the first that fits
    (("cache_creation", "cache_write"), "written"),
    (("cach",), "read"),
    (("input_audio", "prompt_audio"), "audio_sent"),
    (("input_image",), "image_sent"),
    (("output_audio", "completion_audio"), "audio_made"),
    (("reasoning",), "reasoning"),
    (("input", "prompt"), "sent"),
    (("output", "completion"), "made"),
)


def langfuse(line: Line) -> Iterable[Fields | LeftOut | Remark]:
    """Read an observation of Langfuse."""
    kind = line.text("type")
    if kind is not None and kind.upper() not in {"GENERATION", "EMBEDDING"}:
        yield _NO_CALL
        return
    details = line.inside("usage_details", "usageDetails", "usage")
    cost = line.stated("total_cost", "totalCost", "calculatedTotalCost")
    if cost is None:
        cost = line.inside("cost_details", "costDetails").stated("total")
    failed = (line.text("level") or "").upper() == "ERROR"
    if (details.text("unit") or "TOKENS").upper() != "TOKENS":
        yield _NO_TOKENS
        return
    usage = _details(details) if details.row else _columns(line)
    if usage is None:
        yield _ONLY_A_TOTAL
        return
    if cost is not None and not cost.known and usage and not failed:
        yield UNPAID
        cost = None
    parameters = line.inside("model_parameters", "modelParameters")
    began, ended = line.instant("start_time", "startTime"), line.instant("end_time", "endTime")
    yield {
        "time": began,
        "model": line.text("provided_model_name", "providedModelName", "model") or ("unknown" if failed else None),
        "usage": usage,
        "cost": cost,
        "prompt": messages(line.any("input")),
        "parameters": rest(parameters.row) or None,
        "max_tokens": parameters.count("max_tokens", "max_completion_tokens", "maxTokens"),
        "answer": words_in(line.any("output")),
        "user": line.text("user_id", "userId"),
        "session": line.text("session_id", "sessionId", "trace_id", "traceId"),
        "tags": line.labels("tags", "trace_tags", "traceTags") or None,
        "stream": line.any("completion_start_time", "completionStartTime") is not None or None,
        "latency": between(began, ended),
        "failed": 500 if failed else None,
    }


def _columns(line: Line) -> Usage:
    """Return the usage of an observation whose counts have columns of their own."""
    return Counts(
        line.count("input_tokens", "inputTokens", "inputUsage", "promptTokens"),
        line.count("output_tokens", "outputTokens", "outputUsage", "completionTokens"),
    ).inclusive()


def _details(details: Line) -> Usage | None:
    """Return the usage of named counts; `None` where there is only a total."""
    found: dict[str, int] = {}
    for name in details.row:
        low = str(name).lower()
        part = next((part for words, part in _PARTS if any(word in low for word in words)), None)
        if part is not None and "total" not in low and "cost" not in low:
            found[part] = found.get(part, 0) + (details.count(name) or 0)
    total = details.count("total")
    if not any(found.values()) and total:
        return None
    counts = Counts(found.pop("sent", None), found.pop("made", None), **found)
    disjoint = counts.disjoint()
    return disjoint if total is None or disjoint.total_tokens <= total else counts.inclusive()
