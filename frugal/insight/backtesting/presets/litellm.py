"""LiteLLM: the rows of its proxy's table `LiteLLM_SpendLogs`, as `/spend/logs` gives them or a dump has them.

Source: `litellm/proxy/schema.prisma` of BerriAI/litellm (main, read in November 2026) and `metadata.usage_object`,
which is the usage in OpenAI's form: cached tokens are inside `prompt_tokens`, also those of Anthropic. Prompts and
answers are there only where the proxy was told `store_prompts_in_spend_logs`.
"""

from __future__ import annotations

from collections.abc import Iterable

from frugal.insight.backtesting.logged import LeftOut, Remark
from frugal.insight.backtesting.presets.bodies import UNPAID, between, messages, rest
from frugal.insight.backtesting.presets.rows import Fields, Line, words_in
from frugal.insight.backtesting.presets.tokens import Counts

__all__ = ["litellm"]

_NO_CALL = LeftOut("no calls of a model (tools, files, batches, management)")
_OTHERS = ("mcp", "file", "batch", "vector_store", "fine_tuning", "assistants", "health")


def litellm(line: Line) -> Iterable[Fields | LeftOut | Remark]:
    """Read a row of LiteLLM's spend logs."""
    kind = (line.text("call_type") or "").lower()
    if any(word in kind for word in _OTHERS):
        yield _NO_CALL
        return
    detail = line.inside("metadata").inside("usage_object")
    sent, made = detail.inside("prompt_tokens_details"), detail.inside("completion_tokens_details")
    counts = Counts(
        line.count("prompt_tokens"),
        line.count("completion_tokens"),
        read=detail.count("cache_read_input_tokens") or sent.count("cached_tokens"),
        written=detail.count("cache_creation_input_tokens") or sent.count("cache_creation_tokens"),
        reasoning=made.count("reasoning_tokens"),
        audio_sent=sent.count("audio_tokens"),
        audio_made=made.count("audio_tokens"),
    ).inclusive()
    failed = (line.text("status") or "").lower() == "failure"
    hit = (line.text("cache_hit") or "").lower() == "true"
    cost = line.stated("spend")
    # A hit of LiteLLM's own cache cost nothing; what it would have cost is the table's to say.
    unpaid = cost is not None and not cost.known and bool(counts) and not failed
    if unpaid and not hit:
        yield UNPAID
    body = line.inside("proxy_server_request")
    began, ended = line.instant("startTime"), line.instant("endTime")
    duration = line.number("request_duration_ms")
    yield {
        "time": began,
        "model": line.text("model", "model_group") or ("unknown" if failed else None),
        "provider": line.text("custom_llm_provider"),
        "usage": counts,
        "cost": None if hit or unpaid else cost,
        "prompt": messages(line.any("messages")) or messages(body.row),
        "parameters": rest(body.row) or None,
        "answer": words_in(line.any("response")),
        "user": line.text("end_user", "user"),
        "session": line.text("session_id"),
        "tags": line.labels("request_tags") or None,
        "stream": body.truth("stream"),
        "max_tokens": body.count("max_tokens", "max_completion_tokens"),
        "latency": duration / 1000 if duration is not None else between(began, ended),
        "failed": 500 if failed else None,
    }
