"""`rate_limited`: say how fast a function may be called."""

from __future__ import annotations

from frugal._mechanisms.pace import Pace
from frugal._middleware.rate_limited import RateLimited
from frugal._values.spelling import spelt
from frugal.decorators.wiring import Decorator, decorate, ports

__all__ = ["rate_limited"]


def rate_limited(
    function: None = None,
    /,
    *,
    rpm: float | None = None,
    tpm: float | None = None,
    max_concurrency: int | None = None,
) -> Decorator:
    """Hold a function to a pace; calls above it wait their turn, first come, first served.

    Args:
        function: nothing; it is here to say what is wrong with a bare `@rate_limited`.
        rpm: requests a minute, over the whole process.
        tpm: tokens a minute, over the whole process; reserved from the request, corrected by the true usage.
        max_concurrency: calls under way at once on one event loop.

    Returns:
        A decorator.

    Raises:
        TypeError: no limit is given.
        ValueError: a limit is out of its range.

    A decorated function raises `RequestTooLargeError` for a request above `tpm`, which could never go.

    >>> from frugal import rate_limited
    >>> @rate_limited(rpm=500, max_concurrency=8)
    ... async def ask(prompt): return prompt
    """
    if function is not None or (rpm is None and tpm is None and max_concurrency is None):
        raise TypeError("rate_limited() needs a limit: give rpm=, tpm= or max_concurrency=.")
    Pace(rpm=rpm, tpm=tpm, max_concurrency=max_concurrency)  # finds what is wrong now, not at the first call
    said = spelt("rate_limited", rpm=rpm, tpm=tpm, max_concurrency=max_concurrency)

    def make() -> RateLimited:
        pace = Pace(rpm=rpm, tpm=tpm, max_concurrency=max_concurrency)
        return RateLimited(pace, ports().requests, ports().reader, said, tpm)

    return decorate(None, make, said)  # type: ignore[no-any-return]
