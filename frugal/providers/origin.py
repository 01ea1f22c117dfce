"""Origin: who served a response, where its shape says so.

Law: a provider is named only on evidence (a key that only it sends, the shape itself, or a model that only its
maker serves in that shape). A model of open weights is served by many, and the name of one is no evidence.
The names are those of genai-prices.
"""

from __future__ import annotations

import re
from functools import lru_cache

from frugal.providers.nodes import Node, word

__all__ = ["chat_origin", "message_origin", "responses_origin"]

_CLOSED = re.compile(
    r"(?P<openai>gpt-[345](?!.*oss)|chatgpt|o[134](?:-|$)|text-embedding-[3a]|whisper|tts-|gpt-(?:image|audio|realtime))"
    r"|(?P<anthropic>claude)"
    r"|(?P<google>gemini)"
    r"|(?P<x_ai>grok-)"
    r"|(?P<perplexity>sonar)"
    r"|(?P<voyageai>voyage-|rerank-\d)"
    r"|(?P<mistral>mistral-(?:large|medium|embed)|ministral|magistral|codestral|pixtral-large|voxtral"
    r"|mistral-small-(?:latest|\d{4}))"
    r"|(?P<cohere>command-|embed-(?:v\d|english|multilingual))"
)
"""Models by their maker, which alone serves them under this name."""


@lru_cache(maxsize=1024)
def _maker(model: str | None) -> str | None:
    found = _CLOSED.match(model) if model else None
    return found.lastgroup.replace("_", "-") if found and found.lastgroup else None


_CHAT_KEYS = (
    ("x_groq", "groq"),
    ("usage_breakdown", "groq"),
    ("prompt_filter_results", "azure"),
    ("citations", "perplexity"),
)
_USAGE_KEYS = (
    ("prompt_cache_hit_tokens", "deepseek"),
    ("cost_in_usd_ticks", "x-ai"),
    ("citation_tokens", "perplexity"),
    ("num_search_queries", "perplexity"),
    ("search_context_size", "perplexity"),
)


def chat_origin(body: Node, usage: Node | None, model: str | None) -> str | None:
    """Return who answered in OpenAI's chat shape.

    >>> chat_origin({"x_groq": {}}, None, "openai/gpt-oss-20b")
    'groq'
    """
    if isinstance(body.get("provider"), str) or (word(body.get("id")) or "").startswith("gen-"):
        return "openrouter"
    for key, provider in _CHAT_KEYS:
        if key in body and body.get(key) is not None:
            return provider
    if usage is not None:
        for key, provider in _USAGE_KEYS:
            if key in usage and usage.get(key) is not None:
                return provider
    return _maker(model)


def responses_origin(body: Node, model: str | None) -> str | None:
    """Return who answered in the shape of OpenAI's Responses."""
    if body.get("content_filters") is not None:
        return "azure"
    return _maker(model)


def message_origin(id: str | None) -> str:
    """Return who served an Anthropic message: Anthropic itself, or the cloud that its id names.

    >>> message_origin("msg_01XFD"), message_origin("msg_bdrk_01A"), message_origin("msg_vrtx_01A")
    ('anthropic', 'aws', 'google')
    """
    if id is not None and id.startswith(("msg_bdrk_", "msg_vrtx_")):
        return "aws" if id.startswith("msg_bdrk_") else "google"
    return "anthropic"
