"""Judging: read an answer whole, ask whether it will do, and give it back as it came.

Law: a stream is read to its end before it is judged, inside its context manager where that is what it is, so its cost
is known whatever the verdict; the one that is given back has the chunks that were read, in their order.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from frugal._core.mirror import Mirror
from frugal._core.stream import Stream, replay

__all__ = ["judged"]


async def judged(
    response: Any, accept: Callable[[Any], Any], *, text_of: Callable[[Any], str | None] | None = None
) -> tuple[Any, bool]:
    """Return an answer to give to the caller, and whether it will do.

    Args:
        response: what the function returned; a metered stream is read.
        accept: says whether it will do; sync or async; given the chunks, as a list, of a stream.
        text_of: reads the text of a response or a chunk, where `accept` wants that.

    Raises:
        TypeError: a context manager gives nothing that can be read.
    """
    answer, parts = response, [response]
    shown: Any = response
    if type(response) is Stream:
        parts, original = await _read(response)
        answer, shown = Stream.around(Mirror(replay(parts), original)), parts
    if text_of is not None:
        shown = "".join(text_of(part) or "" for part in parts)
    verdict = accept(shown)
    return answer, bool(await verdict if inspect.isawaitable(verdict) else verdict)


async def _read(stream: Stream) -> tuple[list[Any], Any]:
    source = _object_of(stream)
    if hasattr(type(source), "__aiter__"):
        return [chunk async for chunk in stream], source
    async with stream as entered:
        found = _object_of(entered)
        if not hasattr(type(found), "__aiter__"):
            raise TypeError(
                f"a cascade reads an answer before it judges it, and entering a {type(source).__name__} gives a "
                f"{type(found).__name__}, which cannot be iterated over; return the stream itself."
            )
        return [chunk async for chunk in entered], found


def _object_of(stream: Any) -> Any:
    """Return the SDK's own object."""
    return stream._frugal_object if type(stream) is Stream else stream  # noqa: SLF001 the public face is the SDK's
