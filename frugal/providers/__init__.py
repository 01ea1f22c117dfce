"""Providers: what requests, responses, streams and errors of language models say about tokens and money.

Law: everything is read from shapes; no SDK is imported. A provider's inclusive and exclusive counting ends here.
`counts` is the table of keys, `bodies` that of responses, `events` that of streams, `requests` that of arguments.
"""

from frugal.providers.failures import status_of, usage_of_error
from frugal.providers.reader import ShapeReader, read
from frugal.providers.snapshots import snapshot
from frugal.providers.stream import ShapeStream

__all__ = [
    "ShapeReader",
    "ShapeStream",
    "read",
    "snapshot",
    "status_of",
    "usage_of_error",
]
