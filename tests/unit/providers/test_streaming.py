"""Streams: every provider's events, as objects, as mappings, and as bytes cut anywhere; cut short, and joined."""

from __future__ import annotations

import json
from types import SimpleNamespace

import anthropic
import openai
import pytest
from anthropic.types import (
    RawMessageDeltaEvent,
    RawMessageStartEvent,
)
from google.genai.types import GenerateContentResponse
from openai.types.chat import ChatCompletionChunk

from frugal._values.money import usd
from frugal._values.usage import Usage
from frugal.providers import ShapeReader, snapshot
from frugal.providers.wire import Wire


def after(events, *, until=None):
    """Read a stream's events, up to one of them."""
    stream = ShapeReader().stream()
    for event in events[:until]:
        stream.feed(event)
    return stream.reading()


def chunk(content=None, finish=None, **more):
    """Make a chunk in OpenAI's shape."""
    delta = {} if content is None else {"content": content}
    return {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "gpt-4o-2024-08-06",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        "usage": None,
        **more,
    }


USAGE = {
    "prompt_tokens": 54,
    "completion_tokens": 20,
    "total_tokens": 74,
    "prompt_tokens_details": {"cached_tokens": 4},
}
CHAT = [chunk("Grü"), chunk("ße"), chunk(finish="stop"), chunk(choices=[], usage=USAGE)]
CHAT_USAGE = Usage(input_tokens=50, cache_read_tokens=4, output_tokens=20)

START = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 2,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 30, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1,
            "service_tier": "standard",
        },
    },
}
MESSAGE = [
    START,
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "ping"},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}},
    {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"input_tokens": 6, "cache_creation_input_tokens": 33, "output_tokens": 198},
    },
    {"type": "message_stop"},
]
MESSAGE_USAGE = Usage(input_tokens=6, cache_read_tokens=7, cache_write_5m_tokens=33, output_tokens=198)


def response_events(number=1, **more):
    """Make the events of OpenAI's Responses."""
    ended = {
        "id": f"resp_{number}",
        "object": "response",
        "model": "gpt-5.5",
        "output": [],
        "status": "completed",
        "usage": {
            "input_tokens": 11,
            "input_tokens_details": {"cached_tokens": 1},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 2},
        },
        **more,
    }
    begun = {**ended, "status": "in_progress", "usage": None, "incomplete_details": None}
    return [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_text.delta", "delta": "Hel"},
        {"type": "response.output_text.delta", "delta": "lo"},
        {"type": "response.output_text.done", "text": "Hello"},
        {"type": f"response.{ended['status']}", "response": ended},
    ]


GEMINI = [
    {
        "candidates": [{"content": {"parts": [{"text": "He"}]}, "index": 0}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 13, "thoughtsTokenCount": 302},
        "modelVersion": "gemini-3-pro-preview",
    },
    {
        "candidates": [{"content": {"parts": [{"text": "llo"}]}, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 23, "thoughtsTokenCount": 302},
        "modelVersion": "gemini-3-pro-preview",
    },
]
BEDROCK = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockStart": {"start": {"toolUse": {"name": "f"}}, "contentBlockIndex": 1}},
    {"contentBlockDelta": {"delta": {"text": "Hello"}, "contentBlockIndex": 0}},
    {"contentBlockDelta": {"delta": {"toolUse": {"input": "{}"}}, "contentBlockIndex": 1}},
    {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "Hm"}}, "contentBlockIndex": 2}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "end_turn"}},
    {"metadata": {"usage": {"inputTokens": 22, "outputTokens": 55, "totalTokens": 77}, "metrics": {"latencyMs": 5}}},
]
COHERE = [
    {"type": "message-start", "id": "x", "delta": {"message": {"role": "assistant", "content": [], "tool_calls": []}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "Paris"}}}},
    {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {"function": {"arguments": "{}"}}}}},
    {
        "type": "message-end",
        "delta": {
            "finish_reason": "COMPLETE",
            "usage": {"billed_units": {"input_tokens": 12, "output_tokens": 7}, "tokens": {"input_tokens": 507}},
        },
    },
]
INTERACTION = [
    {"event_type": "interaction.created", "interaction": {"object": "interaction", "model": "gemini-2.5-flash"}},
    {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "Hello"}},
    {
        "event_type": "interaction.completed",
        "interaction": {
            "object": "interaction",
            "status": "completed",
            "model": "gemini-2.5-flash",
            "usage": {"total_input_tokens": 7, "total_output_tokens": 26, "total_thought_tokens": 115},
        },
    },
]

