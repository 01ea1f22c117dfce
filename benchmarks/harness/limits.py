"""The limits that frugal is held to, in one table, so that each row of a benchmark can mark itself.

Law: what is measured is what a thing costs, in seconds, bytes or a ratio, so less is always better.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LIMITS", "Limit"]

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limit:
    """Hold what a figure may be at the most.

    Args:
        what: what is measured, in words.
        at_most: in the row's own unit; where a peer is named, times that peer's figure.
        beside: the peer that the row is held against; `None` for a limit that stands by itself.
    """

    what: str
    at_most: float
    beside: str | None = None

    def met(self, ours: float, ratio: float | None) -> bool | None:
        """Say whether a figure keeps the limit; `None` where its peer was not measured."""
        if self.beside is None:
            return ours <= self.at_most
        return None if ratio is None else ratio <= self.at_most


LIMITS = {
    "stack memory hit": Limit("memory hit through the whole stack", 1.0, "aiocache"),
    "cached memory hit": Limit("memory hit through @cached(layers=[memory])", 0.5, "aiocache"),
    "disk hit": Limit("hit in the disk layer", 0.25, "cashews, disk"),
    "metered": Limit("@metered, durable, 1,000 calls at once", 0.2, "Redis pipeline"),
    "miss at once": Limit("whole stack, miss, 1,000 calls at once, durable", 1 / 3000),
    "miss alone": Limit("whole stack, miss, one call at a time", 0.001),
    "semantic 10,000": Limit("semantic hit among 10,000, embedding included", 0.0005),
    "semantic 100,000": Limit("semantic hit among 100,000 with usearch, embedding included", 0.001),
    "batch item": Limit("an item through @batched", 2.0, "aiodataloader"),
    "import": Limit("import frugal", 0.1),
    "stall": Limit("event-loop stall, of every millisecond, 99.9 %", 0.005),
    "in flight": Limit("memory for a call in flight beyond request and response", 16 * KIB),
    "ledger memory": Limit("memory to open and query a ledger of a million records", 150 * MIB),
    "semantic memory": Limit("memory of 100,000 semantic entries, in vectors' sizes", 1.5),
    # "Flat" within what a shared machine lets one see.
    "recording flat": Limit("recording, from the smallest ledger to the largest", 1.25),
    "usage flat": Limit("usage() and trend(), from the smallest ledger to the largest", 1.25),
    "opening flat": Limit("opening, from the smallest ledger to the largest", 1.25),
    "routing": Limit("a decision of by_complexity", 0.0001),
}
"""By the name that a row gives."""
