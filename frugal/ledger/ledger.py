"""The ledger: the directory that keeps what calls cost.

Law: what is awaited never blocks the event loop; what is plain reads what is committed and may block its
thread. Nothing is made on disk before the first use.
"""

from __future__ import annotations

import asyncio
import os
import uuid
import weakref
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from types import TracebackType
from typing import Literal, Self

from frugal._values.clock import clock as ambient
from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import FREE_OUTCOMES, BudgetStatus, Record
from frugal._values.usage import NO_USAGE, Usage
from frugal.ledger.holds import Asked
from frugal.ledger.learned import Learned
from frugal.ledger.places import home
from frugal.ledger.priced import Priced
from frugal.ledger.store import Store
from frugal.ledger.wire import row_of
from frugal.ledger.work import Commit, Desk, Later, Reserve
from frugal.ledger.writer import Writer
from frugal.ports import Claim, Clock, Grant, Settlement, Ticket

__all__ = ["Ledger"]


class Ledger(Priced):
    """Keep what calls cost in a directory, shared by processes.

    Args:
        directory: where; by default `ledger` in `$FRUGAL_HOME` or in the platform's user-data directory.
            Made on first use, readable by its owner only.
        durability: `"normal"` survives the death of the process, `"full"` the loss of power.
        retention_days: how many days of single records `compact` keeps; `None` for all.
        lease: for how long a process that holds is believed alive without a sign of life, in seconds.
        patience: how long a disk or lock that does not answer is waited for, in seconds.
        clock: tells the time; by default the ambient clock.

    Raises:
        ValueError: an argument is out of its range.

    >>> import asyncio, tempfile
    >>> async def spend(directory):
    ...     async with Ledger(directory) as ledger:
    ...         await ledger.record(kind="server", cost="0.25", id="invoice-7")
    ...         return str(ledger.totals().cost.amount)
    >>> with tempfile.TemporaryDirectory() as directory:
    ...     asyncio.run(spend(directory))
    '$0.2500'
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        durability: Literal["normal", "full"] = "normal",
        retention_days: float | None = None,
        lease: float = 30,
        patience: float = 5,
        clock: Clock | None = None,
    ) -> None:
        if durability not in ("normal", "full"):
            raise ValueError(f"durability is {durability!r}; it is 'normal' or 'full'.")
        for name, seconds in (("lease", lease), ("patience", patience), ("retention_days", retention_days)):
            if seconds is not None and not 0 < seconds < float("inf"):
                raise ValueError(f"{name} is {seconds!r}; it is more than 0.")
        self.durability = durability
        self.lease = lease
        self.patience = patience
        store = Store(home("ledger") if directory is None else directory, durability)
        time: Clock = ambient if clock is None else clock
        writer = Writer(store, time, lease=lease, patience=patience)
        super().__init__(store, writer, time, retention_days)
        self._learned = Learned(self._writer, self.clock)
        # Also at the interpreter's exit, while threads still run.
        self._finalizer = weakref.finalize(self, self._writer.close, final=True)

    def __repr__(self) -> str:
        return f"Ledger({self.directory!r})"

    # ------------------------------------------------------------------ writing

    def commit(self, settlement: Settlement) -> Ticket:
        """Queue a settlement from any thread, without waiting for a disk.

        Args:
            settlement: records and the holds that end with them.

        Returns:
            What tells when it is durable. One that cost nothing and ends no hold may take 50 ms.
        """
        writer = self._writer
        if settlement.free:
            return writer.put(Later(settlement.records, writer.watch))
        urgent = bool(settlement.releases)
        for record in settlement.records:
            if record.outcome not in FREE_OUTCOMES or record.cost.amount is None or record.cost.amount.pico:
                urgent = True
        rows = [row_of(record) for record in settlement.records]
        return writer.put(
            Commit(rows, settlement.releases, settlement.charges or {}, urgent=urgent, watch=writer.watch)
        )

    async def reserve(
        self, claims: Sequence[Claim], *, pico: int, tokens: int, draft: Record, adopt: str | None = None
    ) -> Grant:
        """Hold `pico` and `tokens` in every claimed budget, or raise and hold in none.

        Args:
            claims: the budgets, in the order in which a refusal is looked for.
            pico: how much money to hold in each, in pico-dollars.
            tokens: how many tokens to hold in each.
            draft: the record to presume if this process dies.
            adopt: a hold of this same call, which ends with the new one.

        Returns:
            The hold.

        Raises:
            BudgetExceededError: a budget has no room.
            LedgerUnavailableError: the ledger did not answer within its patience.
            LedgerFormatError: the directory is not a ledger.
            StoreCorruptedError: a row that it needs is corrupt.
            ValueError: an amount is negative, or a claim's window or zone is unknown.
        """
        if pico < 0 or tokens < 0:
            raise ValueError(f"a hold of {pico} pico-dollars and {tokens} tokens is negative.")
        writer = self._writer
        piece = Reserve(Asked(writer.hold_id(), tuple(claims), pico, tokens, row_of(draft), adopt), writer.watch)
        ticket = writer.put(piece)
        try:
            await ticket.wait()
        except BaseException:
            if writer.abandon(ticket) and ticket.error is None:  # granted, and nobody there to use it
                writer.put(Commit([], (piece.asked.id,), {}, urgent=True))
            raise
        grant: Grant = writer.outcome(piece)
        return grant

    async def grow(self, hold: str, *, pico: int, tokens: int) -> bool:
        """Raise a hold to these totals in every budget it stands in; false when one has no room.

        Args:
            hold: the hold's id.
            pico: how much money it is to hold, in pico-dollars.
            tokens: how many tokens.

        Returns:
            Whether it was raised.

        Raises:
            LedgerUnavailableError: the ledger did not answer within its patience.
        """
        return bool(await self._writer.arun(lambda desk: desk.holds.grow(hold, pico, tokens), sweeps=True))

    async def typical_output(self, function: str, model: str | None, quantile: float) -> int | None:
        """Return how many output tokens that share of the answers of this function and model stays within.

        Args:
            function: the decorated function's qualified name.
            model: the model that is asked.
            quantile: the share, 0 to 1.

        Returns:
            Tokens; `None` while fewer than eight answers were seen, or the ledger cannot be read.
        """
        return await self._learned.quantile(function, model or "", quantile)

    async def standing(self, claims: Sequence[Claim]) -> tuple[BudgetStatus, ...]:
        """Return how budgets stand now, in the order of the claims.

        Args:
            claims: the budgets that are asked about, with their subjects.

        Returns:
            A status for each claim.

        Raises:
            LedgerUnavailableError: the ledger cannot be read now.
        """
        return await asyncio.to_thread(self.stand, claims)

    async def record(
        self,
        *,
        model: str | None = None,
        usage: Usage | None = None,
        cost: Cost | Money | str | float | Decimal | None = None,
        kind: str = "llm",
        user: str | None = None,
        tags: Mapping[str, str] | None = None,
        id: str | None = None,
    ) -> str:
        """Record by hand what no decorated call records: a vector store, a sandbox, a server's hour.

        Args:
            model: the model, where there is one.
            usage: the tokens.
            cost: a `Cost`, `Money`, or dollars; without it, model and usage are priced by the ledger's
                prices.
            kind: what it is, for reports.
            user: on whose behalf.
            tags: free labels.
            id: makes it count once, however often it is recorded.

        Returns:
            The record's id.

        Raises:
            LedgerUnavailableError: it is not durable within patience; it stays queued.
            ValueError: `cost` is not an amount of money.
            TypeError: `cost` is of another type.
        """
        now = self.clock.now()
        name = uuid.uuid4().hex if id is None else id
        settled = self._cost(model, usage, cost, now)
        record = Record(
            id=name,
            call=name,
            time=datetime.fromtimestamp(now, UTC),
            kind=kind,
            model_requested=model,
            model=model,
            usage=usage or NO_USAGE,
            cost=settled,
            user=user,
            tags={str(tag): str(value) for tag, value in (tags or {}).items()},
            price_table=settled.price_table,
        )
        ticket = self.commit(Settlement(records=(record,)))
        if not await ticket.wait():
            raise self._writer.health.trouble()
        return name

    async def flush(self) -> None:
        """Wait until everything that was committed before is durable.

        Raises:
            LedgerUnavailableError: that took longer than patience; it stays queued.
        """
        if self._writer.is_idle:
            return
        await self._writer.arun(_nothing)

    def flush_now(self) -> None:
        """Do what `flush` does, blocking the thread.

        Raises:
            LedgerUnavailableError: that took longer than patience; it stays queued.
        """
        if not self._writer.is_idle:
            self._writer.run(_nothing)

    # ------------------------------------------------------------------ the end

    def close(self) -> None:
        """Write what is queued and let go of the directory; the next use opens it again.

        What cannot be written within patience is logged and kept in `unwritten-*.jsonl`, which the next
        opening takes in.
        """
        self._writer.close()

    async def aclose(self) -> None:
        """Close without blocking the loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def _nothing(desk: Desk) -> None:
    """Do nothing, after everything that came before."""
