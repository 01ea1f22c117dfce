"""The reader: what a response says about tokens and money, from its shape alone.

Law: `read` never raises, never changes or consumes the response, and never turns bad figures into a wrong number:
where they cannot be trusted the reading has no usage, and `problem` says why; where they can, but are not all that
is billed, `problem` says what is missing.

Why not `genai_prices.extract_usage`, which is the oracle of the tests: it wants to be told the provider and the
flavour of its API, and takes decoded JSON only, no SDK object and no stream. On 338 recorded bodies the two agree
but for these, in which it is not what is billed: it leaves out Anthropic's compactions, takes Moonshot's top-level
`cached_tokens` for uncached, and has no rows for Gemini's Interactions, for Vertex embeddings, and for Voyage's
bare totals. `benchmarks/read_payloads.py` prints every difference.
"""

from __future__ import annotations

import json
import logging
from typing import Any

from frugal.ports import Reading
from frugal.providers.bodies import Body, Shape, recognise
from frugal.providers.nodes import Attributes, Node, look, size
from frugal.providers.reading import settle

__all__ = ["opened", "read"]

_log = logging.getLogger("frugal")

_WRAPPINGS = ("_raw_response", "http_response")
"""Instructor's and Vertex's own objects; the SDKs' `.with_raw_response`."""

_WRAPPED_TWICE = 3
"""A library's object round an SDK's raw response round an HTTP response is as deep as it goes."""


def read(response: Any) -> Reading | None:
    """Return what a response says, or `None` when its shape is no model's response.

    >>> read("just text") is None
    True
    """
    try:
        opening = opened(response)
        if opening is None:
            return None
        node, shape, body = opening
        return settle(body, sum(size(part) for _, part in shape.parts(node)))
    except Exception:
        # A shape that lies about itself (a mapping whose lookup raises) is no fault of the caller's.
        _log.warning("the usage of a %s could not be read", type(response).__name__, exc_info=True)
        return None


def opened(response: Any, depth: int = _WRAPPED_TWICE) -> tuple[Node, Shape, Body] | None:
    """Return a response as a node with its shape and body, out of its wrappings; `None` when it is none.

    A raw response is read from the HTTP body that it already holds: its `parse()` may be a coroutine, may run the
    user's own parser, and may hand out a stream. A body that has not been read yet is left alone.
    """
    node = look(response)
    if node is None:
        return None
    found = recognise(node)
    if found is not None:
        return node, *found
    if isinstance(response, dict) or not depth:
        return None
    if type(response).__module__.startswith("httpx"):
        return opened(_body(response), 0)
    for wrapping in _WRAPPINGS:
        inner = Attributes(response).get(wrapping)
        if inner is not None:
            return opened(inner, depth - 1)
    return None


def _body(response: Any) -> Any:
    """Return the decoded JSON body of an HTTP response that has been read."""
    try:
        content = response.content  # raises when a streamed body has not been read; it never reads
        return json.loads(content)
    except Exception:
        return None
