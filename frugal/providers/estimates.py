"""Estimates: how many tokens a request sends, bounded from its arguments, without a tokenizer.

Law: `most` is sound for text: tokenizers of today's models work on bytes, and a token is at least one byte, so
text is never more tokens than it has UTF-8 bytes. To that come the marks round messages and tools, and media by
table. `typical` is what such a request usually takes. Both are linear in the request, and fast: two milliseconds
for a megabyte, where a tokenizer takes a hundred and blocks the event loop.

Typical text: four ASCII characters to a token (OpenAI, "What are tokens and how to count them?"; Anthropic and
Google say 3.5 and 4). For other scripts the bytes beyond the first of each character are counted, two to a token:
a Chinese or Japanese character is one token, an emoji one and a half, a Cyrillic letter somewhat over a half, which
is between what the older and the newer vocabularies take. Measure, if it matters, from the ledger.
"""

from __future__ import annotations

import dataclasses
import inspect
import json
import weakref
from collections.abc import Mapping
from typing import Any

from frugal.providers.media import Tokens, image_tokens, is_image, media_tokens
from frugal.providers.nodes import Attributes, look, size
from frugal.providers.requests import has_tools, requested_model

__all__ = ["Tokens", "estimate_input", "estimate_text", "has_images"]

_NOT_SENT = frozenset(
    """
    self cls client model modelId model_id model_name engine stream stream_options n best_of seed stop temperature
    top_p top_k min_p top_logprobs logprobs logit_bias frequency_penalty presence_penalty repetition_penalty
    max_tokens max_completion_tokens max_output_tokens max_tokens_to_sample max_retries timeout user metadata store
    service_tier speed extra_headers extra_query api_key api_base api_version base_url organization
    parallel_tool_calls reasoning_effort reasoning thinking verbosity safety_identifier prompt_cache_key
    prompt_cache_retention previous_response_id include truncation background safety_settings safetySettings
    inferenceConfig inference_config guardrailConfig performanceConfig requestMetadata custom_llm_provider
    response_modalities thinking_config thinkingConfig http_options betas
    """.split()
)
"""Arguments that are settings: no token of them is sent."""
_NESTS = frozenset(
    "kwargs options params parameters config request body payload extra_body generation_config generationConfig".split()
)
"""Arguments that hold arguments."""
_SCHEMAS = frozenset(
    """
    tools functions toolConfig tool_config response_format response_schema responseSchema response_json_schema
    output_format output_config text_format parameters_json_schema
    """.split()
)
"""Arguments that are sent as JSON, names and marks included."""

_DEPTH = 64
"""No provider takes JSON nested deeper; what lies deeper is not counted."""

_PRIMING = Tokens(16, 3)
_MESSAGE = Tokens(8, 4)
_TOOLS = Tokens(1_024, 350)
"""What offering tools adds by itself: Anthropic's own system prompt for them takes 313 to 804 tokens."""
_FIELD = Tokens(6, 1)
"""Two pairs of quotes, a colon and a comma, each a token at most; they usually melt into their neighbours."""


