"""Counts: which key of a provider's usage means what, as one table.

Law: a count is a whole number from 0 to what `Usage` takes, or it is a fault; a key that is not in the table is
no count. The table says for each part whether it lies inside its total (OpenAI: `cached_tokens` is part of
`prompt_tokens`) or apart from it (Anthropic: `cache_read_input_tokens` is not part of `input_tokens`; Gemini:
`thoughtsTokenCount` is not part of `candidatesTokenCount`). What the parts add up to is for `buckets` to say.

Sources: the SDKs' own types (openai 3.54, anthropic 2.12, google-genai 3.4), the providers' API references, and
recorded responses of 25 providers.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from frugal.errors import InvalidUsageError
from frugal.providers.nodes import Node, entries, look, word

__all__ = ["KEYS", "Counts", "shown", "tally", "whole"]

Counts: TypeAlias = dict[str, int]
"""The tokens found, by role.

`input`, `output` and `total` are the provider's own totals. Inside the input: `cached`, `write`, `audio`, `image`.
Apart from it: `cached_apart`, `write_apart`, `more_input`. `write_5m` and `write_1h` divide the writes;
`audio_cached` and `image_cached` are the part of the cached that is no text. Inside the output: `reasoning`,
`audio_out`. Apart from it: `reasoning_apart`. `image_out` is told for the note only.
"""

_IN = {"AUDIO": "audio", "IMAGE": "image", "DOCUMENT": "image"}
_CACHED = {"AUDIO": "audio_cached", "IMAGE": "image_cached", "DOCUMENT": "image_cached"}
_OUT = {"AUDIO": "audio_out", "IMAGE": "image_out"}


class _ByModality(dict[str, str]):
    """Roles by modality, for lists of `{modality, tokenCount}`. Text and video fall to the rest of the total.

    `fields` is for a mapping under the same key: google-genai's `prompt_tokens_details` is a list, OpenAI's is not.
    """

    fields: Mapping[str, Any] = {}


_INPUT_DETAILS = {
    "cached_tokens": "cached",
    "cache_read_input_tokens": "cached",  # Perplexity's Responses
    "cache_write_tokens": "write",
    "cache_creation_tokens": "write",  # LiteLLM
    "cache_creation_token_details": {
        "ephemeral_5m_input_tokens": "write_5m",
        "ephemeral_1h_input_tokens": "write_1h",
    },
    "audio_tokens": "audio",
    "image_tokens": "image",
    "cached_tokens_details": {"audio_tokens": "audio_cached", "image_tokens": "image_cached"},  # Realtime
    "cache_read": "cached",  # LangChain, as the next two
    "cache_creation": "write",
    "audio": "audio",
}
_OUTPUT_DETAILS = {
    "reasoning_tokens": "reasoning",
    "thinking_tokens": "reasoning",  # Anthropic
    "audio_tokens": "audio_out",
    "reasoning": "reasoning",  # LangChain, as the next one
    "audio": "audio_out",
}

_GEMINI: dict[str, Any] = {
    "promptTokenCount": "input",
    "candidatesTokenCount": "output",
    "responseTokenCount": "output",  # Live
    "thoughtsTokenCount": "reasoning_apart",
    "toolUsePromptTokenCount": "more_input",
    "cachedContentTokenCount": "cached",
    "totalTokenCount": "total",
    "promptTokensDetails": _ByModality(_IN),
    "promptTokenDetails": _ByModality(_IN),  # embeddings
    "toolUsePromptTokensDetails": _ByModality(_IN),
    "cacheTokensDetails": _ByModality(_CACHED),
    "candidatesTokensDetails": _ByModality(_OUT),
    "responseTokensDetails": _ByModality(_OUT),
}


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: "_" + letter.group().lower(), name)


class _InputDetails(_ByModality):
    fields = _INPUT_DETAILS


KEYS: Mapping[str, Any] = {
    # OpenAI Chat Completions, and all who answer in its shape
    "prompt_tokens": "input",
    "completion_tokens": "output",
    "total_tokens": "total",
    "completion_tokens_details": _OUTPUT_DETAILS,
    "prompt_cache_hit_tokens": "cached",  # DeepSeek
    "cached_prompt_text_tokens": "cached",  # xAI, before it took over the details
    "cached_tokens": "cached",  # Moonshot
    "reasoning_tokens": "reasoning",  # Databricks, Modal, Azure
    "citation_tokens": "more_input",  # Perplexity's deep research; charged like input
    # OpenAI Responses, images, transcription and Realtime (`token` without an s); LangChain
    "input_tokens": "input",
    "output_tokens": "output",
    "input_tokens_details": _INPUT_DETAILS,
    "output_tokens_details": _OUTPUT_DETAILS,
    "input_token_details": _INPUT_DETAILS,
    "output_token_details": _OUTPUT_DETAILS,
    # Anthropic Messages
    "cache_read_input_tokens": "cached_apart",
    "cache_creation_input_tokens": "write_apart",
    "cache_creation": {"ephemeral_5m_input_tokens": "write_5m", "ephemeral_1h_input_tokens": "write_1h"},
    # Bedrock Converse, and the metrics that end a stream of InvokeModel
    "inputTokens": "input",
    "outputTokens": "output",
    "totalTokens": "total",
    "cacheReadInputTokens": "cached_apart",
    "cacheWriteInputTokens": "write_apart",
    "cacheReadInputTokenCount": "cached_apart",
    "cacheWriteInputTokenCount": "write_apart",
    "cacheDetails": {"5m": "write_5m", "1h": "write_1h"},
    "inputTokenCount": "input",
    "outputTokenCount": "output",
    "inputTextTokenCount": "input",  # Titan
    # Gemini: the API's names and the SDK's
    **_GEMINI,
    **{_snake(name): role for name, role in _GEMINI.items()},
    "prompt_tokens_details": _InputDetails(_IN),  # and OpenAI's
    # Gemini's Interactions
    "total_input_tokens": "input",
    "total_output_tokens": "output",
    "total_thought_tokens": "reasoning_apart",
    "total_cached_tokens": "cached",
    "total_tool_use_tokens": "more_input",
    "input_tokens_by_modality": _ByModality(_IN),
    "tool_use_tokens_by_modality": _ByModality(_IN),
    "cached_tokens_by_modality": _ByModality(_CACHED),
    "output_tokens_by_modality": _ByModality(_OUT),
}
"""What each key of a usage means: a role, or a table of what is nested under it."""

_ABSURD = 10**12  # What Usage refuses; here too, so that differences and sums are of sane numbers.


def whole(name: str, value: Any) -> int:
    """Return a count as an `int`.

    A float without a fraction is a whole number (Cohere's and Vertex's are floats in their SDKs); a bool, a string
    and a fraction are not.

    Raises:
        InvalidUsageError: it is negative, not whole, or absurdly large.

    >>> whole("n", 39.0)
    39
    """
    if type(value) is not int:
        try:
            if isinstance(value, bool):
                raise TypeError
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            value = operator.index(value)
        except Exception:
            raise InvalidUsageError(name, shown(value), "it is not a whole number") from None
    if value < 0:
        raise InvalidUsageError(name, shown(value), "it is negative")
    if value > _ABSURD:
        raise InvalidUsageError(name, shown(value), "it is absurdly large")
    return int(value)


def shown(value: Any) -> Any:
    """Return what can be shown of a value: a repr of someone else's may be long, slow, or an error."""
    if isinstance(value, (bool, float)) or (isinstance(value, int) and abs(value) < _ABSURD**2):
        return value
    return value[:20] if isinstance(value, str) else f"<{type(value).__name__}>"


