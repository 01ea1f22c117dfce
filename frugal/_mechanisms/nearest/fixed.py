"""The fixed policy: serve the nearest entry when it is near enough, allowed and unrivalled.

Law: one entry near enough is not enough where a second, practically as near, gives another answer: the vector
cannot tell which of them is meant, so neither is served. (Entries of a cache that fills itself are farther
apart than its threshold, or the second would have been a hit: this hardly ever costs one.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from frugal._mechanisms.nearest.decision import Decision, Report
from frugal._mechanisms.nearest.evidence import Neighbour, Refuse

__all__ = ["Fixed"]

_TIE = 0.005


class Fixed:
    """Decide by a threshold on the similarity.

    Args:
        threshold: the least cosine similarity of a hit, above 0 and at most 1.
        tie: how much nearer than any entry with another answer the nearest one must be.
    """

    def __init__(self, threshold: float, *, tie: float = _TIE) -> None:
        if not 0.0 < threshold <= 1.0:
            raise ValueError(f"threshold is {threshold!r}: give a similarity in (0, 1], such as 0.95.")
        if not 0.0 <= tie < 1.0:
            raise ValueError(f"tie is {tie!r}: give a difference of similarities in [0, 1)")
        self.threshold = threshold
        self.tie = tie
        self._counts = dict.fromkeys(("queries", "hits", "vetoed"), 0)

    @property
    def serving(self) -> bool:
        """Always: a fixed threshold has no evidence to lose."""
        return True

    def decide(self, neighbours: Sequence[Neighbour], refuse: Refuse | None = None, *, serve: bool = True) -> Decision:
        """Choose what to do for a query with these *neighbours*, nearest first; counts nothing if *refuse* raises."""
        decision = self._choose(neighbours, refuse, serve=serve)
        self._counts["queries"] += 1
        self._counts["hits"] += decision.action == "hit"
        self._counts["vetoed"] += bool(decision.vetoed)
        return decision

    def _choose(self, neighbours: Sequence[Neighbour], refuse: Refuse | None, *, serve: bool) -> Decision:
        if not serve or not neighbours:
            return Decision("miss", "nothing near" if serve else "not asked to serve")
        nearest = neighbours[0]
        # Float rounding must not refuse a text to itself at threshold 1.
        if nearest.similarity + 1e-6 < self.threshold:
            return Decision("miss", "not near enough", nearest.id, nearest.similarity)
        rule = refuse(nearest.id) if refuse is not None else None
        if rule is not None:
            vetoed = ((nearest.id, rule),)
            return Decision("miss", f"vetoed by {rule}", nearest.id, nearest.similarity, vetoed=vetoed)
        if self._rivalled(neighbours, refuse):
            return Decision("miss", "ambiguous", nearest.id, nearest.similarity)
        return Decision("hit", "near enough", nearest.id, nearest.similarity)

    def learn(self, decision: Decision, *, right: bool) -> None:
        """Do nothing: a fixed threshold does not learn."""

    def report(self) -> Report:
        """Say what was done."""
        counts = self._counts
        return Report(queries=counts["queries"], hits=counts["hits"], explored=0, vetoed=counts["vetoed"])

    def state(self) -> dict[str, object]:
        """Give the counts as plain JSON."""
        return {"version": 1, "counts": dict(self._counts)}

    def restore(self, state: Mapping[str, object]) -> None:
        """Continue the counts of *state*; a damaged one is ignored, for nothing depends on it."""
        counts = state.get("counts")
        if isinstance(counts, Mapping):
            for name in self._counts:
                if type(counts.get(name)) is int:
                    self._counts[name] = counts[name]

    def _rivalled(self, neighbours: Sequence[Neighbour], refuse: Refuse | None) -> bool:
        nearest = neighbours[0]
        for rival in neighbours[1:]:
            if not self.tie or rival.similarity < nearest.similarity - self.tie:
                return False
            if rival.answer != nearest.answer and (refuse is None or refuse(rival.id) is None):
                return True
        return False
