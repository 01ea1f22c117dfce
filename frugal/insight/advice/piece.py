"""A piece of advice, and the finding that it is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from frugal._values.money import Money
from frugal._values.record import Record

__all__ = ["ENOUGH", "Advice", "Finding", "Lens"]

ENOUGH = 10
"""Calls below which nothing is concluded; as many as the adaptive router wants before it leaves its base choice."""


@dataclass(frozen=True, slots=True)
class Advice:
    """Say what one tip would have saved on the traffic of a ledger.

    Args:
        title: what to do.
        category: `"prompt"`, `"caching"`, `"model"` or `"architecture"`.
        saving: what it would have saved in the asked time; negative where it costs more than it saves, `None` where
            the ledger holds not enough evidence.
        evidence: what was measured, in a sentence or two.
        sample: how many calls the figure rests on.
        effort: `"low"`, `"medium"` or `"high"`.
        priority: 1 to 5, 5 first.
        triggered: whether the traffic shows the sign that this tip is for.
        tip: a short name that does not change.
    """

    title: str
    category: str
    saving: Money | None
    evidence: str
    sample: int
    effort: str
    priority: int
    triggered: bool = False
    tip: str = ""

    @property
    def pays(self) -> bool | None:
        """Whether it saves money; `None` where that is not known."""
        return None if self.saving is None else self.saving.pico > 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what was measured for one tip."""

    saving: Money | None
    evidence: str
    sample: int


class Lens(Protocol):
    """Looks at every record once, in order of time, and keeps only what is bounded."""

    def see(self, record: Record, start: float) -> None:
        """Take the next record, and when its call started, in Unix seconds."""
        ...
