"""Demand: how much context a request needs of a model, and what it would cost with it.

Law: nothing here refuses anything; it only measures. What is not known of a request is taken to be the source's
typical one, and the loss of a provider's prompt cache is part of a price.
"""

from __future__ import annotations

from math import ceil

from frugal._values.money import Money
from frugal._values.routing import Request
from frugal._values.usage import counted
from frugal.routers.facts import family

__all__ = ["cost_of", "held_for", "same_model", "window_bound", "window_needed"]

_TYPICAL_INPUT = 1_000
_TYPICAL_OUTPUT = 500
"""Tokens of a request of which nothing is known: the source's 1,000 in and 500 out."""

_DOUBT = 1.25
"""How much longer an input may be than its estimate before the window is in danger."""

_FRAMING = 16
"""Tokens that a message's role and separators take at most; in the bound of a text alone."""


def same_model(one: str, other: str) -> bool:
    """Return whether two names mean one model: equal, or a dated alias and its short name."""
    return one == other or (family(one) == family(other) and family(one) in (one, other))


def window_bound(request: Request) -> int:
    """Return how many tokens of context the request needs at the very most: no token is less than a byte."""
    bound = request.input_bound
    if bound is None:
        text = request.text
        bound = len(text) * (1 if text.isascii() else 4) + _FRAMING
        # The text may be the last of many turns: an estimate of all of them says more.
        bound = max(bound, ceil((request.input_tokens or 0) * _DOUBT))
    return bound + (_TYPICAL_OUTPUT if request.output_tokens is None else request.output_tokens)


def window_needed(request: Request) -> int:
    """Return how many tokens of context the request may well need: its estimate and a quarter on top.

    Never more than the sound bound. The bound alone is four times too high for English, and would refuse models
    that fit; a model that fits by the estimate alone is taken, and the reason says so.
    """
    estimate = request.input_tokens
    if estimate is None:
        text = request.text
        estimate = len(text) // 4 if text.isascii() else len(text)
        estimate += _FRAMING
    output = _TYPICAL_OUTPUT if request.output_tokens is None else request.output_tokens
    return min(window_bound(request), ceil(estimate * _DOUBT) + output)


def cost_of(request: Request, model: str) -> Money | None:
    """Return what the request would cost with a model; `None` when nobody knows.

    The model that the conversation has used so far reads its prefix from the provider's prompt cache; every
    other model reads it afresh, so the loss of that cache is part of its price.
    """
    if request.price_of is None:
        return None
    total = _TYPICAL_INPUT if request.input_tokens is None else request.input_tokens
    output = _TYPICAL_OUTPUT if request.output_tokens is None else request.output_tokens
    cached = 0
    if request.previous_model is not None and request.cached_tokens and same_model(request.previous_model, model):
        cached = min(request.cached_tokens, total)
    return request.price_of(model, counted(total - cached, output, cached))


def held_for(request: Request, model: str, cost: Money | None) -> Money | None:
    """Return what a budget will hold for the request with a model that costs so; `None` when nobody knows.

    Where the request bounds its output, a budget holds what the call cannot pass: an input that is never too low. A
    model that is likely to fit would be refused there, although a cheaper one is let through.
    """
    if request.price_of is None or request.output_tokens is None or request.input_bound is None:
        return cost
    return request.price_of(model, counted(request.input_bound, request.output_tokens))
