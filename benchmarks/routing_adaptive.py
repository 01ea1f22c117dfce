"""Does the adaptive router find the better model, and find it again after the two swap their qualities?

The 1,319 maths questions as a stream with feedback after each, shuffled by ten seeds; then the same with the two
models' outcomes swapped half way. Regret is counted in right answers, against the best fixed choice (known only
afterwards) and against the oracle (right whenever one of the two is). The base choice is the weak model, then the
strong one.

Left out: feedback that comes late or seldom, which slows everything in proportion.
"""

from __future__ import annotations

import random
import statistics
from dataclasses import dataclass

from routing_gsm8k import STRONG, WEAK, Question, questions

from frugal._values.money import usd
from frugal._values.routing import Outcome, Request
from frugal.routers.adaptive import adaptive

SEEDS = range(10)
WINDOW = 50


@dataclass(frozen=True)
class Run:
    """Hold what one stream came to."""

    right: float
    fixed: float
    oracle: float
    first_half: float
    second_half: float
    found: int | None
    found_again: int | None
    cost: float


def stream(asked: list[Question], seed: int, base: str, *, swap: bool) -> Run:
    """Route the stream, with feedback after each question."""
    order = random.Random(seed).sample(asked, len(asked))
    route = adaptive([WEAK, STRONG], base=base, seed=seed)
    half = len(order) // 2
    right = {WEAK: 0, STRONG: 0}
    served, oracle, taken, cost = 0, 0, [], 0.0
    for at, question in enumerate(order):
        outcome = dict(question.right)
        if swap and at >= half:
            outcome = {WEAK: outcome[STRONG], STRONG: outcome[WEAK]}
        decision = route(Request(text=question.text))
        taken.append(decision.model)
        served += outcome[decision.model]
        oracle += any(outcome.values())
        cost += question.cost[decision.model]
        for model in right:
            right[model] += outcome[model]
        paid = usd(question.cost[decision.model])
        route.learn([Outcome(cell=decision.cell, success=outcome[decision.model], cost=paid, latency=1.0)])
    better = [STRONG if not (swap and at >= half) else WEAK for at in range(len(order))]
    hits = [a == b for a, b in zip(taken, better, strict=True)]
    fixed = (
        max(right.values())
        if not swap
        else sum(_best_half(part, swapped=k == 1) for k, part in enumerate((order[:half], order[half:])))
    )
    return Run(
        served / len(order),
        fixed / len(order),
        oracle / len(order),
        statistics.mean(hits[:half]),
        statistics.mean(hits[half:]),
        _found(hits[:half]),
        _found(hits[half:]),
        cost / len(order),
    )


def _best_half(part: list[Question], *, swapped: bool) -> int:
    """Return the right answers of the better model of this half."""
    better = max((WEAK, STRONG), key=lambda m: sum(q.right[m] for q in part))
    assert better == STRONG or swapped
    return sum(q.right[better] for q in part)


def _found(hits: list[bool]) -> int | None:
    """Return after how many questions four of five in a window go to the better model."""
    for at in range(len(hits) - WINDOW):
        if sum(hits[at : at + WINDOW]) >= 0.8 * WINDOW:
            return at
    return None


def main() -> None:
    """Measure and print."""
    asked = questions()
    print(f"{len(asked)} questions, {len(SEEDS)} orders; mean (worst) over orders; explore and memory as by default")
    print(
        f"{'stream':<9}{'base':<8}{'right':>7}{'fixed':>7}{'oracle':>8}{'regret, fixed':>16}{'regret, oracle':>16}"
        f"{'better, 1st':>13}{'2nd half':>10}{'found after':>14}{'again after':>14}{'$/question':>12}"
    )
    for swap in (False, True):
        for name, base in (("weak", WEAK), ("strong", STRONG)):
            runs = [stream(asked, seed, base, swap=swap) for seed in SEEDS]
            assert stream(asked, 0, base, swap=swap) == runs[0], "not repeatable"
            print(_line("swapped" if swap else "steady", name, runs, len(asked)))
    print("\n'fixed' of the swapped stream is the better model of each half, which no fixed choice can be:")
    print("one fixed choice over both halves is right for", f"{_one_fixed(asked):.3f}", "of them")


def _line(kind: str, base: str, runs: list[Run], questions_asked: int) -> str:
    def mean(name: str) -> float:
        return statistics.mean(getattr(run, name) for run in runs)

    right, fixed, oracle = mean("right"), mean("fixed"), mean("oracle")
    return (
        f"{kind:<9}{base:<8}{right:>7.3f}{fixed:>7.3f}{oracle:>8.3f}"
        f"{questions_asked * (fixed - right):>16.0f}{questions_asked * (oracle - right):>16.0f}"
        f"{mean('first_half'):>13.0%}{mean('second_half'):>10.0%}"
        f"{_told([r.found for r in runs]):>14}{_told([r.found_again for r in runs]):>14}{mean('cost'):>12.6f}"
    )


def _one_fixed(asked: list[Question]) -> float:
    return statistics.mean((q.right[WEAK] + q.right[STRONG]) / 2 for q in asked)


def _told(found: list[int | None]) -> str:
    known = [f for f in found if f is not None]
    missing = f", {len(found) - len(known)} never" if len(known) < len(found) else ""
    return f"{statistics.mean(known):.0f} ({max(known)}{missing})" if known else "never"


if __name__ == "__main__":
    main()
