"""The contract of `LedgerStore`, held by the ledger on disk and the one in memory."""

import asyncio
import threading
from dataclasses import replace

import pytest

from frugal import BudgetExceededError, Ledger
from frugal.testing import LedgerContract, MemoryLedger


class TestLedger(LedgerContract):
    durable = True

    def make(self, clock, directory):
        return Ledger(directory / "ledger", clock=clock)


class TestLedgerThatSurvivesPowerLoss(LedgerContract):
    durable = True

    def make(self, clock, directory):
        return Ledger(directory / "ledger", clock=clock, durability="full")


class TestMemoryLedger(LedgerContract):
    def make(self, clock, directory):
        return MemoryLedger(clock=clock)


# --------------------------------------------------------------------------- ledgers that break a promise


class Right(MemoryLedger):
    """A ledger that keeps every promise; what is broken is one method of it."""


class Boasting(Right):
    async def reserve(self, claims, *, pico, **asked):
        return replace(await super().reserve(claims, pico=pico, **asked), pico=pico + 1)


class OneMore(Right):
    async def reserve(self, claims, *, pico, **asked):
        return await super().reserve(claims, pico=max(0, pico - 1), **asked)


class Slow(Right):
    """Looks, lets others look, and only then holds."""

    async def reserve(self, claims, **asked):
        self._check(claims, asked["pico"], asked["tokens"], self._clock.now(), "")
        await asyncio.sleep(0)
        check, self._check = self._check, lambda *args: None
        try:
            return await super().reserve(claims, **asked)
        finally:
            self._check = check


class Partly(Right):
    async def reserve(self, claims, **asked):
        for claim in claims[:-1]:
            await super().reserve([claim], **asked)
        return await super().reserve(claims[-1:], **asked)


class DollarsOnly(Right):
    async def reserve(self, claims, **asked):
        return await super().reserve([replace(claim, limit_tokens=None) for claim in claims], **asked)

    def _status(self, claim, now):
        return super()._status(replace(claim, limit_pico=claim.limit_pico or 1), now)


class Everyones(Right):
    async def reserve(self, claims, **asked):
        return await super().reserve([replace(claim, per=None, subject="", run="all") for claim in claims], **asked)


class Floating(Right):
    def _sums(self, claim, now):
        used, tokens, held, held_tokens = super()._sums(claim, now)
        return used, tokens, int(float(held)), held_tokens


class Signed(Right):
    async def reserve(self, claims, *, pico, tokens, **asked):
        return await super().reserve(claims, pico=max(0, pico), tokens=max(0, tokens), **asked)


class Holding(Right):
    def commit(self, settlement):
        return super().commit(replace(settlement, releases=()))


class Hers(Right):
    """Counts only what was held first."""

    def commit(self, settlement):
        return super().commit(settlement if settlement.releases else replace(settlement, records=()))


class Twice(Right):
    def commit(self, settlement):
        self._known.clear()
        return super().commit(settlement)


class Capped(Right):
    """Books no more than was held."""

    def commit(self, settlement):
        most = {name: hold.pico for name, hold in self._holds.items()}
        records = tuple(
            record if record.cost.known.pico <= most.get(settlement.releases[0], 10**30) else
            replace(record, cost=replace(record.cost, amount=record.cost.amount * 0))
            for record in settlement.records
        ) if settlement.releases else settlement.records  # fmt: skip
        return super().commit(replace(settlement, records=records))


class Late(Right):
    """Books a cost when it is settled."""

    def commit(self, settlement):
        now = self._clock.now()
        return super().commit(
            replace(settlement, records=tuple(replace(record, booked=now) for record in settlement.records))
        )


class Endless(Right):
    async def reserve(self, claims, **asked):
        return await super().reserve([replace(claim, window="month") for claim in claims], **asked)


class Strict(Right):
    def commit(self, settlement):
        for hold in settlement.releases:
            if hold not in self._holds:
                raise KeyError(hold)
        return super().commit(settlement)


