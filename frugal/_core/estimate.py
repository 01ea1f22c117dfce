"""Estimates: what a call may cost before it is made, and what one that gave no usage may have cost.

Law: an upper figure is never too low where the request bounds its output, because a token is at least one byte of
the request; a typical figure is only ever used as `estimated`, between a low and a high.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from frugal._values.cost import UNPRICED, Cost, ascertained
from frugal._values.money import ZERO, Money
from frugal._values.usage import NO_USAGE, Usage, counted

if TYPE_CHECKING:
    from frugal.ports import Prices, RequestReader

__all__ = [
    "DEFAULT_OUTPUT",
    "OPEN_OUTPUT",
    "WHOEVER_IS_ASKED",
    "Asked",
    "Estimate",
    "estimate",
    "limit_of",
    "of_answer",
    "sizes_of",
    "tier_of",
]

DEFAULT_OUTPUT = 1024
"""Output tokens that are held for a request which states no limit, before anything was learned about it."""

OPEN_OUTPUT = 16_384
"""Output tokens taken as the most that a request without a limit brings back (what current models stop at)."""


T = TypeVar("T")

_SIZES: Final = "input tokens"
_LIMIT: Final = "output limit"
_TIER: Final = "tier"
_WRITES: Final = "writes a prompt cache"

WHOEVER_IS_ASKED = frozenset({_SIZES, _LIMIT, _TIER, _WRITES})
"""What is known of a request, by its name in the memo, that does not hang on the model that is asked."""


class Asked(Protocol):
    """What was asked for: a call, or one request that an SDK sent for it."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Everything that was asked for, by name."""
        ...

    @property
    def model(self) -> str | None:
        """The model that was asked."""
        ...

    @property
    def started(self) -> float:
        """When, in Unix seconds."""
        ...

    @property
    def memo(self) -> dict[Any, Any]:
        """What was computed from it once."""
        ...


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bound what a call may cost.

    Args:
        hold: the tokens to hold.
        cost: their cost; unpriced where no price is known.
        high: the most that the request allows.
        bounded: whether the request itself bounds its output.
    """

    hold: Usage
    cost: Cost
    high: Cost
    bounded: bool
    input_typical: int = 0
    output: int = 0

    @property
    def pico(self) -> int:
        """What to hold, in pico-dollars."""
        return self.cost.known.pico

    @property
    def tokens(self) -> int:
        """What to hold, in tokens."""
        return self.hold.total_tokens


def _sized(incoming: int, output: int, call: Asked) -> Usage:
    """Return that usage, with the input in the dearest bucket that the request can put it in."""
    if _known(call, _WRITES, _writes):
        return Usage(cache_write_1h_tokens=incoming, output_tokens=output)
    return counted(incoming, output)


def _writes(arguments: Mapping[str, Any]) -> bool:
    """Say whether a request asks the provider to keep a part of it in its prompt cache."""
    return (
        "cache_control" in arguments
        or _asks_to_write(arguments.get("messages"))
        or _asks_to_write(arguments.get("system"))
    )


def _asks_to_write(parts: Any, depth: int = 0) -> bool:
    """Say whether a request marks a part for the provider's prompt cache."""
    if isinstance(parts, dict):
        return "cache_control" in parts or (depth < 4 and _asks_to_write(parts.get("content"), depth + 1))
    if isinstance(parts, (list, tuple)) and depth < 4:
        for part in parts:
            # Nearly every message is one of these, and has nothing further in it to look at.
            if type(part) is dict and type(part.get("content")) is str and "cache_control" not in part:
                continue
            if _asks_to_write(part, depth + 1):
                return True
    return False


def estimate(
    call: Asked,
    requests: RequestReader,
    prices: Prices,
    *,
    learned: int | None = None,
    ratio: float | None = None,
    capped: bool = False,
    usual: str | None = None,
) -> Estimate:
    """Bound what a call may cost, from its request alone.

    Args:
        call: the call.
        requests: reads its arguments.
        prices: prices it.
        learned: the output tokens that history makes likely, where the request states no limit.
        capped: whether the output held is sent as the request's own limit.
        ratio: input tokens for each token of the typical estimate, as seen before for this function and model.
        usual: the model that answered before where the call names none.

    Returns:
        The estimate; a call without a model holds nothing.
    """
    model = call.model or usual
    if model is None:
        return Estimate(NO_USAGE, Cost.exact(ZERO), Cost.exact(ZERO), bounded=True)
    limit = limit_of(call, requests)
    found = _within(call, model, requests, prices, limit, learned, ratio, capped=capped)
    if limit is None and found.cost.amount is None:  # an embedder has no price for output, for it gives none
        without = _within(call, model, requests, prices, 0, None, None, capped=False)
        return found if without.cost.amount is None else without
    return found


