"""Recording: from a journal to the records that the ledger keeps.

Law: one record for each provider call, exactly one when none was made; the record that answered has the call's id;
a cost stands in one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from frugal._core.digests import digests_of
from frugal._values.cost import Cost
from frugal._values.facts import Escalated, Grown, Held, Refused, Routed, Saved, Shared, Spent, Split
from frugal._values.money import ZERO
from frugal._values.record import FREE_OUTCOMES, CallSummary, Record
from frugal._values.usage import NO_USAGE
from frugal.errors import (
    BudgetExceededError,
    LedgerUnavailableError,
    NoEligibleModelError,
    RequestTooLargeError,
    UnkeyableCallError,
    UnknownPriceError,
)
from frugal.ports import Settlement

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["announce", "draft", "settle"]

REFUSALS = (
    BudgetExceededError,
    LedgerUnavailableError,
    NoEligibleModelError,
    RequestTooLargeError,
    UnkeyableCallError,
    UnknownPriceError,
)
"""Errors by which a ring refuses a call before anything is sent."""


_MOVING = frozenset({Held, Spent, Split})
"""Facts that move money; a call without one has a free record and nothing to let go."""


def settle(call: Call, error: BaseException | None, now: float) -> Settlement:
    """Turn the journal of a call into what is committed together."""
    journal = call.journal
    facts = journal.facts
    if len(facts) == 1 and type(facts[0]) is Saved and error is None:  # a hit, as a rule
        nobody_waits = not journal.releases and facts[0].layer in FREE_OUTCOMES
        return Settlement(_Hit(call, facts[0], now), journal.releases, None, nobody_waits)
    kinds = set(map(type, facts))
    if kinds.isdisjoint(_MOVING):
        return Settlement((_free(call, error, now),), journal.releases)
    held = journal.held
    booked = {fact.id: fact.booked for fact in held}
    spents = journal.of(Spent)
    records: list[Record]
    charges: dict[str, str] = {}
    splits = journal.of(Split) if Split in kinds else []
    if splits:
        records = [_batched(call, splits, error, now)]
        if held:
            charges[records[0].id] = held[-1].id
    elif spents:
        escalated = journal.of(Escalated) if Escalated in kinds else []
        records = _attempts(call, spents, {id(fact.spent) for fact in escalated}, charges)
    else:
        records = [_free(call, error, now)]
    spent_under: dict[str, int] = {}
    for record in records:
        hold = charges.get(record.id)
        if hold is not None:
            spent_under[hold] = spent_under.get(hold, 0) + record.cost.known.pico
    limits = {fact.id: fact.pico for fact in held}
    if Grown in kinds:
        limits |= {fact.id: fact.pico for fact in journal.of(Grown)}
    for record in records:
        hold = charges.get(record.id)
        if hold is not None:
            overrun = bool(record.cost.known.pico) and hold in limits and spent_under[hold] > limits[hold]
            _with(record, booked=booked.get(hold), overrun=overrun)
    releases = [fact.id for fact in held]
    releases += [hold for split in splits for hold in split.releases]
    return Settlement(records=tuple(records), releases=(*releases, *journal.releases), charges=charges)


class _Hit(Sequence[Record]):
    """The one record of a hit, made when it is first looked at: by the ledger's writer, as a rule, beside the calls.

    It keeps what the record says, and not the call: what a caller asked and was answered is nobody's by then.
    """

    __slots__ = ("_record", "_said")

    def __init__(self, call: Call, saved: Saved, now: float) -> None:
        parent = call.parent
        self._said: tuple[Any, ...] = (
            call.id, None if parent is None else parent.id, call.plan.function.name, call.facts, digests_of(call),
            saved, call.model, call.started, now,
        )  # fmt: skip
        self._record: Record | None = None

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return (self._made(),)[index]

    def __iter__(self) -> Iterator[Record]:
        yield self._made()

    def _made(self) -> Record:
        record = self._record
        if record is None:
            identity, parent, function, facts, (key, digests), saved, model, started, now = self._said
            record = self._record = Record.of(
                {
                    "id": identity, "call": identity, "parent": parent, "time": _time(started),
                    "kind": "llm" if model or saved.model else "tool", "function": function,
                    "model_requested": model, "model": saved.model or model, "outcome": saved.layer,
                    "saved": saved.cost, "latency": max(0.0, now - started), "user": facts.user, "run": facts.run,
                    "tags": facts.tags, "similarity": saved.similarity, "source_id": saved.source_id, "key": key,
                    "attempts": 0, "digests": digests,
                }
            )  # fmt: skip
        return record


def _with(record: Record, **changes: Any) -> None:
    for name, value in changes.items():
        object.__setattr__(record, name, value)  # the record was made here and nobody has seen it yet


def _common(call: Call) -> dict[str, Any]:
    routed, parent, facts = call.journal.last(Routed), call.parent, call.facts
    key, digests = digests_of(call)
    return {
        "call": call.id,
        "parent": parent.id if parent is not None else None,
        "function": call.function,
        "user": facts.user,
        "run": facts.run,
        "tags": facts.tags,
        "route_reason": routed.reason if routed is not None else None,
        "key": key,
        "digests": digests,
    }


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _attempts(call: Call, spents: list[Spent], refused: set[int], charges: dict[str, str]) -> list[Record]:
    """Make a record of each provider call; the last one answered, unless a cascade refused it (by its id) too."""
    answer = next((spent for spent in reversed(spents) if id(spent) not in refused), spents[-1])
    common = _common(call)
    records = []
    for number, spent in enumerate(spents):
        identity = call.id if spent is answer else f"{call.id}.{number + 1}"
        outcome = "escalated" if id(spent) in refused and spent.outcome == "provider" else spent.outcome
        records.append(
            Record.of(
                {
                    **common,
                    "id": identity,
                    "time": _time(call.started if len(spents) == 1 else spent.started),
                    "kind": spent.kind,
                    "model_requested": spent.model_requested,
                    "model": spent.model,
                    "provider": spent.provider,
                    "outcome": outcome,
                    "usage": spent.usage,
                    "cost": spent.cost,
                    "rolled_up": spent.rolled_up,
                    "latency": spent.latency,
                    "price_table": spent.cost.price_table,
                    "attempts": spent.attempts,
                    "tier": spent.tier,
                }
            )
        )
        if spent.hold is not None:
            charges[identity] = spent.hold
    return records


def _batched(call: Call, splits: list[Split], error: BaseException | None, now: float) -> Record:
    """Make the one record of a batch's member: the sum of its shares."""
    last = splits[-1].spent
    outcome = "batched"
    if isinstance(error, asyncio.CancelledError):
        outcome = "cancelled"
    elif error is not None:
        outcome = "failed"
    return Record(
        id=call.id,
        time=_time(call.started),
        kind=last.kind,
        model_requested=last.model_requested or call.model,
        model=last.model,
        provider=last.provider,
        outcome=outcome,
        usage=sum((split.spent.usage for split in splits), NO_USAGE),
        cost=Cost.total(split.spent.cost for split in splits) if len(splits) > 1 else last.cost,
        latency=max(0.0, now - call.started),
        price_table=last.cost.price_table,
        attempts=sum(split.spent.attempts for split in splits),
        tier=last.tier,
        **_common(call),
    )


