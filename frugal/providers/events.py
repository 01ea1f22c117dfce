"""Events: which event of a stream goes to which taker, as one table from its kind.

Law: every event is taken once. SDK helpers fire their own events beside the raw ones (`text`, `content.delta`);
those are in no table, so no text counts twice. An event that nobody knows is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from frugal.providers import parts
from frugal.providers.bodies import SHAPES, recognise
from frugal.providers.nodes import Node, look, text, word
from frugal.providers.state import StreamState
from frugal.providers.takers import (
    CONVERSE,
    take_block_delta,
    take_block_start,
    take_body,
    take_cohere_delta,
    take_cohere_end,
    take_interaction,
    take_media,
    take_message_delta,
    take_message_start,
    take_message_stop,
    take_response,
)

__all__ = ["take_event"]


def _error(state: StreamState, _node: Node, _kind: str) -> None:
    state.finish = "error"
    state.cut = True


_KINDS: Mapping[str, Callable[[StreamState, Node, str], None]] = {
    "message_start": take_message_start,
    "content_block_start": take_block_start,
    "content_block_delta": take_block_delta,
    "message_delta": take_message_delta,
    "message_stop": take_message_stop,
    "message-start": take_cohere_delta,
    "content-start": take_cohere_delta,
    "content-delta": take_cohere_delta,
    "tool-plan-delta": take_cohere_delta,
    "tool-call-start": take_cohere_delta,
    "tool-call-delta": take_cohere_delta,
    "message-end": take_cohere_end,
    "text-generation": take_cohere_delta,
    "stream-end": take_cohere_end,
    "error": _error,
}
_FAMILIES = (
    ("response.", take_response),
    ("transcript.", take_media),
    ("image_", take_media),
    ("speech.", take_media),
    ("interaction.", take_interaction),
    ("step.", take_interaction),
)
_CHAT = SHAPES[0]


def take_event(state: StreamState, node: Node) -> None:
    """Take one event of a stream, of whatever provider."""
    if "choices" in node:
        body = _CHAT.read(node)
        if body is not None:
            take_body(state, node, _CHAT, body)
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
    for name, take in CONVERSE.items():
        # A whole body may have metadata, too; what ends a stream of Bedrock's has the figures in it.
        if (event := look(node.get(name))) is not None and (name != "metadata" or "usage" in event):
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
        take_body(state, node, shape, body)
        return
    if look(node.get("error")) is not None or text(node.get("error")):
        _error(state, node, "error")
