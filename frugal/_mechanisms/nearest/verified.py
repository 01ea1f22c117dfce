"""The verified policy: serve while wrong hits are provably rare, else ask the model and learn.

What it is, beside vCache (arXiv 2502.03771), the reference: vCache looks at the nearest entry alone and
learns one curve for each; this looks at the agreement of the nearest few, learns one curve for all, and takes
its guarantee not from the curve but from audits.

Law: ``hit`` is said only while the certificate's bound is at most ``max_error_rate``, and only on or above
the level that it certifies. Otherwise every query is explored and audited, until the bound falls again.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable, Mapping, Sequence

from frugal._mechanisms.nearest.beliefs import Beliefs
from frugal._mechanisms.nearest.certificate import Certificate
from frugal._mechanisms.nearest.decision import Action, Decision, Report
from frugal._mechanisms.nearest.evidence import Neighbour, Refuse, weigh

__all__ = ["Verified"]

_log = logging.getLogger("frugal")

_HOPELESS = -1.5
_ALARM_RATIO = 4.0
_CAUTION = 0.5


class Verified:
    """Decide by a tolerated share of wrong hits.

    Args:
        max_error_rate: wrong hits over hits, above 0 and below 1.
        shadow: the share of queries audited while serving; a hit among them is asked again behind the caller.
        confidence: of the bound.
        window: audits in the sliding window; by default 100 divided by ``max_error_rate``.
        seed: of the auditing coin.
    """

    def __init__(
        self,
        max_error_rate: float,
        *,
        shadow: float = 0.05,
        confidence: float = 0.95,
        window: int | None = None,
        seed: int | None = None,
    ) -> None:
        if not 0.0 < max_error_rate < 1.0:
            raise ValueError(f"max_error_rate is {max_error_rate!r}: give a share in (0, 1), such as 0.02")
        if not 0.0 < shadow <= 1.0:
            raise ValueError(f"shadow is {shadow!r}: give a share above 0 and at most 1, such as 0.05")
        self.max_error_rate = max_error_rate
        self.shadow = shadow
        self._certificate = Certificate(max_error_rate, confidence=confidence, window=window)
        self._beliefs = Beliefs()
        self._coin = random.Random(seed)
        self._suspicion = 1.0
        self._counts = dict.fromkeys(("queries", "hits", "explored", "vetoed", "alarms"), 0)

    @property
    def serving(self) -> bool:
        """Whether hits are served at present."""
        return self._certificate.level is not None

    def decide(self, neighbours: Sequence[Neighbour], refuse: Refuse | None = None, *, serve: bool = True) -> Decision:
        """Choose what to do for a query with these *neighbours*, nearest first.

        Args:
            neighbours: of one partition, at most ``NEIGHBOURS``.
            refuse: the veto.
            serve: False never hits, and audits: a rehearsal, when a cache is filled before it is used.
        """
        evidence = weigh(neighbours, refuse)  # where `refuse` raises, nothing is counted
        self._counts["queries"] += 1
        if evidence is None:
            return Decision("miss", "nothing near")
        served = self._certificate.level if serve else None
        audit = served is None or self._coin.random() < self.shadow
        logit = self._beliefs.logit(evidence.numbers)
        level = Certificate.level_of(logit) if evidence.allowed else -1
        if served is not None and level >= served:
            self._counts["hits"] += 1
            action: Action = "hit"
            reason = "verified"
        elif audit or logit > _HOPELESS:
            self._counts["explored"] += 1
            action = "explore"
            reason = "unsure" if evidence.allowed else f"vetoed by {evidence.vetoed[0][1]}"
        else:
            action, reason = "miss", "unlikely"
        self._counts["vetoed"] += not evidence.allowed
        return Decision(
            action, reason, evidence.entry, evidence.similarity, audit, evidence.vetoed, evidence, level, serve
        )

    def learn(self, decision: Decision, *, right: bool) -> None:
        """Take in whether the entry's answer equalled the model's, for an explored or an audited query."""
        if decision.evidence is None:
            return
        self._beliefs.learn(decision.evidence.numbers, right=right)
        if not decision.audit:
            return
        if decision.level < 0:
            self._certificate.audit_other()
            return
        self._certificate.audit(decision.level, wrong=not right)
        if not (decision.live or right) and self._coin.random() < _CAUTION:
            # What a cache is filled with resembles what it is asked only roughly, so every other wrong answer
            # in a rehearsal counts twice. (Where the ten nearest agree, they err for 0.6 % of CLINC150's
            # training questions and for 1.5 % of its validation questions.)
            self._certificate.audit(decision.level, wrong=True)
        if decision.action == "hit":
            self._watch(right=right)

    def report(self) -> Report:
        """Say what was done and how wrong it was."""
        measured, wrong = self._certificate.measured
        return Report(
            **{name: count for name, count in self._counts.items() if name != "alarms"},
            audits=self._certificate.audits,
            measured=measured,
            wrong=wrong,
            bound=self._certificate.bound,
            serving=self.serving,
            alarms=self._counts["alarms"],
        )

    def state(self) -> dict[str, object]:
        """Give all that was learned as plain JSON."""
        return {
            "version": 1,
            "max_error_rate": self.max_error_rate,
            "beliefs": self._beliefs.state(),
            "certificate": self._certificate.state(),
            "suspicion": self._suspicion,
            "counts": dict(self._counts),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Continue from what another run learned.

        Raises:
            ValueError: when the state is not one of ours; nothing is changed then.
        """
        beliefs, certificate, counts = _parts(state)
        fresh = Certificate(
            self.max_error_rate, confidence=self._certificate.confidence, window=self._certificate.window
        )
        fresh.restore(certificate)
        self._beliefs, self._certificate = Beliefs.restore(beliefs), fresh
        self._counts.update(counts)
        suspicion = state.get("suspicion")
        self._suspicion = max(1.0, float(suspicion)) if isinstance(suspicion, (int, float)) else 1.0

    def restore_best(self, states: Iterable[Mapping[str, object]]) -> bool:
        """Continue from whichever of *states* saw most; return whether there was one.

        What cannot be read is passed over and logged: to start anew costs calls, never a wrong answer.
        """
        best = self._certificate.audits
        for state in states:
            fresh = Verified(self.max_error_rate, shadow=self.shadow, window=self._certificate.window)
            try:
                fresh.restore(state)
            except ValueError as error:
                _log.warning("what a semantic cache had learned cannot be used: %s", error)
                continue
            if fresh._certificate.audits > best:
                best = fresh._certificate.audits
                self.restore(state)
        return best > 0

    def join(self, state: Mapping[str, object]) -> None:
        """Add what another process learned of the same function in the same time.

        Audits add up, for both are fair samples; of the beliefs, those of the more experienced are kept.

        Raises:
            ValueError: when the state is not one of ours; nothing is changed then.
        """
        beliefs, certificate, counts = _parts(state)
        other = Beliefs.restore(beliefs)
        self._certificate.join(certificate)
        if other.seen > self._beliefs.seen:
            self._beliefs = other
        for name, count in counts.items():
            self._counts[name] += count

    def _watch(self, *, right: bool) -> None:
        """Notice at once when hits turn wrong much more often than tolerated, before the window does.

        A detector of change by evidence for "four times too often" against "as tolerated" (CUSUM, E. S. Page,
        1954): a false alarm takes as many audits, on average, as 20 windows.
        """
        rate = self.max_error_rate
        often = min(_ALARM_RATIO * rate, (1.0 + rate) / 2.0)
        factor = (1.0 - often) / (1.0 - rate) if right else often / rate
        self._suspicion = max(1.0, self._suspicion * factor)
        if self._suspicion > 20.0 * self._certificate.window:
            self._suspicion = 1.0
            self._counts["alarms"] += 1
            self._beliefs.loosen()
            self._certificate.reset()


def _parts(state: Mapping[str, object]) -> tuple[Mapping[str, object], Mapping[str, object], dict[str, int]]:
    beliefs, certificate, counts = (state.get(name) for name in ("beliefs", "certificate", "counts"))
    if state.get("version") != 1 or not (
        isinstance(beliefs, Mapping) and isinstance(certificate, Mapping) and isinstance(counts, Mapping)
    ):
        raise ValueError("not a state of a verified policy: start anew")
    kept = {name: counts.get(name) for name in ("queries", "hits", "explored", "vetoed", "alarms")}
    whole = {name: count for name, count in kept.items() if type(count) is int and count >= 0}
    return beliefs, certificate, whole
