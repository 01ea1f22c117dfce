"""Mirrors: the other faces that an SDK gives a stream, such as its raw response, each over the same one stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from frugal._core.closing import close

__all__ = ["Mirror", "Response"]


class Response:
    """The HTTP response of a stream, as whoever reads the stream sees it.

    The SDKs' own helpers close a stream by its response, past us; and a response that several readers share must not be
    closed by one of them.

    Args:
        response: the response, or `None` where nothing was sent.
        close: closes the reader's stream.
    """

    __slots__ = ("_close", "_response")

    def __init__(self, response: Any, close: Callable[[], Awaitable[None]]) -> None:
        self._response = response
        self._close = close

    @property
    def __class__(self) -> Any:
        return Response if self._response is None else self._response.__class__

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("a response's class cannot be changed.")

    async def aclose(self) -> None:
        """Close the stream."""
        await self._close()

    def __getattr__(self, name: str) -> Any:
        if self._response is None:
            if name == "headers":
                return {}
            raise AttributeError(f"a replayed stream has no HTTP response, and so no {name!r}: nothing was sent.")
        return getattr(self._response, name)


class Mirror:
    """Read chunks from elsewhere under the face of the SDK's own stream.

    Args:
        chunks: where the chunks come from.
        original: the stream that they came from first, whose other attributes stay within reach; `None` once it
            is gone.
        copy: makes each chunk its reader's own.
    """

    __slots__ = ("_chunks", "_copy", "_original")

    def __init__(
        self, chunks: AsyncIterator[Any], original: Any = None, copy: Callable[[Any], Any] | None = None
    ) -> None:
        self._chunks = chunks
        self._original = original
        self._copy = copy

    @property
    def __class__(self) -> Any:
        return Mirror if self._original is None else self._original.__class__

    @__class__.setter
    def __class__(self, value: Any) -> None:
        raise TypeError("a stream's class cannot be changed.")

    def __aiter__(self) -> Mirror:
        return self

    async def __anext__(self) -> Any:
        chunk = await self._chunks.__anext__()
        return chunk if self._copy is None else self._copy(chunk)

    async def __aenter__(self) -> Mirror:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop reading."""
        await close(self._chunks)

    async def close(self) -> None:
        """Stop reading."""
        await self.aclose()

    @property
    def response(self) -> Response:
        """The HTTP response of the first stream, if that is not gone; closing it stops this reading alone."""
        found = None if self._original is None else getattr(self._original, "response", None)
        return Response(found if hasattr(found, "aclose") else None, self.aclose)

    def __getattr__(self, name: str) -> Any:
        if self._original is None or name.startswith("__"):
            raise AttributeError(f"a replayed stream has no {name!r}: it holds the chunks alone.")
        value = getattr(self._original, name)
        # It would read on where everything has been read, and end without a word.
        if hasattr(type(value), "__anext__"):
            raise AttributeError(f"{name!r} of this stream was read already; iterate over the stream itself.")
        return value
