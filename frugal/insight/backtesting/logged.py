"""A request of the past, and a log of them: what a backtest replays.

Law: what a log does not say is `None`, never a guess; what is left out of a log is counted, with the reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from frugal._values.cost import Cost
from frugal._values.usage import NO_USAGE, Usage

__all__ = ["FUNCTION", "LeftOut", "Log", "Logged", "Remark"]

FUNCTION = "log.ask"
"""The name of the function that requests are asked of, where the log names none."""

_nothing: Mapping[str, Any] = {}  # never changed, and one for all: a log may have a million requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """Hold one request of a log.

    Args:
        time: when it began, in Unix seconds.
        model: the model that it asked for.
        usage: the tokens that it used, in disjoint buckets.
        cost: what it cost, where the log says it; this goes before any price table.
        served: the model that served, where the provider named another.
        provider: who served it.
        tier: the service tier.
        prompt: the prompt's text, or the list of messages.
        answer: the answer's text.
        parameters: the request's other arguments, such as `temperature`.
        identity: what equal requests have in common, where the prompt is not known.
        function: the function that was called.
        user: on whose behalf.
        session: the session or run that it belongs to.
        tags: free labels.
        stream: whether its answer was streamed.
        latency: seconds until its answer was complete.
        max_tokens: the most output tokens that it allowed.
        finish: why the answer ended, in the provider's words.
        failed: the HTTP status that it failed with; `None` for an answer.
        pinned: whether its caller chose the model.
    """

    time: float
    model: str
    usage: Usage = NO_USAGE
    cost: Cost | None = None
    served: str | None = None
    provider: str | None = None
    tier: str | None = None
    prompt: str | Sequence[Any] | None = None
    answer: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: _nothing)
    identity: str | None = None
    function: str = FUNCTION
    user: str | None = None
    session: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: _nothing)
    stream: bool = False
    latency: float | None = None
    max_tokens: int | None = None
    finish: str | None = None
    failed: int | None = None
    pinned: bool = False

    @property
    def is_known(self) -> bool:
        """Whether equal requests can be told from different ones."""
        return self.prompt is not None or self.identity is not None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Say why a row of a log is no request to replay."""

    reason: str


@dataclass(frozen=True, slots=True)
class Remark:
    """Say what is to be known of a request: what its row did not say, or said in vain."""

    about: str


@dataclass(frozen=True, slots=True)
class Log:
    """Hold the requests of a log, oldest first.

    Args:
        requests: the requests.
        left_out: how many rows are none, by the reason.
        remarks: of how many requests something is to be known, by what it is.
        notes: what else is to be known of it.
    """

    requests: Sequence[Logged]
    left_out: Mapping[str, int] = field(default_factory=dict)
    remarks: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.requests)
