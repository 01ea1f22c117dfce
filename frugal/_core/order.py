"""Which ring may stand outside which, as a table with reasons.

Law: any order gives the right money. An order that loses something else warns at decoration with the reason and the
fix; one that cannot work raises.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from frugal.errors import OrderWarning, StackError

__all__ = ["LOSSES", "RECOMMENDED", "check"]

RECOMMENDED = (
    "metered",
    "deduplicated",
    "cached",
    "semantic_cached",
    "routed",
    "budgeted",
    "batched",
    "rate_limited",
)
"""The recommended order, outermost first."""

_STORE = "an answer that is being stored is not shared yet, so a second provider call can slip through"
_HOLD = "every hit would first have to find room in the budget, and an exhausted one would refuse free answers"
_RATE = "hits would use up the rate, and wait for it"
_MODEL = "the choice of a model would come before the lookup, so equal requests can miss each other's answers"

LOSSES: dict[tuple[str, str], str] = {
    ("cached", "deduplicated"): _STORE,
    ("semantic_cached", "deduplicated"): _STORE,
    ("semantic_cached", "cached"): "every exact repeat would be embedded and searched before the cheap lookup",
    ("routed", "deduplicated"): _MODEL,
    ("routed", "cached"): _MODEL,
    ("routed", "semantic_cached"): _MODEL,
    ("budgeted", "deduplicated"): _HOLD,
    ("budgeted", "cached"): _HOLD,
    ("budgeted", "semantic_cached"): _HOLD,
    ("budgeted", "routed"): "money would be held for the model asked for rather than for the one chosen",
    ("rate_limited", "deduplicated"): _RATE,
    ("rate_limited", "cached"): _RATE,
    ("rate_limited", "semantic_cached"): _RATE,
    ("rate_limited", "routed"): "a cascade would count as one request, however many models it asks",
    ("rate_limited", "batched"): "the rate would count items instead of requests",
}
"""`(outer, inner)` to what that order loses."""

UNDER_BATCHED = ("rate_limited",)
"""What may stand between `batched` and its function: there, rings would see one call with a list."""


def check(stack: tuple[Any, ...], function: str) -> None:
    """Warn of, or refuse, the order of a stack.

    Raises:
        StackError: something stands under `batched` that would see a list instead of a call.
    """
    names = [getattr(item, "name", "") for item in stack]
    if "batched" in names:
        inside = [name or "a middleware" for name in names[names.index("batched") + 1 :]]
        wrong = [name for name in inside if name not in UNDER_BATCHED]
        if wrong:
            raise StackError(
                f"{function}: @{wrong[0]} stands under @batched, where it would see one call with a list of "
                f"items. Put @{wrong[0]} above @batched; only @rate_limited may stand under it."
            )
    # Only the newest, outermost item is new: the others were checked when they were stacked.
    outer = names[0]
    for inner in dict.fromkeys(names[1:]):
        loss = LOSSES.get((outer, inner))
        if loss is not None:
            warnings.warn(
                f"{function}: @{outer} stands outside @{inner}: {loss}. Put @{inner} above @{outer}; the "
                f"recommended order is {' › '.join(RECOMMENDED)}.",
                OrderWarning,
                stacklevel=_outside(),
            )


def _outside() -> int:
    """Return the level of the line that decorates, through however many of our own functions it was reached."""
    level, frame = 1, sys._getframe(1)  # noqa: SLF001 what warnings.warn counts in
    while frame.f_back is not None and f"{frame.f_globals.get('__name__')}.".startswith("frugal."):
        level, frame = level + 1, frame.f_back
    return level
