"""What a log cannot tell: said in words, for each ring that needed it.

Law: a ring that was not asked, or was asked with less than production knows, is named with how many requests that
concerns; what a log has makes no words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from frugal._middleware.batched import Batched
from frugal._middleware.budgeted import Budgeted
from frugal._middleware.cached import Cached
from frugal._middleware.deduplicated import Deduplicated
from frugal._middleware.rate_limited import RateLimited
from frugal._middleware.semantic_cached import SemanticCached
from frugal.insight.backtesting.logged import Log, Logged
from frugal.insight.backtesting.stage import Rerouted, routable

__all__ = ["learns", "matches", "notes_on"]


def learns(ring: SemanticCached) -> bool:
    """Say whether a semantic cache compares answers."""
    return "max_error_rate" in ring.words


def matches(rings: Sequence[Any], logged: Logged) -> bool:
    """Say whether a log has what the semantic caches of a stack need of a request."""
    compares = any(isinstance(ring, SemanticCached) and learns(ring) for ring in rings)
    return logged.prompt is not None and (logged.answer is not None or not compares)


def notes_on(log: Log, rings: Sequence[Any], unpriced: Mapping[str, int]) -> list[str]:
    """Return what could not be judged.

    Args:
        log: the log.
        rings: the rings that the stack is made of.
        unpriced: how many requests have no price, by their models.
    """
    notes = list(log.notes)
    notes += [f"{_rows(count)} left out: {reason}" for reason, count in log.left_out.items()]
    notes += [f"{_requests(count)} with {about}" for about, count in log.remarks.items()]
    notes += dict.fromkeys(note for ring in rings for note in _on(ring, log.requests))
    notes += [
        f"{_requests(count)} of model {model!r}: no price is known for it; give one with prices="
        for model, count in unpriced.items()
    ]
    return notes


def _on(ring: Any, requests: Sequence[Logged]) -> Iterator[str]:
    total = len(requests)
    dumb = sum(logged.prompt is None for logged in requests)
    if isinstance(ring, (Cached, Deduplicated)):
        unknown = sum(not logged.is_known for logged in requests)
        if unknown:
            yield (
                f"{ring.name}: {_of(unknown, total)} have neither a prompt nor a key in the log, so equal ones "
                "cannot be told from others; none of them was looked up"
            )
        if dumb > unknown and (ring.keying.key is not None or ring.keying.ignore):
            yield (
                f"{ring.name}: its key= or ignore= looks at arguments that the log does not have; requests were "
                "taken for equal where the whole of them was"
            )
    if isinstance(ring, Deduplicated):
        yield from _on_latency(ring.name, requests, "which requests were under way together")
    if isinstance(ring, RateLimited):
        yield from _on_latency(ring.name, requests, "how many requests were under way at once")
    if isinstance(ring, Batched) and dumb:
        yield f"batched: {_of(dumb, total)} have no prompt in the log; they were batched by their tokens alone"
    if isinstance(ring, SemanticCached):
        yield from _on_meaning(ring, requests, dumb)
    if isinstance(ring, Rerouted):
        yield from _on_routing(ring, requests, dumb)
    if isinstance(ring, Budgeted) and dumb:
        yield (
            f"budgeted: {_of(dumb, total)} have no prompt in the log, so what was held for them follows from their "
            "tokens, at four bytes each"
        )


def _on_latency(name: str, requests: Sequence[Logged], what: str) -> Iterator[str]:
    missing = sum(logged.latency is None for logged in requests)
    if missing == len(requests):
        yield f"{name}: the log has no latencies, so {what} follows from the latency that was assumed"
    elif missing:
        yield f"{name}: {_of(missing, len(requests))} have no latency in the log; the median of their model was taken"


def _on_meaning(ring: SemanticCached, requests: Sequence[Logged], dumb: int) -> Iterator[str]:
    total = len(requests)
    if dumb:
        yield f"semantic_cached: {_of(dumb, total)} have no prompt in the log; none of them was looked up"
    if learns(ring):
        silent = sum(logged.answer is None and logged.prompt is not None for logged in requests)
        if silent:
            yield (
                f"semantic_cached: {_of(silent, total)} have no answer in the log to compare by max_error_rate=; "
                "none of them was looked up"
            )
    elif dumb < total:
        yield "semantic_cached: whether its hits would have been right is not judged"


def _on_routing(ring: Rerouted, requests: Sequence[Logged], dumb: int) -> Iterator[str]:
    total = len(requests)
    if not routable(ring.ring.router):
        yield (
            f"routed: {ring.ring.router!r} goes by answers and outcomes that only production has; the logged models "
            "were kept"
        )
        return
    if dumb:
        yield f"routed: {_of(dumb, total)} have no prompt in the log; their models were kept"
    if dumb < total:
        yield "routed: whether the models chosen answer as well is not judged; their tokens are taken to be the same"


def _of(some: int, total: int) -> str:
    return f"all {_requests(total)}" if some == total else f"{some:,} of {_requests(total)}"


def _rows(count: int) -> str:
    return f"{count:,} row" + ("" if count == 1 else "s")


def _requests(count: int) -> str:
    return f"{count:,} request" + ("" if count == 1 else "s")
