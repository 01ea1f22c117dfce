"""Buckets: from a provider's counts to disjoint buckets; here the inclusive and exclusive conventions end.

Law: nothing is clamped. Every token of the provider's totals stands in exactly one bucket, or the counts
contradict each other and there is no usage at all. Where a part may lie inside a total or apart from it, the
table of `counts` says which, and the provider's own `total_tokens` overrules the table: whoever counts xAI's
reasoning inside `completion_tokens`, or Gemini's behind its OpenAI endpoint, bills it wrongly.

A reading that is usable but not exact carries a note:

- the total holds tokens that no part explains: they are counted as reasoning, the one part that is known to be
  left out (Gemini's OpenAI endpoint);
- cached tokens and media overlap and the provider does not say by how much: the media are taken to be cached;
- cached audio: the bucket of cached tokens has one rate, that of text.
"""

from __future__ import annotations

from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError
from frugal.providers.counts import Counts

__all__ = ["disjoint"]


_WHOLE = {"input", "output", "total"}


def disjoint(counts: Counts, *, chat: bool, zeros: bool, reasons_apart: bool = False) -> tuple[Usage | None, str]:
    """Return the disjoint usage of a provider's counts, with a note.

    Args:
        counts: what `tally` found; it is used up.
        chat: whether this is OpenAI's chat shape, in which everything that is cached lies inside `prompt_tokens`
            whatever its key is called (LiteLLM and Databricks use Anthropic's).
        zeros: whether an absent count means 0 (protocol buffers leave zeros out; an embedding has no output).
        reasons_apart: whether this provider is known to count reasoning apart (Perplexity).

    Returns:
        The usage, or `None` when there are no counts at all, and what was odd about it, or `""`.

    Raises:
        InvalidUsageError: the counts contradict each other.

    >>> disjoint({"input": 10, "cached": 4, "output": 3}, chat=True, zeros=False)[0].cache_read_tokens
    4
    """
    if counts.keys() == _WHOLE and counts["input"] + counts["output"] == counts["total"]:  # as most are
        return Usage(counts["input"], 0, 0, 0, 0, 0, counts["output"]), ""
    if "input" not in counts or "output" not in counts:
        if not counts.keys() & {"input", "output", "total", "reasoning_apart"}:
            return None, ""
        _complete(counts, zeros=zeros)
    if chat:
        counts.setdefault("write", counts.get("write_5m", 0) + counts.get("write_1h", 0))
        for role in ("cached", "write"):
            if apart := counts.pop(f"{role}_apart", 0):
                counts[role] = max(apart, counts.get(role, 0))
    note = _overrule(counts, chat=chat)
    if reasons_apart and counts.get("reasoning", 0) > counts["output"]:
        _move(counts, "reasoning", "reasoning_apart")
    five, hour = _lifetimes(counts)
    audio, image, overlap = _media(counts)
    read, written = counts.get("cached", 0), counts.get("write", 0)
    if read + written > counts["input"]:
        raise InvalidUsageError("cached tokens", read + written, f"the input is only {counts['input']}")
    reasoning, sound = counts.get("reasoning", 0), counts.get("audio_out", 0)
    if reasoning + sound > counts["output"]:
        raise InvalidUsageError(
            "reasoning and audio tokens", reasoning + sound, f"the output is only {counts['output']}"
        )
    usage = Usage(
        counts["input"] - read - written - audio - image + counts.get("more_input", 0),
        read + counts.get("cached_apart", 0),
        five,
        hour,
        audio,
        image,
        counts["output"] - reasoning - sound,
        reasoning + counts.get("reasoning_apart", 0),
        sound,
    )
    return usage, f"{note}; {overlap}" if note and overlap else note or overlap


def _complete(counts: Counts, *, zeros: bool) -> None:
    """Fill in the input or the output, from the total where it says."""
    for missing, other in (("input", "output"), ("output", "input")):
        if missing in counts:
            continue
        if zeros and (other in counts or missing == "output"):
            counts[missing] = 0
        elif "total" not in counts or (other not in counts and not zeros):
            raise InvalidUsageError(f"{missing} tokens", None, "the count is missing")
        else:  # only the total is there (Voyage), or the total and the other one
            counts[missing] = counts["total"] - counts.get(other, 0)
            if counts[missing] < 0:
                raise InvalidUsageError("total tokens", counts["total"], f"the {other} alone is {counts[other]}")


def _move(counts: Counts, inside: str, apart: str) -> None:
    counts[apart] = counts.get(apart, 0) + counts.pop(inside, 0)


def _overrule(counts: Counts, *, chat: bool) -> str:
    """Let the provider's total decide what lies inside the totals and what apart."""
    if "total" not in counts:
        return ""
    rest = counts["total"] - counts["input"] - counts["output"]
    if rest > 0:
        rest -= counts.get("more_input", 0) + counts.get("reasoning_apart", 0)
    if rest <= 0:
        return ""
    reasoning = counts.get("reasoning", 0)
    cached = counts.get("cached", 0) + counts.get("write", 0)
    if rest in (reasoning, reasoning + cached):
        _move(counts, "reasoning", "reasoning_apart")
        rest -= reasoning
    if rest and rest == cached:
        _move(counts, "cached", "cached_apart")
        _move(counts, "write", "write_apart")
        rest = 0
    if not rest or not (chat or "reasoning_apart" in counts):
        return ""  # Bedrock's total holds what it caches apart
    counts["reasoning_apart"] = counts.get("reasoning_apart", 0) + rest
    return f"the total holds {rest} tokens that no part explains; they are counted as reasoning"


def _lifetimes(counts: Counts) -> tuple[int, int]:
    """Divide the cache writes into those for five minutes and those for an hour."""
    five, hour = counts.get("write_5m", 0), counts.get("write_1h", 0)
    written = counts.get("write", 0) + counts.get("write_apart", 0)
    if not written:
        counts["write_apart"] = five + hour
        return five, hour
    rest = written - five - hour
    if rest < 0:
        raise InvalidUsageError("cache writes by lifetime", five + hour, f"all cache writes are only {written}")
    # A stream ends with a larger sum than the breakdown that it began with. Five minutes is the default.
    return (five, hour + rest) if hour and not five else (five + rest, hour)


def _media(counts: Counts) -> tuple[int, int, str]:
    """Return audio and image input that is not cached, with a note."""
    audio, image = counts.get("audio", 0), counts.get("image", 0)
    if not audio and not image and "audio_cached" not in counts and "image_cached" not in counts:
        return 0, 0, ""
    total = counts["input"] + counts.get("more_input", 0)
    if audio + image > total:
        raise InvalidUsageError("audio and image tokens", audio + image, f"the input is only {total}")
    known = counts.get("audio_cached", 0), counts.get("image_cached", 0)
    if known[0] > audio or known[1] > image:
        raise InvalidUsageError("cached audio and image tokens", sum(known), f"there are only {audio} and {image}")
    note = f"{known[0]} cached audio tokens are counted as cached text" if known[0] else ""
    audio, image = audio - known[0], image - known[1]
    overlap = audio + image + counts.get("cached", 0) + counts.get("write", 0) - total
    if 0 < overlap <= audio + image:
        image, overlap = max(image - overlap, 0), max(overlap - image, 0)
        audio -= overlap
        note = "cached tokens overlap with audio or images, and the provider does not say by how much"
    return audio, image, note
