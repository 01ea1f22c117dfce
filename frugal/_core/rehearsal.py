"""Rehearsals: a stack tried out with nothing real behind it.

Law: inside a rehearsal no ledger, cache or index that a decorator names is read or written, and no span is sent; what
stands in their place is the rehearsal's own. A rehearsal is ambient to the code that runs in it and to nobody else:
calls of the same functions beside it are served as ever.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from frugal._core.meter import Ports

__all__ = ["Rehearsal", "rehearsal"]


class Rehearsal(Protocol):
    """What stands in the place of the world."""

    @property
    def ports(self) -> Ports:
        """The adapters in the place of the default ones, and its `ledger()` in the place of any."""
        ...

    def ring(self, ring: Any) -> Any:
        """Return what is attached in the place of a ring or a mark."""
        ...

    def layer(self, layer: Any) -> Any:
        """Return what stands in the place of a cache's layer or of a user's own store."""
        ...

    def rows(self, directory: Any) -> Any:
        """Return what stands in the place of the rows that a semantic cache keeps in a directory."""
        ...


rehearsal: ContextVar[Rehearsal | None] = ContextVar("frugal_rehearsal", default=None)
"""The rehearsal that this code runs in; `None` on the open stage."""
