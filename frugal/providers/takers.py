"""Takers: what each kind of event adds to the state of a stream, provider by provider.

Law: a taker takes text, figures and ends from one event, and leaves the rest of it alone. Which event goes to
which taker is for `events` to say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from frugal.providers.bodies import Body, Shape, recognise
from frugal.providers.nodes import Node, look, size, word
from frugal.providers.origin import message_origin
from frugal.providers.state import StreamState

__all__ = [
    "CONVERSE",
    "take_block_delta",
    "take_block_start",
    "take_body",
    "take_cohere_delta",
    "take_cohere_end",
    "take_interaction",
    "take_media",
    "take_message_delta",
    "take_message_start",
    "take_message_stop",
    "take_response",
]


def _inner(node: Node | None, *path: str) -> Node | None:
    for name in path:
        if node is None:
            return None
        node = look(node.get(name))
    return node


def _count(state: StreamState, *said: Any) -> None:
    state.text_bytes += sum(size(one) for one in said if isinstance(one, str))


# --- OpenAI chat, and all in its shape: each chunk is a small body ---------------------------------------------


def take_body(state: StreamState, node: Node, shape: Shape, body: Body) -> None:
    """Take a chunk that has the shape of a whole body."""
    state.take(body)
    state.text_bytes += sum(size(part) for _, part in shape.parts(node))


# --- OpenAI Responses, images, speech and transcription ---------------------------------------------------------


def take_response(state: StreamState, node: Node, kind: str) -> None:
    """Take an event of the Responses: a piece of text, or the response as it begins or ends."""
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


def take_media(state: StreamState, node: Node, kind: str) -> None:
    """Take an event of an image, of speech or of a transcription."""
    state.seen = True
    if kind.endswith(".delta"):
        _count(state, node.get("delta") if kind.startswith("transcript.") else None)
    elif kind.endswith((".done", ".completed")):
        state.finish = "completed"
        state.take_usage(look(node.get("usage")), zeros=True)


# --- Anthropic Messages -----------------------------------------------------------------------------------------


def take_message_start(state: StreamState, node: Node, _: str) -> None:
    """Take the message as it begins: the model and the input."""
    state.seen = True
    state.begin()
    message = look(node.get("message"))
    if message is None:
        return
    state.provider = message_origin(word(message.get("id")))
    if state.provider != "aws":
        state.model = word(message.get("model")) or state.model
    state.take_usage(look(message.get("usage")))
    state.counting = True


def take_block_start(state: StreamState, node: Node, _: str) -> None:
    """Take a block as it begins, or the change to another model."""
    state.seen = True
    block = look(node.get("content_block"))
    if block is None:
        return
    if (fallback := _inner(block, "to")) is not None:
        state.model = word(fallback.get("model")) or state.model
    _count(state, block.get("text"), block.get("thinking"))


def take_block_delta(state: StreamState, node: Node, _: str) -> None:
    """Take a piece of text, of thought or of a call."""
    state.seen = True
    delta = look(node.get("delta"))
    if delta is not None:
        _count(state, *(delta.get(name) for name in ("text", "thinking", "partial_json", "content")))


def take_message_delta(state: StreamState, node: Node, _: str) -> None:
    """Take why the message ended, and its figures, which are cumulative."""
    state.seen = True
    usage = look(node.get("usage"))
    state.take_usage(usage)
    state.counting = state.counting and (usage is None or usage.get("output_tokens") is None)
    delta = look(node.get("delta"))
    if delta is not None and (finish := word(delta.get("stop_reason"))) is not None:
        state.finish = finish
        state.ended = True


def take_message_stop(state: StreamState, node: Node, _: str) -> None:
    """Take the end of the message."""
    state.ended = True
    metrics = look(node.get("amazon-bedrock-invocationMetrics"))
    if state.usage is None or (state.counting and metrics is not None):
        state.take_usage(metrics, zeros=True)
        state.counting = state.counting and metrics is None


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


CONVERSE: Mapping[str, Callable[[StreamState, Node], None]] = {
    "messageStart": lambda _state, _node: None,
    "contentBlockStart": lambda _state, _node: None,
    "contentBlockDelta": _converse_delta,
    "contentBlockStop": lambda _state, _node: None,
    "messageStop": _converse_stop,
    "metadata": _converse_metadata,
}


# --- Cohere -----------------------------------------------------------------------------------------------------


def take_cohere_delta(state: StreamState, node: Node, _: str) -> None:
    """Take a piece of a Cohere answer."""
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


def take_cohere_end(state: StreamState, node: Node, _: str) -> None:
    """Take why a Cohere answer ended, and its figures."""
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


def take_interaction(state: StreamState, node: Node, kind: str) -> None:
    """Take an event of an interaction: a piece of a step, or the interaction as it begins or ends."""
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
