"""Whole responses: every shape, as mappings and as the SDKs' own objects."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from unittest.mock import AsyncMock, MagicMock

import pytest
from anthropic.types import Message
from anthropic.types.beta import BetaMessage
from google.genai.types import EmbedContentResponse, GenerateContentResponse
from openai.types import Completion, CreateEmbeddingResponse, ImagesResponse
from openai.types.audio import Transcription
from openai.types.chat import ChatCompletion, ParsedChatCompletion
from openai.types.responses import Response

from frugal._values.money import usd
from frugal._values.usage import Usage
from frugal.providers import ShapeReader, read, text_of

CHAT = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Grüße", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 92,
        "completion_tokens": 17,
        "total_tokens": 109,
        "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
    "service_tier": "flex",
}
CHAT_USAGE = Usage(input_tokens=87, cache_read_tokens=5, output_tokens=14, reasoning_tokens=3)
MESSAGE = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 12,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6},
        "output_tokens": 29,
        "service_tier": "priority",
    },
}
MESSAGE_USAGE = Usage(12, 5, 4, 6, 0, 0, 29, 0, 0)
GEMINI = {
    "candidates": [
        {
            "content": {"parts": [{"text": "Hm", "thought": True}, {"text": "Hello"}], "role": "model"},
            "finishReason": "STOP",
            "index": 0,
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 9,
        "candidatesTokenCount": 28,
        "totalTokenCount": 281,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}],
        "thoughtsTokenCount": 244,
        "trafficType": "ON_DEMAND",
    },
    "modelVersion": "gemini-3-pro-preview",
}
RESPONSE = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": "gpt-5-mini-2025-08-07",
    "output": [
        {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "why"}]},
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Because", "annotations": []}],
        },
    ],
    "usage": {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 0},
        "output_tokens": 10,
        "output_tokens_details": {"reasoning_tokens": 6},
        "total_tokens": 30,
    },
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "service_tier": "default",
}
BEDROCK = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 30, "outputTokens": 628, "totalTokens": 658},
    "ResponseMetadata": {"HTTPStatusCode": 200},
}
EMBEDDING = {
    "object": "list",
    "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    "model": "text-embedding-3-small",
    "usage": {"prompt_tokens": 12, "total_tokens": 12},
}


@pytest.mark.parametrize("make", [dict, ChatCompletion.model_validate, ParsedChatCompletion.model_validate])
def test_a_chat_completion_is_read_alike_as_a_mapping_and_as_an_object(make):
    """The SDK's object, a parsed one and the JSON say the same."""
    reading = read(make(CHAT))
    assert reading.usage == CHAT_USAGE
    assert (reading.model, reading.provider) == ("gpt-4o-mini-2024-07-18", "openai")
    assert (reading.tier, reading.finish, reading.complete, reading.problem) == ("flex", "stop", True, "")
    assert reading.text_bytes == len("Grüße".encode())


