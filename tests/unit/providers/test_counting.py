"""What a provider's counts become: the tables of keys, the arithmetic of buckets, stated dollars and notes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from frugal._values.money import usd
from frugal._values.usage import Usage
from frugal.errors import InvalidUsageError
from frugal.providers.counts import tally, whole
from frugal.providers.figures import figures

INCLUSIVE = {
    "prompt_tokens": 100,
    "completion_tokens": 50,
    "total_tokens": 150,
    "prompt_tokens_details": {"cached_tokens": 30, "audio_tokens": 10, "cache_write_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 20, "audio_tokens": 4},
}

CASES = {
    "OpenAI counts every part inside its totals": (
        INCLUSIVE,
        Usage(55, 30, 5, 0, 10, 0, 26, 20, 4),
    ),
    "Responses likewise": (
        {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 30},
            "output_tokens": 50,
            "output_tokens_details": {"reasoning_tokens": 20},
            "total_tokens": 150,
        },
        Usage(input_tokens=70, cache_read_tokens=30, output_tokens=30, reasoning_tokens=20),
    ),
    "Anthropic counts its cache apart and divides the writes": (
        {
            "input_tokens": 10,
            "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 50,
            "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 30},
            "output_tokens": 40,
            "output_tokens_details": {"thinking_tokens": 15},
        },
        Usage(10, 200, 20, 30, 0, 0, 25, 15, 0),
    ),
    "Anthropic without a breakdown writes for five minutes": (
        {"input_tokens": 10, "cache_creation_input_tokens": 50, "output_tokens": 40},
        Usage(input_tokens=10, cache_write_5m_tokens=50, output_tokens=40),
    ),
    "a breakdown that a stream began with leaves the rest to the same lifetime": (
        {
            "input_tokens": 6,
            "cache_creation_input_tokens": 90,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 50},
            "output_tokens": 1,
        },
        Usage(input_tokens=6, cache_write_1h_tokens=90, output_tokens=1),
    ),
    "Bedrock counts its cache apart, and its total holds it": (
        {
            "inputTokens": 10,
            "outputTokens": 5,
            "totalTokens": 45,
            "cacheReadInputTokens": 20,
            "cacheWriteInputTokens": 10,
            "cacheDetails": [{"ttl": "1h", "inputTokens": 10}],
        },
        Usage(input_tokens=10, cache_read_tokens=20, cache_write_1h_tokens=10, output_tokens=5),
    ),
    "Gemini counts thoughts and tool results apart, and its cache inside": (
        {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 30,
            "toolUsePromptTokenCount": 7,
            "totalTokenCount": 147,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 80}, {"modality": "IMAGE", "tokenCount": 20}],
            "cacheTokensDetails": [{"modality": "TEXT", "tokenCount": 40}],
        },
        Usage(47, 40, 0, 0, 0, 20, 10, 30, 0),
    ),
    "Gemini's audio in and out stands in its buckets": (
        {
            "prompt_token_count": 60,
            "prompt_tokens_details": [
                {"modality": "AUDIO", "token_count": 50},
                {"modality": "TEXT", "token_count": 10},
            ],
            "candidates_token_count": 25,
            "candidates_tokens_details": [{"modality": "AUDIO", "token_count": 20}],
        },
        Usage(10, 0, 0, 0, 50, 0, 5, 0, 20),
    ),
    "DeepSeek says its cache hits twice": (
        {
            "prompt_tokens": 495,
            "completion_tokens": 144,
            "prompt_cache_hit_tokens": 320,
            "prompt_cache_miss_tokens": 175,
            "prompt_tokens_details": {"cached_tokens": 320},
        },
        Usage(input_tokens=175, cache_read_tokens=320, output_tokens=144),
    ),
    "xAI's reasoning is not in completion_tokens: its total says so": (
        {
            "prompt_tokens": 12,
            "completion_tokens": 2,
            "total_tokens": 354,
            "prompt_tokens_details": {"text_tokens": 12, "cached_tokens": 11},
            "completion_tokens_details": {"reasoning_tokens": 340},
        },
        Usage(input_tokens=1, cache_read_tokens=11, output_tokens=2, reasoning_tokens=340),
    ),
    "Moonshot's cached_tokens stand at the top": (
        {"prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50, "cached_tokens": 10},
        Usage(input_tokens=10, cache_read_tokens=10, output_tokens=30),
    ),
    "LiteLLM keeps Anthropic's keys but counts inclusively": (
        {
            "prompt_tokens": 260,
            "completion_tokens": 5,
            "total_tokens": 265,
            "cache_read_input_tokens": 200,
            "cache_creation_input_tokens": 50,
            "prompt_tokens_details": {
                "cached_tokens": 200,
                "cache_creation_tokens": 50,
                "cache_creation_token_details": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 50},
            },
        },
        Usage(input_tokens=10, cache_read_tokens=200, cache_write_1h_tokens=50, output_tokens=5),
    ),
    "a proxy that counts Anthropic's cache apart is found out by its total": (
        {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 215, "cache_read_input_tokens": 200},
        Usage(input_tokens=10, cache_read_tokens=200, output_tokens=5),
    ),
    "Cohere bills its billed units, not its tokens": (
        {
            "billed_units": {"input_tokens": 39.0, "output_tokens": 27.0},
            "tokens": {"input_tokens": 1683, "output_tokens": 62},
            "cached_tokens": 992,
        },
        Usage(input_tokens=39, output_tokens=27),
    ),
    "Gemini's Interactions have names of their own": (
        {"total_tokens": 148, "total_input_tokens": 7, "total_output_tokens": 26, "total_thought_tokens": 115},
        Usage(input_tokens=7, output_tokens=26, reasoning_tokens=115),
    ),
    "LangChain's totals hold its details": (
        {
            "input_tokens": 100,
            "output_tokens": 20,
            "total_tokens": 120,
            "input_token_details": {"cache_read": 60, "cache_creation": 10},
            "output_token_details": {"reasoning": 5},
        },
        Usage(30, 60, 10, 0, 0, 0, 15, 5, 0),
    ),
    "Realtime says which of the cached tokens are sound": (
        {
            "input_tokens": 100,
            "output_tokens": 10,
            "input_token_details": {
                "cached_tokens": 60,
                "text_tokens": 40,
                "audio_tokens": 60,
                "cached_tokens_details": {"text_tokens": 20, "audio_tokens": 40},
            },
        },
        Usage(input_tokens=20, cache_read_tokens=60, input_audio_tokens=20, output_tokens=10),
    ),
    "a count of zero is a count, not an absence": (
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        Usage(),
    ),
    "details that are null are absent": (
        {"prompt_tokens": 19, "completion_tokens": 1, "prompt_tokens_details": None, "reasoning_tokens": None},
        Usage(input_tokens=19, output_tokens=1),
    ),
}


@pytest.mark.parametrize(("body", "expected"), CASES.values(), ids=CASES.keys())
def test_counts_become_disjoint_buckets(body, expected):
    """Every convention ends in the same buckets."""
    assert figures(body).usage == expected


BAD = {
    "negative": {"prompt_tokens": -1, "completion_tokens": 5},
    "a fraction": {"prompt_tokens": 1.5, "completion_tokens": 5},
    "text": {"prompt_tokens": "12", "completion_tokens": 5},
    "a bool": {"prompt_tokens": True, "completion_tokens": 5},
    "not a number": {"prompt_tokens": float("nan"), "completion_tokens": 5},
    "infinite": {"prompt_tokens": float("inf"), "completion_tokens": 5},
    "absurd": {"prompt_tokens": 10**13, "completion_tokens": 5},
    "too long to print": {"prompt_tokens": 10**5000, "completion_tokens": 5},
    "a list": {"prompt_tokens": [], "completion_tokens": 5},
    "output missing": {"prompt_tokens": 12},
    "input missing": {"completion_tokens": 12},
    "more cached than input": {**INCLUSIVE, "prompt_tokens_details": {"cached_tokens": 101}},
    "more reasoning than output": {**INCLUSIVE, "completion_tokens_details": {"reasoning_tokens": 51}},
    "a bad part": {**INCLUSIVE, "prompt_tokens_details": {"cached_tokens": -30}},
    "more sound than input": {**INCLUSIVE, "prompt_tokens_details": {"audio_tokens": 101}},
    "more writes by lifetime than writes": {
        "input_tokens": 1,
        "output_tokens": 1,
        "cache_creation_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 6},
    },
    "less in total than input": {"prompt_tokens": 12, "total_tokens": 5},
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_counts_that_cannot_be_trusted_give_no_usage_and_say_why(body):
    """A bad or contradictory count is never clamped into a number."""
    found = figures(body)
    assert found.usage is None
    assert len(found.notes) == 1
    assert len(found.notes[0]) < 200


def test_a_missing_output_follows_from_the_total():
    """What the total says need not be guessed."""
    assert figures({"prompt_tokens": 12, "total_tokens": 20}).usage == Usage(input_tokens=12, output_tokens=8)


def test_tokens_that_only_the_total_knows_are_reasoning_and_noted():
    """Gemini behind its OpenAI endpoint hides its thoughts in the total."""
    found = figures({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 75})
    assert found.usage == Usage(input_tokens=10, output_tokens=5, reasoning_tokens=60)
    assert found.notes == ["the total holds 60 tokens that no part explains; they are counted as reasoning"]


def test_perplexity_counts_reasoning_apart_even_against_its_total():
    """Its deep research states more reasoning than completion; citations are billed like input."""
    body = {
        "prompt_tokens": 33,
        "completion_tokens": 7163,
        "total_tokens": 7196,
        "citation_tokens": 20016,
        "num_search_queries": 18,
        "reasoning_tokens": 73997,
    }
    found = figures(body)
    assert found.usage == Usage(input_tokens=33 + 20016, output_tokens=7163, reasoning_tokens=73997)
    assert found.notes == ["18 web searches are billed apart from tokens"]


def test_overlapping_sound_and_cache_stay_countable_and_noted():
    """Where the provider does not say which sound was cached, the sum is right and the split is noted."""
    found = figures(
        {
            "prompt_tokens": 100,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 80, "audio_tokens": 60},
        }
    )
    assert found.usage == Usage(cache_read_tokens=80, input_audio_tokens=20, output_tokens=1)
    assert "overlap" in found.notes[0]


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({"cost": 0.00007159}, usd("0.00007159")),
        ({"cost": "0.0125"}, usd("0.0125")),
        ({"cost": 0}, usd(0)),
        ({"cost_in_usd_ticks": 1466250}, usd("0.000146625")),
        ({"cost": {"input_tokens_cost": 0.1, "total_cost": 0.006}}, usd("0.006")),
        ({"cost": Decimal("0.5")}, usd("0.5")),
        ({"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}, usd("0.021")),
        ({"cost": 0.001, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.02}}, usd("0.001")),
        ({"cost": None}, None),
        ({"cost": 0.001, "is_byok": True}, None),
    ],
)
def test_dollars_that_the_provider_states_are_read(extra, expected):
    """OpenRouter, xAI's ticks and Perplexity state what they charge."""
    found = figures({"prompt_tokens": 12, "completion_tokens": 1, **extra})
    assert found.stated == expected
    assert found.notes == []


