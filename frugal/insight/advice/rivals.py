"""Rivals: two ways of doing the same work, compared by what they cost and by what feedback said of them.

Law: a cheaper way is never credited with quality that was not measured. What it may lose, at the 95 % bound of the
difference (Agresti and Caffo, 2000, on the mean of the feedback), is paid for at the dearer way's price, as if each
lost call were asked again; so a saving may be negative.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from math import sqrt

from frugal._values.record import Record
from frugal._values.usage import BUCKETS, Usage
from frugal.insight.advice.piece import ENOUGH
from frugal.insight.advice.repeats import asked_of_a_model

__all__ = ["Arm", "Duel", "Rivals", "duels", "loss"]

_Z = 1.645  # one-sided 95 %
_GROUPS = 10_000
_ARMS = 32
Group = tuple[str, ...]


@dataclass(slots=True)
class Arm:
    """One way of doing it: how often, for how much, and how well."""

    name: str
    model: str
    provider: str | None = None
    tier: str | None = None
    calls: int = 0
    pico: int = 0
    rated: int = 0
    score: float = 0.0
    last: float = 0.0
    tokens: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))

    def add(self, record: Record, start: float) -> None:
        """Take a call."""
        self.calls += 1
        self.pico += record.cost.known.pico
        self.last = start
        self.provider, self.tier = record.provider, record.tier
        for at, count in enumerate(record.usage):
            self.tokens[at] += count
        said = record.satisfaction if record.success is None else float(record.success)
        if said is not None:
            self.rated += 1
            self.score += said

    @property
    def usage(self) -> Usage:
        """The tokens of an average call."""
        return Usage.of([round(count / self.calls) for count in self.tokens])

    @property
    def quality(self) -> float:
        """The mean of the feedback, drawn a little to the middle."""
        return (self.score + 1) / (self.rated + 2)


def loss(strong: Arm, weak: Arm) -> float:
    """Return how much quality the second may lose against the first, at the 95 % bound; 0 to 1."""
    spread = sum(arm.quality * (1 - arm.quality) / (arm.rated + 2) for arm in (strong, weak))
    return min(1.0, max(0.0, strong.quality - weak.quality + _Z * sqrt(spread)))


@dataclass(slots=True)
class Rivals:
    """Tell the ways apart.

    Args:
        place: the work that is done, and the way that it was done, of a record; `None` for neither.
    """

    place: Callable[[Record], tuple[Group, str] | None]
    calls: int = 0
    rated: int = 0
    groups: dict[Group, dict[str, Arm]] = field(default_factory=dict)

    def see(self, record: Record, start: float) -> None:
        """Take the next record."""
        if record.model is None or not asked_of_a_model(record):
            return
        if record.outcome not in {"provider", "batched"} or record.id != record.call or record.cost.amount is None:
            return
        found = self.place(record)
        if found is None:
            return
        group, name = found
        arms = self.groups.get(group)
        if arms is None:
            if len(self.groups) >= _GROUPS:
                return
            arms = self.groups[group] = {}
        arm = arms.get(name)
        if arm is None:
            if len(arms) >= _ARMS:
                return
            arm = arms[name] = Arm(name, record.model)
        arm.add(record, start)
        self.calls += 1
        self.rated += record.success is not None or record.satisfaction is not None


@dataclass(frozen=True, slots=True)
class Duel:
    """Hold the outcome of doing one arm's calls in another arm's way."""

    group: Group
    strong: Arm
    weak: Arm
    pico: int
    loss: float


def duels(rivals: Rivals, price: Callable[[Arm, Arm], int | None]) -> Iterable[Duel]:
    """Yield, for each arm with feedback, the best of its cheaper rivals with feedback.

    Args:
        rivals: the arms.
        price: what a call of the first arm would cost in the way of the second, in pico-dollars.
    """
    for group, arms in rivals.groups.items():
        known = [arm for arm in arms.values() if arm.rated >= ENOUGH]
        for strong in known:
            best: Duel | None = None
            for weak in known:
                each = None if weak is strong else price(strong, weak)
                if each is None or each * strong.calls >= strong.pico:
                    continue
                lost = loss(strong, weak)
                saved = round(strong.pico * (1 - lost)) - each * strong.calls
                if best is None or saved > best.pico:
                    best = Duel(group, strong, weak, saved, lost)
            if best is not None:
                yield best
