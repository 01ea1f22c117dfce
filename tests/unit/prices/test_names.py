"""Names and listings: what a name finds, and above all what it does not."""

from __future__ import annotations

import pytest

from frugal.prices.catalogue import catalogue
from frugal.prices.names import hosted, spellings


@pytest.mark.parametrize(
    ("name", "provider", "listed"),
    [
        ("gpt-4o-2024-08-06", "openai", "gpt-4o"),
        ("gpt-4o-2024-05-13", "openai", "gpt-4o-2024-05-13"),
        ("GPT-4o ", "openai", "gpt-4o"),
        ("gpt-4.1-2099-01-01", "openai", "gpt-4.1"),
        ("gpt-4.1-20990101", "openai", "gpt-4.1"),
        ("openai/gpt-4o-mini", "openai", "gpt-4o-mini"),
        ("azure/gpt-4o", "openai", "gpt-4o"),
        ("text-embedding-3-small", "openai", "text-embedding-3-small"),
        ("chatgpt-4o-latest", "openai", "chatgpt-4o-latest"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "openai", "ft:gpt-4o-mini"),
        ("omni-moderation-2024-09-26", "openai", "omni-moderation"),
        ("claude-sonnet-4-5-20250929", "anthropic", "claude-sonnet-4-5"),
        ("claude-3-5-sonnet-latest", "anthropic", "claude-3-5-sonnet"),
        ("anthropic/claude-sonnet-4.5", "anthropic", "claude-sonnet-4-5"),
        ("openrouter/anthropic/claude-sonnet-4.5", "openrouter", "anthropic/claude-sonnet-4.5"),
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws", "regional.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        (
            "bedrock/us-east-1/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "aws",
            "regional.anthropic.claude-sonnet-4-5-20250929-v1:0",
        ),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-20250514-v1:0",
            "aws",
            "regional.anthropic.claude-sonnet-4-20250514-v1:0",
        ),
        ("anthropic.claude-instant-v1", None, None),
        ("models/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("gemini/gemini-2.5-flash", "google", "gemini-2.5-flash"),
        ("vertex_ai/claude-sonnet-4-5@20250929", "google", "claude-sonnet-4-5"),
        (
            "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-pro",
            "google",
            "gemini-2.5-pro",
        ),
        ("gemini-1.5-flash-8b-latest", "google", "gemini-1.5-flash-8b"),
        ("mistral/mistral-large-latest", "mistral", "mistral-large"),
        ("xai/grok-4", "x-ai", "grok-4-0709"),
        ("groq/llama-3.3-70b-versatile", "groq", "llama-3.3-70b-versatile"),
        ("litellm_proxy/gpt-4o", "openai", "gpt-4o"),
        ("embed-english-v3.0", "cohere", "embed-english-v3.0"),
        ("voyage-3.5-lite", "voyageai", "voyage-3.5-lite"),
    ],
)
def test_a_name_finds_its_model(name: str, provider: str | None, listed: str | None) -> None:
    """Dated aliases, routes and spellings find the family at whoever serves it."""
    found = catalogue.find(name, None)
    assert (found and found.provider, found and found.id) == (provider, listed)


@pytest.mark.parametrize(
    "name",
    [
        "agent_8aWN5tLYRAdtV8knVWmod",
        "agent_8aWNo1",
        "agent-o1-8k",
        "asst_gpt-4",
        "my-gpt-4o",
        "gpt-4o-my-agent",
        "gpt-4o-mini-8b",
        "agent_claude-3-haiku",
        "claude-opus-4-10",
        "gemini-3.6-flash-lite",
        "grok-agent",
        "not-moderation-at-all",
        "deepseek-r1-distill-llama-70b",
        "gpt-oss-120b",
        "ollama/llama3",
        "deepinfra/deepseek-chat",
        "meta-llama/llama-4-scout-17b-16e-instruct",
        "",
        "   ",
        "/",
        "gpt 4o",
        "gpt-4o\x00",
        "g" * 10_000,
    ],
)
def test_what_is_not_a_models_name_finds_nothing(name: str) -> None:
    """A name that merely contains another, or whose server is unknown, is not priced (LibreChat#11978)."""
    assert catalogue.find(name, None) is None


@pytest.mark.parametrize(
    ("name", "provider", "listed"),
    [
        ("gpt-4o", "azure.ai.openai", ("openai", "gpt-4o")),
        ("gpt-4o", "", ("openai", "gpt-4o")),
        ("gpt-4o", "litellm", ("openai", "gpt-4o")),
        ("deepseek-chat", "openai", ("deepseek", "deepseek-chat")),
        ("anthropic/claude-sonnet-4.5", "openai", ("anthropic", "claude-sonnet-4-5")),
        ("anthropic/claude-sonnet-4.5", "openrouter", ("openrouter", "anthropic/claude-sonnet-4.5")),
        ("openai/gpt-oss-120b", "groq", ("groq", "openai/gpt-oss-120b")),
        ("claude-sonnet-4-5", "gcp.vertex_ai", ("google", "claude-sonnet-4-5")),
        ("gpt-4o", "deepinfra", None),
        ("deepseek-chat", "groq", None),
        ("claude-sonnet-4-5", "mistral", None),
    ],
)
def test_who_served_is_heeded(name: str, provider: str, listed: tuple[str, str] | None) -> None:
    """A model that the named server does not list is not priced at somebody else's rate."""
    found = catalogue.find(name, provider)
    assert (found and (found.provider, found.id)) == listed


def test_a_version_is_taken_off_only_when_it_is_one() -> None:
    """`-v3` is a model's own version; a date and a Bedrock revision are not."""
    assert list(spellings("deepseek-chat-v3")) == ["deepseek-chat-v3"]
    assert list(spellings("x-20250929-v1:0"))[-1] == "x"
    assert list(spellings("mistral-large-2411")) == ["mistral-large-2411"]


def test_the_most_literal_reading_comes_first() -> None:
    """A route is tried as written before it is taken apart."""
    known = {"openrouter": "openrouter", "anthropic": "anthropic"}.get
    assert list(hosted("openrouter/anthropic/claude", None, known)) == [
        ("openrouter", "openrouter/anthropic/claude"),
        ("openrouter", "anthropic/claude"),
        ("anthropic", "anthropic/claude"),
        ("anthropic", "claude"),
    ]