STREAMS = {
    "chat": (CHAT, CHAT_USAGE, "gpt-4o-2024-08-06", "openai", "stop", 7),
    "messages": (MESSAGE, MESSAGE_USAGE, "claude-sonnet-4-5", "anthropic", "end_turn", 9),
    "responses": (response_events(), Usage(10, 1, 0, 0, 0, 0, 3, 2, 0), "gpt-5.5", "openai", "completed", 5),
    "gemini": (GEMINI, Usage(9, 0, 0, 0, 0, 0, 23, 302, 0), "gemini-3-pro-preview", "google", "STOP", 5),
    "bedrock": (BEDROCK, Usage(input_tokens=22, output_tokens=55), None, "aws", "end_turn", 9),
    "cohere": (COHERE, Usage(input_tokens=12, output_tokens=7), None, "cohere", "COMPLETE", 7),
    "interactions": (INTERACTION, Usage(7, 0, 0, 0, 0, 0, 26, 115, 0), "gemini-2.5-flash", "google", "completed", 5),
}


def check(reading, expected):
    """Compare what matters of a finished stream."""
    _, usage, model, provider, finish, length = expected
    found = (reading.usage, reading.model, reading.provider, reading.finish, reading.text_bytes)
    assert found == (usage, model, provider, finish, length)
    assert reading.complete
    assert reading.problem == ""