def _named(value):
    if isinstance(value, dict):
        return SimpleNamespace(**{name: _named(inner) for name, inner in value.items()})
    return [_named(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("body", [CHAT, MESSAGE, GEMINI, RESPONSE, BEDROCK, EMBEDDING])
def test_plain_objects_are_read_like_mappings(body):
    """A reader asks for names; where they stand does not matter."""
    assert read(_named(body)) == read(body)


@pytest.mark.parametrize("make", [dict, Message.model_validate, BetaMessage.model_validate])
def test_an_anthropic_message_is_read(make):
    """The cache is apart from the input, and its writes are divided."""
    reading = read(make(MESSAGE))
    assert reading.usage == MESSAGE_USAGE
    assert (reading.provider, reading.tier, reading.finish) == ("anthropic", "priority", "end_turn")


@pytest.mark.parametrize("make", [dict, GenerateContentResponse.model_validate])
def test_gemini_is_read_in_both_spellings(make):
    """The SDK says thoughts_token_count, the API thoughtsTokenCount; both lie outside the candidates."""
    reading = read(make(GEMINI))
    assert reading.usage == Usage(input_tokens=9, output_tokens=28, reasoning_tokens=244)
    assert (reading.model, reading.provider, reading.finish) == ("gemini-3-pro-preview", "google", "STOP")
    assert reading.tier == "standard"
    assert text_of(make(GEMINI)) == "Hello"


@pytest.mark.parametrize("make", [dict, Response.model_validate])
def test_a_response_of_openai_is_read(make):
    """Responses name what Chat Completions call prompt and completion otherwise."""
    reading = read(make(RESPONSE))
    assert reading.usage == Usage(input_tokens=12, cache_read_tokens=8, output_tokens=4, reasoning_tokens=6)
    assert (reading.finish, reading.complete, reading.tier) == ("completed", True, "standard")
    assert text_of(make(RESPONSE)) == "Because"


def test_the_served_tier_is_told_apart_from_none():
    """A request for flex that was served normally says so, for the served tier wins."""
    assert read({**CHAT, "service_tier": "default"}).tier == "standard"
    assert read({**CHAT, "service_tier": None}).tier is None


def test_bedrock_is_read_and_names_no_model():
    """Converse says the model only when a prompt router chose it."""
    reading = read(BEDROCK)
    assert reading.usage == Usage(input_tokens=30, output_tokens=628)
    assert (reading.model, reading.provider) == (None, "aws")
    routed = {**BEDROCK, "trace": {"promptRouter": {"invokedModelId": "anthropic.claude-3-haiku"}}}
    assert read({**routed, "serviceTier": {"type": "flex"}}).model == "anthropic.claude-3-haiku"
    assert read({**routed, "serviceTier": {"type": "flex"}}).tier == "flex"


def test_bedrock_says_its_counts_in_headers_where_the_body_is_a_stream():
    """InvokeModel's body belongs to the caller."""
    reading = read(
        {
            "body": object(),
            "ResponseMetadata": {
                "HTTPHeaders": {
                    "x-amzn-bedrock-input-token-count": "14",
                    "x-amzn-bedrock-output-token-count": "9",
                }
            },
        }
    )
    assert reading.usage == Usage(input_tokens=14, output_tokens=9)


def test_a_bedrock_message_leaves_the_model_to_the_request():
    """Its price goes by the region in the requested id."""
    reading = read({**MESSAGE, "id": "msg_bdrk_01"})
    assert (reading.model, reading.provider) == (None, "aws")
    assert read({**MESSAGE, "id": "msg_vrtx_01"}).provider == "google"


@pytest.mark.parametrize("make", [dict, CreateEmbeddingResponse.model_validate])
def test_an_embedding_has_input_only(make):
    """Nothing is missing from it."""
    reading = read(make(EMBEDDING))
    assert reading.usage == Usage(input_tokens=12)
    assert (reading.problem, reading.complete, reading.provider) == ("", True, "openai")


def test_vertex_embeddings_are_added_up():
    """They count by prediction, google-genai by embedding."""
    raw = {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count": n}}} for n in (5, 6)]}
    assert read(raw).usage == Usage(input_tokens=11)
    made = EmbedContentResponse.model_validate(
        {"embeddings": [{"values": [0.1], "statistics": {"token_count": 5.0}}]},
    )
    assert read(made).usage == Usage(input_tokens=5)
    assert read({"embeddings": [{"values": [0.1]}], "usageMetadata": {"promptTokenCount": 4}}).usage.input_tokens == 4


def test_images_and_transcriptions_are_read():
    """They carry usage in the shape of Responses, and by the second."""
    image = ImagesResponse.model_validate(
        {
            "created": 1,
            "data": [{"b64_json": "AA=="}],
            "usage": {
                "input_tokens": 219,
                "input_tokens_details": {"image_tokens": 194, "text_tokens": 25},
                "output_tokens": 272,
                "total_tokens": 491,
            },
        }
    )
    assert read(image).usage == Usage(input_tokens=25, input_image_tokens=194, output_tokens=272)
    spoken = Transcription.model_validate(
        {
            "text": "Hello there.",
            "usage": {
                "type": "tokens",
                "input_tokens": 14,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                "output_tokens": 7,
                "total_tokens": 21,
            },
        }
    )
    assert read(spoken).usage == Usage(input_tokens=4, input_audio_tokens=10, output_tokens=7)
    assert text_of(spoken) == "Hello there."


def test_legacy_completions_are_read():
    """Their text stands in the choice itself."""
    made = Completion.model_validate(
        {
            "id": "cmpl",
            "object": "text_completion",
            "created": 1,
            "model": "gpt-3.5-turbo-instruct",
            "choices": [{"index": 0, "text": "Hi", "finish_reason": "length", "logprobs": None}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3},
        }
    )
    reading = read(made)
    assert (reading.usage, reading.complete, text_of(made)) == (Usage(input_tokens=1, output_tokens=2), False, "Hi")


def test_dollars_and_counts_that_the_sdk_does_not_know_are_read():
    """OpenRouter's cost and DeepSeek's hits are extra fields of OpenAI's model."""
    usage = {**CHAT["usage"], "cost": 0.0125, "prompt_cache_hit_tokens": 50}
    reading = read(ChatCompletion.model_validate({**CHAT, "usage": usage, "provider": "Azure"}))
    assert reading.stated == usd("0.0125")
    assert reading.usage.cache_read_tokens == 50
    assert reading.provider == "openrouter"


@pytest.mark.parametrize(
    ("change", "provider"),
    [
        ({"x_groq": {"id": "req"}, "model": "openai/gpt-oss-20b"}, "groq"),
        ({"model": "deepseek-chat", "usage": {**CHAT["usage"], "prompt_cache_hit_tokens": 0}}, "deepseek"),
        ({"model": "grok-4", "usage": {**CHAT["usage"], "cost_in_usd_ticks": 5}}, "x-ai"),
        ({"model": "sonar", "citations": ["https://a.b"]}, "perplexity"),
        ({"model": "gpt-4o", "prompt_filter_results": []}, "azure"),
        ({"model": "mistral-large-latest"}, "mistral"),
        ({"model": "gpt-5.1"}, "openai"),
        ({"model": "o3-mini"}, "openai"),
        ({"model": "llama-3.3-70b"}, None),
        ({"model": "gpt-oss-120b"}, None),
        ({"model": None}, None),
    ],
)
def test_a_provider_is_named_on_evidence_only(change, provider):
    """A model of open weights is served by many."""
    assert read({**CHAT, **change}).provider == provider


@pytest.mark.parametrize(
    "body",
    [
        {**CHAT, "choices": [{**CHAT["choices"][0], "finish_reason": "length"}]},
        {**CHAT, "choices": [{**CHAT["choices"][0], "finish_reason": "content_filter"}]},
        {**CHAT, "choices": [{**CHAT["choices"][0], "message": {"content": None, "refusal": "I cannot."}}]},
        {**CHAT, "choices": [CHAT["choices"][0], {**CHAT["choices"][0], "finish_reason": "length"}]},
        {**MESSAGE, "stop_reason": "max_tokens"},
        {**MESSAGE, "stop_reason": "refusal"},
        {**MESSAGE, "stop_reason": "pause_turn"},
        {**MESSAGE, "stop_reason": "model_context_window_exceeded"},
        {**GEMINI, "candidates": [{**GEMINI["candidates"][0], "finishReason": "SAFETY"}]},
        {**GEMINI, "candidates": [{**GEMINI["candidates"][0], "finishReason": "RECITATION"}]},
        {**GEMINI, "candidates": [], "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}},
        {**RESPONSE, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}},
        {**RESPONSE, "status": "failed"},
        {**RESPONSE, "status": "in_progress", "usage": None},
        {**RESPONSE, "output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]},
        {**BEDROCK, "stopReason": "guardrail_intervened"},
        {"finish_reason": "MAX_TOKENS", "message": {}, "usage": {"billed_units": {"input_tokens": 1}}},
    ],
)
def test_answers_cut_short_filtered_or_refused_are_not_whole(body):
    """They are not to be cached."""
    assert read(body).complete is False


@pytest.mark.parametrize("finish", ["stop", "tool_calls", "end_turn", "tool_use", "stop_sequence", "COMPLETE", "eos"])
def test_other_finish_reasons_are_whole_answers(finish):
    """And are passed on as they are."""
    body = {**CHAT, "choices": [{**CHAT["choices"][0], "finish_reason": finish}]}
    assert (read(body).finish, read(body).complete) == (finish, True)


@pytest.mark.parametrize(
    "response",
    [
        None,
        "text",
        b"bytes",
        7,
        1.5,
        True,
        [],
        [CHAT],
        (),
        {1, 2},
        {},
        {"a": 1},
        object(),
        int,
        {"choices": ["red", "green"]},
        {"choices": []},
        {"candidates": [{"name": "Ada"}]},
        {"usage": "daily"},
        {"usage": {"disk": 5}},
        {"output": "x", "status": "ok"},
        {"error": {"message": "no"}},
        {"type": "message", "role": "user", "content": "hi"},
        MagicMock(),
        AsyncMock(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_response_is_none(response):
    """A tool's result, a string, a mock: no reading at all."""
    assert ShapeReader().read(response) is None


def test_a_mock_is_read_by_what_was_set_on_it():
    """Its other attributes would all count as one token."""
    response = MagicMock()
    response.choices = []
    response.model = "gpt-4o"
    response.usage.prompt_tokens = 10
    response.usage.completion_tokens = 4
    assert read(response).usage == Usage(input_tokens=10, output_tokens=4)


@dataclass
class Slotted:
    """A response of somebody's own."""

    __slots__ = ("choices", "model", "usage")
    choices: list
    model: str
    usage: dict


class Computed(Slotted):
    """A response that works its usage out."""

    def __init__(self):
        self.choices = []
        self.model = "gpt-4o"

    @property
    def usage(self):
        """Return the usage."""
        return {"prompt_tokens": 4, "completion_tokens": 2}


def test_slots_and_properties_are_read():
    """They have no dictionary to look into."""
    assert read(Computed()).usage.total_tokens == 6
    made = Slotted([], "gpt-4o", {"prompt_tokens": 3, "completion_tokens": 2})
    assert read(made).usage.total_tokens == 5


def test_a_response_that_raises_when_looked_at_is_none():
    """Metering never breaks the caller's call."""

    class Broken:
        def __getattr__(self, name):
            raise RuntimeError(name)

    class Liar(dict):
        def get(self, name, default=None):
            raise RuntimeError(name)

    assert read(Broken()) is None
    assert read(Liar(choices=[])) is None


def test_bad_figures_keep_the_rest_of_the_reading():
    """The model and the text are good even where the counts are not."""
    reading = read({**CHAT, "usage": {**CHAT["usage"], "prompt_tokens": -92}})
    assert reading.usage is None
    assert reading.problem == "prompt_tokens is -92: it is negative"
    assert (reading.model, reading.text_bytes) == ("gpt-4o-mini-2024-07-18", 7)


def test_raw_responses_are_read_from_the_body_they_hold():
    """`.with_raw_response` gives a wrapper whose `parse` may be a coroutine."""
    httpx = pytest.importorskip("httpx2")
    raw = httpx.Response(200, json=CHAT)
    assert read(raw).usage == CHAT_USAGE
    assert read(SimpleNamespace(http_response=raw)).usage == CHAT_USAGE
    assert read(SimpleNamespace(_raw_response=ChatCompletion.model_validate(CHAT))).usage == CHAT_USAGE
    assert read(httpx.Response(200, text="no json")) is None


def test_a_body_that_has_not_been_read_is_left_alone():
    """Reading it would take it from the caller."""
    httpx = pytest.importorskip("httpx2")
    read_on = []

    def chunks():
        read_on.append(1)
        yield b"{}"

    assert read(SimpleNamespace(http_response=httpx.Response(200, content=chunks()))) is None
    assert read_on == []


def test_the_sdks_raw_responses_are_read():
    """The wrappers of OpenAI and Anthropic, made by the clients themselves over a transport of ours."""
    httpx = pytest.importorskip("httpx2")
    import anthropic
    import openai

    def answer(request):
        return httpx.Response(200, json=MESSAGE if "messages" in request.url.path else CHAT)

    transport = httpx.Client(transport=httpx.MockTransport(answer))
    client = openai.OpenAI(api_key="x", http_client=transport)
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=[])
    assert read(raw).usage == CHAT_USAGE
    assert raw.parse().usage.prompt_tokens == 92
    other = anthropic.Anthropic(api_key="x", http_client=transport)
    raw = other.messages.with_raw_response.create(model="claude", max_tokens=5, messages=[])
    assert read(raw).usage == MESSAGE_USAGE
    assert raw.parse().usage.input_tokens == 12


def test_langchain_messages_are_read():
    """usage_metadata is theirs as well as Gemini's."""
    reading = read(
        {
            "content": "Hi",
            "usage_metadata": {"input_tokens": 10, "output_tokens": 2, "total_tokens": 12},
            "response_metadata": {"model_name": "gpt-4o", "finish_reason": "stop"},
        }
    )
    assert (reading.usage.total_tokens, reading.model, reading.finish) == (12, "gpt-4o", "stop")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("plain", "plain"),
        (MESSAGE, "Hello"),
        (BEDROCK, "Hello"),
        ({**MESSAGE, "content": [{"type": "tool_use", "input": {"city": "Paris"}}]}, '{"city":"Paris"}'),
        ({"choices": [{"message": {"tool_calls": [{"function": {"arguments": "{}"}}]}}]}, "{}"),
        ({"choices": [{"message": {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}}]}, "ab"),
        ({"choices": [{"message": {"content": None, "refusal": "No."}}]}, None),
        (EMBEDDING, None),
        (None, None),
        ([], None),
    ],
)
def test_the_text_is_what_the_model_said(body, text):
    """Neither thoughts nor refusals; calls only where nothing was said."""
    assert text_of(body) == text


def test_thoughts_and_calls_count_for_the_estimate():
    """They are billed as output."""
    body = {
        **MESSAGE,
        "content": [
            {"type": "thinking", "thinking": "abc"},
            {"type": "text", "text": "de"},
            {"type": "tool_use", "input": {"a": 1}},
        ],
    }
    assert read(body).text_bytes == 3 + 2 + len(json.dumps({"a": 1}, separators=(",", ":")))
