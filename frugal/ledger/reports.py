"""What can be read of a ledger: all plain, all of what is committed.

Law: reading makes nothing on disk, and sees one state of the ledger however much is written meanwhile. On
an event loop, call these through `asyncio.to_thread`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from frugal._values.budget import Budget
from frugal._values.record import BudgetStatus, Record, UsageRow
from frugal.ledger.auditing import Audit, audit
from frugal.ledger.documents import read_document
from frugal.ledger.exporting import export
from frugal.ledger.looking import Look, look, look_rated
from frugal.ledger.reading import Question, microseconds, read_trend, read_usage
from frugal.ledger.standing import claim_of, dead_owners, read_budgets, read_status, settle_the_dead
from frugal.ledger.store import Store
from frugal.ledger.walk import FOREVER
from frugal.ledger.work import Desk
from frugal.ledger.writer import Writer
from frugal.ports import Claim, Clock

__all__ = ["Reports"]

Instant = datetime | float
"""A datetime (a naive one is of the asked zone's wall clock), or Unix seconds."""


class Reports:
    """Read a ledger.

    Args:
        store: where it is.
        writer: settles dead owners' holds where a budget is read.
        clock: the ledger's clock.
    """

    def __init__(self, store: Store, writer: Writer, clock: Clock) -> None:
        self._store = store
        self._writer = writer
        self.clock = clock

    @property
    def directory(self) -> str:
        """Where it is."""
        return self._store.directory

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection | None]:
        with self._store.reading() as connection:
            if connection is not None:
                connection.execute("BEGIN")
            yield connection

    # ------------------------------------------------------------------ sums

    def usage(
        self,
        since: Instant | None = None,
        until: Instant | None = None,
        by: Sequence[str] = (),
        timezone: str = "UTC",
        *,
        user: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        function: str | None = None,
        kind: str | None = None,
        outcome: str | None = None,
        run: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> list[UsageRow]:
        """Add up what was used.

        Args:
            since: from when; a datetime without a zone is of `timezone`; a number is Unix seconds.
            until: until before when.
            by: what to group by: `hour`, `day`, `week`, `month`, `user`, `model`, `provider`, `function`,
                `run`, `outcome`, `kind`, `tag:<name>`.
            timezone: whose calendar.
            user: only this user's; `""` for what has none. Likewise the others.
            model: only this model's.
            provider: only this provider's.
            function: only this function's.
            kind: only this kind.
            outcome: only this outcome.
            run: only this run's.
            tags: only what has these tags.

        Returns:
            A row for each group, in order of the groups' values. By run or tag, single records are read;
            else the work grows with the days and the distinct users and models.

        Raises:
            ValueError: a name in `by` or the zone is unknown.
            LedgerUnavailableError: the ledger cannot be read now.
            LedgerFormatError: the directory is not a ledger, or is newer.
            StoreCorruptedError: a row is corrupt.
        """
        named = {
            "user": user,
            "model": model,
            "provider": provider,
            "function": function,
            "kind": kind,
            "outcome": outcome,
        }
        question = Question(
            microseconds(since, timezone, 0),
            microseconds(until, timezone, FOREVER),
            (by,) if isinstance(by, str) else tuple(by),
            timezone,
            {name: value for name, value in named.items() if value is not None},
            run,
            dict(tags or {}),
        )
        with self._snapshot() as connection:
            return list(read_usage(connection, self.directory, question).values())

    def totals(
        self, since: Instant | None = None, until: Instant | None = None, timezone: str = "UTC", **only: Any
    ) -> UsageRow:
        """Add up everything; takes what `usage` takes, but for `by`.

        Args:
            since: from when; a datetime without a zone is of `timezone`; a number is Unix seconds.
            until: until before when.
            timezone: whose calendar.
            only: what to count only, by the names that `usage` takes: `user`, `model`, `tags`, ….

        Returns:
            One row, whose `group` is empty.

        Raises:
            ValueError: the zone is unknown.
            LedgerUnavailableError: the ledger cannot be read now.
        """
        rows = self.usage(since, until, (), timezone, **only)
        return rows[0] if rows else UsageRow({})

    def trend(self, days: int = 7, user: str | None = None, timezone: str = "UTC") -> list[UsageRow]:
        """Add up each of the last days, today included.

        Args:
            days: how many, 1 or more.
            user: only this user's.
            timezone: whose days.

        Returns:
            A row for each day, oldest first, empty days too.

        Raises:
            ValueError: `days` is below 1, or the zone is unknown.
            LedgerUnavailableError: the ledger cannot be read now.
        """
        if days < 1:
            raise ValueError(f"days is {days!r}; it is 1 or more.")
        where = {} if user is None else {"user": user}
        with self._snapshot() as connection:
            return read_trend(connection, self.directory, days, self.clock.now(), timezone, where)

    # ------------------------------------------------------------------ records

    def records(
        self,
        since: Instant | None = None,
        until: Instant | None = None,
        *,
        user: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        function: str | None = None,
        kind: str | None = None,
        outcome: str | None = None,
        run: str | None = None,
        call: str | None = None,
        tags: Mapping[str, str] | None = None,
        rated: bool = False,
        newest_first: bool = False,
    ) -> Iterator[Record]:
        """Iterate over single records, by time.

        Args:
            since: from when; Unix seconds or a datetime, a naive one in UTC.
            until: until before when.
            user: only this user's; `""` for what has none. Likewise the others.
            model: only what this model served, or was asked for.
            provider: only this provider's.
            function: only this function's.
            kind: only this kind.
            outcome: only this outcome.
            run: only this run's.
            call: only this call's.
            tags: only what has these tags.
            rated: only calls of which `feedback` said something; these come by call, not by time.
            newest_first: from the newest to the oldest.

        Returns:
            An iterator; memory does not grow with the records, but for those of one run.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
            StoreCorruptedError: a row is corrupt.
        """
        equal = {"user": user, "provider": provider, "function": function, "kind": kind, "outcome": outcome}
        wanted = Look(
            microseconds(since, "UTC", 0),
            microseconds(until, "UTC", FOREVER),
            {name: value for name, value in equal.items() if value is not None},
            model,
            run,
            call,
            dict(tags or {}),
            newest_first,
        )
        return look_rated(self._store, wanted) if rated else look(self._store, wanted)

    def outcomes(self) -> Iterator[dict[str, Any]]:
        """Yield what `learned(...).fit(ledger)` learns from: the calls of which `feedback` said something.

        A ledger holds no prompts, so only calls are told of whose caller chose to keep the text themselves, as a tag:
        `with scope(query=text):`.

        Yields:
            `query`, `model`, `success` (0 to 1) and `cost` in dollars (`None` when unpriced).
        """
        for record in self.records(rated=True):
            query = record.tags.get("query")
            rated = record.success if record.success is not None else record.satisfaction
            model = record.model_requested or record.model
            if query and rated is not None and model and record.outcome in {"provider", "batched"}:
                cost = None if record.cost.amount is None else float(record.cost.amount)
                yield {"query": query, "model": model, "success": float(rated), "cost": cost}

    def export(self, path: str | os.PathLike[str], **only: Any) -> int:
        """Write records to a `.csv` or `.jsonl` file; takes what `records` takes.

        Args:
            path: the file, which is replaced; its suffix says the format.
            only: which records, by the names that `records` takes: `since`, `user`, ….

        Returns:
            How many records.

        Raises:
            ValueError: the suffix is neither.
            OSError: the file cannot be written.
        """
        return export(path, self.records(**only))

    # ------------------------------------------------------------------ budgets

    def budget_status(
        self,
        budget: Budget,
        *,
        user: str | None = None,
        model: str | None = None,
        function: str | None = None,
        run: str | None = None,
        tag: str | None = None,
    ) -> BudgetStatus:
        """Return how a budget stands in its current window.

        Args:
            budget: the budget.
            user: whose, for `per="user"`. Likewise the others.
            model: which model's, for `per="model"`: the one that is asked for.
            function: which function's, for `per="function"`.
            run: which run's, for `window="run"`.
            tag: the tag's value, for `per="tag:<name>"`.

        Returns:
            What is used, held and left, in dollars and tokens.

        Raises:
            TypeError: a run's budget without `run`.
            LedgerUnavailableError: the ledger cannot be read now.
        """
        return self.stand([claim_of(budget, user, model, function, run, tag)])[0]

    def stand(self, claims: Sequence[Claim]) -> tuple[BudgetStatus, ...]:
        """Return how claimed budgets stand, in the order of the claims.

        Args:
            claims: the budgets that are asked about, with their subjects.

        Returns:
            A status for each claim.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
        """
        self._settle()
        now = self.clock.now()
        with self._snapshot() as connection:
            return tuple(read_status(connection, self.directory, claim, now) for claim in claims)

    def budgets(self) -> list[BudgetStatus]:
        """Return how every budget stands that was claimed lately, for each of its subjects.

        Returns:
            A status for each budget and subject.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
        """
        self._settle()
        with self._snapshot() as connection:
            return read_budgets(connection, self.directory, self.clock.now())

    def _settle(self) -> None:
        with self._store.reading() as connection:
            dead = connection is not None and dead_owners(connection, self.directory, self.clock.now())
        if dead:
            settle_the_dead(lambda: self._writer.run(_nothing, sweeps=True))

    # ------------------------------------------------------------------ the rest

    def audit(self) -> Audit:
        """Add everything up again and compare with the counters.

        Returns:
            Whether all is right, and what is not.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
            LedgerFormatError: the directory is not a ledger, or is newer.
        """
        with self._snapshot() as connection:
            return audit(connection, self.directory, self.clock.now())

    def load_state(self, name: str) -> dict[str, Any] | None:
        """Return the document of that name that `update_state` wrote; `None` where there is none.

        Args:
            name: the document's name.

        Returns:
            The document.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
            StoreCorruptedError: it is corrupt.
        """
        return read_document(self._store, name)


def _nothing(desk: Desk) -> None:
    """Do nothing but what is done before: settle the dead."""
