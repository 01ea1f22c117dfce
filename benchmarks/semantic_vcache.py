"""vCache's own rule, for comparison, written anew from its formulas.

They are those of arXiv 2502.03771, with the constants of ``vcache_policy/strategies/verified.py`` as of 2026-07.

It looks at the nearest entry alone. Each entry keeps what it saw (similarity, right or wrong), beginning with
(0, wrong) and (1, right); from six observations on it fits a logistic curve, takes an upper bound of its
threshold for each of 50 confidences, and explores with the smallest chance that keeps the error below delta.
An explored answer that equals the entry's makes no new entry.
"""

from __future__ import annotations

import math
import random
from statistics import NormalDist

_GRID = [1e-6 + at * (1.0 - 2e-6) / 49 for at in range(50)]
_NORMAL = [NormalDist().inv_cdf(1.0 - epsilon) for epsilon in _GRID]
_VARIANCES = (
    0.035445, 0.028285, 0.026436, 0.021349, 0.019371, 0.012615, 0.011433, 0.010228, 0.009963,
    0.009253, 0.011674, 0.013015, 0.010897, 0.011841, 0.013081, 0.010585, 0.014255, 0.012058,
    0.013002, 0.011715, 0.00839, 0.008839, 0.010628, 0.009899, 0.008033, 0.00457, 0.007335,
    0.008932, 0.00729, 0.007445, 0.00761, 0.011423, 0.011233, 0.006783, 0.005233, 0.00872,
    0.010005, 0.01199, 0.00977, 0.01891, 0.01513, 0.02109, 0.01531,
)  # fmt: skip
_SEPARATED = dict(enumerate(_VARIANCES, start=6))


class PerEntry:
    """The state of all entries, and the rule."""

    def __init__(self, delta: float, seed: int) -> None:
        self.delta = delta
        self._seen: dict[int, list[tuple[float, int]]] = {}
        self._curves: dict[int, tuple[int, float, float, float]] = {}
        self._coin = random.Random(seed)

    def serves(self, entry: int, similarity: float) -> bool:
        """Decide for a query whose nearest entry this is."""
        seen = self._seen.get(entry)
        if seen is None or len(seen) < 6:
            return False
        known = self._curves.get(entry)
        if known is None or known[0] != len(seen):
            known = self._curves[entry] = (len(seen), *_fit(seen))
        _, threshold, slope, variance = known
        similarity = round(similarity, 3)
        spread = math.sqrt(variance)
        explore = 1.0
        for epsilon, z in zip(_GRID, _NORMAL, strict=True):
            at = min(1.0, max(0.0, threshold + z * spread))
            likely = (1.0 - epsilon) * _sigmoid(slope * (similarity - at))
            explore = min(explore, 1.0 - self.delta / (1.0 - likely))
        return self._coin.random() > explore

    def learn(self, entry: int, similarity: float, *, right: bool) -> None:
        """Take in a comparison."""
        self._seen.setdefault(entry, [(0.0, 0), (1.0, 1)]).append((round(similarity, 3), int(right)))


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-max(-500.0, min(500.0, x))))


def _fit(seen: list[tuple[float, int]]) -> tuple[float, float, float]:
    """Fit the curve; give threshold, slope and the variance of the threshold."""
    intercept, slope = -5.0, 10.0
    a = b = c = 0.0
    for _ in range(40):
        a = b = c = 1e-9
        up = down = 0.0
        for x, y in seen:
            p = _sigmoid(intercept + slope * x)
            w = p * (1.0 - p)
            a, b, c = a + w, b + w * x, c + w * x * x
            up, down = up + y - p, down + (y - p) * x
        det = max(a * c - b * b, 1e-18)
        first, second = (c * up - b * down) / det, (a * down - b * up) / det
        size = max(1.0, math.hypot(first, second) / 50.0)
        intercept, slope = intercept + first / size, slope + second / size
        if abs(first) + abs(second) < 1e-6 or abs(slope) > 2_000.0:
            break
    slope = max(slope, 1e-6)
    threshold = min(1.0, max(0.0, -intercept / slope))
    if min(x for x, y in seen if y) > max(x for x, y in seen if not y):
        variance = _SEPARATED.get(len(seen), _SEPARATED[max(_SEPARATED)])
    else:
        det = max(a * c - b * b, 1e-18)
        g, h = -1.0 / slope, intercept / slope**2
        variance = max(0.0, (g * g * c - 2.0 * g * h * b + h * h * a) / det)
    return round(threshold, 3), round(slope, 3), variance
