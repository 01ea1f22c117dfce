"""Accounts: whom an SDK's client asks, and on whose behalf.

Law: two clients that may get different answers to one request, or whose users must not see each other's, have two
accounts: another address, deployment or API version, another key, organisation or project, other headers of one's own.
What changes only how a request is sent (a time limit, the number of retries) is no part of it. A key is only ever
digested together with the rest.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator, Mapping
from typing import Any

from frugal._values.canonical import Unkeyable, canonical

__all__ = ["account_of"]

_TELLING = (
    "base_url",
    *("api_key", "auth_token", "organization", "project", "_custom_headers", "_custom_query"),  # OpenAI, Anthropic
    *("_api_version", "_azure_endpoint", "_azure_deployment"),  # Azure
    *("aws_region", "aws_access_key", "aws_profile", "region", "project_id"),  # Bedrock, Vertex
    *("vertexai", "location", "api_version", "headers"),  # google-genai
)
"""What tells clients apart, by the names that SDKs have for it."""

_WHERE = ("base_url", "_http_options", "_azure_endpoint")
"""What only a client has."""

_INSIDE = ("__self__", "_client", "_api_client")
"""Where a bound method or a resource has its client."""

_MADE = frozenset({"base_url", "__self__"})

_NOT_TELLING = frozenset({"user-agent", "x-goog-api-client", "content-type", "x-server-timeout", "accept"})
"""Headers that an SDK makes itself, with its own version in them."""


def account_of(value: Any) -> dict[str, object] | None:
    """Return the account of a client, of one of its resources or of a method bound to one; `None` for anything else.

    >>> class Client:
    ...     base_url, api_key, timeout = "https://api.example.com/v1", "sk-1", 10
    >>> account_of(Client())
    {'base_url': 'https://api.example.com/v1', 'api_key': 'sk-1'}
    >>> account_of(object()) is None
    True
    """
    for _ in range(4):
        if value is None or isinstance(value, (type, types.ModuleType, str, int, float, bytes, Mapping, list, tuple)):
            return None
        if any(_read(value, name) is not None for name in _WHERE):
            return dict(_telling(value))
        value = next((inner for name in _INSIDE if (inner := _read(value, name)) is not None), None)
    return None


def _telling(client: Any) -> Iterator[tuple[str, object]]:
    for thing in (client, _read(client, "_http_options")):
        for name in _TELLING if thing is not None else ():
            found = _read(thing, name)
            if isinstance(found, Mapping):
                found = {k: v for k, v in found.items() if str(k).lower() not in _NOT_TELLING} or None
            elif found is not None and not isinstance(found, (str, bool)):
                found = str(found) if name == "base_url" else None  # the SDKs have a class of URLs
            if found is not None and _has_form(found):
                yield (name if thing is client else f"http {name}"), found


def _read(value: Any, name: str) -> Any:
    """Return an attribute; but for an address and a method's object, only what stands there, not what would be made."""
    try:
        return getattr(value, name, None) if name in _MADE else inspect.getattr_static(value, name, None)
    except Exception:  # a property of somebody's own
        return None


def _has_form(value: object) -> bool:
    try:
        canonical(value)
    except Unkeyable:
        return False
    return True
