"""Table: our own dated prices, ready to be asked, and the rules that stand in where no rate is listed.

Law: what a provider documents is exact; what is only usual is a guess with bounds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from functools import cache

from frugal.prices.listing import Listing, Sheet, When, midnight
from frugal.prices.quote import Cliffs, Guess
from frugal.prices.rows import DATE, MODELS, TIERS

__all__ = [
    "DATE",
    "FREE",
    "MODELS",
    "ONE_HOUR_WRITE",
    "TIERS",
    "TIER_GUESSES",
    "UNKNOWN_TIER",
    "correction",
    "is_elsewhere",
    "names",
    "tier_days",
    "tier_rule",
]

FREE = re.compile(r".+:free")
"""Names that say that a model costs nothing. A model that merely lists no rate is unpriced."""

ELSEWHERE = ("openai", re.compile(r"gpt-oss-.+"))
"""Open weights listed under their maker, who does not sell them: only whoever serves them has a price."""

ONE_HOUR_WRITE = (re.compile(r"(?:.*[./])?claude-.+"), Fraction(2))
"""Claude's one-hour cache write, in inputs (Anthropic's docs, build-with-claude/prompt-caching)."""

TIER_GUESSES = {
    "batch": Guess(Fraction(1, 2), Fraction(1, 2), Fraction(1)),
    "flex": Guess(Fraction(1, 2), Fraction(1, 2), Fraction(1)),
    "priority": Guess(Fraction(9, 5), Fraction(1), Fraction(5, 2)),
    "fast": Guess(Fraction(2), Fraction(1), Fraction(6)),
}
"""A tier that nothing is listed for: the usual factor, between the least and the most that anyone takes."""

UNKNOWN_TIER = Guess(Fraction(1), Fraction(0), Fraction(6))
"""A tier of another name: from prepaid (`scale`, `provisioned`) to the dearest premium."""

_KEYS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "read": "cache_read_mtok",
    "write": "cache_write_mtok",
    "write_1h": "cache_write_1h_mtok",
    "audio_in": "input_audio_mtok",
    "audio_out": "output_audio_mtok",
}
_BUCKETS = {"input": "input_tokens", "output": "output_tokens", "audio_in": "input_audio_tokens"}


def _day(text: str) -> int:
    return midnight(date.fromisoformat(text))


def _sheet(rates: str) -> Sheet:
    words = (word.split("=") for word in rates.split())
    return {_KEYS[name]: _cliffs(value) for name, value in words}


def _cliffs(text: str) -> Cliffs:
    first, *steps = text.split(">")
    pairs = (step.split(":") for step in steps)
    return ((-1, Fraction(first)), *((int(start), Fraction(rate)) for start, rate in pairs))


@cache
def own() -> dict[tuple[str, str], Listing]:
    """Return our own listings by provider and model."""
    dated: dict[tuple[str, str], list[tuple[When, Sheet]]] = {}
    windows: dict[tuple[str, str], int | None] = {}
    for provider, model, since, window, rates in MODELS:
        dated.setdefault((provider, model), []).append((When(since=_day(since)), _sheet(rates)))
        windows[provider, model] = window
    return {key: Listing(*key, ("equals", key[1]), windows[key], tuple(sheets)) for key, sheets in dated.items()}


def correction(provider: str | None, model: str) -> Listing | None:
    """Return our own listing of a model; without a provider, that of whoever makes it."""
    if provider is not None:
        return own().get((provider, model))
    return next((listing for (_, name), listing in own().items() if name == model), None)


def is_elsewhere(provider: str, model: str) -> bool:
    """Tell whether a listing is of a model that its provider does not serve."""
    return provider == ELSEWHERE[0] and ELSEWHERE[1].fullmatch(model) is not None


def names() -> Iterator[str]:
    """Yield the models of this table."""
    for _, model in own():
        yield model


@cache
def _rules() -> tuple[tuple[str, str, int, re.Pattern[str], Guess, frozenset[str]], ...]:
    rules = []
    for provider, tier, since, models, factors, buckets in TIERS:
        amount, *bounds = map(Fraction, factors.split())
        low, high = bounds or (amount, amount)
        on = frozenset(_BUCKETS[name] for name in buckets.split()) if buckets != "*" else frozenset()
        rules.append((provider, tier, _day(since), re.compile(models), Guess(amount, low, high), on))
    return tuple(rules)


def tier_rule(provider: str, tier: str, model: str, at: float) -> tuple[Guess, frozenset[str]] | None:
    """Return the factor of a tier at that instant, and the buckets it is on (none for all)."""
    for host, name, since, models, guess, buckets in _rules():
        if host == provider and name == tier and at >= since and models.fullmatch(model):
            return guess, buckets
    return None


def tier_days(provider: str, tier: str) -> Iterator[int]:
    """Yield the days on which the factor of that tier may change."""
    for host, name, since, *_ in _rules():
        if host == provider and name == tier:
            yield since
