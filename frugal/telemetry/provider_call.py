"""A provider call in the words of the GenAI conventions, the same on spans and in metrics."""

from __future__ import annotations

from typing import Any

from frugal._values.facts import Spent
from frugal.telemetry import names

__all__ = ["attributes", "identity", "operation"]


def operation(spent: Spent) -> str:
    """Return what was asked for: embeddings have input, no output, and no reason to stop."""
    usage = spent.usage
    embeds = usage.total_input_tokens > 0 and usage.total_output_tokens == 0 and spent.finish is None
    return names.EMBEDDINGS if embeds and spent.error is None and not spent.streamed else names.CHAT


def identity(spent: Spent) -> dict[str, str]:
    """Return who was asked, and how it failed; what is unknown is absent."""
    provider = spent.provider and names.PROVIDERS.get(spent.provider, spent.provider)
    known = (
        (names.PROVIDER, provider),
        (names.REQUEST_MODEL, spent.model_requested),
        (names.RESPONSE_MODEL, spent.model),
        (names.ERROR_TYPE, spent.error),
    )
    return {name: value for name, value in known if value is not None}


def attributes(spent: Spent) -> dict[str, Any]:
    """Return what stands on the span of a provider call."""
    found: dict[str, Any] = {names.REQUEST_STREAM: spent.streamed, names.OUTCOME: spent.outcome, **identity(spent)}
    if spent.attempts != 1:
        found[names.ATTEMPTS] = spent.attempts
    if spent.finish is not None:
        found[names.FINISH_REASONS] = [spent.finish]
    if spent.kind != "llm" or spent.rolled_up is not None:
        return found
    usage = spent.usage
    found |= {
        names.OPERATION: operation(spent),
        names.INPUT_TOKENS: usage.total_input_tokens,
        names.OUTPUT_TOKENS: usage.total_output_tokens,
        names.CACHE_READ_TOKENS: usage.cache_read_tokens,
        names.CACHE_WRITE_TOKENS: usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        names.REASONING_TOKENS: usage.reasoning_tokens,
        names.COST_STATUS: spent.cost.status,
    }
    if spent.cost.amount is not None:  # an unknown cost is absent, never 0
        found |= dict.fromkeys(names.COST, float(spent.cost.amount))
    return found