def tally(usage: Node) -> Counts:
    """Return the counts of a usage by role; those that are absent or `None` are left out.

    Where two keys say the same (DeepSeek's cache hits stand twice) the larger wins: the other is a default of 0.

    Raises:
        InvalidUsageError: a count is no count.

    >>> tally({"prompt_tokens": 9, "prompt_tokens_details": {"cached_tokens": 4}, "queue_time": 0.1})
    {'input': 9, 'cached': 4}
    """
    counts: Counts = {}
    _collect(usage, KEYS, counts)
    return counts


def _collect(node: Node, table: Mapping[str, Any], counts: Counts) -> None:
    pairs: Iterable[tuple[Any, Any]]
    pairs = (
        node.items() if type(node) is dict or isinstance(node, Mapping) else ((name, node.get(name)) for name in table)
    )
    for name, value in pairs:
        role = table.get(name) if value is not None else None
        if role is None:
            continue
        if type(role) is str:
            count = value if type(value) is int and 0 <= value <= _ABSURD else whole(name, value)
            if count > counts.get(role, -1):
                counts[role] = count
        elif isinstance(role, _ByModality):
            if (inner := look(value)) is not None:
                _collect(inner, role.fields, counts)
            else:
                _collect_modalities(name, value, role, counts)
        elif (inner := look(value)) is not None:
            _collect(inner, role, counts)
        else:  # Bedrock's cacheDetails: a list of {ttl, inputTokens}
            _collect_lifetimes(name, value, role, counts)


def _collect_modalities(name: str, value: Any, roles: Mapping[str, str], counts: Counts) -> None:
    for entry in entries(value):
        node = look(entry)
        role = roles.get((word(node.get("modality")) or "").upper()) if node is not None else None
        if node is None or role is None:
            continue
        count = next((node.get(key) for key in ("tokenCount", "token_count", "tokens") if key in node), None)
        if count is not None:
            counts[role] = counts.get(role, 0) + whole(name, count)


def _collect_lifetimes(name: str, value: Any, roles: Mapping[str, str], counts: Counts) -> None:
    for entry in entries(value):
        node = look(entry)
        role = roles.get(word(node.get("ttl")) or "") if node is not None else None
        if node is not None and role is not None and (count := node.get("inputTokens")) is not None:
            counts[role] = counts.get(role, 0) + whole(name, count)
