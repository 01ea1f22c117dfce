"""Figures: everything that a usage says about money: tokens in buckets, stated dollars, the tier, and its gaps.

Law: what is billed and is not in the usage is said in a note, so that no cost passes for exact that is not.
A web search has a fee of its own; an advisor runs on another model; images made by a model that also writes have
a rate that no bucket holds; a transcription may be billed by the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from frugal._values.money import Money, usd
from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError
from frugal.providers.buckets import disjoint
from frugal.providers.counts import Counts, shown, tally
from frugal.providers.nodes import Node, entries, look, word
from frugal.providers.words import served_tier

__all__ = ["BESIDE", "Figures", "figures"]

_PICO_PER_TICK = 100
"""xAI's tick is 10⁻¹⁰ dollars. Checked against recorded answers of grok-3-mini: 12 input tokens (11 cached at
$0.075), 1 output and 290 reasoning tokens ($0.30 and $0.50 per million) are stated as 1,466,250 ticks."""

BESIDE = frozenset(
    """
    billed_units cost cost_details cost_in_usd_ticks inference_geo is_byok iterations num_search_queries
    prompt_audio_seconds search_units seconds server_tool_use service_tier speed trafficType traffic_type type
    """.split()
)
"""What a usage holds beside counts."""

_MOST_STATED = usd(100_000)
"""No single request costs more; a statement beyond it is a fault."""


@dataclass(slots=True)
class Figures:
    """What a usage says: the tokens, the stated dollars, the tier, the model if it names one, and notes."""

    usage: Usage | None = None
    stated: Money | None = None
    tier: str | None = None
    model: str | None = None
    notes: list[str] = field(default_factory=list)


def figures(node: Node, *, zeros: bool = False) -> Figures:
    """Return what a usage says; never raises for bad figures.

    Args:
        node: the usage of a response, of whatever provider.
        zeros: whether an absent count means 0.

    >>> figures({"prompt_tokens": 9, "completion_tokens": -1}).notes
    ['completion_tokens is -1: it is negative']
    """
    found = Figures()
    if (billed := look(node.get("billed_units"))) is not None:
        node, zeros = billed, True  # Cohere: `tokens` are what the model saw, `billed_units` what is paid for
    # Most usages are counts and nothing else, and are read ten thousand times a second.
    plain = (type(node) is dict or isinstance(node, Mapping)) and BESIDE.isdisjoint(node)
    if not plain:
        _stated(node, found)
        found.tier = _tier(node)
    try:
        counts = tally(node)
        if not plain and found.stated is None:
            _fees(node, counts, found)
        if "image_out" in counts and "input_tokens" not in node and found.stated is None:
            found.notes.append(f"{counts['image_out']} tokens of made images are counted as text")
        found.usage, note = disjoint(
            counts, chat="prompt_tokens" in node, zeros=zeros, reasons_apart="num_search_queries" in node
        )
        if note:
            found.notes.append(note)
        if not plain and (iterations := entries(node.get("iterations"))):
            _iterations(iterations, found)
    except InvalidUsageError as fault:
        found.usage = None
        found.notes.append(f"{fault.what} is {fault.value!r}: {fault.reason}")
    return found


def _tier(node: Node) -> str | None:
    """Return the tier that stands in the usage: Anthropic's, Gemini's kind of traffic."""
    if node.get("speed") == "fast":
        return "fast"
    for name in ("service_tier", "trafficType", "traffic_type"):
        if (tier := node.get(name)) is not None:
            return served_tier(tier)
    return None


def _fees(node: Node, counts: Counts, found: Figures) -> None:
    """Note what is billed apart from tokens."""
    if (tools := look(node.get("server_tool_use"))) is not None:
        _fee(tools.get("web_search_requests"), "web searches", found)
    _fee(node.get("search_units"), "search units", found)  # Cohere's rerank
    _fee(node.get("prompt_audio_seconds"), "seconds of audio", found)  # Voxtral
    if node.get("type") == "duration" or ("seconds" in node and not counts):
        _fee(node.get("seconds"), "seconds of audio", found)  # whisper-1
    _fee(node.get("num_search_queries"), "web searches", found)  # Perplexity
    if node.get("inference_geo") == "us":
        found.notes.append("inference in the US is billed at 1.1 times the price")


def _fee(number: Any, what: str, found: Figures) -> None:
    if isinstance(number, (int, float)) and not isinstance(number, bool) and number > 0:
        found.notes.append(f"{number:g} {what} are billed apart from tokens")


def _iterations(iterations: Any, found: Figures) -> None:
    """Add what Anthropic leaves out of its totals.

    The totals are the sum of the `message` iterations. A `compaction` is billed beside them, on the same model
    ("To calculate total tokens consumed and billed, sum across all entries in the usage.iterations array",
    Compaction in the API's documentation). An `advisor_message` is billed on a model of its own. Of a fallback
    only the model that answered is in the totals; the refused attempt before it is free without output.
    """
    for entry in map(look, iterations):
        kind = entry.get("type") if entry is not None else None
        if entry is None or kind == "message":
            continue
        if kind == "fallback_message":
            found.model = word(entry.get("model"))
            continue
        more, note = disjoint(tally(entry), chat=False, zeros=False)
        if more is None:
            continue
        if kind == "compaction" and found.usage is not None:
            found.usage += more
        elif kind == "advisor_message":
            found.notes.append(
                f"an advisor's {more.total_input_tokens} input and {more.total_output_tokens} output tokens "
                f"on {word(entry.get('model'))} are billed apart"
            )
        if note:
            found.notes.append(note)


def _stated(node: Node, found: Figures) -> None:
    """Read the dollars that the provider itself states."""
    ticks = node.get("cost_in_usd_ticks")  # xAI
    if ticks is not None:
        found.stated = _money(ticks, found, ticks=True)
        return
    cost = node.get("cost")
    if cost is None:
        return
    parts = look(cost)
    if parts is not None and "total_cost" in parts:  # Perplexity
        cost = parts.get("total_cost")
    found.stated = _money(cost, found)
    if node.get("is_byok") is True and found.stated is not None:
        # OpenRouter with the user's own key: `cost` is its fee, the upstream provider bills the rest.
        details = look(node.get("cost_details"))
        upstream = details.get("upstream_inference_cost") if details is not None else None
        more = _money(upstream, found) if upstream is not None else None
        found.stated = found.stated + more if more is not None else None


def _money(amount: Any, found: Figures, *, ticks: bool = False) -> Money | None:
    """Return a stated amount, or `None` and a note when it is not one."""
    try:
        if ticks and (isinstance(amount, bool) or not isinstance(amount, int)):
            raise TypeError
        money = Money(amount * _PICO_PER_TICK) if ticks else usd(amount)
    except (TypeError, ValueError, ArithmeticError):
        money = None
    if money is None or not 0 <= money.pico <= _MOST_STATED.pico:
        found.notes.append(f"the stated cost is {shown(amount)!r}: it is not an amount of dollars")
        return None
    return money