def estimate_text(text: str) -> Tokens:
    """Return the most and the typical number of tokens of a text.

    >>> estimate_text("a" * 400), estimate_text("你好")
    (Tokens(most=400, typical=100), Tokens(most=6, typical=2))
    """
    length, characters = size(text), len(text)
    wide = (length - characters) / 2
    return Tokens(length, -int(-(wide + max(characters - wide, 0) / 4) // 1))


def estimate_input(arguments: Mapping[str, object], *, model: str | None = None) -> Tokens:
    """Return the most and the typical number of input tokens of a request.

    Args:
        arguments: the bound arguments of the call, whatever their names; settings are left out, everything else
            that is text, media or structure counts. Objects that are no data (clients, loggers) do not.
        model: the model that is asked; by default the one that the arguments name.

    >>> estimate_input({"messages": [{"role": "user", "content": "Say hello."}], "model": "gpt-4o"})
    Tokens(most=88, typical=10)
    """
    survey = _Survey(model if model is not None else requested_model(arguments))
    most, typical = survey.arguments(arguments)
    extra = _TOOLS if has_tools(arguments) else Tokens(0, 0)
    return Tokens(most + _PRIMING.most + extra.most, int(typical + _PRIMING.typical + extra.typical))


def has_images(arguments: Mapping[str, object]) -> bool:
    """Whether a request shows the model an image.

    >>> has_images({"messages": [{"content": [{"type": "image_url", "image_url": {"url": "https://…"}}]}]})
    True
    """
    survey = _Survey(None)
    survey.arguments(arguments)
    return survey.images > 0


class _Survey:
    """Walk a request once; a part that stands in it twice is sent twice, but looked at once."""

    __slots__ = ("images", "kept", "model", "seen")

    def __init__(self, model: str | None) -> None:
        self.model = model
        self.images = 0
        self.seen: dict[tuple[int, bool], tuple[int, float]] = {}
        self.kept: list[Any] = []  # what is known by its id must live as long

    def arguments(self, node: Any, nests: int = 3) -> tuple[int, float]:
        most, typical = 0, 0.0
        for name, value in _items(node):
            if value is None or name in _NOT_SENT:
                continue
            inner = look(value) if nests and name in _NESTS else None
            if inner is not None:
                more, likely = self.arguments(inner, nests - 1)
            else:
                more, likely = self.visit(value, _DEPTH, name in _SCHEMAS)
            most, typical = most + more, typical + likely
        return most, typical

    def visit(self, value: Any, depth: int, schema: bool) -> tuple[int, float]:
        if isinstance(value, str):
            if value.startswith("data:image/"):
                return self._image()
            return estimate_text(value)
        if value is None or isinstance(value, bool):
            return (5, 1.0) if schema else (0, 0.0)
        if isinstance(value, (int, float)):
            return 25, 1.0
        if not depth:
            return 0, 0.0
        if isinstance(value, (bytes, bytearray, memoryview)):
            return media_tokens({"type": "file", "data": value}, self.model) or (0, 0.0)
        key = (id(value), schema)
        known = self.seen.get(key)
        if known is None:
            self.kept.append(value)
            self.seen[key] = 0, 0.0  # a cycle ends here; nothing that refers to itself can be sent
            known = self.seen[key] = self._container(value, depth - 1, schema)
        return known

    def _container(self, value: Any, depth: int, schema: bool) -> tuple[int, float]:
        if isinstance(value, (list, tuple, set, frozenset)) and not hasattr(value, "_fields"):
            return self._list(value, depth, schema)
        if type(value).__module__.startswith("PIL."):
            return self._image()
        if callable(value):
            return _declaration(value)
        node = look(value)
        if node is None or (isinstance(node, Attributes) and not _is_data(value)):
            return 0, 0.0
        most, typical = 0, 0.0
        if "role" in node:
            most, typical = _MESSAGE.most, float(_MESSAGE.typical)
        elif (media := media_tokens(node, self.model)) is not None:
            self.images += is_image(node)
            return media
        for name, inner in _items(node):
            if inner is None and not schema:
                continue
            more, likely = self.visit(inner, depth, schema)
            label = size(name) if isinstance(name, str) else _FIELD.most
            most += more + label + _FIELD.most
            typical += likely + (label / 4 + _FIELD.typical if schema else 0)
        return most, typical

    def _list(self, values: Any, depth: int, schema: bool) -> tuple[int, float]:
        most, typical = 2, 0.0
        for value in values:
            if type(value) is dict and len(value) == 2:
                # Nearly every message and block is one of these, and a long conversation has thousands.
                said = value.get("content") if "role" in value else value.get("text") if "type" in value else None
                if type(said) is str:
                    text = estimate_text(said)
                    most += text.most + 60  # the names of both fields, and a role or a type
                    typical += text.typical + (_MESSAGE.typical if "role" in value else 0)
                    continue
            more, likely = self.visit(value, depth, schema)
            most, typical = most + more + 1, typical + likely
        return most, typical

    def _image(self) -> tuple[int, float]:
        self.images += 1
        return image_tokens(self.model)


_declarations: weakref.WeakKeyDictionary[Any, Tokens] = weakref.WeakKeyDictionary()


def _declaration(value: Any) -> Tokens:
    """Return what a class given as a schema, or a function given as a tool, is sent as."""
    try:
        known = _declarations.get(value)
        if known is None:
            if hasattr(value, "model_json_schema"):
                said = json.dumps(value.model_json_schema())
            elif isinstance(value, type) or not inspect.isroutine(value):
                return Tokens(0, 0)  # a client or a callback that happens to be callable is not sent
            else:
                said = f"{inspect.getdoc(value) or ''} {inspect.signature(value)}" * 2  # names and types, as JSON
            known = _declarations[value] = estimate_text(said)
    except Exception:
        return Tokens(0, 0)
    return known


def _is_data(value: Any) -> bool:
    """Whether an object is data, rather than a client, a session or anything else that is not sent."""
    kind = type(value)
    return dataclasses.is_dataclass(kind) or hasattr(kind, "__struct_fields__") or hasattr(kind, "_fields")


def _items(node: Any) -> Any:
    """Return the fields of a node."""
    if isinstance(node, Mapping):
        return node.items()
    subject = node.subject
    names = getattr(type(subject), "__struct_fields__", None) or getattr(type(subject), "_fields", None)
    if names is None and dataclasses.is_dataclass(subject):
        names = [field.name for field in dataclasses.fields(subject)]
    return [(name, node.get(name)) for name in names or ()]
