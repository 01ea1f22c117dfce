"""OpenAI: the usage API's buckets of completions and embeddings, as it gives them or row by row.

Source: `openai/types/admin/organization/usage_completions_response.py` of openai-python (generated from OpenAI's API
description; read in November 2026). `input_tokens` has cached, cache-written, audio and image tokens in it; those
counted apart (`input_audio_tokens`, `input_image_tokens`) are uncached. What is not counted in tokens is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from frugal._values.shares import split_usage
from frugal.insight.backtesting.logged import LeftOut, Remark
from frugal.insight.backtesting.presets.rows import Fields, Line
from frugal.insight.backtesting.presets.tokens import Counts

__all__ = ["openai"]

_EMPTY = LeftOut("buckets without requests")
_IN_TOKENS = frozenset({"completions", "embeddings", "moderations"})
_MOST = 1_000_000  # requests of one bucket; a day of a large customer has fewer


def openai(line: Line) -> Iterable[Fields | LeftOut | Remark]:
    """Read a bucket of OpenAI's usage: so many requests, spread evenly over its time."""
    results = line.any("results")
    if isinstance(results, list):
        times = {name: line.any(name) for name in ("start_time", "end_time")}
        for number, result in enumerate(results, 1):
            if not isinstance(result, Mapping):
                raise ValueError(f"column 'results': its entry {number} is no object")  # noqa: TRY004 a bad log
            yield from openai(Line({**times, **result}))
        return
    kind = (line.text("object") or "").removeprefix("organization.usage.").removesuffix(".result")
    if kind and kind not in _IN_TOKENS:
        yield LeftOut(f"buckets of {kind.replace('_', ' ')}, which are not counted in tokens")
        return
    requests = line.count("num_model_requests", "num_requests")
    if requests == 0:
        yield _EMPTY
        return
    began, ended = line.instant("start_time", "start_time_iso"), line.instant("end_time", "end_time_iso")
    if began is None or requests is None or line.any("input_tokens") is None:
        raise ValueError("it has no start_time, num_model_requests or input_tokens, as a bucket of OpenAI's usage has")
    if requests > _MOST:
        raise ValueError(f"column 'num_model_requests': {requests:,} in one bucket; ask for narrower buckets (1h, 1m)")
    model = line.text("model", "snapshot_id")
    if model is None:
        raise ValueError("column 'model': it is empty; ask for the usage with group_by=model, or nothing has a price")
    usage = Counts(
        line.count("input_tokens"),
        line.count("output_tokens"),
        read=line.count("input_cached_tokens"),
        written=line.count("input_cache_write_tokens"),
        audio_sent=line.count("input_audio_tokens"),
        image_sent=line.count("input_image_tokens"),
        audio_made=line.count("output_audio_tokens"),
    ).inclusive()
    tier = "batch" if line.truth("batch") else line.text("service_tier")
    step = ((ended if ended is not None else began + 60) - began) / requests
    shared = {
        "model": model,
        "provider": "openai",
        "tier": tier if tier in {"batch", "flex", "priority"} else None,
        "user": line.text("user_id"),
        "tags": {
            name: label
            for name, column in (("project", "project_id"), ("api_key", "api_key_id"))
            if (label := line.text(column)) is not None
        }
        or None,
    }
    for number, share in enumerate(split_usage(usage, [1] * requests)):
        yield {**shared, "time": began + number * step, "usage": share}
