"""What is known of common models: tools, vision, and a starting guess of quality.

Law: a name is looked up whole, after its vendor, region, date and version have been taken off; nothing is
guessed from a part of a name, so "my-gpt-4o-agent" is not gpt-4o. Context windows come with the prices, from
whoever hands them in. Users say what they know better with `Model(...)`, which wins.

The qualities of the source's four models are the source's (gpt-4o 0.95, gpt-4o-mini 0.80, claude-3-sonnet
0.90, claude-3-haiku 0.75); the others are rough guesses on the same scale, and only start what routers learn.
"""

from __future__ import annotations

import re
from functools import lru_cache

from frugal._values.routing import FactsOf, Model

__all__ = ["FAMILIES", "family", "known", "resolved"]

FAMILIES: dict[str, tuple[bool | None, bool | None, float]] = {
    # OpenAI
    "gpt-3.5-turbo": (True, False, 0.65),
    "gpt-4": (True, False, 0.85),
    "gpt-4-32k": (True, False, 0.85),
    "gpt-4-turbo": (True, True, 0.90),
    "gpt-4-vision": (False, True, 0.88),
    "gpt-4o": (True, True, 0.95),
    "gpt-4o-mini": (True, True, 0.80),
    "chatgpt-4o": (False, True, 0.95),
    "gpt-4.1": (True, True, 0.95),
    "gpt-4.1-mini": (True, True, 0.88),
    "gpt-4.1-nano": (True, True, 0.75),
    "gpt-4.5": (True, True, 0.95),
    "gpt-5": (True, True, 0.98),
    "gpt-5-mini": (True, True, 0.94),
    "gpt-5-nano": (True, True, 0.85),
    "gpt-5-pro": (True, True, 0.99),
    "gpt-5-codex": (True, True, 0.98),
    "gpt-5-chat": (False, True, 0.96),
    "gpt-5.1": (True, True, 0.98),
    "gpt-5.1-codex": (True, True, 0.98),
    "gpt-5.2": (True, True, 0.99),
    "gpt-5.2-pro": (True, True, 0.99),
    "gpt-oss-120b": (True, False, 0.88),
    "gpt-oss-20b": (True, False, 0.80),
    "o1": (True, True, 0.96),
    "o1-mini": (False, False, 0.88),
    "o1-pro": (True, True, 0.97),
    "o3": (True, True, 0.97),
    "o3-mini": (True, False, 0.92),
    "o3-pro": (True, True, 0.98),
    "o4-mini": (True, True, 0.94),
    # Anthropic
    "claude-2": (False, False, 0.75),
    "claude-2.1": (False, False, 0.75),
    "claude-instant-1.2": (False, False, 0.65),
    "claude-3-opus": (True, True, 0.93),
    "claude-3-sonnet": (True, True, 0.90),
    "claude-3-haiku": (True, True, 0.75),
    "claude-3-5-sonnet": (True, True, 0.95),
    "claude-3-5-haiku": (True, True, 0.85),
    "claude-3-7-sonnet": (True, True, 0.96),
    "claude-sonnet-4": (True, True, 0.97),
    "claude-opus-4": (True, True, 0.98),
    "claude-opus-4-1": (True, True, 0.98),
    "claude-sonnet-4-5": (True, True, 0.98),
    "claude-haiku-4-5": (True, True, 0.92),
    "claude-opus-4-5": (True, True, 0.99),
    "claude-sonnet-4-6": (True, True, 0.98),
    "claude-opus-4-6": (True, True, 0.99),
    # Google
    "gemini-pro": (True, False, 0.75),
    "gemini-1.0-pro": (True, False, 0.75),
    "gemini-1.5-pro": (True, True, 0.92),
    "gemini-1.5-flash": (True, True, 0.82),
    "gemini-1.5-flash-8b": (True, True, 0.75),
    "gemini-2.0-flash": (True, True, 0.88),
    "gemini-2.0-flash-lite": (True, True, 0.80),
    "gemini-2.5-pro": (True, True, 0.97),
    "gemini-2.5-flash": (True, True, 0.92),
    "gemini-2.5-flash-lite": (True, True, 0.85),
    "gemini-3-pro": (True, True, 0.99),
    "gemini-3-flash": (True, True, 0.95),
    # Mistral
    "mistral-tiny": (False, False, 0.60),
    "mistral-small": (True, True, 0.82),
    "mistral-medium": (True, True, 0.90),
    "mistral-large": (True, None, 0.90),
    "open-mistral-7b": (False, False, 0.60),
    "open-mistral-nemo": (True, False, 0.70),
    "open-mixtral-8x7b": (False, False, 0.68),
    "open-mixtral-8x22b": (True, False, 0.78),
    "mixtral-8x7b-instruct": (None, False, 0.68),
    "mixtral-8x22b-instruct": (True, False, 0.78),
    "ministral-3b": (True, None, 0.65),
    "ministral-8b": (True, None, 0.70),
    "pixtral-12b": (True, True, 0.75),
    "pixtral-large": (True, True, 0.88),
    "codestral": (None, False, 0.80),
    "magistral-small": (True, None, 0.85),
    "magistral-medium": (True, None, 0.90),
    # DeepSeek; "reasoner" gained tools with a later version, so that is not known from the name
    "deepseek-chat": (True, False, 0.92),
    "deepseek-reasoner": (None, False, 0.95),
    "deepseek-v3": (True, False, 0.92),
    "deepseek-v3.1": (True, False, 0.93),
    "deepseek-v3.2": (True, False, 0.94),
    "deepseek-r1": (None, False, 0.95),
    "deepseek-coder": (None, False, 0.80),
}
"""Tools, vision and quality by family; `None` where the name does not tell."""