class Undone:
    done = False

    async def wait(self):
        return False


class Unsure(Right):
    def commit(self, settlement):
        super().commit(settlement)
        return Undone()


class Bound(Right):
    def commit(self, settlement):
        if threading.current_thread().name.startswith("ThreadPool") and len(self.records) % 7 == 3:
            return Undone()
        return super().commit(settlement)


class Adding(Right):
    """Holds beside what it should replace."""

    async def reserve(self, claims, *, adopt=None, **asked):
        return await super().reserve(claims, **asked)


class Growing(Right):
    async def grow(self, hold, *, pico, tokens):
        standing = self._holds.get(hold)
        if standing is not None:
            self._holds[hold] = replace(standing, pico=pico, tokens=tokens)
        return standing is not None


class Granting(Right):
    async def grow(self, hold, **asked):
        return await super().grow(hold, **asked) or hold not in self._holds


class Guessing(Right):
    async def typical_output(self, function, model, quantile):
        return await super().typical_output(function, model, quantile) or 500


BROKEN = [
    (Boasting, "test_a_hold_that_fits_is_granted"),
    (OneMore, "test_spent_held_and_asked_never_pass_a_limit"),
    (Slow, "test_calls_at_once_never_pass_a_limit"),
    (Partly, "test_a_refusal_holds_in_none_of_the_budgets"),
    (DollarsOnly, "test_tokens_have_limits_too"),
    (Everyones, "test_each_subject_has_room_of_its_own"),
    (Floating, "test_amounts_are_exact_beyond_64_bits"),
    (Signed, "test_a_negative_hold_is_refused"),
    (Holding, "test_a_settlement_books_the_cost_and_ends_the_hold"),
    (Hers, "test_what_was_never_held_counts_too"),
    (Twice, "test_a_record_counts_once"),
    (Capped, "test_a_cost_above_its_hold_is_booked_in_full"),
    (Late, "test_a_cost_belongs_to_the_window_of_its_hold"),
    (Endless, "test_a_new_window_has_all_its_room"),
    (Strict, "test_letting_go_of_what_is_not_held_does_nothing"),
    (Unsure, "test_a_ticket_tells_when_it_is_kept"),
    (Bound, "test_threads_may_commit"),
    (Adding, "test_a_hold_may_take_the_place_of_another"),
    (Growing, "test_a_hold_grows_where_there_is_room"),
    (Granting, "test_what_is_not_held_does_not_grow"),
    (Guessing, "test_typical_outputs_are_learned"),
]


def contract_of(ledger, **said):
    """Return the contract of a ledger that takes its clock."""
    made = {"make": lambda self, clock, directory: ledger(clock=clock), **said}
    return type(f"{ledger.__name__}Contract", (LedgerContract,), made)


@pytest.mark.parametrize(("ledger", "promise"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_a_ledger_that_breaks_a_promise_is_caught(ledger, promise):
    """For each promise there is a ledger that does not keep it."""
    assert promise in contract_of(ledger).broken()


def test_a_ledger_that_forgets_at_its_end_is_caught():
    """One that says it is durable is opened twice."""
    assert ["test_what_was_spent_outlives_who_spent_it"] == list(contract_of(Right, durable=True).broken())


def test_every_promise_can_be_broken():
    """A contract that cannot fail promises nothing."""
    caught = {promise for _, promise in BROKEN} | {"test_what_was_spent_outlives_who_spent_it"}
    assert set(LedgerContract.promises()) == caught
    assert {} == contract_of(Right).broken()


def test_a_refusal_is_the_ledgers_own_error():
    """What a budget raises is caught by its name, whoever raised it."""

    class Rude(Right):
        async def reserve(self, claims, **asked):
            try:
                return await super().reserve(claims, **asked)
            except BudgetExceededError as error:
                raise RuntimeError("no") from error

    assert "test_spent_held_and_asked_never_pass_a_limit" in contract_of(Rude).broken()
