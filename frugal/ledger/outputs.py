"""Learned output: how many tokens a function and a model give, for the size of a hold.

Law: the answer is an upper bound in the manner of conformal prediction: of n seen and one to come, all
alike, the one to come is at most the ⌈(n + 1)·q⌉-th smallest with probability q at least. (Vovk, Gammerman
and Shafer, "Algorithmic Learning in a Random World", 2005.) Counts stand in buckets no wider than 1/32 of
their value, and the upper end of a bucket answers for it; older counts fade, so that the answer follows the
traffic.
"""

from __future__ import annotations

import math

import msgspec

from frugal.ledger.wire import RecordRow

__all__ = ["MINIMUM", "Outputs", "learns_from"]

MINIMUM = 8
"""Below that many observations there is no answer."""

_FINE = 32  # buckets in each doubling
_FULL = 4096  # observations at which all counts are halved
_TEACHING = frozenset({"provider", "escalated", "shadow"})


class Outputs(msgspec.Struct, omit_defaults=True, gc=False):
    """Hold a histogram: for each bucket's upper end, how many answers had as many tokens."""

    counts: dict[int, int] = {}
    seen: int = 0

    def add(self, tokens: int) -> None:
        """Count one answer."""
        bucket = _upper(tokens)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.seen += 1
        if self.seen >= _FULL:
            self.counts = {at: count // 2 for at, count in self.counts.items() if count > 1}
            self.seen = sum(self.counts.values())

    def quantile(self, share: float) -> int | None:
        """Return how many tokens that share of the answers stays within; `None` when too few were seen.

        >>> outputs = Outputs()
        >>> for tokens in range(1, 10):
        ...     outputs.add(tokens)
        >>> outputs.quantile(0.5)
        5
        """
        if self.seen < MINIMUM:
            return None
        rank = min(math.ceil((self.seen + 1) * share), self.seen)
        for bucket in sorted(self.counts):
            rank -= self.counts[bucket]
            if rank <= 0:
                return bucket
        return max(self.counts)


def _upper(tokens: int) -> int:
    """Return the largest number that stands in the same bucket."""
    if tokens < 2 * _FINE:
        return tokens
    width = 1 << (tokens.bit_length() - _FINE.bit_length())
    return tokens | (width - 1)


def learns_from(row: RecordRow) -> tuple[str, str, int] | None:
    """Return function, model and output tokens of a record that teaches something; else `None`."""
    if row.kind != "llm" or row.outcome not in _TEACHING or not row.usage:
        return None
    return row.function, row.asked or row.model or "", sum(row.usage[6:])