@pytest.mark.parametrize("expected", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_of_mappings_is_read(expected):
    """Each provider's events end in one reading."""
    check(after(expected[0]), expected)


@pytest.mark.parametrize("expected", STREAMS.values(), ids=STREAMS.keys())
@pytest.mark.parametrize("kind", ["sse", "named sse", "lines", "array", "text"])
@pytest.mark.parametrize("step", [1, 7, 10**6])
def test_a_stream_of_bytes_is_read_however_it_is_cut(expected, kind, step):
    """Server-sent events, JSON Lines and arrays, byte by byte and at once."""
    lines = [json.dumps(event, ensure_ascii=False) for event in expected[0]]
    match kind:
        case "named sse":
            body = "".join(f"event: x\r\ndata: {line}\r\n\r\n" for line in lines) + "data: [DONE]\r\n\r\n"
        case "lines":
            body = "\n".join(lines)
        case "array":
            body = "[" + ",\n".join(lines) + "]\n"
        case _:
            body = "".join(f"data: {line}\n\n" for line in lines)
    stream = ShapeReader().stream()
    data = body if kind == "text" else body.encode()
    for at in range(0, len(data), step):
        stream.feed(data[at : at + step])
    check(stream.reading(), expected)


@pytest.mark.parametrize("expected", STREAMS.values(), ids=STREAMS.keys())
def test_looking_at_a_stream_changes_nothing(expected):
    """A budget looks after every chunk."""
    stream = ShapeReader().stream()
    for line in (json.dumps(event).encode() for event in expected[0]):
        for part in (b"data: ", line[:9], line[9:], b"\n\n"):
            stream.feed(part)
            stream.reading()
    check(stream.reading(), expected)


@pytest.mark.parametrize("expected", STREAMS.values(), ids=STREAMS.keys())
def test_a_stream_cut_short_is_not_finished(expected):
    """What is known is told; that it is not all, too."""
    reading = after(expected[0], until=3 if expected[0] is not GEMINI else 1)
    if expected[0] is CHAT:
        reading = after(CHAT, until=2)
    if expected[0] is INTERACTION:
        reading = after(INTERACTION, until=2)
    assert reading.finish is None
    assert reading.complete is False
    assert reading.provider == expected[3]


def test_a_cut_anthropic_stream_knows_its_input():
    """The input is in the first event; the output is what it began with, and the text's length is there."""
    reading = after(MESSAGE, until=5)
    assert reading.usage == Usage(input_tokens=2, cache_read_tokens=7, cache_write_5m_tokens=30, output_tokens=1)
    assert (reading.text_bytes, reading.finish) == (7, None)


def test_the_sdks_events_are_read():
    """Objects of the three SDKs, as their streams yield them."""
    check(after([ChatCompletionChunk.model_validate(event) for event in CHAT]), STREAMS["chat"])
    check(after([GenerateContentResponse.model_validate(event) for event in GEMINI]), STREAMS["gemini"])
    typed = [RawMessageStartEvent.model_validate(START), *MESSAGE[1:7]]
    typed += [RawMessageDeltaEvent.model_validate(MESSAGE[7]), *MESSAGE[8:]]
    check(after(typed), STREAMS["messages"])


def test_usage_in_every_chunk_is_cumulative():
    """Perplexity sends it with each; the last one holds."""
    growing = [chunk("a", usage={"prompt_tokens": 9, "completion_tokens": n}) for n in (1, 2, 3)]
    assert after(growing).usage == Usage(input_tokens=9, output_tokens=3)


def test_a_chunk_that_says_only_the_traffic_keeps_the_counts():
    """Vertex does so in all but one of its chunks."""
    quiet = {"candidates": [], "usageMetadata": {"trafficType": "ON_DEMAND_PRIORITY"}}
    reading = after([quiet, GEMINI[1], quiet])
    assert reading.usage == Usage(input_tokens=9, output_tokens=23, reasoning_tokens=302)
    assert reading.tier == "priority"


def test_a_stream_without_usage_knows_its_text():
    """It is estimated from its length."""
    reading = after(CHAT, until=3)
    assert (reading.usage, reading.text_bytes, reading.finish, reading.complete) == (None, 7, "stop", True)


def test_dollars_in_the_last_chunk_are_read():
    """OpenRouter's cost comes with the usage."""
    reading = after([*CHAT[:3], chunk(choices=[], usage={**USAGE, "cost": 0.0001017}, provider="OpenAI")])
    assert (reading.stated, reading.provider) == (usd("0.0001017"), "openrouter")


def test_groqs_usage_under_its_own_name_is_read():
    """Its older streams have x_groq only."""
    assert after([*CHAT[:3], chunk(choices=[], x_groq={"usage": USAGE})]).usage == CHAT_USAGE


def test_responses_in_one_stream_are_added():
    """A proxy that joins an agent's steps passes on several responses; each was billed."""
    reading = after([*response_events(1), *response_events(2)])
    assert reading.usage == Usage(20, 2, 0, 0, 0, 0, 6, 4, 0)
    assert after([*MESSAGE, *MESSAGE]).usage == MESSAGE_USAGE + MESSAGE_USAGE


def test_a_message_that_starts_anew_before_its_end_is_not_added():
    """A server that retries starts the same message twice."""
    assert after([START, START, *MESSAGE[1:]]).usage == MESSAGE_USAGE


@pytest.mark.parametrize(
    ("events", "finish"),
    [
        (response_events(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "max_output_tokens"),
        (response_events(status="failed"), "failed"),
        ([*CHAT[:2], chunk(finish="length")], "length"),
        ([*MESSAGE[:7], {**MESSAGE[7], "delta": {"stop_reason": "refusal"}}], "refusal"),
        ([*MESSAGE[:4], {"type": "error", "error": {"type": "overloaded_error"}}], "error"),
        ([CHAT[0], {"error": {"message": "no", "code": 502}}], "error"),
    ],
)
def test_streams_that_end_badly_are_not_whole(events, finish):
    """Their finish reason says why."""
    reading = after(events)
    assert (reading.finish, reading.complete) == (finish, False)


def test_bad_counts_in_a_stream_are_noted():
    """One bad event makes the usage untrustworthy, not the stream."""
    bad = {**MESSAGE[7], "usage": {"output_tokens": -5}}
    reading = after([*MESSAGE[:7], bad, MESSAGE[8]])
    assert reading.usage is None
    assert reading.problem == "output_tokens is -5: it is negative"
    assert reading.text_bytes == 9


def test_wrapped_events_are_unwrapped():
    """Mistral's SDK, OpenAI's helper, InvokeModel on Bedrock."""
    check(after([SimpleNamespace(data=ChatCompletionChunk.model_validate(event)) for event in CHAT]), STREAMS["chat"])
    helper = [{"type": "chunk", "chunk": event, "snapshot": {}} for event in CHAT]
    helper.insert(1, {"type": "content.delta", "delta": "Grü", "snapshot": "Grü"})
    check(after(helper), STREAMS["chat"])
    wrapped = after([{"chunk": {"bytes": json.dumps(event).encode()}} for event in MESSAGE])
    assert (wrapped.usage, wrapped.provider, wrapped.text_bytes) == (MESSAGE_USAGE, "aws", 9)


def test_transcriptions_and_images_in_a_stream_are_read():
    """They end in an event with usage."""
    reading = after(
        [
            {"type": "transcript.text.delta", "delta": "Hel"},
            {
                "type": "transcript.text.done",
                "text": "Hel",
                "usage": {"type": "tokens", "input_tokens": 14, "output_tokens": 7, "total_tokens": 21},
            },
        ]
    )
    assert (reading.usage, reading.text_bytes) == (Usage(input_tokens=14, output_tokens=7), 3)
    image = {"type": "image_generation.completed", "usage": {"input_tokens": 5, "output_tokens": 9}}
    assert after([image]).usage == Usage(input_tokens=5, output_tokens=9)


@pytest.mark.parametrize(
    ("chunks", "length"),
    [
        (["Hel", "lo wörld"], 12),
        (['{"answer"', ": 42}"], 14),
        (["d", "at", "e"], 4),
        (["data", "base"], 8),
        (["[1, 2", "]"], 6),
        ([" ", "\n"], 2),
    ],
)
def test_a_stream_of_plain_text_knows_its_length(chunks, length):
    """A generator of text says nothing else; JSON that is an answer is text as well."""
    reading = after(chunks)
    assert (reading.usage, reading.model, reading.text_bytes) == (None, None, length)


@pytest.mark.parametrize("chunks", [[], [None, 5], [b"\x00\x01\x02"], [object()], [{"a": 1}], [b"RIFF....WAVE"], [""]])
def test_a_stream_of_anything_else_is_no_reading(chunks):
    """Sound is not text."""
    assert after(chunks) is None


def test_a_chunk_that_raises_is_passed_over():
    """The stream is the caller's, and goes on."""

    class Liar(dict):
        def get(self, name, default=None):
            raise RuntimeError(name)

    check(after([CHAT[0], Liar(choices=[]), *CHAT[1:]]), STREAMS["chat"])


def test_events_of_many_lines_and_broken_events_are_read_around():
    """The standard lets an event's data take several lines; a broken one takes nothing with it."""
    body = b'data: {"choices":\ndata: []}\n\ndata: {broken\n\n: comment\nid: 7\n\ndata: {"b": 1}'
    wire = Wire()
    assert wire.feed(body) == [{"choices": []}]
    assert wire.tail() == [{"b": 1}]
    assert wire.tail() == []


def test_nesting_that_no_parser_bears_is_passed_over():
    """A bomb of brackets is no event."""
    wire = Wire()
    assert wire.feed(b"data: " + b"[" * 100_000 + b"\n\n" + b"data: {}\n\n") == [{}]
    assert Wire().feed(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n{}") == [{}]


# --- the SDKs' own streams over a transport of ours ---------------------------------------------------------------


def sse(events, *, named=False):
    """Make the body of a stream."""
    return "".join(
        (f"event: {event['type']}\n" if named else "") + f"data: {json.dumps(event)}\n\n" for event in events
    )


def clients(body):
    """Make both SDKs' clients, answering with one body."""
    httpx = pytest.importorskip("httpx2")

    def answer(_request):
        return httpx.Response(200, text=body, headers={"content-type": "text/event-stream"})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    return openai.OpenAI(api_key="x", http_client=client), anthropic.Anthropic(api_key="x", http_client=client)


def test_the_events_of_anthropics_helper_are_read_once():
    """It fires its own text events beside the raw ones."""
    _, client = clients(sse(MESSAGE[:4] + MESSAGE[6:], named=True))
    reader = ShapeReader().stream()
    with client.messages.stream(model="claude", max_tokens=5, messages=[]) as stream:
        for event in stream:
            reader.feed(event)
    reading = reader.reading()
    assert (reading.usage, reading.text_bytes, reading.finish) == (MESSAGE_USAGE, 5, "end_turn")


def test_a_snapshot_of_anthropics_helper_is_the_message_so_far():
    """Before the first event there is none, in the middle it is not whole, at the end it is."""
    _, client = clients(sse(MESSAGE[:4] + MESSAGE[6:], named=True))
    manager = client.messages.stream(model="claude", max_tokens=5, messages=[])
    assert snapshot(manager) is None
    with manager as stream:
        assert snapshot(stream) is None
        next(iter(stream))
        part = snapshot(stream)
        assert (part.complete, part.usage.total_input_tokens) == (False, 39)
        stream.until_done()
        for held in (stream, manager):
            whole = snapshot(held)
            assert (whole.complete, whole.finish, whole.usage.output_tokens) == (True, "end_turn", 198)


def test_snapshots_of_openais_helpers_are_what_they_gathered():
    """Chat Completions keep a snapshot, Responses the completed one."""
    client, _ = clients(sse(CHAT) + "data: [DONE]\n\n")
    with client.chat.completions.stream(model="gpt-4o", messages=[]) as stream:
        assert snapshot(stream) is None
        stream.until_done()
        assert (snapshot(stream).usage, snapshot(stream).finish) == (CHAT_USAGE, "stop")
    events = [{**event, "sequence_number": n} for n, event in enumerate(response_events())]
    kept = {"created_at": 1, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
    for event in events:
        if "response" in event:
            event["response"] = {**event["response"], **kept}
    shown = [event for event in events if "text" not in event["type"]]
    client, _ = clients(sse(shown, named=True))
    with client.responses.stream(model="gpt-5.5", input="x") as stream:
        assert snapshot(stream) is None
        stream.until_done()
        assert snapshot(stream).usage.total_tokens == 16


@pytest.mark.parametrize("value", [None, object(), "text", 5, {}, [], iter(())])
def test_what_gathers_nothing_has_no_snapshot(value):
    """And is not touched."""
    assert snapshot(value) is None
    assert ShapeReader().snapshot(value) is None
