"""The line in which work waits for the writer.

Law: what came first goes first, also after it was put back; something urgent takes along all that stands before it; of
the rest none waits longer than `LINGER`. Its methods are called with the writer's lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from frugal.ledger.work import Piece

__all__ = ["LINGER", "Line"]

LINGER = 0.03
"""Seconds for which what is not urgent may wait for company; the rest of its 50 ms is for being written."""


class Line:
    """Keep pieces of work in order."""

    def __init__(self) -> None:
        self._pieces: deque[Piece] = deque()
        self._urgent = 0

    def __len__(self) -> int:
        return len(self._pieces)

    def __iter__(self) -> Iterator[Piece]:
        return iter(self._pieces)

    def add(self, piece: Piece) -> None:
        """Let a piece stand last."""
        self._pieces.append(piece)
        if piece.urgent:
            self._urgent += 1

    def take(self, most: int) -> list[Piece]:
        """Take the first pieces out, but for those that nobody wants any more."""
        taken: list[Piece] = []
        while self._pieces and len(taken) < most:
            piece = self._pieces.popleft()
            self._urgent -= piece.urgent
            if not piece.ticket.abandoned:
                taken.append(piece)
        return taken

    def put_back(self, pieces: Sequence[Piece]) -> None:
        """Let pieces that were taken, and are not done, stand first again."""
        for piece in reversed(pieces):
            if not piece.ticket.done:
                self._pieces.appendleft(piece)
                self._urgent += piece.urgent

    def drop_done(self) -> None:
        """Take those out that are done, whoever did it."""
        self._pieces = deque(piece for piece in self._pieces if not piece.ticket.done)
        self._urgent = sum(piece.urgent for piece in self._pieces)

    @property
    def due(self) -> float:
        """When the first is to go, on the monotonic clock."""
        # By its own age, so that under a steady stream there is company for every transaction, not for the first alone.
        return 0.0 if self._urgent or not self._pieces else self._pieces[0].ticket.born + LINGER
