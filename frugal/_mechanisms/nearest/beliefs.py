"""How likely an answer is right, learned online from every comparison of a cached answer with a fresh one.

A Bayesian logistic regression over the evidence, updated one observation at a time (the extended Kalman
filter of the logistic model: D. Spiegelhalter and S. Lauritzen, "Sequential updating of conditional
probabilities on directed graphical structures", 1990). One belief is shared by all entries and partitions of
a function: that is the prior pooled over entries, to which each entry adds its own record as evidence.

Law: the belief only ranks. Whether it is good enough to serve is decided by the certificate, which does not
trust it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

__all__ = ["Beliefs"]

# Where each number of the evidence starts (mean, spread) and how much it speaks for an answer, before any
# observation: mild opinions, which some tens of observations overrule.
_PRIOR: tuple[tuple[float, float, float], ...] = (
    (0.5, 0.4, 0.5),
    (0.3, 0.3, 0.3),
    (0.0, 1.5, 0.8),
    (0.75, 0.15, 0.8),
    (0.1, 0.2, 0.3),
    (0.4, 0.25, 0.1),
    (0.0, 0.7, 0.3),
)
_PRIOR_WEIGHT = 20.0
_PRIOR_VARIANCE = 1.0
_FORGET = 1.0 - 1.0 / 20_000
_CLIP = 4.0


class Beliefs:
    """An online logistic model of "the cached answer equals the fresh one"."""

    __slots__ = ("_covariance", "_means", "_spreads", "_weights", "seen")

    def __init__(self) -> None:
        size = len(_PRIOR) + 1
        self.seen = 0
        self._means = [mean for mean, _, _ in _PRIOR]
        self._spreads = [spread * spread for _, spread, _ in _PRIOR]
        self._weights = [weight for _, _, weight in _PRIOR] + [0.0]
        self._covariance = [
            [_PRIOR_VARIANCE if row == column else 0.0 for column in range(size)] for row in range(size)
        ]

    def logit(self, numbers: Sequence[float]) -> float:
        """Give the log odds that the answer is right, drawn towards even odds by what is not yet known."""
        inputs = self._standard(numbers)
        mean = sum(map(_times, self._weights, inputs))
        pull = [sum(map(_times, row, inputs)) for row in self._covariance]
        spread = sum(map(_times, pull, inputs))
        # The probit approximation of a logistic averaged over a normal (D. MacKay, 1992).
        return mean / math.sqrt(1.0 + math.pi * max(spread, 0.0) / 8.0)

    def learn(self, numbers: Sequence[float], *, right: bool) -> None:
        """Take in one comparison."""
        self._observe(numbers)
        inputs = self._standard(numbers)
        logit = sum(map(_times, self._weights, inputs))
        chance = 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
        curvature = max(chance * (1.0 - chance), 1e-4)
        pull = [sum(map(_times, row, inputs)) for row in self._covariance]
        gain = 1.0 / (1.0 / curvature + sum(map(_times, pull, inputs)))
        for row, moved in zip(self._covariance, pull, strict=True):
            factor = gain * moved
            for at, other in enumerate(pull):
                row[at] = (row[at] - factor * other) / _FORGET
        step = gain / curvature * ((1.0 if right else 0.0) - chance)
        self._weights = [weight + step * moved for weight, moved in zip(self._weights, pull, strict=True)]
        self.seen += 1

    def loosen(self) -> None:
        """Make every belief less certain, after a drift: what was learned is a guess again."""
        for index, row in enumerate(self._covariance):
            row[index] += 0.25 * _PRIOR_VARIANCE

    def state(self) -> dict[str, object]:
        """Give everything as plain JSON."""
        return {
            "seen": self.seen,
            "means": list(self._means),
            "spreads": list(self._spreads),
            "weights": list(self._weights),
            "covariance": [list(row) for row in self._covariance],
        }

    @classmethod
    def restore(cls, state: Mapping[str, object]) -> Beliefs:
        """Rebuild from *state*.

        Raises:
            ValueError: when the state is not one of ours (another shape, not finite).
        """
        beliefs = cls()
        size = len(_PRIOR)
        seen, rows = state.get("seen"), state.get("covariance")
        if type(seen) is not int or seen < 0 or not isinstance(rows, list) or len(rows) != size + 1:
            raise ValueError("not a state of beliefs: start anew")
        beliefs.seen = seen
        beliefs._means = _floats(state.get("means"), size)
        beliefs._spreads = [max(value, 1e-9) for value in _floats(state.get("spreads"), size)]
        beliefs._weights = _floats(state.get("weights"), size + 1)
        beliefs._covariance = [_floats(row, size + 1) for row in rows]
        return beliefs

    def _observe(self, numbers: Sequence[float]) -> None:
        count = _PRIOR_WEIGHT + min(self.seen, 5_000)
        for index, number in enumerate(numbers):
            away = number - self._means[index]
            self._means[index] += away / count
            self._spreads[index] += (away * away - self._spreads[index]) / count

    def _standard(self, numbers: Sequence[float]) -> list[float]:
        inputs = [
            max(-_CLIP, min(_CLIP, (number - mean) / math.sqrt(spread + 1e-9)))
            for number, mean, spread in zip(numbers, self._means, self._spreads, strict=True)
        ]
        inputs.append(1.0)
        return inputs


def _times(left: float, right: float) -> float:
    return left * right


def _floats(values: object, size: int) -> list[float]:
    if not isinstance(values, list) or len(values) != size:
        raise ValueError("not a state of beliefs: start anew")
    numbers = [float(value) for value in values if isinstance(value, (int, float))]
    if len(numbers) != size or not all(map(math.isfinite, numbers)):
        raise ValueError("not a state of beliefs: start anew")
    return numbers
