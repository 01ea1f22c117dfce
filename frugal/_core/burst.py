"""A burst: many calls made at once that need not wait for strangers.

Law: when every call of a burst has joined a batch, ended, or waits for another, what the batches hold is sent.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["BURST", "Burst"]


class _Key:
    """The typed key under which a call carries its burst."""

    def __repr__(self) -> str:
        return "BURST"


BURST = _Key()


class Burst:
    """Know which calls of a burst may still join a batch.

    Args:
        size: how many calls there are; they are numbered from 0.
    """

    __slots__ = ("_flushes", "_outstanding")

    def __init__(self, size: int) -> None:
        self._outstanding = set(range(size))
        self._flushes: dict[int, Callable[[], None]] = {}

    def joined(self, number: int, flush: Callable[[], None], batch: int) -> None:
        """A call stands in a batch, which `flush` sends."""
        self._flushes[batch] = flush
        self.left(number)

    def left(self, number: int) -> None:
        """A call has joined a batch, has ended, or waits for another."""
        self._outstanding.discard(number)
        if not self._outstanding:
            flushes, self._flushes = self._flushes, {}
            for flush in flushes.values():
                flush()