_VENDOR = re.compile(r"^(?:(?:us|eu|apac|au|jp|global)\.)?(?:anthropic|amazon|meta|mistral|deepseek|openai)\.")
_SUFFIXES = re.compile(
    r"(?:"
    r"[-@]\d{4}-?\d{2}-?\d{2}"  # -2024-08-06, -20240620, @20240620
    r"|-(?:latest|exp|experimental|instruct-v\d+(?:\.\d+)?)"
    r"|-preview(?:-\d{2}-\d{2,4})?"  # -preview, -preview-05-20, -preview-09-2025
    r"|-v\d+"  # Bedrock's version, its ":0" is gone by then
    r"|-\d{3,4}"  # -1106, -002, -2411
    r")$"
)
_INSTRUCT = re.compile(r"-instruct-v\d+(?:\.\d+)?$")


@lru_cache(maxsize=4096)
def family(name: str) -> str:
    """Return the family of a model's name: without vendor, region, date and version.

    >>> family("us.anthropic.claude-3-5-sonnet-20240620-v1:0"), family("openai/gpt-4o-2024-08-06")
    ('claude-3-5-sonnet', 'gpt-4o')
    """
    rest = name.strip().lower().removeprefix("ft:")  # ft:gpt-4o-mini-2024-07-18:organisation::id
    rest = rest.rsplit("/", 1)[-1].split(":", 1)[0]
    rest = _VENDOR.sub("", rest)
    rest = _INSTRUCT.sub("-instruct", rest)
    while rest not in FAMILIES:
        shorter = _SUFFIXES.sub("", rest)
        if shorter == rest or not shorter:
            break
        rest = shorter
    return rest


@lru_cache(maxsize=4096)
def known(name: str) -> Model:
    """Return what the table knows of a model; nothing but the name for one that it does not list."""
    facts = FAMILIES.get(family(name))
    if facts is None:
        return Model(name)
    tools, vision, quality = facts
    return Model(name, tools=tools, vision=vision, quality=quality)


def resolved(model: str | Model, facts_of: FactsOf | None = None) -> Model:
    """Join what is known of a model: the user's word first, then what was handed in, then the table."""
    name = model.name if isinstance(model, Model) else model
    return _joined(model, None if facts_of is None else facts_of(name))


@lru_cache(maxsize=4096)
def _joined(model: str | Model, handed: Model | None) -> Model:
    # Every decision asks this of every candidate, and the answers are few.
    facts = Model.of(model)
    if handed is not None:
        facts = facts.filled(handed)
    return facts.filled(known(facts.name))
