"""Events: what each kind of stream event says, as one table from its kind to what takes it.

Law: every event is taken once. SDK helpers fire their own events beside the raw ones (`text`, `content.delta`);
those are in no table, so no text counts twice. An event that nobody knows is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from frugal.providers import parts
from frugal.providers.bodies import SHAPES, Body, Shape, recognise
from frugal.providers.nodes import Node, look, size, text, word
from frugal.providers.origin import message_origin
from frugal.providers.state import StreamState

__all__ = ["take_event"]


def _inner(node: Node | None, *path: str) -> Node | None:
    for name in path:
        if node is None:
            return None
        node = look(node.get(name))
    return node


def _count(state: StreamState, *said: Any) -> None:
    state.text_bytes += sum(size(one) for one in said if isinstance(one, str))


# --- OpenAI chat, and all in its shape: each chunk is a small body ---------------------------------------------


def _body(state: StreamState, node: Node, shape: Shape, body: Body) -> None:
    state.take(body)
    state.text_bytes += sum(size(part) for _, part in shape.parts(node))


# --- OpenAI Responses, images, speech and transcription ---------------------------------------------------------


def _response(state: StreamState, node: Node, kind: str) -> None:
    state.seen = True
    if kind.endswith(".delta") and not kind.endswith("audio.delta"):
        _count(state, node.get("delta"))
        return
    response = look(node.get("response"))
    if response is None:
        return
    if kind == "response.created":
        state.begin()
    found = recognise(response)
    if found is None:
        return
    shape, body = found
    over = kind in _OVER
    body.finish = body.finish if over else None  # before that the status is only `in_progress`
    state.take(body)
    state.ended = state.ended or over
    if over and not state.text_bytes:
        state.text_bytes = sum(size(part) for _, part in shape.parts(response))


_OVER = frozenset(
    ("response.completed", "response.incomplete", "response.failed", "response.cancelled", "response.done")
)


def _media(state: StreamState, node: Node, kind: str) -> None:
    state.seen = True
    if kind.endswith(".delta"):
        _count(state, node.get("delta") if kind.startswith("transcript.") else None)
    elif kind.endswith((".done", ".completed")):
        state.finish = "completed"
        state.take_usage(look(node.get("usage")), zeros=True)


# --- Anthropic Messages -----------------------------------------------------------------------------------------


def _message_start(state: StreamState, node: Node, _: str) -> None:
    state.seen = True
    state.begin()
    message = look(node.get("message"))
    if message is None:
        return
    state.provider = message_origin(word(message.get("id")))
    if state.provider != "aws":
        state.model = word(message.get("model")) or state.model
    state.take_usage(look(message.get("usage")))


def _block_start(state: StreamState, node: Node, _: str) -> None:
    state.seen = True
    block = look(node.get("content_block"))
    if block is None:
        return
    if (fallback := _inner(block, "to")) is not None:
        state.model = word(fallback.get("model")) or state.model
    _count(state, block.get("text"), block.get("thinking"))


def _block_delta(state: StreamState, node: Node, _: str) -> None:
    state.seen = True
    delta = look(node.get("delta"))
    if delta is not None:
        _count(state, *(delta.get(name) for name in ("text", "thinking", "partial_json", "content")))


def _message_delta(state: StreamState, node: Node, _: str) -> None:
    state.seen = True
    state.take_usage(look(node.get("usage")))
    delta = look(node.get("delta"))
    if delta is not None and (finish := word(delta.get("stop_reason"))) is not None:
        state.finish = finish
        state.ended = True


def _message_stop(state: StreamState, node: Node, _: str) -> None:
    state.ended = True
    if state.usage is None:
        state.take_usage(look(node.get("amazon-bedrock-invocationMetrics")), zeros=True)


# --- Bedrock Converse: one field a event, named after it --------------------------------------------------------


def _converse_delta(state: StreamState, node: Node) -> None:
    delta = _inner(node, "delta")
    thought, tool = _inner(delta, "reasoningContent"), _inner(delta, "toolUse")
    _count(state, delta and delta.get("text"), thought and thought.get("text"), tool and tool.get("input"))


def _converse_stop(state: StreamState, node: Node) -> None:
    state.finish = word(node.get("stopReason"))


def _converse_metadata(state: StreamState, node: Node) -> None:
    state.take_usage(look(node.get("usage")), zeros=True)
    state.tier = node.get("serviceTier") or state.tier
    router = _inner(node, "trace", "promptRouter")
    state.model = (word(router.get("invokedModelId")) if router is not None else None) or state.model


_CONVERSE: Mapping[str, Callable[[StreamState, Node], None]] = {
    "messageStart": lambda _state, _node: None,
    "contentBlockStart": lambda _state, _node: None,
    "contentBlockDelta": _converse_delta,
    "contentBlockStop": lambda _state, _node: None,
    "messageStop": _converse_stop,
    "metadata": _converse_metadata,
}


# --- Cohere -----------------------------------------------------------------------------------------------------


def _cohere_delta(state: StreamState, node: Node, _: str) -> None:
    _cohere(state)
    message = _inner(node, "delta", "message")
    content = _inner(message, "content")
    function = _inner(message, "tool_calls", "function")
    _count(
        state,
        message and message.get("tool_plan"),
        content and content.get("text"),
        content and content.get("thinking"),
        function and function.get("arguments"),
        node.get("text"),  # version 1
    )


def _cohere_end(state: StreamState, node: Node, _: str) -> None:
    _cohere(state)
    delta = look(node.get("delta"))
    if delta is not None:
        state.finish = word(delta.get("finish_reason"))
        state.take_usage(look(delta.get("usage")), zeros=True)
        return
    state.finish = word(node.get("finish_reason"))
    response = look(node.get("response"))  # version 1
    if response is not None and (found := recognise(response)) is not None:
        state.take_usage(found[1].usage, zeros=True)


def _cohere(state: StreamState) -> None:
    state.seen = True
    state.provider = "cohere"


# --- Gemini's Interactions --------------------------------------------------------------------------------------


def _interaction(state: StreamState, node: Node, kind: str) -> None:
    state.seen = True
    state.provider = "google"
    if kind == "step.delta":
        delta = look(node.get("delta"))
        if delta is not None:
            _count(state, delta.get("text"), delta.get("arguments"))
    interaction = look(node.get("interaction"))
    if interaction is not None and (found := recognise(interaction)) is not None:
        if kind != "interaction.completed":
            found[1].finish = None
        state.take(found[1])


# --- all of them ------------------------------------------------------------------------------------------------


def _error(state: StreamState, _node: Node, _kind: str) -> None:
    state.finish = "error"
    state.cut = True


_KINDS: Mapping[str, Callable[[StreamState, Node, str], None]] = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "message_delta": _message_delta,
    "message_stop": _message_stop,
    "message-start": _cohere_delta,
    "content-start": _cohere_delta,
    "content-delta": _cohere_delta,
    "tool-plan-delta": _cohere_delta,
    "tool-call-start": _cohere_delta,
    "tool-call-delta": _cohere_delta,
    "message-end": _cohere_end,
    "text-generation": _cohere_delta,
    "stream-end": _cohere_end,
    "error": _error,
}
_FAMILIES = (
    ("response.", _response),
    ("transcript.", _media),
    ("image_", _media),
    ("speech.", _media),
    ("interaction.", _interaction),
    ("step.", _interaction),
)
_CHAT = SHAPES[0]


def take_event(state: StreamState, node: Node) -> None:
    """Take one event of a stream, of whatever provider."""
    if "choices" in node:
        body = _CHAT.read(node)
        if body is not None:
            _body(state, node, _CHAT, body)
        return
    kind = word(node.get("type")) or word(node.get("event_type"))
    if kind is not None:
        taker = _KINDS.get(kind) or next((take for prefix, take in _FAMILIES if kind.startswith(prefix)), None)
        if taker is not None:
            taker(state, node, kind)
            return
        if kind == "chunk" and (chunk := look(node.get("chunk"))) is not None:  # OpenAI's stream helper
            take_event(state, chunk)
            return
    for name, take in _CONVERSE.items():
        if (event := look(node.get(name))) is not None:
            state.seen = True
            state.provider = "aws"
            take(state, event)
            return
    _other(state, node)


def _other(state: StreamState, node: Node) -> None:
    """Take an event that has no kind: a chunk of Gemini's, a wrapped one, a whole body."""
    wrapped = look(node.get("data")) or look(node.get("chunk"))
    if wrapped is not None and "choices" in wrapped:  # Mistral's SDK
        take_event(state, wrapped)
        return
    if wrapped is not None and isinstance(raw := wrapped.get("bytes"), (bytes, bytearray)):  # InvokeModel on Bedrock
        inner = look(json.loads(raw))
        if inner is not None:
            take_event(state, inner)
            state.provider = "aws"
        return
    if (found := recognise(node)) is not None:
        shape, body = found
        live = node.get("serverContent") is not None or node.get("server_content") is not None
        if live or shape.parts is not parts.gemini:  # each turn of a Live session, each whole body, is billed
            state.begin()
            state.ended = True
        _body(state, node, shape, body)
        return
    if look(node.get("error")) is not None or text(node.get("error")):
        _error(state, node, "error")
