"""The table of presets, and how a log is known by its columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from frugal.insight.backtesting.presets.helicone import helicone
from frugal.insight.backtesting.presets.langfuse import langfuse
from frugal.insight.backtesting.presets.ledger import ledger
from frugal.insight.backtesting.presets.litellm import litellm
from frugal.insight.backtesting.presets.openai import openai
from frugal.insight.backtesting.presets.rows import Read, each

__all__ = ["PRESETS", "Preset", "preset_of"]


class Preset(NamedTuple):
    """One row of the table.

    Args:
        read: reads its rows.
        signs: sets of columns, any of which gives it away.
        note: what is to be known of every log of this kind.
    """

    read: Read
    signs: tuple[frozenset[str], ...]
    note: str = ""


def _signs(*texts: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(text.split()) for text in texts)


PRESETS: dict[str, Preset] = {
    "frugal": Preset(ledger, _signs("call outcome cost_pico model_requested")),
    "litellm": Preset(each(litellm), _signs("startTime spend prompt_tokens")),
    "langfuse": Preset(
        each(langfuse),
        _signs(
            "start_time usage_details",
            "start_time provided_model_name",
            "startTime usageDetails",
            "startTime modelParameters",
            "startTime promptTokens",
            "startTime traceId",
        ),
    ),
    "helicone": Preset(each(helicone), _signs("request_created_at prompt_tokens")),
    "openai": Preset(
        each(openai),
        _signs("start_time num_model_requests", "start_time_iso num_model_requests", "start_time end_time results"),
        "the log has sums of OpenAI's: the requests of each were spread evenly over its time, with equal tokens, so "
        "that what depends on single requests is a sketch",
    ),
}
"""Every preset by its name."""


def preset_of(columns: Iterable[str]) -> str | None:
    """Return the preset whose columns these are; `None` for a plain log.

    >>> preset_of(["request_id", "startTime", "endTime", "spend", "prompt_tokens"])
    'litellm'
    """
    there = frozenset(columns)
    return next((name for name, preset in PRESETS.items() if any(sign <= there for sign in preset.signs)), None)