def _free(call: Call, error: BaseException | None, now: float) -> Record:
    """Make the one record of a call that made no provider call."""
    saved: Saved | Shared | None = call.journal.last(Saved) or call.journal.last(Shared)
    outcome, similarity, source, kind = "provider", None, None, "llm"
    if isinstance(error, REFUSALS):
        outcome = "rejected"
    elif isinstance(error, asyncio.CancelledError):
        outcome = "cancelled"
    elif error is not None:
        outcome = "failed"
    elif isinstance(saved, Saved):
        outcome, similarity, source = saved.layer, saved.similarity, saved.source_id
    elif isinstance(saved, Shared):
        outcome, source = "shared", saved.source_id
    elif call.journal.last(Refused) is not None:
        outcome = "rejected"
    model = saved.model if saved is not None else None
    if call.model is None and model is None:
        kind = "tool"
    said = _common(call)
    said["id"] = call.id
    said["time"] = _time(call.started)
    said["kind"] = kind
    said["model_requested"] = call.model
    said["model"] = model or call.model
    said["outcome"] = outcome
    said["saved"] = saved.cost if saved is not None and error is None else ZERO
    said["similarity"] = similarity
    said["source_id"] = source
    said["latency"] = max(0.0, now - call.started)
    said["attempts"] = 0
    return Record.of(said)


def draft(call: Call, cost: Cost, usage: Any) -> Record:
    """Return the record that stands for a call whose owner dies before it settles."""
    said = _common(call)
    said["id"] = call.id
    said["time"] = _time(call.started)
    said["model_requested"] = said["model"] = call.model
    said["outcome"] = "presumed"
    said["usage"] = usage
    said["cost"] = cost
    said["price_table"] = cost.price_table
    return Record.of(said)


def announce(call: Call, records: Sequence[Record]) -> None:
    """Tell the call around, and the scopes around it, what this call did."""
    outside = call.parent.inner if call.parent is not None else None
    spent = call.journal.last(Spent)
    if outside is not None and spent is not None and spent.kind == "llm":
        outside.whole = spent.complete and spent.outcome in {"provider", "composite"}
    for record in records:
        if outside is not None:
            outside.add(record.rolled_up if record.rolled_up is not None else record.cost, record.kind)
        if call.scope is not None:
            call.scope.add(
                CallSummary(
                    record.id, record.function, record.model, record.outcome, record.cost, record.usage, record.kind
                )
            )
