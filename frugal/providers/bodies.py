"""Bodies: the shapes of whole responses, as one table from what marks a shape to what reads it.

Law: a shape is recognised by fields that only it has, in the order of the table; what no row recognises is no
response of a model. A shape's function only points at things: the usage, the model, why it ended. What the
figures mean is for `figures`, what the text is for `parts`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from frugal.providers import parts
from frugal.providers.nodes import Node, entries, look, word
from frugal.providers.origin import chat_origin, message_origin, responses_origin

__all__ = ["Body", "Shape", "recognise"]


@dataclass(slots=True)
class Body:
    """Where things stand in one response.

    Args:
        usage: the provider's usage.
        model: the model that served.
        provider: who served.
        finish: why the answer ended.
        finishes: why each of several answers ended; the first is `finish`.
        tier: the service tier, where it stands outside the usage.
        refused: whether the content says so.
        zeros: whether an absent count means 0.
        note: what is odd about it.
    """

    usage: Node | None = None
    model: str | None = None
    provider: str | None = None
    finish: str | None = None
    finishes: tuple[str | None, ...] = ()
    tier: Any = None
    refused: bool = False
    zeros: bool = False
    note: str = ""


def _chat(node: Node) -> Body | None:
    choices = node.get("choices")
    if not isinstance(choices, (list, tuple)):
        return None
    found = [choice for choice in map(look, choices) if choice is not None]
    usage = look(node.get("usage"))
    if usage is None and (groq := look(node.get("x_groq"))) is not None:
        usage = look(groq.get("usage"))  # Groq's older streams
    for choice in found:
        if not ("message" in choice or "delta" in choice or "text" in choice):
            return None  # somebody else's choices
    if not found and (choices or not usage):
        return None
    model = word(node.get("model"))
    body = Body(usage, model, chat_origin(node, usage, model), tier=node.get("service_tier"))
    finishes = []
    for choice in found:
        finishes.append(word(choice.get("finish_reason")))
        said = look(choice.get("message"))
        if said is not None and said.get("refusal"):
            body.refused = True
    body.finishes = tuple(finishes)
    body.finish = finishes[0] if finishes else None
    return body


def _message(node: Node) -> Body | None:
    if node.get("type") != "message" or not ("stop_reason" in node or "usage" in node):
        return None
    provider = message_origin(word(node.get("id")))
    # On Bedrock the price goes by the requested id, which says the region; the body's name does not.
    model = word(node.get("model")) if provider != "aws" else None
    return Body(look(node.get("usage")), model, provider, word(node.get("stop_reason")))


_FEES = (
    "web_search_call",
    "x_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
)
"""What the Responses bill by the call, by the container or by the image."""


def _responses(node: Node) -> Body | None:
    if node.get("object") != "response" and not (
        isinstance(node.get("output"), (list, tuple)) and ("status" in node or "incomplete_details" in node)
    ):
        return None
    model = word(node.get("model"))
    finish = word(node.get("status"))
    details = look(node.get("incomplete_details"))
    if details is not None:
        finish = word(details.get("reason")) or finish
    refused = any(kind == "refusal" and said for kind, said in parts.responses(node))
    kinds = [word(item.get("type")) for item in map(look, entries(node.get("output"))) if item is not None]
    fees = [f"{kinds.count(kind)} {kind}" for kind in _FEES if kind in kinds]
    usage = look(node.get("usage"))
    paid = usage is not None and ("cost" in usage or "cost_in_usd_ticks" in usage)
    note = f"{', '.join(fees)}: billed apart from tokens" if fees and not paid else ""
    origin = responses_origin(node, model)
    return Body(usage, model, origin, finish, tier=node.get("service_tier"), refused=refused, note=note)


def _first(node: Node, *names: str) -> Any:
    for name in names:
        if (value := node.get(name)) is not None:
            return value
    return None


def _gemini(node: Node) -> Body | None:
    usage = look(_first(node, "usageMetadata", "usage_metadata"))
    candidates = node.get("candidates")
    if usage is not None and "input_tokens" in usage:  # LangChain's message
        made = look(node.get("response_metadata"))
        model = word(_first(made, "model_name", "model")) if made is not None else None
        finish = word(_first(made, "finish_reason", "stop_reason")) if made is not None else None
        return Body(usage, model, None, finish)
    feedback = look(_first(node, "promptFeedback", "prompt_feedback"))
    found = [candidate for candidate in map(look, entries(candidates)) if candidate is not None]
    if usage is None and feedback is None and not any("content" in one or "finishReason" in one for one in found):
        return None  # somebody else's candidates
    body = Body(usage, word(_first(node, "modelVersion", "model_version")), "google", zeros=True)
    body.finishes = tuple(word(_first(candidate, "finishReason", "finish_reason")) for candidate in found)
    body.finish = body.finishes[0] if body.finishes else None
    if feedback is not None and (block := word(_first(feedback, "blockReason", "block_reason"))) is not None:
        body.finish, body.refused = body.finish or block, True
    grounded = [look(_first(candidate, "groundingMetadata", "grounding_metadata")) for candidate in found]
    if any(entries(_first(one, "webSearchQueries", "web_search_queries")) for one in grounded if one is not None):
        body.note = "grounding with a web search is billed apart from tokens"
    return body


def _bedrock(node: Node) -> Body | None:
    finish = word(node.get("stopReason"))
    output = look(node.get("output"))
    if finish is None or output is None:
        return None
    trace = look(node.get("trace"))
    router = look(trace.get("promptRouter")) if trace is not None else None
    model = word(router.get("invokedModelId")) if router is not None else None
    usage = look(node.get("usage"))
    return Body(usage, model, "aws", finish, tier=node.get("serviceTier"), zeros=True)


def _cohere(node: Node) -> Body | None:
    usage = look(_first(node, "usage", "meta"))
    if usage is None or look(usage.get("billed_units")) is None:
        return None
    return Body(usage, word(node.get("model")), "cohere", word(node.get("finish_reason")), zeros=True)


def _interaction(node: Node) -> Body | None:
    if node.get("object") != "interaction":
        return None
    usage, model = look(node.get("usage")), word(node.get("model"))
    return Body(usage, model, "google", word(node.get("status")), tier=node.get("service_tier"), zeros=True)


def _vertex_embedding(node: Node) -> Body | None:
    # Text embeddings of Vertex (`predictions`) and of google-genai on Vertex (`embeddings`).
    tokens = 0
    for prediction in map(look, entries(_first(node, "predictions", "embeddings"))):
        vector = look(_first(prediction, "embeddings", "statistics")) if prediction is not None else None
        statistics = look(vector.get("statistics")) if vector is not None and "statistics" in vector else vector
        count = statistics.get("token_count") if statistics is not None else None
        if not isinstance(count, (int, float)):
            return None
        tokens += count  # type: ignore[assignment]  # a float without a fraction in google-genai
    return Body({"promptTokenCount": tokens}, word(node.get("model")), "google", zeros=True) if tokens else None


_HEADERS = {
    "x-amzn-bedrock-input-token-count": "inputTokens",
    "x-amzn-bedrock-output-token-count": "outputTokens",
    "x-amzn-bedrock-cache-read-input-token-count": "cacheReadInputTokens",
    "x-amzn-bedrock-cache-write-input-token-count": "cacheWriteInputTokens",
}


def _bedrock_headers(node: Node) -> Body | None:
    # InvokeModel's body is a stream that belongs to the caller; its headers carry the counts.
    made = look(node.get("ResponseMetadata"))
    headers = look(made.get("HTTPHeaders")) if made is not None else None
    if headers is None:
        return None
    found = {key: headers.get(name) for name, key in _HEADERS.items()}
    usage = {key: int(n) if isinstance(n, str) and n.isdigit() else n for key, n in found.items() if n is not None}
    return Body(usage, None, "aws", zeros=True) if usage else None


def _titan(node: Node) -> Body | None:
    read = node.get("inputTextTokenCount")
    if read is None:
        return None
    results = [result for result in map(look, entries(node.get("results"))) if result is not None]
    written = [result.get("tokenCount") for result in results]
    output: Any = next((count for count in written if type(count) is not int), None)  # told by `counts`
    finish = word(results[0].get("completionReason")) if results else None
    if None in written:
        return None
    if output is None:
        output = sum(written)
    return Body({"inputTokens": read, "outputTokens": output}, None, "aws", finish)


def _error(node: Node) -> Body | None:
    # Some proxies answer with status 200 and the error of the provider behind them.
    error = look(node.get("error"))
    if error is None or not isinstance(error.get("message"), str) or not ("code" in error or "type" in error):
        return None
    return Body(finish="error", refused=True)


def _usage_alone(node: Node) -> Body | None:
    # Embeddings, reranks, images, transcriptions, and answers of libraries that keep the provider's usage.
    usage = look(node.get("usage"))
    if usage is None or not any(key in usage for key in _COUNTS):
        return None
    model = word(node.get("model"))
    origin = chat_origin(node, usage, model)
    return Body(usage, model, origin, word(_first(node, "finish_reason", "stop_reason")), zeros=True)


_COUNTS = ("total_tokens", "prompt_tokens", "input_tokens", "inputTokens", "seconds")


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of response: the fields that mark it, what reads it, and where its text stands."""

    marks: tuple[str, ...]
    read: Callable[[Node], Body | None]
    parts: Callable[[Node], Iterator[parts.Part]]


SHAPES = (
    Shape(("choices",), _chat, parts.chat),
    Shape(("stop_reason", "role"), _message, parts.message),
    Shape(("output",), _responses, parts.responses),
    Shape(
        ("usageMetadata", "usage_metadata", "candidates", "promptFeedback", "prompt_feedback"),
        _gemini,
        parts.gemini,
    ),
    Shape(("stopReason",), _bedrock, parts.bedrock),
    Shape(("usage", "meta"), _cohere, parts.cohere),
    Shape(("steps", "outputs", "object"), _interaction, parts.interaction),
    Shape(("predictions", "embeddings"), _vertex_embedding, parts.plain),
    Shape(("inputTextTokenCount",), _titan, parts.plain),
    Shape(("ResponseMetadata",), _bedrock_headers, parts.plain),
    Shape(("usage",), _usage_alone, parts.plain),
    Shape(("error",), _error, parts.plain),
)
"""Every shape, the more particular ones first."""


def recognise(node: Node) -> tuple[Shape, Body] | None:
    """Return the shape of a response and where things stand in it, or `None`."""
    for shape in SHAPES:
        if any(mark in node for mark in shape.marks) and (body := shape.read(node)) is not None:
            return shape, body
    return None
