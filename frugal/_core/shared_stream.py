"""A stream that several callers read: one source on one account, a proxy for each reader.

Law: the source's cost stands on its branch; the leader adopts it when its own reading ends, and if the leader leaves
first the branch commits when the source does.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

from frugal._core.branch import Branch
from frugal._core.call import Call
from frugal._core.mirror import Mirror
from frugal._core.stream import Ending, Stream, tap
from frugal._values.facts import Shared, Spent
from frugal.ports import Ticket

__all__ = ["finishing", "is_iterable", "reading", "unshared"]

_log = logging.getLogger("frugal")


def is_iterable(stream: Any) -> bool:
    """Say whether a streamed response can be iterated, rather than only entered."""
    return hasattr(type(stream._frugal_object), "__aiter__")  # noqa: SLF001 the proxy's public face is the SDK's


class _Finish:
    """Ends the branch with its source."""

    __slots__ = ("branch",)

    def __init__(self, branch: Branch) -> None:
        self.branch = branch

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> Ticket | None:
        return self.branch.finish()


class _Leader:
    """Ends the leader's reading: adopt what the source cost, or leave it to the branch."""

    __slots__ = ("branch",)

    def __init__(self, branch: Branch) -> None:
        self.branch = branch

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> Ticket | None:
        return self.branch.abandon()


class _Follower:
    """Ends a follower's reading: it cost nothing."""

    __slots__ = ("branch", "call")

    def __init__(self, branch: Branch, call: Call) -> None:
        self.branch = branch
        self.call = call

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> Ticket | None:
        self.call.journal.inner = self.branch.call.journal.inner
        spent = self.branch.call.journal.last(Spent)
        if spent is None:
            self.call.journal.add(Shared(source_id=self.branch.owner.id))
        else:
            self.call.journal.add(Shared(spent.worth, spent.usage, spent.model, self.branch.owner.id))
        return None


def finishing(stream: Stream, branch: Branch) -> Stream:
    """End the branch when its source does."""
    return tap(stream, _Finish(branch))


def unshared(stream: Stream, branch: Branch) -> Stream:
    """Return the stream itself to the caller that leads: it cannot be shared."""
    return tap(stream, _Finish(branch), _Leader(branch))


def reading(
    chunks: AsyncIterator[Any],
    source: Stream,
    call: Call,
    branch: Branch,
    *,
    led: bool,
    copy: Callable[[Any], Any] | None,
) -> Stream:
    """Return one caller's own stream of a flight.

    Args:
        chunks: this caller's subscription.
        source: the metered stream that all read.
        call: whose reading it is.
        branch: the account that the flight is on.
        led: whether that is this caller's own.
        copy: makes each chunk its reader's own; the leader's too, for those who join late read them after it.
    """
    own = None if copy is None else partial(_own, copy)
    stream = Stream.around(Mirror(chunks, source._frugal_object, own))  # noqa: SLF001
    return tap(stream, _Leader(branch) if led else _Follower(branch, call))


def _own(copy: Callable[[Any], Any], chunk: Any) -> Any:
    """Return a reader's own chunk; half a stream cannot begin again, so one that has no copy is shared."""
    try:
        return copy(chunk)
    except Exception as error:
        _log.warning("frugal: a stream's chunk is shared by its readers: %s", error)
        return chunk
