"""What feedback shows: models, prompts and lengths that did the same work, for less.

Law: without ten rated calls on both sides nothing is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from frugal._values.money import Money
from frugal._values.record import CascadeRow
from frugal.insight.advice.piece import ENOUGH, Finding
from frugal.insight.advice.rivals import Arm, Duel, Rivals, duels
from frugal.insight.advice.traffic import LONG_INPUT, share
from frugal.insight.advice.view import View
from frugal.insight.wording import money, percent, plural, short

__all__ = ["fewer_words", "fine_tuning", "fit_context", "routing"]

_FEW = (
    "Not enough evidence: {what}. Feedback was given on {rated} of {calls}; "
    "it takes {enough} rated calls on both sides, through frugal.feedback()."
)


def _few(rivals: Rivals, what: str) -> str:
    return _FEW.format(what=what, rated=rivals.rated, calls=plural(rivals.calls, "call"), enough=ENOUGH)


def _judged(rivals: Rivals, found: list[Duel], said: list[str], what: str, before: str = "") -> Finding:
    """Add up what pays; where nothing does, say what the best would lose."""
    if not found:
        return Finding(None, f"{before}{_few(rivals, what)}", rivals.rated)
    ranked = sorted(zip(found, said, strict=True), key=lambda pair: -pair[0].pico)
    pays = [pair for pair in ranked if pair[0].pico > 0]
    chosen = pays or ranked[:1]
    words = " ".join(text for _, text in chosen[:3])
    if not pays:
        words += " It does not pay."
    saved = sum(duel.pico for duel, _ in chosen)
    return Finding(Money(saved), f"{before}{words}", sum(duel.strong.rated + duel.weak.rated for duel, _ in chosen))


def _work(group: Sequence[str]) -> str:
    """Return how the work that a group stands for is called."""
    return group[0] or short(group[1])


def _versus(duel: Duel) -> str:
    return (
        f"{percent(duel.weak.score / duel.weak.rated)} against {percent(duel.strong.score / duel.strong.rated)} good, "
        f"by feedback on {duel.weak.rated:,} and {duel.strong.rated:,}; what it may lose "
        f"(up to {percent(duel.loss)}) is charged as asked again"
    )


def routing(view: View) -> Finding:
    """Return what cheaper models of the same work would save."""

    def price(strong: Arm, weak: Arm) -> int | None:
        cost = view.prices.cost(weak.model, strong.usage, at=strong.last, provider=weak.provider, tier=weak.tier)
        return None if cost.amount is None else cost.amount.pico

    found = list(duels(view.models, price))
    said = [
        f"{plural(duel.strong.calls, 'call')} of {duel.strong.name} in {_work(duel.group)} by {duel.weak.name}, at the "
        f"same tokens: {_versus(duel)}."
        for duel in found
    ]
    rows = view.cascades.rows()
    finding = _judged(view.models, found, said, "no two models did the same work with enough feedback", _cascaded(rows))
    calls, saved = sum(row.calls for row in rows), sum(row.saved.pico for row in rows)
    if calls >= ENOUGH and saved < 0 and (finding.saving is None or finding.saving.pico <= 0):
        words = f"{finding.evidence} Ask the last model at once: as it is set, going on costs more than it saves."
        return Finding(Money(saved), words, calls)
    return finding


def _cascaded(rows: Sequence[CascadeRow]) -> str:
    """Say what cascades did for their price, the largest three."""
    judged = sorted((row for row in rows if row.calls), key=lambda row: -row.strongest_cost.pico)
    return "".join(
        f"The cascade of {short(row.function)} ({' then '.join(row.models)}) refused {row.refused:,} answers in "
        f"{plural(row.calls, 'call')} and cost {money(row.cost)}; always asking {row.models[-1]} would have cost "
        f"{'about ' if row.estimated_calls else ''}{money(row.strongest_cost)}, so it "
        f"{'saved' if row.saved.pico >= 0 else 'lost'} {money(Money(abs(row.saved.pico)))}. "
        for row in judged[:3]
    )


def fewer_words(view: View) -> Finding:
    """Return what shorter prompts of the same work, already tried, would save."""
    found = list(duels(view.variants, lambda strong, weak: weak.pico // weak.calls))
    said = [
        f"The cheaper of {_work(duel.group)}'s prompts for {plural(duel.strong.calls, 'call')} of the dearer: "
        f"{_versus(duel)}."
        for duel in found
    ]
    return _judged(view.variants, found, said, "no two prompts were tried for the same work with enough feedback")


def fit_context(view: View) -> Finding:
    """Return what input beyond 2,000 tokens would save where short inputs do as well."""

    def price(strong: Arm, weak: Arm) -> int | None:
        if (strong.name, weak.name) != ("long", "short"):
            return None
        usage = strong.usage
        beyond = min(usage.input_tokens, usage.total_input_tokens - LONG_INPUT)
        costs = [
            view.prices.cost(strong.model, each, at=strong.last, provider=strong.provider, tier=strong.tier)
            for each in (usage, replace(usage, input_tokens=usage.input_tokens - beyond))
        ]
        whole, fitted = (cost.amount for cost in costs)
        if whole is None or fitted is None or not whole:
            return None
        return strong.pico * fitted.pico // whole.pico // strong.calls

    found = list(duels(view.lengths, price))
    said = [
        f"{plural(duel.strong.calls, 'call')} of {_work(duel.group)} sent more than {LONG_INPUT:,} tokens; short "
        f"ones: {_versus(duel)}."
        for duel in found
    ]
    long = [arm for arms in view.lengths.groups.values() for arm in arms.values() if arm.name == "long"]
    part = share(Money(sum(arm.pico for arm in long)), view.traffic.cost.known)
    number = sum(arm.calls for arm in long)
    before = f"{plural(number, 'call')} of more than {LONG_INPUT:,} tokens made {percent(part)} of the cost. "
    return _judged(view.lengths, found, said, "long and short inputs to the same work have not enough feedback", before)


def fine_tuning(view: View) -> Finding:
    """Return which task would be the one to tune a model for; what that saves, no ledger knows."""
    by_work = {group: sum(arm.pico for arm in arms.values()) for group, arms in view.models.groups.items()}
    if not by_work:
        return Finding(None, "Not enough evidence: no model was called.", 0)
    work = max(by_work, key=lambda name: by_work[name])
    part = share(Money(by_work[work]), view.traffic.cost.known)
    calls = sum(arm.calls for arm in view.models.groups[work].values())
    said = (
        f"Not enough evidence: how well a tuned model would do, no ledger knows. The largest task is {_work(work)}: "
        f"{percent(part)} of the cost ({money(Money(by_work[work]))}), {plural(calls, 'call')}."
    )
    return Finding(None, said, calls)
