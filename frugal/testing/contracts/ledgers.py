"""The contract of `LedgerStore`: what every ledger promises to whoever meters and to budgets.

Only the port is used, so that a shared engine can be held to it: what is spent and held is read from what a
reservation says of its budgets.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from frugal._values.clock import clock as ambient
from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import BudgetFigure, Record
from frugal._values.usage import Usage
from frugal.errors import BudgetExceededError
from frugal.ports import Claim, Grant, LedgerStore, Settlement
from frugal.testing.clock import FakeClock
from frugal.testing.contracts.promises import Contract, affirm, expect, promise

__all__ = ["LedgerContract"]

_DAY = 86_400
_names = itertools.count()


class LedgerContract(Contract):
    """Hold a ledger to what the port says; a subclass gives `make`.

    A ledger that outlives the process says so with `durable = True` on the contract, and is then opened twice in one
    directory.
    """

    durable = False
    """Whether what was spent is known to who opens the same directory next."""

    # ------------------------------------------------------------------ holding

    @promise
    async def test_a_hold_that_fits_is_granted(self, ledger: LedgerStore, clock: FakeClock) -> None:
        """The grant says what is held, in whose windows, and how each budget stands with it."""
        grant = await _hold(ledger, [_claim(), _claim(per="user", subject="ann", limit=500)], 60)
        expect((60, 7), (grant.pico, grant.tokens), "what is held")
        expect(clock.now(), grant.booked, "the instant whose windows it is held in")
        expect([(0, 60), (0, 60)], [_stands(grant, place) for place in (0, 1)], "spent and held in each budget")

    @promise
    async def test_spent_held_and_asked_never_pass_a_limit(self, ledger: LedgerStore) -> None:
        """What fits to the last pico-dollar is granted, and one more is refused, with the figures."""
        first = await _hold(ledger, [_claim()], 60)
        error = await _refused(ledger, [_claim()], 41)
        expect((Money(100), Money(0), Money(60), Money(41)), (error.limit, error.spent, error.held, error.requested),
               "what the refusal says")  # fmt: skip
        await _hold(ledger, [_claim()], 40)
        await _settle(ledger, _record(60), first)
        await _refused(ledger, [_claim()], 1)

    @promise
    async def test_calls_at_once_never_pass_a_limit(self, ledger: LedgerStore) -> None:
        """However many ask in one moment, as many are granted as fit."""
        asked = (ledger.reserve([_claim()], pico=7, tokens=0, draft=_record(0)) for _ in range(40))
        results = await asyncio.gather(*asked, return_exceptions=True)
        expect(14, sum(isinstance(result, Grant) for result in results), "holds of 7 under a limit of 100")
        others = [result for result in results if not isinstance(result, (Grant, BudgetExceededError))]
        expect([], others, "what else came back")

    @promise
    async def test_a_refusal_holds_in_none_of_the_budgets(self, ledger: LedgerStore) -> None:
        """All that a call needs is held together, or nothing is."""
        await _refused(ledger, [_claim(), _claim(per="user", subject="ann", limit=10)], 50)
        await _hold(ledger, [_claim()], 100)

    @promise
    async def test_tokens_have_limits_too(self, ledger: LedgerStore) -> None:
        """A limit in tokens refuses as one in dollars does."""
        claim = _claim(limit=None, tokens=10)
        await _hold(ledger, [claim], 10**15, tokens=6)
        error = await _refused(ledger, [claim], 0, tokens=5)
        expect(("tokens", 10, 6), (error.unit, error.limit, error.held), "what the refusal says")
        await _hold(ledger, [claim], 0, tokens=4)

    @promise
    async def test_each_subject_has_room_of_its_own(self, ledger: LedgerStore) -> None:
        """One user's spending is not another's, nor that of a run another run's."""
        await _hold(ledger, [_claim(per="user", subject="ann")], 100)
        await _hold(ledger, [_claim(per="user", subject="bob")], 100)
        await _hold(ledger, [_claim(window="run", run="one")], 100)
        await _hold(ledger, [_claim(window="run", run="two")], 100)
        await _refused(ledger, [_claim(per="user", subject="ann")], 1)
        await _refused(ledger, [_claim(window="run", run="two")], 1)

    @promise
    async def test_amounts_are_exact_beyond_64_bits(self, ledger: LedgerStore) -> None:
        """Money is a whole number of pico-dollars, however large."""
        much = 3 * 10**19
        await _hold(ledger, [_claim(limit=much)], much - 1)
        await _refused(ledger, [_claim(limit=much)], 2)
        await _hold(ledger, [_claim(limit=much)], 1)

    @promise
    async def test_a_negative_hold_is_refused(self, ledger: LedgerStore) -> None:
        """Less than nothing would make room for others."""
        for pico, tokens in ((-1, 0), (0, -1)):
            try:
                await _hold(ledger, [_claim()], pico, tokens=tokens)
            except ValueError:
                continue
            raise AssertionError(f"a hold of {pico} pico-dollars and {tokens} tokens was granted")

    # ------------------------------------------------------------------ settling

    @promise
    async def test_a_settlement_books_the_cost_and_ends_the_hold(self, ledger: LedgerStore) -> None:
        """What was held and not spent is free again."""
        hold = await _hold(ledger, [_claim()], 90)
        await _settle(ledger, _record(20), hold)
        expect((20, 80), _stands(await _hold(ledger, [_claim()], 80)), "spent and held afterwards")

    @promise
    async def test_what_was_never_held_counts_too(self, ledger: LedgerStore) -> None:
        """A budget sees all that is metered in its ledger, before and after it was first asked."""
        await _settle(ledger, _record(30))
        expect((30, 10), _stands(await _hold(ledger, [_claim()], 10)), "spent before the budget was first asked")
        await _settle(ledger, _record(40))
        await _refused(ledger, [_claim()], 21)

    @promise
    async def test_a_record_counts_once(self, ledger: LedgerStore) -> None:
        """The same id again is the same record, in one settlement and in another."""
        record = _record(30)
        await _settle(ledger, record, more=(record,))
        await _settle(ledger, record)
        expect((30, 1), _stands(await _hold(ledger, [_claim()], 1)), "spent after recording one call three times")

    @promise
    async def test_a_cost_above_its_hold_is_booked_in_full(self, ledger: LedgerStore) -> None:
        """Money that was spent is spent; later calls are refused."""
        hold = await _hold(ledger, [_claim()], 10)
        await _settle(ledger, _record(500), hold)
        expect(Money(500), (await _refused(ledger, [_claim()], 0)).spent, "what the refusal says was spent")

    @promise
    async def test_a_cost_belongs_to_the_window_of_its_hold(self, ledger: LedgerStore, clock: FakeClock) -> None:
        """A call that ends tomorrow was paid from today's budget."""
        hold = await _hold(ledger, [_claim()], 60)
        clock.advance(_DAY)
        expect((0, 1), _stands(await _hold(ledger, [_claim()], 1)), "spent and held in the next window")
        await _settle(ledger, _record(60, at=hold.booked), hold)
        expect((0, 2), _stands(await _hold(ledger, [_claim()], 1)), "spent and held there after it was settled")

    @promise
    async def test_a_new_window_has_all_its_room(self, ledger: LedgerStore, clock: FakeClock) -> None:
        """What was spent yesterday does not limit today, and a month is longer than a day."""
        await _settle(ledger, _record(100))
        await _refused(ledger, [_claim()], 1)
        clock.advance(_DAY)
        await _hold(ledger, [_claim()], 100)
        await _refused(ledger, [_claim(window="month")], 1)

    @promise
    async def test_letting_go_of_what_is_not_held_does_nothing(self, ledger: LedgerStore) -> None:
        """A hold ends once; a settlement that ends it again, or one unknown, is kept all the same."""
        hold = await _hold(ledger, [_claim()], 60)
        await _settle(ledger, _record(10), hold)
        await _settle(ledger, _record(10), hold)
        await _settle(ledger, _record(10), Grant("nobody's", 1, 1, hold.booked))
        expect((30, 70), _stands(await _hold(ledger, [_claim()], 70)), "spent and held")

    @promise
    async def test_a_ticket_tells_when_it_is_kept(self, ledger: LedgerStore) -> None:
        """Whoever waits for it is told that it is durable."""
        ticket = ledger.commit(Settlement(records=(_record(1),)))
        affirm(await ticket.wait(), "waiting should say that it is kept")
        affirm(ticket.done, "the ticket should be done once it was waited for")

    @promise
    async def test_threads_may_commit(self, ledger: LedgerStore) -> None:
        """A stream may be thrown away on any thread; nothing that they commit at once is lost."""
        with ThreadPoolExecutor(8) as threads:
            tickets = list(threads.map(lambda _: ledger.commit(Settlement(records=(_record(1),))), range(50)))
        for ticket in tickets:
            await ticket.wait()
        expect((50, 1), _stands(await _hold(ledger, [_claim()], 1)), "spent by 50 threads")

    # ------------------------------------------------------------------ changing a hold

    @promise
    async def test_a_hold_may_take_the_place_of_another(self, ledger: LedgerStore) -> None:
        """The new one is asked for as if the old one were gone; when it is refused, the old one stands."""
        first = await _hold(ledger, [_claim()], 60)
        second = await _hold(ledger, [_claim()], 90, adopt=first.id)
        expect((0, 90), _stands(second), "spent and held")
        await _refused(ledger, [_claim()], 101, adopt=second.id)
        await _refused(ledger, [_claim()], 11)
        await _settle(ledger, _record(5), second)
        expect((5, 95), _stands(await _hold(ledger, [_claim()], 95)), "spent and held once it has ended")

    @promise
    async def test_a_hold_grows_where_there_is_room(self, ledger: LedgerStore) -> None:
        """To new totals, in all its budgets or in none; where there is no room it stays as it was."""
        hold = await _hold(ledger, [_claim(), _claim(per="user", subject="ann", limit=90)], 30)
        affirm(await ledger.grow(hold.id, pico=80, tokens=7), "growing to 80 should be granted")
        affirm(not await ledger.grow(hold.id, pico=91, tokens=7), "growing beyond a limit should be refused")
        await _refused(ledger, [_claim()], 21)
        expect((0, 100), _stands(await _hold(ledger, [_claim()], 20)), "spent and held afterwards")

    @promise
    async def test_what_is_not_held_does_not_grow(self, ledger: LedgerStore) -> None:
        """A hold that has ended, or never was, is answered with false."""
        hold = await _hold(ledger, [_claim()], 30)
        await _settle(ledger, _record(1), hold)
        affirm(not await ledger.grow(hold.id, pico=40, tokens=7), "growing what has ended should be refused")
        affirm(not await ledger.grow("nobody's", pico=1, tokens=1), "growing what never was should be refused")
        await _hold(ledger, [_claim()], 99)

    # ------------------------------------------------------------------ remembering

    @promise
    async def test_typical_outputs_are_learned(self, ledger: LedgerStore) -> None:
        """Nothing is said before eight answers of a function and model; then so many tokens cover that share."""
        for length in range(1, 8):
            await _settle(ledger, _record(1, output=10 * length))
        expect(None, await ledger.typical_output("app.ask", "m", 0.5), "what is typical of seven")
        for length in range(8, 101):
            await _settle(ledger, _record(1, output=10 * length))
        for share in (0.5, 0.95):
            tokens = await ledger.typical_output("app.ask", "m", share)
            if tokens is None or not share * 1000 <= tokens <= share * 1000 * 1.25 + 10:
                raise AssertionError(f"of outputs from 10 to 1000, {share:.0%} are said to stay within {tokens}")
        expect(None, await ledger.typical_output("app.ask", "another", 0.5), "what is typical of another model")
        expect(None, await ledger.typical_output("app.other", "m", 0.5), "what is typical of another function")

    @promise
    async def test_what_was_spent_outlives_who_spent_it(
        self, ledger: LedgerStore, clock: FakeClock, directory: Path
    ) -> None:
        """A durable ledger knows it when it is opened again."""
        if not self.durable:
            return
        await _settle(ledger, _record(70))
        await asyncio.to_thread(self.close, ledger)
        again = await asyncio.to_thread(self.make, clock, directory)
        try:
            expect((70, 30), _stands(await _hold(again, [_claim()], 30)), "spent and held, opened again")
        finally:
            await asyncio.to_thread(self.close, again)


