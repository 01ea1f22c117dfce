"""Snapshots: the message that an SDK's stream has gathered so far.

Law: looking never waits, never reads on, and never raises; a stream that has not begun has no snapshot.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from frugal.ports import Reading
from frugal.providers.nodes import Attributes
from frugal.providers.reader import read

__all__ = ["snapshot"]

_GATHERED = (
    "current_message_snapshot",  # Anthropic's MessageStream and AsyncMessageStream
    "current_completion_snapshot",  # OpenAI's ChatCompletionStream, and the state inside it
    "_completed_response",  # the state inside OpenAI's ResponseStream
    "final_response",
    "final_message",
    "final_completion",
)
_INSIDE = ("_state", "_stream", "stream")
_MANAGER = "StreamManager"
_DEPTH = 3


def snapshot(stream: Any) -> Reading | None:
    """Return what the message gathered by an SDK's stream, or by its context manager, says.

    Args:
        stream: what `messages.stream()`, `chat.completions.stream()` or `responses.stream()` returned, or what
            entering it gave. Anything else has no snapshot.

    Returns:
        The reading, not complete while the answer has not ended; `None` when there is no snapshot.

    >>> snapshot(object()) is None
    True
    """
    return _search(stream, _DEPTH)


def _search(stream: Any, depth: int) -> Reading | None:
    if stream is None or not depth or isinstance(stream, (str, bytes, int, float, list, tuple, dict)):
        return None
    node = Attributes(stream)
    for name in _GATHERED:
        gathered = node.get(name)
        if gathered is not None and (reading := read(gathered)) is not None:
            return reading if reading.finish is not None else replace(reading, complete=False)
    kind = type(stream).__name__
    # A manager keeps its stream under a mangled private name, the SDKs' only trace of it.
    inside = (f"_{kind.split('[')[0]}__stream", *_INSIDE) if _MANAGER in kind else _INSIDE
    for name in inside:
        if (reading := _search(node.get(name), depth - 1)) is not None:
            return reading
    return None
