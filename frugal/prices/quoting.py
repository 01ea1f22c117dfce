"""Quoting: which rates hold at an instant and a tier, and from when until when they do.

Law: the same rates as genai-prices chooses (the last condition that holds, else the first; variants by
first match for each key), except where `table.py` says that they are wrong or lacking.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import inf

from frugal.prices import table
from frugal.prices.listing import Listing, Sheet, When
from frugal.prices.model import ModelPrice
from frugal.prices.quote import Cliffs, Guess, Quote, from_model_price

__all__ = ["STANDARD", "quote_listing", "quote_user", "span", "tier_named"]

STANDARD = frozenset(
    {
        "",
        "default",
        "standard",
        "auto",
        "on_demand",
        "on-demand",
        "ondemand",
        "standard_only",
        "service_tier_standard",
    }
)
"""Names of the ordinary tier; `auto` lets the provider choose, and its answer then says which it was."""

_TIER_NAMES = {
    "batches": "batch",
    "batch_api": "batch",
    "on_demand_flex": "flex",
    "on_demand_priority": "priority",
}

_DAY = 86_400

_BUCKET_KEYS: dict[str, tuple[str, ...]] = {
    "input_tokens": ("input_text_mtok", "input_mtok"),
    "cache_read_tokens": ("cache_text_read_mtok", "cache_read_mtok"),
    "cache_write_5m_tokens": ("cache_write_5m_mtok", "cache_write_mtok"),
    "cache_write_1h_tokens": ("cache_write_1h_mtok",),
    "input_audio_tokens": ("input_audio_mtok",),
    "input_image_tokens": ("input_image_mtok",),
    "output_tokens": ("output_text_mtok", "output_mtok"),
    "reasoning_tokens": ("output_reasoning_mtok",),
    "output_audio_tokens": ("output_audio_mtok",),
}
"""The shipped data's price keys of each bucket, the most specific first."""


def tier_named(tier: str | None) -> str | None:
    """Return the tier by one name; `None` for the standard one."""
    name = (tier or "").strip().lower()
    return None if name in STANDARD else _TIER_NAMES.get(name, name)


def quote_listing(listing: Listing, at: float, tier: str | None) -> Quote:
    """Return the rates of a listing."""
    sheet = _standard(listing, at)
    free = not sheet and table.FREE.fullmatch(listing.id.lower()) is not None
    if tier is None:
        return _quote(listing, sheet, free=free)
    override = _variant(listing, at, tier)
    if override is not None:
        return _quote(listing, {**sheet, **override}, free=free)
    rule = table.tier_rule(listing.provider, tier, listing.id.lower(), at)
    if rule is not None:
        return _quote(listing, sheet, factor=rule[0], factored=rule[1], free=free)
    return _quote(listing, sheet, factor=table.TIER_GUESSES.get(tier, table.UNKNOWN_TIER), free=free)


def _standard(listing: Listing, at: float) -> Sheet:
    if not listing.sheets:
        return {}
    active = (sheet for when, sheet in reversed(listing.sheets) if when.active(at))
    return next(active, listing.sheets[0][1])


def _variant(listing: Listing, at: float, tier: str) -> Sheet | None:
    context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier, "speed": tier}
    chosen: dict[str, Cliffs] = {}
    found = False
    for variant in listing.variants:
        if variant.when.active(at) and all(context.get(key) == value for key, value in variant.context.items()):
            found = True
            for key, cliffs in variant.sheet.items():
                chosen.setdefault(key, cliffs)
    return chosen if found else None


def _quote(
    listing: Listing,
    sheet: Sheet,
    *,
    free: bool,
    factor: Guess | None = None,
    factored: frozenset[str] = frozenset(),
) -> Quote:
    listed: dict[str, Cliffs] = {}
    for bucket, keys in _BUCKET_KEYS.items():
        cliffs = next((sheet[key] for key in keys if key in sheet), None)
        if cliffs is not None:
            listed[bucket] = cliffs
    models, times = table.ONE_HOUR_WRITE
    if "cache_write_1h_tokens" not in listed and models.fullmatch(listing.id.lower()) and "input_tokens" in listed:
        listed["cache_write_1h_tokens"] = tuple(
            (start, rate and rate * times) for start, rate in listed["input_tokens"]
        )
    fee = sheet.get("requests_kcount")
    per_request = (fee[0][1] or Fraction(0)) / 1000 if fee else Fraction(0)
    return Quote(listed, per_request, factor, factored, free)


def span(listing: Listing, at: float, tier: str | None) -> tuple[float, float]:
    """Return from when until when the rates around that instant hold, in Unix seconds."""
    start, end = -inf, inf
    for edge in _edges(listing, at, tier):
        if edge <= at:
            start = max(start, edge)
        else:
            end = min(end, edge)
    return start, end


def _edges(listing: Listing, at: float, tier: str | None) -> Iterator[float]:
    conditions: list[When] = [when for when, _ in listing.sheets]
    if tier is not None:
        conditions += [variant.when for variant in listing.variants]
        yield from table.tier_days(listing.provider, tier)
    midnight = at - at % _DAY
    for when in conditions:
        if when.since is not None:
            yield when.since
        for clock in when.slot or ():
            yield midnight + clock - _DAY
            yield midnight + clock
            yield midnight + clock + _DAY


def quote_user(price: ModelPrice, tier: str | None) -> Quote:
    """Return the rates of a user's price."""
    own = getattr(price, tier) if tier in {"batch", "flex", "priority", "fast"} else None
    if isinstance(own, ModelPrice):
        return from_model_price(own)
    quote = from_model_price(price)
    if tier is None:
        return quote
    factor = table.TIER_GUESSES.get(tier, table.UNKNOWN_TIER)
    if own is not None:
        factor = Guess(Fraction(own), Fraction(own), Fraction(own))
    return Quote(quote.listed, quote.per_request, factor)
