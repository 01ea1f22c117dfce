"""Retries: how often an SDK says that it asked again before it gave this response, stream or error.

Law: only what was counted by the SDK itself is told: `retries_taken` of a raw response, or the request header that the
SDKs made by Stainless number their retries with. A parsed response says nothing, and counts as none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from frugal.providers.nodes import Attributes

__all__ = ["retries_of"]

_HEADER = "x-stainless-retry-count"
_RESPONSES = ("response", "http_response", "_response")
_silent: dict[type, bool] = {}


def retries_of(source: Any) -> int:
    """Return how many requests were sent before the last one, as far as an object says.

    Args:
        source: a response, an SDK's stream, or an error.

    >>> class Raw:
    ...     retries_taken = 2
    >>> retries_of(Raw()), retries_of({"retries_taken": 2})
    (2, 0)
    """
    if source is None or _is_silent(type(source)):
        return 0
    node = Attributes(source)
    taken = node.get("retries_taken")
    if type(taken) is int:
        return max(0, taken)
    for request in _requests(node):
        headers = Attributes(request).get("headers")
        counted = headers.get(_HEADER) if headers is not None and hasattr(headers, "get") else None
        if isinstance(counted, str) and counted.isdecimal():
            return int(counted)
    return 0


def _requests(node: Attributes) -> Iterator[Any]:
    yield node.get("request")  # of a connection's error
    for name in _RESPONSES:
        yield Attributes(node.get(name)).get("request")


def _is_silent(kind: type) -> bool:
    """Say whether objects of a class can say nothing: plain values and parsed models."""
    found = _silent.get(kind)
    if found is None:
        if len(_silent) > 1024:
            _silent.clear()
        found = _silent[kind] = kind.__module__ == "builtins" or hasattr(kind, "__pydantic_fields__")
    return found
