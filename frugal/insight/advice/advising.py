"""Advising: run the lenses over a ledger once, and turn what they saw into advice.

Law: one reading of the records, in order of time, in memory that does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from frugal._values.record import Record
from frugal.decorators.wiring import priced
from frugal.insight.advice.batches import Batches
from frugal.insight.advice.findings import findings
from frugal.insight.advice.piece import Advice
from frugal.insight.advice.prefixes import Prefixes, prefix_of
from frugal.insight.advice.repeats import NearRepeats, Repeats, Rides, asked_of_a_tool
from frugal.insight.advice.rivals import Rivals
from frugal.insight.advice.tips import TIPS
from frugal.insight.advice.traffic import LONG_INPUT, Traffic
from frugal.insight.advice.view import View
from frugal.ledger import Ledger
from frugal.ledger.cascading import Cascades
from frugal.ports import Prices
from frugal.prices import default_prices

__all__ = ["advice_of", "advise", "table_of"]


def advise(
    ledger: Ledger,
    *,
    since: datetime | float | None = None,
    until: datetime | float | None = None,
    prices: Prices | Mapping[str, Any] | None = None,
) -> list[Advice]:
    """Say what would have cost less, and what would not, from a ledger's own records.

    Each tip of the checklist is there, with the saving that was computed on this traffic, with `saving=None` where the
    records hold not enough evidence, and below zero where it costs more than it saves. Savings of different tips may
    be of the same dollars: do the first, and ask again.

    Args:
        ledger: what to read.
        since: from when; a datetime (a naive one in UTC) or Unix seconds.
        until: until before when.
        prices: a price table, or a mapping of models to prices, for "what if"; the ledger's own when `None`.

    Returns:
        Advice, the largest saving first; then what cannot be told; then what does not pay.

    Raises:
        LedgerUnavailableError: the ledger cannot be read now.
        LedgerFormatError: the directory is not a ledger.
        StoreCorruptedError: a record is corrupt.
        TypeError: `prices` is neither a table nor a mapping.

    >>> import asyncio, tempfile
    >>> from frugal import Ledger, deduplicated, metered
    >>> from frugal.testing import FakeModel
    >>> async def workload(ledger):
    ...     model = FakeModel()
    ...     @metered(ledger=ledger)
    ...     @deduplicated
    ...     async def ask(prompt, *, model_name="gpt-4o"):
    ...         return await model(prompt=prompt, model=model_name)
    ...     for number in range(20):
    ...         await ask(f"question {number % 12}")
    >>> with tempfile.TemporaryDirectory() as place, Ledger(place) as ledger:
    ...     asyncio.run(workload(ledger))
    ...     print(advise(ledger)[0].title, advise(ledger)[0].saving)
    Answer repeated requests from a cache $0.00052
    """
    return advice_of(ledger.records(since, until), table_of(ledger, prices))


def table_of(ledger: Ledger, prices: Prices | Mapping[str, Any] | None) -> Prices:
    """Return the prices that "what if" is asked of.

    Raises:
        TypeError: `prices` is neither a table nor a mapping.
    """
    return priced(prices) or ledger.prices or default_prices()


def advice_of(records: Iterable[Record], prices: Prices) -> list[Advice]:
    """Return what `advise` does, from records in order of time, read once."""
    view = _view(prices)
    lenses = view.lenses
    for record in records:
        start = record.time.timestamp()
        for lens in lenses:
            lens.see(record, start)
    found = findings(view)
    advice = []
    for tip in TIPS:
        finding = found[tip.name]
        triggered, sign = view.traffic.sign(tip.category)
        words = f"{finding.evidence} {sign}" if triggered else finding.evidence
        known = (tip.title, tip.category, finding.saving, words, finding.sample, tip.effort, tip.priority)
        advice.append(Advice(*known, triggered=triggered, tip=tip.name))
    return sorted(advice, key=_order)


def _order(advice: Advice) -> tuple[int, int, bool, int]:
    """By dollars; what is not known stands between what pays and what does not."""
    pico = 0 if advice.saving is None else advice.saving.pico
    place = 0 if pico > 0 else 1 if advice.saving is None else 2
    return place, -pico, not advice.triggered, -advice.priority


def _view(prices: Prices) -> View:
    return View(
        prices=prices,
        traffic=Traffic(prices),
        exact=Repeats(lambda record: record.key),
        near=NearRepeats(_near),
        tools=Repeats(lambda record: record.key, wanted=asked_of_a_tool),
        loops=Repeats(_step, life=float("inf")),
        rides=Rides(),
        prefixes=Prefixes(prices),
        models=Rivals(lambda record: (_work(record), record.model or "")),
        variants=Rivals(_variant),
        lengths=Rivals(_length),
        batches=Batches(prices),
        cascades=Cascades(prices),
    )


def _work(record: Record) -> tuple[str, str]:
    """What the work is: the feature that a tag names, else the function."""
    feature = record.tags.get("feature", "")
    return feature, "" if feature else record.function


def _near(record: Record) -> tuple[str | None, str] | None:
    """What was asked, near enough, and by whom: a semantic cache keeps its users apart unless it is told otherwise."""
    digest = record.digests.get("near")
    return None if digest is None else (record.user, digest)


def _step(record: Record) -> tuple[str, str] | None:
    """What was asked in which run; a call that is a run of its own repeats nothing."""
    if record.run is None or record.key is None or record.run == record.call:
        return None
    return record.run, record.key


def _variant(record: Record) -> tuple[tuple[str, ...], str] | None:
    found = prefix_of(record)
    return None if found is None else ((*_work(record), record.model or ""), found[0])


def _length(record: Record) -> tuple[tuple[str, ...], str] | None:
    tokens = record.usage.total_input_tokens
    if not tokens:
        return None
    return (*_work(record), record.model or ""), "long" if tokens > LONG_INPUT else "short"
