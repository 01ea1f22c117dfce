"""Requests: options in any spelling, and how many tokens a request sends."""

from __future__ import annotations

import base64
import dataclasses
from types import SimpleNamespace

import pytest
from google.genai import types
from pydantic import BaseModel

from frugal.ports import RequestReader
from frugal.providers import (
    RequestShapes,
    Tokens,
    choices,
    estimate_input,
    estimate_text,
    has_images,
    has_tools,
    is_streaming,
    output_limit,
    requested_model,
    requested_tier,
)
from frugal.providers.media import image_tokens

PNG = base64.b64encode(b"\x89PNG" + b"\0" * 3000).decode()


def user(*blocks):
    """Make a request with one message."""
    return {"messages": [{"role": "user", "content": list(blocks)}], "model": "gpt-4o"}


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [
        ({"max_tokens": 100}, 100),
        ({"max_completion_tokens": 100}, 100),
        ({"max_output_tokens": 100}, 100),
        ({"maxOutputTokens": 100}, 100),
        ({"config": types.GenerateContentConfig(max_output_tokens=100)}, 100),
        ({"config": {"max_output_tokens": 100}}, 100),
        ({"generation_config": SimpleNamespace(max_output_tokens=100)}, 100),
        ({"generationConfig": {"maxOutputTokens": 100}}, 100),
        ({"inferenceConfig": {"maxTokens": 100}}, 100),
        ({"kwargs": {"max_tokens": 100}}, 100),
        ({"extra_body": {"max_new_tokens": 100}}, 100),
        ({"request": {"body": {"max_tokens": 100}}}, 100),
        ({"max_tokens": 50, "max_completion_tokens": 100}, 100),
        ({"max_tokens": 100.0}, 100),
        ({}, None),
        ({"max_tokens": None}, None),
        ({"max_tokens": 0}, None),
        ({"max_tokens": -5}, None),
        ({"max_tokens": 1.5}, None),
        ({"max_tokens": float("inf")}, None),
        ({"max_tokens": True}, None),
        ({"max_tokens": "100"}, None),
    ],
)
def test_the_output_limit_is_found_in_any_spelling(arguments, limit):
    """And what is no limit is none."""
    assert output_limit(arguments) == limit


@pytest.mark.parametrize(
    ("arguments", "number"),
    [({"n": 3}, 3), ({"best_of": 4, "n": 2}, 4), ({"config": {"candidate_count": 2}}, 2), ({}, 1), ({"n": -1}, 1)],
)
def test_choices_are_counted(arguments, number):
    """Each is billed."""
    assert choices(arguments) == number


@pytest.mark.parametrize(
    ("arguments", "model"),
    [
        ({"model": "gpt-4o"}, "gpt-4o"),
        ({"modelId": "amazon.nova-lite-v1:0"}, "amazon.nova-lite-v1:0"),
        ({"kwargs": {"model": "claude"}}, "claude"),
        ({"model": None}, None),
        ({"model": ""}, None),
        ({"model": 5}, None),
        ({}, None),
    ],
)
def test_the_model_is_found_in_any_spelling(arguments, model):
    """A model is a name."""
    assert requested_model(arguments) == model


@pytest.mark.parametrize(
    ("arguments", "tier"),
    [
        ({"service_tier": "flex"}, "flex"),
        ({"service_tier": "auto"}, None),
        ({"service_tier": "default"}, None),
        ({"serviceTier": {"type": "priority"}}, "priority"),
        ({"speed": "fast"}, "fast"),
        ({"extra_body": {"service_tier": "priority"}}, "priority"),
        ({}, None),
    ],
)
def test_the_tier_is_found_in_any_spelling(arguments, tier):
    """The normal one is none."""
    assert requested_tier(arguments) == tier


def test_tools_streams_and_images_are_seen():
    """Wherever the SDKs take them."""
    assert has_tools({"tools": [{"type": "function"}]})
    assert has_tools({"toolConfig": {"tools": [{"toolSpec": {}}]}})
    assert has_tools({"config": types.GenerateContentConfig(tools=[types.Tool(google_search=types.GoogleSearch())])})
    assert not has_tools({"tools": None, "functions": []})
    assert is_streaming({"kwargs": {"stream": True}})
    assert not is_streaming({"stream": "yes"})


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        {"type": "input_image", "image_url": "https://a.b/c.png"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
        {"image": {"format": "png", "source": {"bytes": b"\x89PNG"}}},
        {"inline_data": {"mime_type": "image/png", "data": b"\x89PNG"}},
        {"inlineData": {"mimeType": "image/png", "data": PNG}},
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://a/b"}},
        types.Part.from_bytes(data=b"\x89PNG", mime_type="image/png"),
        types.Part.from_uri(file_uri="gs://a/b.png", mime_type="image/png"),
    ],
    ids=lambda block: type(block).__name__ if not isinstance(block, dict) else ",".join(block),
)
def test_images_cost_what_the_table_says_not_their_bytes(block):
    """A photograph in base64 is a megabyte, and a thousand tokens."""
    request = user(block)
    assert has_images(request)
    assert estimate_input(request).typical < 1_000 + 50
    assert estimate_input(request).most < 1_445 + 150


