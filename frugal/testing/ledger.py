"""A ledger in memory: the same promises without a disk, for tests that look at records.

Law: it is the naive reading of the budgets' law (spent plus held plus asked never exceeds a limit), computed from the
list of its records and holds at each question, so it doubles as the model that a real ledger is tested against.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Any

from frugal._values.budget import subject_of
from frugal._values.clock import clock as ambient
from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import UNCOUNTED_OUTCOMES, BudgetFigure, BudgetStatus, Record
from frugal._values.window import window_of, zone
from frugal.errors import BudgetExceededError
from frugal.ports import Claim, Clock, Grant, Settlement

__all__ = ["MemoryLedger"]


class _Done:
    """A ticket for what is in memory already."""

    done = True

    async def wait(self) -> bool:
        """Return at once."""
        return True


@dataclass
class _Hold:
    claims: tuple[Claim, ...]
    pico: int
    tokens: int
    booked: float


class MemoryLedger:
    """Keep records and holds in memory.

    Args:
        clock: tells which windows are the current ones; the ambient clock when `None`.

    >>> import asyncio
    >>> from frugal import metered
    >>> ledger = MemoryLedger()
    >>> @metered(ledger=ledger)
    ... async def tool(x): return x
    >>> asyncio.run(tool(1))
    1
    >>> ledger.only(kind="tool").outcome
    'provider'

    It has no reports: code that reads a ledger is tested with a real one, see `recorded`.
    """

    def __init__(self, *, clock: Clock | None = None) -> None:
        self._clock = clock or ambient
        self._lock = threading.Lock()
        self._holds: dict[str, _Hold] = {}
        self._known: set[str] = set()
        self._numbers = itertools.count(1)
        self.settlements: list[Settlement] = []
        self.records: list[Record] = []

    @property
    def cost(self) -> Cost:
        """The sum of the records' costs."""
        return Cost.total(record.cost for record in list(self.records))

    @property
    def calls(self) -> int:
        """How many decorated calls were recorded."""
        return sum(record.outcome not in UNCOUNTED_OUTCOMES for record in list(self.records))

    @property
    def held(self) -> int:
        """How many holds stand."""
        return len(self._holds)

    def find(self, **facts: Any) -> list[Record]:
        """Return the records that have these facts, oldest first.

        Args:
            facts: fields of `Record` and their values, such as `outcome="memory"` or `user="ann"`; of `tags`, those
                that matter.

        Returns:
            The records.

        Raises:
            TypeError: a name is no field of `Record`.

        >>> MemoryLedger().find(user="ann", tags={"feature": "chat"})
        []
        """
        names = [field.name for field in fields(Record)]
        unknown = [name for name in facts if name not in names]
        if unknown:
            raise TypeError(f"{unknown[0]!r} is no field of a Record; they are {', '.join(names)}.")
        return [record for record in list(self.records) if _has(record, facts)]

    def only(self, **facts: Any) -> Record:
        """Return the one record that has these facts.

        Args:
            facts: as for `find`.

        Returns:
            The record.

        Raises:
            AssertionError: there is none, or there are several; the message lists what was recorded.
            TypeError: a name is no field of `Record`.
        """
        found = self.find(**facts)
        if len(found) == 1:
            return found[0]
        wanted = ", ".join(f"{name}={value!r}" for name, value in facts.items()) or "anything"
        lines = [
            f"  {record.outcome} {record.function} model={record.model} user={record.user} cost={record.cost.amount}"
            for record in self.records
        ]
        raise AssertionError(
            f"{len(found)} records have {wanted}, not one. {len(lines)} were recorded:\n" + "\n".join(lines)
        )

    def commit(self, settlement: Settlement) -> _Done:
        """Keep a settlement."""
        with self._lock:
            self.settlements.append(settlement)
            for record in settlement.records:
                if record.id not in self._known:
                    self._known.add(record.id)
                    self.records.append(record)
            for hold in settlement.releases:
                self._holds.pop(hold, None)
        return _Done()

    async def reserve(
        self, claims: Sequence[Claim], *, pico: int, tokens: int, draft: Record, adopt: str | None = None
    ) -> Grant:
        """Hold in every claimed budget, or raise and hold in none.

        Raises:
            BudgetExceededError: a budget has no room.
            ValueError: an amount is negative.
        """
        if pico < 0 or tokens < 0:
            raise ValueError(f"a hold of {pico} pico-dollars and {tokens} tokens is negative.")
        now = self._clock.now()
        with self._lock:
            before = self._holds.pop(adopt, None) if adopt is not None else None
            try:
                self._check(claims, pico, tokens, now, draft.function)
            except BudgetExceededError:
                if before is not None and adopt is not None:
                    self._holds[adopt] = before
                raise
            name = f"hold-{next(self._numbers)}"
            self._holds[name] = _Hold(tuple(claims), pico, tokens, now)
            statuses = tuple(self._status(claim, now) for claim in claims)
        return Grant(name, pico, tokens, now, statuses)

    async def grow(self, hold: str, *, pico: int, tokens: int) -> bool:
        """Raise a hold, if every budget it stands in has room; one never shrinks."""
        with self._lock:
            standing = self._holds.pop(hold, None)
            if standing is None:
                return False
            pico, tokens = max(pico, standing.pico), max(tokens, standing.tokens)
            try:
                self._check(standing.claims, pico, tokens, standing.booked, "")
            except BudgetExceededError:
                self._holds[hold] = standing
                return False
            self._holds[hold] = replace(standing, pico=pico, tokens=tokens)
            return True

    async def standing(self, claims: Sequence[Claim]) -> tuple[BudgetStatus, ...]:
        """Return how budgets stand now, in the order of the claims.

        Args:
            claims: the budgets that are asked about, with their subjects.

        Returns:
            A status for each claim.
        """
        now = self._clock.now()
        with self._lock:
            return tuple(self._status(claim, now) for claim in claims)

    async def typical_output(self, function: str, model: str | None, quantile: float) -> int | None:
        """Return that quantile of the outputs recorded for this function and model."""
        seen = sorted(
            record.usage.total_output_tokens
            for record in self.records
            if record.function == function
            and record.model_requested == model
            and record.outcome in {"provider", "escalated"}
        )
        if len(seen) < 8:
            return None
        rank = -int(-(len(seen) + 1) * quantile // 1)
        return seen[min(rank, len(seen)) - 1]

    async def flush(self) -> None:
        """Do nothing: everything is kept already."""

    async def aclose(self) -> None:
        """Do nothing."""

    # ------------------------------------------------------------------ the naive model

    def _check(self, claims: Sequence[Claim], pico: int, tokens: int, now: float, function: str) -> None:
        for claim in claims:
            used, used_tokens, held, held_tokens = self._sums(claim, now)
            for unit, limit, spent, kept, asked in (
                ("usd", claim.limit_pico, used, held, pico),
                ("tokens", claim.limit_tokens, used_tokens, held_tokens, tokens),
            ):
                if limit is not None and (spent + kept + asked > limit or spent >= limit):
                    wrap = Money if unit == "usd" else int
                    raise BudgetExceededError(
                        budget=claim.name, unit=unit, limit=wrap(limit), spent=wrap(spent), held=wrap(kept),
                        requested=wrap(asked), resets_at=_resets(claim, now), subject=claim.subject, function=function,
                    )  # fmt: skip

    def _sums(self, claim: Claim, now: float) -> tuple[int, int, int, int]:
        records = [record for record in self.records if _covers(claim, record, now)]
        holds = [
            hold
            for hold in self._holds.values()
            if any(_same(claim, other) and _same_window(claim, hold.booked, now) for other in hold.claims)
        ]
        return (
            sum(record.cost.known.pico for record in records),
            sum(record.usage.total_tokens for record in records),
            sum(hold.pico for hold in holds),
            sum(hold.tokens for hold in holds),
        )

    def _status(self, claim: Claim, now: float) -> BudgetStatus:
        used, used_tokens, held, held_tokens = self._sums(claim, now)
        money = tokens = None
        if claim.limit_pico is not None:
            left = max(0, claim.limit_pico - used - held)
            money = BudgetFigure(
                Money(used), Money(held), Money(claim.limit_pico), Money(left), _share(used, claim.limit_pico)
            )
        if claim.limit_tokens is not None:
            left = max(0, claim.limit_tokens - used_tokens - held_tokens)
            share = _share(used_tokens, claim.limit_tokens)
            tokens = BudgetFigure(used_tokens, held_tokens, claim.limit_tokens, left, share)
        top = max(figure.fraction for figure in (money, tokens) if figure is not None)
        return BudgetStatus(
            claim.name, claim.window, claim.subject, money, tokens, top >= claim.warn_at, top >= 1,
            _resets(claim, now), claim.suggest,
        )  # fmt: skip


def _has(record: Record, facts: Mapping[str, Any]) -> bool:
    tags = dict(facts.get("tags") or {})
    rest = {name: value for name, value in facts.items() if name != "tags"}
    return tags.items() <= dict(record.tags).items() and all(
        getattr(record, name) == value for name, value in rest.items()
    )


def _share(used: int, limit: int) -> float:
    return used / limit if limit else 1.0


def _resets(claim: Claim, now: float) -> datetime | None:
    if claim.window == "run":
        return None
    return datetime.fromtimestamp(window_of(claim.window, now, claim.timezone).end, UTC).astimezone(
        zone(claim.timezone)
    )


def _same(one: Claim, other: Claim) -> bool:
    return (one.window, one.timezone, one.per, one.subject, one.run) == (
        other.window, other.timezone, other.per, other.subject, other.run,
    )  # fmt: skip


def _same_window(claim: Claim, at: float, now: float) -> bool:
    if claim.window == "run":
        return True
    return window_of(claim.window, at, claim.timezone) == window_of(claim.window, now, claim.timezone)


def _covers(claim: Claim, record: Record, now: float) -> bool:
    subject = subject_of(
        claim.per,
        user=record.user,
        model=record.model_requested or record.model,
        function=record.function,
        tags=record.tags,
    )
    if subject != claim.subject or (claim.window == "run" and record.run != claim.run):
        return False
    return _same_window(claim, record.instant, now)
