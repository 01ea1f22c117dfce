"""The head of the page: four figures, each with what makes it mean something."""

from __future__ import annotations

from dataclasses import dataclass

from frugal._values.money import Money, usd
from frugal.insight import wording
from frugal.insight.reporting.figures import Figures

__all__ = ["Total", "head"]

_DAY = 86_400
_DOLLAR = usd(1)


@dataclass(frozen=True, slots=True)
class Total:
    """One figure.

    Args:
        what: what it is.
        words: how it reads.
        more: what it comes to.
        exact: the amount, where it is money.
        count: the count, where it is none.
    """

    what: str
    words: str
    more: str
    exact: Money | None = None
    count: int | None = None


def head(figures: Figures) -> list[Total]:
    """Return what stands on top."""
    total, decimals = figures.total, figures.decimals
    usage = total.usage
    whole = total.cost.known + total.saved
    saved = (
        f"{wording.percent(total.saved.pico / whole.pico)} of what it would have cost" if total.saved else "nothing yet"
    )
    answered = sum(line.calls for line in figures.layers)
    hits = (
        f"{wording.percent(answered / total.calls)} answered without a provider"
        if answered
        else "all asked of a provider"
    )
    sent, made = (wording.compact(number) for number in (usage.total_input_tokens, usage.total_output_tokens))
    return [
        Total("spent", wording.cost(total.cost, decimals), _rate(figures), exact=total.cost.amount),
        Total("saved", wording.money(total.saved, decimals), saved, exact=total.saved),
        Total("calls", wording.count(total.calls), hits, count=total.calls),
        Total("tokens", wording.compact(usage.total_tokens), f"{sent} in, {made} out", count=usage.total_tokens),
    ]


def _rate(figures: Figures) -> str:
    """Return what a day costs, or a call where there are no two days."""
    known, moments = figures.total.cost.known, figures.moments
    days = (moments[-1].end - moments[0].start) / _DAY if moments else 0.0
    if days >= 2:
        return f"{wording.money(known * (1 / days), figures.decimals)} a day"
    calls = figures.total.calls
    if not calls or not known:
        return ""
    each = known * (1 / calls)
    return f"{wording.money(each, 2 if each >= _DOLLAR else 4)} a call"