@pytest.mark.parametrize(
    "cost",
    [-1, float("nan"), "free", True, 10**9, {"total_cost": -2}, [], {"unknown": 1}, 10**5000],
    ids=lambda cost: type(cost).__name__,
)
def test_a_stated_cost_that_is_no_amount_is_noted_and_not_used(cost):
    """The tokens are still good."""
    found = figures({"prompt_tokens": 12, "completion_tokens": 1, "cost": cost})
    assert found.stated is None
    assert found.usage == Usage(input_tokens=12, output_tokens=1)
    assert found.notes[0].startswith("the stated cost is ")


@pytest.mark.parametrize(
    ("extra", "note"),
    [
        ({"server_tool_use": {"web_search_requests": 2}}, "2 web searches are billed apart from tokens"),
        ({"prompt_audio_seconds": 36}, "36 seconds of audio are billed apart from tokens"),
        ({"inference_geo": "us"}, "inference in the US is billed at 1.1 times the price"),
    ],
)
def test_what_is_billed_apart_from_tokens_is_noted(extra, note):
    """A cost from tokens alone must not pass for the whole bill."""
    found = figures({"input_tokens": 12, "output_tokens": 1, **extra})
    assert found.usage == Usage(input_tokens=12, output_tokens=1)
    assert found.notes == [note]


