"""Our own rows: pinned, dated, and in force."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from frugal._values.money import Money
from frugal._values.usage import Usage
from frugal.prices import default_prices
from frugal.prices.rows import DATE, MODELS, TIERS


def at(day: str) -> float:
    """Return the Unix second at which a day begins."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()


def test_released_rows_are_never_changed() -> None:
    """A price that changes gets a new dated row; adding one means adding a digest here, not replacing a row."""
    released = {"2026-11-23": (19, 15, "3466db2e1d5ea8e8")}
    models, tiers, digest = released["2026-11-23"]
    rows = repr((MODELS[:models], TIERS[:tiers])).encode()
    assert hashlib.sha256(rows).hexdigest()[:16] == digest
    assert max(released) == DATE


@pytest.mark.parametrize(
    ("model", "day", "tier", "usage", "pico"),
    [
        ("text-embedding-3-small", "2026-11-23", None, Usage(input_tokens=1), 20_000),
        ("text-embedding-3-large", "2026-11-23", None, Usage(input_tokens=1), 130_000),
        ("text-embedding-3-large", "2026-11-23", "batch", Usage(input_tokens=2), 130_000),
        ("gpt-4o-audio-preview", "2024-11-01", None, Usage(input_audio_tokens=1), 100_000_000),
        ("gpt-4o-audio-preview", "2025-11-01", None, Usage(input_audio_tokens=1), 40_000_000),
        ("claude-sonnet-4-20250514", "2025-07-01", None, Usage(input_tokens=2), 6_000_000),
        ("claude-sonnet-4-20250514", "2025-09-01", None, Usage(input_tokens=200_001), 200_001 * 3_000_000),
        ("claude-sonnet-4-20250514", "2025-09-01", "batch", Usage(output_tokens=2), 15_000_000),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "2025-09-01", None, Usage(cache_write_1h_tokens=1), 6_000_000),
        ("gpt-4o", "2025-01-01", "batch", Usage(input_tokens=2, cache_read_tokens=1), 3_750_000),
        ("o3", "2025-07-01", "flex", Usage(input_tokens=1, reasoning_tokens=1), 5_000_000),
        ("omni-moderation-latest", "2026-11-23", None, Usage(input_tokens=9), 0),
    ],
)
def test_a_row_is_in_force_on_its_days(model: str, day: str, tier: str | None, usage: Usage, pico: int) -> None:
    """What the installed data lacks or has wrong is priced exactly, by date."""
    cost = default_prices().cost(model, usage, at=at(day), tier=tier)
    assert (cost.status, cost.amount) == ("exact", Money(pico))


@pytest.mark.parametrize("bounds", [("google/gemini-2.5-flash", "priority"), ("gpt-5", "turbo"), ("gpt-4o", "scale")])
def test_a_tier_that_nobody_lists_is_estimated(bounds: tuple[str, str]) -> None:
    """An unknown tier is bounded around the standard price, never called exact."""
    model, tier = bounds
    usage = Usage(input_tokens=1_000)
    standard = default_prices().cost(model, usage, at=at("2026-11-24"))
    cost = default_prices().cost(model, usage, at=at("2026-11-24"), tier=tier)
    assert (standard.status, cost.status) == ("exact", "estimated")
    assert cost.low <= cost.amount <= cost.high