def test_images_are_priced_by_model_and_detail():
    """gpt-4o-mini counts thirty times as many tokens for the same price."""
    assert image_tokens("gpt-4o-mini").most == 48_169
    assert image_tokens("gpt-4o", "low") == Tokens(85, 85)
    assert image_tokens("claude-opus-4-8").most == 4_784
    assert image_tokens(None).most >= 6_404
    low = user({"type": "image_url", "image_url": {"url": "https://a.b", "detail": "low"}})
    assert estimate_input(low).most < 250


def test_sound_documents_and_videos_are_bounded_by_their_length():
    """Referred to, they are bounded by an hour or a window."""
    sound = user({"type": "input_audio", "input_audio": {"data": "A" * 1_280_000, "format": "mp3"}})
    assert estimate_input(sound).typical < 3_000
    assert estimate_input(sound).most > 960_000 / 16_000 * 32
    pdf = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * 80_000}}
    assert 2_000 < estimate_input(user(pdf)).typical < 5_000
    assert estimate_input(user({"type": "file", "file": {"file_id": "file-1"}})).most > 200_000
    plain = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "a" * 4_000}}
    assert 1_000 <= estimate_input(user(plain)).typical < 1_100
    assert estimate_input({"input": b"\0" * 30_000}).typical > 1_000


def test_text_is_bounded_by_its_bytes():
    """A token is a byte at least; four Latin letters or one Chinese character make one as a rule."""
    assert estimate_text("") == Tokens(0, 0)
    assert estimate_text("a" * 400) == Tokens(400, 100)
    assert estimate_text("漢" * 100) == Tokens(300, 100)
    assert estimate_text("\ud800").most == 3


def test_settings_are_not_sent():
    """A key, a user and a temperature cost nothing; tools and schemas do."""
    plain = estimate_input({"messages": "Hello"})
    settings = {"api_key": "x" * 500, "user": "u" * 500, "temperature": 0.5, "extra_headers": {"a": "b" * 500}}
    assert estimate_input({"messages": "Hello", **settings}) == plain
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "description": "x" * 400}}}
    assert estimate_input({"messages": "Hello", "tools": [tool]}).typical > plain.typical + 100 + 350


def test_objects_that_are_no_data_are_not_sent():
    """A client stands among the arguments of a method."""

    class Client:
        def __init__(self):
            self.secret = "x" * 10_000

    assert estimate_input({"self": Client(), "client": Client(), "http": Client(), "prompt": "Hi"}).most < 100


def test_data_of_any_kind_is_sent():
    """Dataclasses, the SDKs' objects, schemas given as classes, functions given as tools."""

    @dataclasses.dataclass
    class Turn:
        text: str

    class Answer(BaseModel):
        """An answer."""

        city: str
        population: int

    def weather(city: str) -> str:
        """Return the weather of a city."""
        return city

    assert estimate_input({"turns": [Turn("a" * 400)]}).typical >= 100
    content = types.Content(role="user", parts=[types.Part.from_text(text="a" * 400)])
    assert estimate_input({"contents": [content]}).typical >= 100
    assert estimate_input({"response_format": Answer}).typical > 30
    assert estimate_input({"tools": [weather]}).typical > 350 + 10


def test_one_object_in_many_places_is_sent_many_times():
    """It is looked at once, and counted as often as it stands there."""
    turn = {"role": "user", "content": [{"type": "text", "text": "a" * 400}]}
    assert estimate_input({"messages": [turn] * 50}).typical >= 50 * 100


def test_recursion_bombs_end():
    """Cycles, depth and doubling all end at once."""
    cycle: list = []
    cycle.append(cycle)
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    doubling: list = ["x"]
    for _ in range(60):
        doubling = [doubling, doubling]
    nested: dict = {}
    nested["kwargs"] = nested
    for value in (cycle, deep):
        assert estimate_input({"messages": value}).most < 2_000
    assert estimate_input({"messages": doubling}).most >= 2**60
    assert output_limit(nested) is None
    assert requested_model(nested) is None
    assert estimate_input(nested).most < 100


def test_a_request_reader_stands_behind_the_port():
    """Typical first, and the limit over all choices."""
    reader: RequestReader = RequestShapes()
    arguments = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100, "n": 2}
    typical, most = reader.input_tokens(arguments)
    assert 0 < typical <= most
    assert reader.output_limit(arguments) == 200
    assert reader.output_limit({}) is None
    assert (reader.model(arguments), reader.tier(arguments)) == ("gpt-4o", None)
    assert reader.status(ValueError()) is None