def _within(
    call: Asked,
    model: str,
    requests: RequestReader,
    prices: Prices,
    limit: int | None,
    learned: int | None,
    ratio: float | None,
    *,
    capped: bool,
) -> Estimate:
    """Bound what a call may cost whose output is limited so."""
    typical, bound = sizes_of(call, requests)
    tier = tier_of(call, requests)
    output = limit if limit is not None else (learned if learned is not None else DEFAULT_OUTPUT)
    # Where the output is open the promise is a quantile, so the input may be the likely figure as well; where it is
    # bounded the promise is "never", so the input is the figure that is never too low.
    incoming = bound if limit is not None or capped else min(bound, round(typical * ratio) if ratio else typical)
    open_output = max(limit if limit is not None else OPEN_OUTPUT, output)
    hold = _sized(incoming, output, call)
    at = call.started
    cost = high = _upper(prices.cost(model, hold, at=at, tier=tier))
    if (bound, open_output) != (incoming, output):
        high = _upper(prices.cost(model, _sized(bound, open_output, call), at=at, tier=tier))
    return Estimate(hold, cost, high, limit is not None, typical, output)


def _upper(cost: Cost) -> Cost:
    """Take the dearest reading of a price that is itself only bounded."""
    if cost.high is None:
        return cost
    return Cost.exact(cost.high, price_table=cost.price_table)


def sizes_of(call: Asked, requests: RequestReader) -> tuple[int, int]:
    """Return the typical count of a call's input tokens, and one that is never too low; counted once."""
    return _known(call, _SIZES, requests.input_tokens)


def limit_of(call: Asked, requests: RequestReader) -> int | None:
    """Return the most output that a call's request allows, in tokens, or `None`; looked for once."""
    return _known(call, _LIMIT, requests.output_limit)


def tier_of(call: Asked, requests: RequestReader) -> str | None:
    """Return the service tier that a call's request names, or `None`; looked for once."""
    return _known(call, _TIER, requests.tier)


def _known(call: Asked, name: str, find: Callable[[Mapping[str, Any]], T]) -> T:
    memo = call.memo
    if name not in memo:
        memo[name] = find(call.arguments)
    found: T = memo[name]
    return found


def of_answer(
    call: Asked, requests: RequestReader, prices: Prices, model: str, text_bytes: int | None, known: Usage | None
) -> tuple[Usage, Cost]:
    """Estimate what an answer without usage cost, from its text.

    Returns:
        The typical usage and its cost, `estimated` with bounds (or unpriced).
    """
    typical, bound = sizes_of(call, requests)
    limit = limit_of(call, requests)
    tier = tier_of(call, requests)
    if text_bytes is None:
        likely, most = 0, limit if limit is not None else OPEN_OUTPUT
    else:
        # About four bytes make a token of Latin text; one byte is the least that a token can be. Reasoning is not in
        # the text, so what the request allows is the upper figure where it says so.
        likely, most = -(-text_bytes // 4), max(text_bytes, limit or 0)
    low = ZERO
    if known is not None and known.total_input_tokens:
        low = prices.cost(model, known, at=call.started, tier=tier).known
        usage = Usage(**{**_fields(known), "output_tokens": max(likely, known.output_tokens)})
        top = Usage(**{**_fields(known), "output_tokens": max(most, known.output_tokens)})
    else:
        usage = counted(typical, likely)
        top = _sized(bound, max(most, likely), call)
    cost = prices.cost(model, usage, at=call.started, tier=tier)
    high = prices.cost(model, top, at=call.started, tier=tier)
    if high.amount is None:  # an embedder has no price for output, for it gives none
        usage, top = replace(usage, output_tokens=0), replace(top, output_tokens=0)
        cost = prices.cost(model, usage, at=call.started, tier=tier)
        high = prices.cost(model, top, at=call.started, tier=tier)
    return usage, between(cost, low, high)


def _fields(usage: Usage) -> dict[str, int]:
    from_usage = zip(Usage.__slots__, usage, strict=True)
    return dict(from_usage)


def between(cost: Cost, low: Money, high: Cost) -> Cost:
    """Return `cost` as an estimate with these bounds, widened where they contradict it."""
    if cost.amount is None or high.high is None:
        return UNPRICED
    amount = cost.amount
    least, most = min(low, amount), max(high.high, amount)
    return ascertained(amount, least, most, "estimated", cost.by_bucket, "estimate", cost.price_table)
