"""How models stand in a task, and which one to take: discounted Thompson sampling with a floor.

Law: the base choice is left only for a model with at least ten observations that is clearly better, or as
good and cheaper. The same sums, the same generator: the same choice. Thompson sampling with discounted
sums is Raj and Kalyani, "Taming non-stationary bandits" (arXiv 1707.09727); the floor is the source's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from frugal._values.money import Money

__all__ = ["Choice", "Standing", "View", "choose", "success_and_satisfaction", "view"]

LEAST_OBSERVATIONS = 10
"""Observations below which a model is no reason to leave the base choice; the source's number."""

_CLEAR = 1.645
"""Standard deviations that "clearly" means: the better one is better with a chance of 95 %."""

_AS_GOOD = 0.02
"""How much worse "as good" may be."""

_CURIOSITY = 0.5
"""The share of requests that Thompson sampling decides; the others go to the best choice. A model that may well
be the better one is so tried by up to half of them, one that is clearly worse by next to none."""

_PRIOR = 2.0
"""How many observations a model's starting guess is worth."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Say how a model has done in one kind of task; an objective turns it into one number.

    Args:
        count: how many outcomes were judged, the older ones counting less.
        success: the success rate; `None` when nobody judges success in this task.
        satisfaction: the mean satisfaction, 0 to 1; `None` when nobody gives it in this task.
        latency: the mean latency in seconds; `None` when unknown.
        cost: the mean cost of a call in dollars; `None` when unknown.
    """

    count: float
    success: float | None = None
    satisfaction: float | None = None
    latency: float | None = None
    cost: float | None = None


Objective = Callable[[Standing], float]
"""Turns a standing into a number, higher for better."""


def success_and_satisfaction(standing: Standing) -> float:
    """Return half the success rate and half the mean satisfaction, or the one that is known.

    >>> success_and_satisfaction(Standing(10, success=0.8, satisfaction=0.6))
    0.7
    """
    known = [v for v in (standing.success, standing.satisfaction) if v is not None]
    return sum(known) / len(known) if known else 0.5


@dataclass(frozen=True, slots=True)
class View:
    """Hold what is believed of one model: Beta beliefs of its rates, and the means of what was measured."""

    standing: Standing
    beliefs: Mapping[str, tuple[float, float]]
    score: float
    spread: float

    def drawn(self, objective: Objective, generator: random.Random) -> float:
        """Return the objective of rates drawn from the beliefs."""
        rates = {name: generator.betavariate(a, b) for name, (a, b) in self.beliefs.items()}
        return float(objective(replace(self.standing, **rates)))


def view(sums: Mapping[str, float], judged_by: Sequence[str], prior: float, objective: Objective) -> View:
    """Make the view of one model.

    Args:
        sums: the sums of its cell; empty for a model that nothing is known of.
        judged_by: which of `"success"` and `"satisfaction"` anyone gives in this task.
        prior: the starting guess of both, 0 to 1.
        objective: what counts.

    Raises:
        ValueError: the objective gave something that is no finite number.
    """
    beliefs = {}
    for name, total in (("success", "successes"), ("satisfaction", "satisfaction")):
        if name in judged_by:
            n, s = sums.get(f"{name}_count", 0.0), sums.get(total, 0.0)
            good, bad = _PRIOR * prior + s, _PRIOR * (1 - prior) + max(0.0, n - s)
            beliefs[name] = (max(good, 0.05), max(bad, 0.05))
    means = {name: a / (a + b) for name, (a, b) in beliefs.items()}
    standing = Standing(sums.get("judged", 0.0), **means, latency=_mean(sums, "latency"), cost=_mean(sums, "cost"))
    score = float(objective(standing))
    # The delta method: how far the objective moves with one standard deviation of each belief.
    spread = 0.0
    for name, (a, b) in beliefs.items():
        deviation = math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1)))
        moved = replace(standing, **{name: means[name] + deviation * (1 if means[name] < 0.5 else -1)})
        spread += (float(objective(moved)) - score) ** 2
    if not (math.isfinite(score) and math.isfinite(spread)):
        raise ValueError(f"objective= gave {score!r} for {standing!r}; return a finite number.")
    return View(standing, beliefs, score, math.sqrt(spread))


def _mean(sums: Mapping[str, float], name: str) -> float | None:
    count = sums.get(f"{name}_count", 0.0)
    return sums[name] / count if count > 0 else None


@dataclass(frozen=True, slots=True)
class Choice:
    """Say which model was taken, and why."""

    model: str
    reason: str


def choose(
    views: Mapping[str, View],
    *,
    base: str,
    costs: Mapping[str, Money | None],
    explore: float,
    objective: Objective,
    generator: random.Random,
) -> Choice:
    """Choose among the eligible models.

    Args:
        views: what is believed of each, in the order of the user's list.
        base: the choice without evidence; one of them.
        costs: what the request would cost with each.
        explore: the share of requests that go to another model than the best.
        objective: what counts.
        generator: the source of chance.
    """
    best, why = _best(views, base, costs)
    if len(views) == 1:
        return Choice(best, why)
    forced = generator.random() < explore
    willing = generator.random() < _CURIOSITY and explore > 0
    if not (forced or willing):
        return Choice(best, why)
    drawn = {name: seen.drawn(objective, generator) for name, seen in views.items()}
    if forced:
        del drawn[best]
    taken = max(drawn, key=drawn.__getitem__)
    if taken == best:
        return Choice(best, why)
    return Choice(taken, f"exploring, drawn at {drawn[taken]:.2f} instead of {best} ({why})")


def _best(views: Mapping[str, View], base: str, costs: Mapping[str, Money | None]) -> tuple[str, str]:
    floor = views[base]
    price = {name: _price(name, views, costs) for name in views}
    better = [name for name in views if name != base and _leaves(views[name], floor, price[name], price[base])]
    if not better:
        return base, f"base choice, score {floor.score:.2f} after {floor.standing.count:.0f} observations"
    # Two scores that differ in the third decimal are a tie, and the cheaper wins it.
    best = max(better, key=lambda name: (round(views[name].score, 2), -price[name]))
    found = views[best]
    ahead = found.score - floor.score >= _AS_GOOD
    how = f"{'clearly better than' if ahead else 'as good as, and cheaper than,'} {base} at {floor.score:.2f}"
    return best, f"score {found.score:.2f} after {found.standing.count:.0f} observations, {how}"


def _leaves(one: View, base: View, price: float, base_price: float) -> bool:
    """Return whether the evidence for `one` is enough to leave the base choice."""
    if one.standing.count < LEAST_OBSERVATIONS:
        return False
    doubt = _CLEAR * math.hypot(one.spread, base.spread)
    ahead = one.score - base.score
    if ahead > 0 and ahead >= doubt:
        return True
    return base.standing.count >= LEAST_OBSERVATIONS and ahead + _AS_GOOD >= doubt and price < base_price


def _price(name: str, views: Mapping[str, View], costs: Mapping[str, Money | None]) -> float:
    """Return what the request costs with a model: by its price, else by what its calls have cost."""
    cost = costs.get(name)
    if cost is not None:
        return float(cost)
    measured = views[name].standing.cost
    return math.inf if measured is None else measured
