"""How wrong the hits are, bounded from above at any time, from audited queries alone.

A query is audited by a coin that looks at nothing, so the audited queries are a fair sample of all, for
every threshold at once. Each audit brings the score that the query had before its outcome was known and
whether the cached answer was wrong. For a threshold, let ``n`` be the audits at or above it, ``k`` the wrong
ones and ``p`` the mean of their conditional chances to be wrong. For each fixed ``c`` in (0, 1),
``c**k / (1 - p*(1 - c))**n`` is at most a nonnegative martingale that starts at 1 (by the concavity of the
logarithm, so the chances may vary), and so is the mean over several ``c``. By Ville's inequality it exceeds
``1/alpha`` at any time ever with a chance of at most ``alpha``: the ``p`` at which it does is an upper bound
that may be looked at after every audit (S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, "Time-uniform
Chernoff bounds via nonnegative supermartingales", 2020).

Many thresholds are tried. They are walked from the strictest to the laxest, stopping at the first that
fails, from four starts that share ``alpha`` (fixed-sequence testing as in A. Angelopoulos, S. Bates,
E. Candès, M. Jordan and L. Lei, "Learn then test", 2021).

Law: a window has a fixed beginning. It is four blocks long; when the last is full, the first is dropped.
The bound holds at ``confidence`` for all of one window's life, assuming that the near future resembles it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

__all__ = ["Certificate"]

_LOWEST, _STEP, LEVELS = -1.0, 0.25, 44
_RATIOS = (0.02, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.78, 0.86)
_STARTS = 4
_BLOCKS = 4


class Certificate:
    """The laxest threshold whose share of wrong hits is below ``max_error_rate``, and the bound that says so.

    Args:
        max_error_rate: the share of wrong hits that is tolerated, above 0 and below 1.
        confidence: of the bound.
        window: audits in a window; by default 100 divided by ``max_error_rate``.
    """

    def __init__(self, max_error_rate: float, *, confidence: float = 0.95, window: int | None = None) -> None:
        self.max_error_rate = max_error_rate
        self.confidence = confidence
        self.window = window if window is not None else math.ceil(100 / max_error_rate)
        self.level: int | None = None
        self._log_needed = math.log(_STARTS / (1.0 - confidence))
        self._gains = _gains(max_error_rate)
        self._blocks = [_Block() for _ in range(_BLOCKS)]
        self._pending = 0

    @staticmethod
    def level_of(logit: float) -> int:
        """Give the level on which a score stands, 0 the lowest."""
        return max(0, min(LEVELS - 1, int((logit - _LOWEST) / _STEP)))

    @property
    def audits(self) -> int:
        """How many audits the window holds."""
        return sum(block.size for block in self._blocks)

    @property
    def bound(self) -> float:
        """The upper bound of the share of wrong hits at the level served, or the best known; at most 1."""
        totals = self._totals()
        if self.level is not None:
            return self._bound(*totals[self.level])
        return min((self._bound(count, wrong) for count, wrong in totals if count), default=1.0)

    @property
    def measured(self) -> tuple[int, int]:
        """Audited hits in the window at the level served, and how many of them were wrong."""
        return self._totals()[self.level] if self.level is not None else (0, 0)

    def audit(self, level: int, *, wrong: bool) -> None:
        """Take in one audited query: *level* is its score's before the outcome was known."""
        self._turn()
        self._blocks[-1].add(level, wrong=wrong)
        self._pending += 1
        # A wrong answer counts at once; right ones may wait, for walking the levels costs time.
        if wrong or self._pending > self.audits // 100:
            self.settle()

    def audit_other(self) -> None:
        """Count an audited query that no threshold would have served."""
        self._turn()
        self._blocks[-1].size += 1

    def settle(self) -> None:
        """Walk the thresholds again."""
        self._pending = 0
        self.level = self._walk()

    def reset(self) -> None:
        """Forget the window: the world has changed."""
        self._blocks = [_Block() for _ in range(_BLOCKS)]
        self.settle()

    def state(self) -> dict[str, object]:
        """Give everything as plain JSON."""
        return {"levels": LEVELS, "blocks": [block.state() for block in self._blocks]}

    def restore(self, state: Mapping[str, object]) -> None:
        """Continue from *state*.

        Raises:
            ValueError: when the state is not one of ours.
        """
        blocks = state.get("blocks")
        if state.get("levels") != LEVELS or not isinstance(blocks, list) or len(blocks) != _BLOCKS:
            raise ValueError("not a state of a certificate: start anew")
        self._blocks = [_Block.restore(block) for block in blocks]
        self.settle()

    def join(self, state: Mapping[str, object]) -> None:
        """Add another process's audits of the same function.

        Raises:
            ValueError: when the state is not one of ours.
        """
        other = Certificate(self.max_error_rate, confidence=self.confidence, window=self.window)
        other.restore(state)
        for mine, theirs in zip(self._blocks, other._blocks, strict=True):
            mine.join(theirs)
        self.settle()

    def _turn(self) -> None:
        if self._blocks[-1].size >= max(1, self.window // _BLOCKS):
            self._blocks = [*self._blocks[1:], _Block()]
            self._pending = self.window

    def _totals(self) -> list[tuple[int, int]]:
        count = wrong = 0
        totals = [(0, 0)] * LEVELS
        for level in range(LEVELS - 1, -1, -1):
            count += sum(block.counts[level] for block in self._blocks)
            wrong += sum(block.wrongs[level] for block in self._blocks)
            totals[level] = (count, wrong)
        return totals

    def _walk(self) -> int | None:
        totals = self._totals()
        fewest = self._log_needed / -math.log1p(-self.max_error_rate)
        best: int | None = None
        for start in range(_STARTS):
            enough = fewest * 1.5 * 2.0**start
            level = next((at for at in range(LEVELS - 1, -1, -1) if totals[at][0] >= enough), -1)
            while level >= 0 and self._passes(*totals[level]):
                best = level if best is None else min(best, level)
                level -= 1
        return best

    def _passes(self, count: int, wrong: int) -> bool:
        return _log_evidence(count, wrong, self._gains) >= self._log_needed

    def _bound(self, count: int, wrong: int) -> float:
        low, high = wrong / max(count, 1), 1.0
        if not count or _log_evidence(count, wrong, _gains(1.0 - 1e-9)) < self._log_needed:
            return 1.0
        for _ in range(40):
            middle = (low + high) / 2.0
            if _log_evidence(count, wrong, _gains(middle)) >= self._log_needed:
                high = middle
            else:
                low = middle
        return high


class _Block:
    """Audits by level: how many, and how many of them wrong."""

    __slots__ = ("counts", "size", "wrongs")

    def __init__(self) -> None:
        self.size = 0
        self.counts = [0] * LEVELS
        self.wrongs = [0] * LEVELS

    def add(self, level: int, *, wrong: bool) -> None:
        self.size += 1
        self.counts[level] += 1
        self.wrongs[level] += wrong

    def join(self, other: _Block) -> None:
        self.size += other.size
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.wrongs = [mine + theirs for mine, theirs in zip(self.wrongs, other.wrongs, strict=True)]

    def state(self) -> dict[str, object]:
        return {"size": self.size, "counts": list(self.counts), "wrongs": list(self.wrongs)}

    @classmethod
    def restore(cls, state: object) -> _Block:
        if not isinstance(state, Mapping):
            raise ValueError("not a state of a certificate: start anew")  # noqa: TRY004 - data, not code
        block = cls()
        size, counts, wrongs = state.get("size"), _tally(state.get("counts")), _tally(state.get("wrongs"))
        if type(size) is not int or size < sum(counts) or any(map(int.__gt__, wrongs, counts)):
            raise ValueError("not a state of a certificate: start anew")
        block.size, block.counts, block.wrongs = size, counts, wrongs
        return block


def _tally(values: object) -> list[int]:
    if not isinstance(values, list) or len(values) != LEVELS:
        raise ValueError("not a state of a certificate: start anew")
    if not all(type(value) is int and value >= 0 for value in values):
        raise ValueError("not a state of a certificate: start anew")
    return list(values)


def _gains(rate: float) -> list[tuple[float, float]]:
    """Give, for each ratio, what one wrong and one audit add to the log evidence against *rate*."""
    return [(math.log(ratio), -math.log1p(-rate * (1.0 - ratio))) for ratio in _RATIOS]


def _log_evidence(count: int, wrong: int, gains: list[tuple[float, float]]) -> float:
    logs = [wrong * loss + count * gain for loss, gain in gains]
    highest = max(logs)
    return highest + math.log(sum(math.exp(value - highest) for value in logs) / len(logs))
