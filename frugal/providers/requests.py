"""Requests: what the arguments of a call ask for, in any provider's spelling.

Law: an argument that is not what its name says (a negative limit, a model that is no string) is as good as
absent, and nothing here raises. Options are looked for where the SDKs take them: as arguments of their own, in a
`config` or a request body, or in `**kwargs`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from frugal.providers.nodes import Node, entries, look, word
from frugal.providers.words import tier_of

__all__ = [
    "choices",
    "has_tools",
    "is_streaming",
    "options",
    "output_limit",
    "requested_model",
    "requested_tier",
]

_NESTS = frozenset(
    """
    kwargs options params parameters config request body payload extra_body
    generation_config generationConfig inference_config inferenceConfig additionalModelRequestFields
    """.split()
)
"""Arguments that hold options of the request."""

_DEPTH = 3

_LIMITS = frozenset((
    "max_tokens",  # OpenAI Chat, Anthropic, Mistral, Cohere, and most others
    "max_completion_tokens",  # OpenAI Chat, for models that reason
    "max_output_tokens",  # OpenAI Responses, Gemini's SDK
    "maxOutputTokens",  # Gemini
    "maxTokens",  # Bedrock Converse
    "max_tokens_to_sample",  # Anthropic's completions
    "max_new_tokens",  # Hugging Face
    "maxTokenCount",  # Titan
    "num_predict",  # Ollama
))  # fmt: skip
_CHOICES = frozenset(("n", "best_of", "candidate_count", "candidateCount", "num_generations"))
_MODELS = ("model", "modelId", "model_id", "model_name", "engine")


def options(arguments: Mapping[str, object]) -> Iterable[Node]:
    """Return the arguments, and what holds options inside them: in most requests nothing does."""
    if type(arguments) is dict and _NESTS.isdisjoint(arguments):
        return (arguments,)
    return _nested(arguments, _DEPTH)


def _nested(node: Node, depth: int) -> Iterator[Node]:
    yield node
    if depth:
        for name in _there(node, _NESTS):
            inner = look(node.get(name))
            if inner is not None and inner is not node:
                yield from _nested(inner, depth - 1)


def _count(value: Any) -> int | None:
    """Return a whole number above 0, and `None` for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return int(value) if value > 0 and int(value) == value else None


def _there(node: Node, names: frozenset[str]) -> Iterable[str]:
    """Return those names that a node may have; most requests have none of most, and are asked for all of them."""
    return names.intersection(node) if type(node) is dict else names


def _largest(arguments: Mapping[str, object], names: frozenset[str]) -> int | None:
    found = [_count(node.get(name)) for node in options(arguments) for name in _there(node, names)]
    return max([count for count in found if count is not None], default=None)


def output_limit(arguments: Mapping[str, object]) -> int | None:
    """Return the largest output in tokens that a request allows for each choice, or `None` when it sets no limit.

    Where two names set it (`max_tokens` and `max_completion_tokens`) the larger one counts: it is the one that
    bounds the bill whichever the provider follows.

    >>> output_limit({"inferenceConfig": {"maxTokens": 500}}), output_limit({"max_tokens": -1})
    (500, None)
    """
    return _largest(arguments, _LIMITS)


def choices(arguments: Mapping[str, object]) -> int:
    """Return how many answers a request asks for and pays.

    >>> choices({"n": 3}), choices({})
    (3, 1)
    """
    return _largest(arguments, _CHOICES) or 1


def requested_model(arguments: Mapping[str, object]) -> str | None:
    """Return the model that a request names, or `None`.

    >>> requested_model({"modelId": "amazon.nova-lite-v1:0"})
    'amazon.nova-lite-v1:0'
    """
    for node in options(arguments):
        for name in _MODELS:
            if (model := word(node.get(name))) is not None:
                return model
    return None


def requested_tier(arguments: Mapping[str, object]) -> str | None:
    """Return the service tier that a request asks for; `None` for the normal one.

    >>> requested_tier({"service_tier": "flex"}), requested_tier({"service_tier": "auto"})
    ('flex', None)
    """
    for node in options(arguments):
        if node.get("speed") == "fast":  # Anthropic's fast mode
            return "fast"
        for name in ("service_tier", "serviceTier"):
            said = node.get(name)
            if said is not None and (tier := tier_of(said)) is not None:
                return tier
    return None


def has_tools(arguments: Mapping[str, object]) -> bool:
    """Whether a request offers tools to the model.

    >>> has_tools({"tools": [{"type": "function"}]}), has_tools({"tools": []})
    (True, False)
    """
    for node in options(arguments):
        if _offers(node):
            return True
        for name in ("toolConfig", "tool_config"):
            said = node.get(name)
            if said is not None and (holder := look(said)) is not None and _offers(holder):
                return True
    return False


def _offers(holder: Node) -> bool:
    return bool(entries(holder.get("tools")) or entries(holder.get("functions")))


def is_streaming(arguments: Mapping[str, object]) -> bool:
    """Whether a request asks for a stream.

    >>> is_streaming({"stream": True}), is_streaming({"kwargs": {"stream": False}})
    (True, False)
    """
    return any(node.get("stream") is True for node in options(arguments))