# --------------------------------------------------------------------------- what is asked and said


def _claim(
    *, window: str = "day", per: str | None = None, subject: str = "", run: str | None = None,
    limit: int | None = 100, tokens: int | None = None,
) -> Claim:  # fmt: skip
    return Claim(
        name="cap", window=window, timezone="UTC", per=per, subject=subject, run=run, limit_pico=limit,
        limit_tokens=tokens, warn_at=0.8,
    )  # fmt: skip


def _record(pico: int, *, at: float | None = None, output: int = 0) -> Record:
    name = f"call-{next(_names):08}"
    return Record(
        id=name, call=name, time=datetime.fromtimestamp(ambient.now(), UTC), function="app.ask", model_requested="m",
        model="m", usage=Usage(output_tokens=output), cost=Cost.exact(Money(pico)), booked=at,
    )  # fmt: skip


async def _hold(
    ledger: LedgerStore, claims: Sequence[Claim], pico: int, *, tokens: int = 7, adopt: str | None = None
) -> Grant:
    return await ledger.reserve(claims, pico=pico, tokens=tokens, draft=_record(0), adopt=adopt)


async def _refused(
    ledger: LedgerStore, claims: Sequence[Claim], pico: int, *, tokens: int = 7, adopt: str | None = None
) -> BudgetExceededError:
    try:
        await _hold(ledger, claims, pico, tokens=tokens, adopt=adopt)
    except BudgetExceededError as error:
        return error
    raise AssertionError(f"a hold of {pico} pico-dollars and {tokens} tokens was granted beyond a limit")


async def _settle(
    ledger: LedgerStore, record: Record, hold: Grant | None = None, more: tuple[Record, ...] = ()
) -> None:
    releases = () if hold is None else (hold.id,)
    charges = None if hold is None else {record.id: hold.id}
    await ledger.commit(Settlement(records=(record, *more), releases=releases, charges=charges)).wait()


def _stands(grant: Grant, place: int = 0) -> tuple[int, int]:
    """Return what is spent and held in a budget, as the grant of a hold in it says, in pico-dollars."""
    figure: BudgetFigure = grant.statuses[place].usd
    used, held = (amount.pico if isinstance(amount, Money) else amount for amount in (figure.used, figure.held))
    return used, held
