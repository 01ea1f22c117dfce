"""Shapes: the readers that stand behind the ports, for responses and for requests.

Law: what they promise is in the ports; here the functions of this package are only put together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frugal.ports import Body, Reading
from frugal.providers.body import body_of
from frugal.providers.estimates import estimate_input
from frugal.providers.failures import status_of
from frugal.providers.reader import read
from frugal.providers.requests import choices, output_limit, requested_model, requested_tier
from frugal.providers.snapshots import snapshot
from frugal.providers.stream import ShapeStream

__all__ = ["RequestShapes", "ShapeReader"]


class ShapeReader:
    """Read usage, model, tier and end of a response by its shape; satisfies `frugal.ports.UsageReader`.

    >>> body = {"choices": [], "model": "gpt-4o", "usage": {"prompt_tokens": 9, "completion_tokens": 3}}
    >>> ShapeReader().read(body).usage.total_tokens
    12
    """

    __slots__ = ()

    def read(self, response: Any) -> Reading | None:
        """Return what a response says, or `None` when its shape is no model's response.

        Args:
            response: an SDK object, a mapping, an SDK's raw response, or anything else.
        """
        return read(response)

    def stream(self) -> ShapeStream:
        """Return a fresh reader for one stream."""
        return ShapeStream()

    def snapshot(self, stream: Any) -> Reading | None:
        """Return what the message that an SDK's stream has gathered says, or `None` when there is none."""
        return snapshot(stream)

    def body(self, response: Any) -> Body | None:
        """Return the body of an SDK's raw response that is still to be read, or `None` when it is no such thing."""
        return body_of(response)

    def __repr__(self) -> str:
        return "ShapeReader()"


class RequestShapes:
    """Read what a request asks for by the names of its arguments; satisfies `frugal.ports.RequestReader`.

    >>> RequestShapes().output_limit({"max_tokens": 100, "n": 2})
    200
    """

    __slots__ = ()

    def model(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the model asked for under any provider's spelling."""
        return requested_model(arguments)

    def input_tokens(self, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return the typical count of input tokens, and one that is never too low."""
        most, typical = estimate_input(arguments)
        return typical, most

    def output_limit(self, arguments: Mapping[str, Any]) -> int | None:
        """Return the output tokens that the request allows over all its choices; `None` without a limit."""
        limit = output_limit(arguments)
        return None if limit is None else limit * choices(arguments)

    def tier(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the service tier asked for; `None` for the normal one."""
        return requested_tier(arguments)

    def status(self, error: BaseException) -> int | None:
        """Return the HTTP status that an error stands for."""
        return status_of(error)

    def __repr__(self) -> str:
        return "RequestShapes()"