def test_a_stated_cost_holds_the_fees_too():
    """Nothing is missing where the provider states the sum."""
    found = figures({"prompt_tokens": 1, "completion_tokens": 1, "num_search_queries": 3, "cost": 0.01})
    assert found.notes == []


def test_a_transcription_by_the_second_has_no_tokens():
    """whisper-1 bills time."""
    found = figures({"type": "duration", "seconds": 37})
    assert found.usage is None
    assert found.notes == ["37 seconds of audio are billed apart from tokens"]


def test_a_compaction_is_added_and_an_advisor_is_noted():
    """Anthropic leaves both out of its totals; only one of them runs on the same model."""
    body = {
        "input_tokens": 682,
        "output_tokens": 1320,
        "iterations": [
            {"type": "compaction", "input_tokens": 60385, "output_tokens": 592},
            {"type": "message", "input_tokens": 682, "output_tokens": 1320},
            {"type": "advisor_message", "input_tokens": 9, "output_tokens": 8, "model": "claude-opus-4-7"},
        ],
    }
    found = figures(body)
    assert found.usage == Usage(input_tokens=61067, output_tokens=1912)
    assert found.notes == ["an advisor's 9 input and 8 output tokens on claude-opus-4-7 are billed apart"]


def test_made_images_have_no_bucket_and_are_noted():
    """Gemini's image models charge twelve times as much for a token of an image as for one of text."""
    body = {
        "promptTokenCount": 5,
        "candidatesTokenCount": 1290,
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
    }
    found = figures(body, zeros=True)
    assert found.usage == Usage(input_tokens=5, output_tokens=1290)
    assert found.notes == ["1290 tokens of made images are counted as text"]


def test_numbers_of_other_libraries_are_numbers():
    """NumPy's integers are whole numbers too; whatever has no index is none."""
    numpy = pytest.importorskip("numpy")
    assert whole("n", numpy.int64(7)) == 7
    with pytest.raises(InvalidUsageError):
        whole("n", object())


def test_keys_that_are_no_counts_are_passed_over():
    """Groq's times are not tokens."""
    assert tally({"queue_time": 0.17, "prompt_tokens": 17, "prompt_time": -1}) == {"input": 17}
