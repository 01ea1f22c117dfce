"""Providers: what requests, responses, streams and errors of language models say about tokens and money.

Law: everything is read from shapes; no SDK is imported. A provider's inclusive and exclusive counting ends here.
`counts` is the table of keys, `bodies` that of responses, `events` that of streams, `requests` that of arguments.
"""

from frugal.providers.chained import Chained
from frugal.providers.doors import watch
from frugal.providers.estimates import Tokens, estimate_input, estimate_text, has_images
from frugal.providers.failures import status_of, usage_of_error
from frugal.providers.reader import read
from frugal.providers.requests import (
    choices,
    has_tools,
    is_streaming,
    output_limit,
    requested_model,
    requested_tier,
)
from frugal.providers.retries import retries_of
from frugal.providers.shapes import RequestShapes, ShapeReader
from frugal.providers.snapshots import snapshot
from frugal.providers.stream import ShapeStream
from frugal.providers.texts import text_of

__all__ = [
    "Chained",
    "RequestShapes",
    "ShapeReader",
    "ShapeStream",
    "Tokens",
    "choices",
    "estimate_input",
    "estimate_text",
    "has_images",
    "has_tools",
    "is_streaming",
    "output_limit",
    "read",
    "requested_model",
    "requested_tier",
    "retries_of",
    "snapshot",
    "status_of",
    "text_of",
    "usage_of_error",
    "watch",
]
