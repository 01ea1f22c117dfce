"""The providers' wire formats, after their documentation: whole bodies, and streams as server-sent events.

Law: one `Said` gives the same answer and the same figures whole and streamed, in every format.
"""

import base64
import json
import struct
from dataclasses import dataclass, field, replace
from typing import Any

from frugal import Usage

SERVED = {"gpt-4o": "gpt-4o-2024-08-06", "gpt-4o-mini": "gpt-4o-mini-2024-07-18", "gpt-4.1": "gpt-4.1-2025-04-14"}
"""The dated names that OpenAI answers with."""


@dataclass(frozen=True)
class Said:
    """What a model says, and what it counts for it.

    Args:
        text: the answer.
        usage: the figures, in frugal's disjoint buckets.
        model: the model that was asked.
        finish: why it ended, in the format's own words; `None` for its ordinary end.
        tools: calls of tools, `(id, name, arguments)`.
        refusal: what a refusal says.
        counted: whether a stream carries its figures.
        pieces: how many pieces a stream comes in.
    """

    text: str = "The ledger lost nothing, not even a tenth of a cent."
    usage: Usage = field(default_factory=lambda: Usage(input_tokens=40, cache_read_tokens=24, output_tokens=17))
    model: str = "gpt-4o-mini"
    finish: str | None = None
    tools: tuple[tuple[str, str, dict[str, Any]], ...] = ()
    refusal: str | None = None
    counted: bool = True
    pieces: int = 5

    def parts(self) -> list[str]:
        """Return the text in pieces."""
        size = max(1, -(-len(self.text) // self.pieces))
        return [self.text[at : at + size] for at in range(0, len(self.text), size)] or [""]

    def after(self, pieces: int) -> Usage:
        """Return what was made once so many pieces went out."""
        share = min(1.0, pieces / max(1, len(self.parts())))
        return replace(self.usage, output_tokens=int(self.usage.output_tokens * share))


def sse(data: Any, event: str | None = None) -> bytes:
    """Return one server-sent event."""
    head = f"event: {event}\n" if event else ""
    return f"{head}data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode()


# --- OpenAI: chat completions --------------------------------------------------------------------------------


def _chat_usage(usage: Usage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.total_input_tokens,
        "completion_tokens": usage.total_output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _calls(said: Said) -> list[dict[str, Any]]:
    return [
        {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for id, name, given in said.tools
    ]


def chat(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    """Return a chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": said.text, "refusal": said.refusal, "annotations": []}
    if said.tools:
        message |= {"content": None, "tool_calls": _calls(said)}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_741_569_952,
        "model": SERVED.get(said.model, said.model),
        "choices": [
            {
                "index": 0,
                "message": message,
                "logprobs": None,
                "finish_reason": said.finish or ("tool_calls" if said.tools else "stop"),
            }
        ],
        "usage": _chat_usage(said.usage),
        "service_tier": "default",
        "system_fingerprint": "fp_1",
    }


def chat_events(said: Said, request: dict[str, Any]) -> list[bytes]:
    """Return a streamed chat completion; the figures come only where they were asked for."""
    counted = said.counted and bool((request.get("stream_options") or {}).get("include_usage"))
    head = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1_741_569_952,
        "model": SERVED.get(said.model, said.model),
        "system_fingerprint": "fp_1",
        **({"usage": None} if counted else {}),
    }

    def choice(delta: dict[str, Any], finish: str | None = None) -> bytes:
        return sse({**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]})

    events = [choice({"role": "assistant", "content": "", "refusal": None})]
    if said.tools:
        events += [choice({"tool_calls": [{"index": n, **call}]}) for n, call in enumerate(_calls(said))]
    else:
        events += [choice({"content": part}) for part in said.parts()]
    events.append(choice({}, said.finish or ("tool_calls" if said.tools else "stop")))
    if counted:
        events.append(sse({**head, "choices": [], "usage": _chat_usage(said.usage)}))
    return [*events, sse("[DONE]")]


# --- OpenAI: responses and embeddings ------------------------------------------------------------------------


def response(said: Said, request: dict[str, Any], status: str = "completed") -> dict[str, Any]:
    """Return a response of the Responses API."""
    done = status != "in_progress"
    cut = said.finish is not None
    content = {"type": "output_text", "text": said.text, "annotations": [], "logprobs": []}
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [content]}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_741_476_542,
        "status": ("incomplete" if cut else "completed") if done else status,
        "error": None,
        "incomplete_details": {"reason": said.finish} if cut and done else None,
        "instructions": None,
        "max_output_tokens": None,
        "model": SERVED.get(said.model, said.model),
        "output": [item] if done else [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "service_tier": "default",
        "store": True,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": {
            "input_tokens": said.usage.total_input_tokens,
            "input_tokens_details": {"cached_tokens": said.usage.cache_read_tokens, "cache_write_tokens": 0},
            "output_tokens": said.usage.total_output_tokens,
            "output_tokens_details": {"reasoning_tokens": said.usage.reasoning_tokens},
            "total_tokens": said.usage.total_tokens,
        }
        if done
        else None,
        "user": None,
        "metadata": {},
    }


def response_events(said: Said, request: dict[str, Any]) -> list[bytes]:
    """Return a streamed response."""
    begun, whole = response(said, request, "in_progress"), response(said, request)
    item = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    at = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    done = whole["output"][0]
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": item}),
        ("response.content_part.added", {**at, "part": {"type": "output_text", "text": "", "annotations": []}}),
        *(("response.output_text.delta", {**at, "delta": part, "logprobs": []}) for part in said.parts()),
        ("response.output_text.done", {**at, "text": said.text, "logprobs": []}),
        ("response.content_part.done", {**at, "part": done["content"][0]}),
        ("response.output_item.done", {"output_index": 0, "item": done}),
        ("response.incomplete" if said.finish else "response.completed", {"response": whole}),
    ]
    return [sse({"type": kind, **data, "sequence_number": n}, kind) for n, (kind, data) in enumerate(events)]


def embeddings(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    """Return embeddings, as lists of numbers or, as the SDK asks for them, packed."""
    asked = request["input"] if isinstance(request["input"], list) else [request["input"]]
    vectors: list[Any] = [[float(n), 0.5, len(one) / 8] for n, one in enumerate(asked)]
    if request.get("encoding_format") == "base64":
        vectors = [base64.b64encode(struct.pack("<3f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": n, "embedding": vector} for n, vector in enumerate(vectors)]
    tokens = said.usage.total_input_tokens
    return {
        "object": "list",
        "data": data,
        "model": request["model"],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


# --- Anthropic: messages -------------------------------------------------------------------------------------


def _message_usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "cache_creation_input_tokens": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "cache_read_input_tokens": usage.cache_read_tokens,
        "cache_creation": {
            "ephemeral_5m_input_tokens": usage.cache_write_5m_tokens,
            "ephemeral_1h_input_tokens": usage.cache_write_1h_tokens,
        },
        "output_tokens": usage.total_output_tokens,
        "service_tier": "standard",
    }


def message(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    """Return a message."""
    content: list[dict[str, Any]] = [{"type": "text", "text": said.text, "citations": None}]
    content += [{"type": "tool_use", "id": id, "name": name, "input": given} for id, name, given in said.tools]
    return {
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": content,
        "stop_reason": said.finish or ("tool_use" if said.tools else "end_turn"),
        "stop_sequence": None,
        "usage": _message_usage(said.usage),
    }


def message_events(said: Said, request: dict[str, Any]) -> list[bytes]:
    """Return a streamed message: the input is told at its beginning, the output at its end."""
    begun = {**message(said, request), "content": [], "stop_reason": None}
    begun["usage"] = {**_message_usage(said.usage), "output_tokens": 1}
    end = {"type": "message_delta", "delta": {"stop_reason": said.finish or "end_turn", "stop_sequence": None}}
    if said.counted:
        end["usage"] = {"output_tokens": said.usage.total_output_tokens}
    block = {"type": "text", "text": ""}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": begun},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *(
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": part}}
            for part in said.parts()
        ),
        {"type": "content_block_stop", "index": 0},
        end,
        {"type": "message_stop"},
    ]
    return [sse(event, event["type"]) for event in events]


# --- Gemini --------------------------------------------------------------------------------------------------


def _gemini_usage(usage: Usage) -> dict[str, Any]:
    return {
        "promptTokenCount": usage.total_input_tokens,
        "cachedContentTokenCount": usage.cache_read_tokens,
        "candidatesTokenCount": usage.output_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
        "totalTokenCount": usage.total_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": usage.total_input_tokens}],
    }


def gemini(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    """Return what `generateContent` gives."""
    parts: list[dict[str, Any]] = [{"text": said.text}] if not said.tools else []
    parts += [{"functionCall": {"name": name, "args": given}} for _, name, given in said.tools]
    return {
        "candidates": [
            {"content": {"parts": parts, "role": "model"}, "finishReason": said.finish or "STOP", "index": 0}
        ],
        "usageMetadata": _gemini_usage(said.usage),
        "modelVersion": said.model,
        "responseId": "r-1",
    }


def gemini_events(said: Said, request: dict[str, Any]) -> list[bytes]:
    """Return what `streamGenerateContent` gives; each chunk says what was counted so far."""
    parts = said.parts()
    events = []
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        candidate: dict[str, Any] = {"content": {"parts": [{"text": part}], "role": "model"}, "index": 0}
        if last:
            candidate["finishReason"] = said.finish or "STOP"
        body: dict[str, Any] = {"candidates": [candidate], "modelVersion": said.model, "responseId": "r-1"}
        if said.counted:
            body["usageMetadata"] = _gemini_usage(said.usage if last else said.after(number))
        events.append(sse(body).replace(b"\n\n", b"\r\n\r\n"))
    return events


def gemini_embeddings(said: Said, request: dict[str, Any]) -> dict[str, Any]:
    """Return what `batchEmbedContents` gives: no figures at all."""
    return {"embeddings": [{"values": [float(n), 0.25]} for n, _ in enumerate(request["requests"])]}
