"""Promises of the table of models: dated names find their family, and parts of names find nothing."""

import pytest

from frugal._values.routing import Model
from frugal.routers.facts import FAMILIES, family, known, resolved


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gpt-4o-2024-08-06", "gpt-4o"),
        ("openai/gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("ft:gpt-4o-mini-2024-07-18:acme::id", "gpt-4o-mini"),
        ("gpt-4-1106-preview", "gpt-4"),
        ("gpt-4.1-nano-2025-04-14", "gpt-4.1-nano"),
        ("gpt-5-mini-2025-08-07", "gpt-5-mini"),
        ("o3-mini-2025-01-31", "o3-mini"),
        ("claude-3-opus-20240229", "claude-3-opus"),
        ("claude-3-5-sonnet-latest", "claude-3-5-sonnet"),
        ("claude-3-5-sonnet@20240620", "claude-3-5-sonnet"),
        ("us.anthropic.claude-3-haiku-20240307-v1:0", "claude-3-haiku"),
        ("anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
        ("bedrock/eu.anthropic.claude-opus-4-1-20250805-v1:0", "claude-opus-4-1"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("models/gemini-1.5-pro-002", "gemini-1.5-pro"),
        ("gemini-2.5-flash-preview-05-20", "gemini-2.5-flash"),
        ("gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash"),
        ("gemini-3-pro-preview", "gemini-3-pro"),
        ("mistral-large-2411", "mistral-large"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral-8x7b-instruct"),
        ("deepseek/deepseek-chat", "deepseek-chat"),
    ],
)
def test_a_dated_or_routed_name_finds_its_family(name, expected):
    """Vendors, regions, dates and versions come off."""
    assert family(name) == expected
    assert expected in FAMILIES


@pytest.mark.parametrize("name", ["my-gpt-4o-agent", "gpt-4o-agent", "claude", "gpt", "-", "2024-08-06", "ft:"])
def test_part_of_a_name_finds_nothing(name):
    """An agent called after a model is not that model."""
    assert known(name) == Model(name)


def test_the_four_models_of_the_source_have_its_facts():
    """Tools, vision and quality as it states them."""
    expected = {"gpt-4o": 0.95, "gpt-4o-mini": 0.80, "claude-3-sonnet": 0.90, "claude-3-haiku": 0.75}
    for name, quality in expected.items():
        assert known(name) == Model(name, tools=True, vision=True, quality=quality)


def test_every_family_is_its_own():
    """No entry is shadowed by the stripping of its own suffix."""
    assert {name: family(name) for name in FAMILIES} == {name: name for name in FAMILIES}


def test_the_users_word_wins_over_what_is_handed_in_and_that_over_the_table():
    """Field by field."""
    handed = Model("gpt-4o", context_window=7, tools=False)
    assert resolved(Model("gpt-4o", tools=True), lambda name: handed) == Model(
        "gpt-4o", context_window=7, tools=True, vision=True, quality=0.95
    )
    assert resolved("gpt-4o", lambda name: None) == known("gpt-4o")
    assert resolved(Model("x", context_window=1, tools=True, vision=True, quality=0.5)).context_window == 1
