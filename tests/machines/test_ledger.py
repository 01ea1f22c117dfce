"""A ledger on disk against plain lists: whatever happens, the books are right."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from frugal._values.budget import Budget
from frugal._values.cost import FREE, UNPRICED, Cost
from frugal._values.money import Money
from frugal._values.record import UNCOUNTED_OUTCOMES, Record
from frugal._values.usage import Usage
from frugal._values.window import window_of
from frugal.errors import BudgetExceededError
from frugal.ledger import Ledger
from frugal.ledger.holds import Asked
from frugal.ledger.owner import LIVING
from frugal.ledger.wire import row_of
from frugal.ledger.work import Reserve
from frugal.ports import Claim, Settlement

ZONE = "Asia/Kolkata"  # half an hour off the cells
START = datetime(2026, 3, 28, 17, 20, tzinfo=UTC).timestamp()  # 22:50 in Kolkata
LIMIT = 4 * 10**19  # beyond 64 bits

costs = st.one_of(
    st.just(FREE),
    st.just(UNPRICED),
    st.integers(0, 10**19).map(lambda pico: Cost.exact(Money(pico), {"input_tokens": Money(pico)})),
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(
        lambda at: Cost.estimated(Money(at[0]), Money(0), Money(at[0] + at[1]))
    ),
)
users = st.sampled_from([None, "ann", 'b"o/b', "\N{LATIN SMALL LETTER E WITH ACUTE}ve"])
outcomes = st.sampled_from(["provider", "memory", "escalated", "failed", "shadow"])
usages = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)).map(
    lambda at: Usage(input_tokens=at[0], output_tokens=at[1])
)


class Time:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.at = START

    def now(self):
        return self.at

    async def sleep(self, seconds):
        raise AssertionError("the ledger never waits on its clock")


def budgets():
    return [
        Budget(usd=Money(LIMIT), timezone=ZONE),
        Budget(usd=Money(LIMIT // 2), window="hour", per="user"),
        Budget(tokens=20 * 10**6, window="run"),
    ]


class LedgerMachine(RuleBasedStateMachine):
    """Commits, holds, deaths, reopenings, forgetting and folding, against two lists."""

    def __init__(self):
        super().__init__()
        self.home = tempfile.mkdtemp()
        self.time = Time()
        self.number = 0
        self.records: dict[str, Record] = {}
        self.holds: dict[str, tuple] = {}
        self.sleeping: dict[str, Record] = {}
        self.folded: list[Record] = []
        self.folded_until = 0.0
        self.graves: list[Ledger] = []
        self.ledger = self.open()

    def open(self):
        return Ledger(Path(self.home) / "ledger", clock=self.time, retention_days=2)

    def teardown(self):
        self.ledger.close()
        shutil.rmtree(self.home)

    def new(self, **facts):
        self.number += 1
        id = f"call-{self.number:04}"
        defaults = {"id": id, "call": id, "time": datetime.fromtimestamp(self.time.at, UTC), "function": "ask"}
        return Record(**{**defaults, "model_requested": "m", "model": "m-2026", "run": "run", **facts})

    def commit(self, *records, releases=(), charges=None):
        settlement = Settlement(records=records, releases=releases, charges=charges)
        ticket = self.ledger.commit(settlement)
        assert ticket.join(10)
        for record in records:
            self.records.setdefault(record.id, record)

    # -- what can happen

    @rule(user=users, outcome=outcomes, cost=costs, usage=usages, late=st.integers(0, 5400))
    def record(self, user, outcome, cost, usage, late):
        """A call ends."""
        began = datetime.fromtimestamp(self.time.at - late, UTC)
        self.commit(self.new(user=user, outcome=outcome, cost=cost, usage=usage, time=began, latency=late / 7))

    @rule(user=users, cost=costs)
    def record_twice(self, user, cost):
        """An id that stands already is not added again."""
        record = self.new(user=user, cost=cost)
        self.commit(record, record)
        self.commit(record)

    @rule(user=users, pico=st.integers(0, 10**19), tokens=st.integers(0, 10**7))
    def reserve(self, user, pico, tokens):
        """A hold is granted exactly when spent, held and asked fit every budget."""
        draft = self.new(user=user, cost=FREE)
        claims = tuple(self.claim(budget, user) for budget in budgets())
        piece = Reserve(Asked(self.ledger._writer.hold_id(), claims, pico, tokens, row_of(draft), None))
        self.ledger._writer.put(piece)
        piece.ticket.join(10)
        fits = all(self.fits(budget, user, pico, tokens) for budget in budgets())
        try:
            grant = self.ledger._writer.outcome(piece)
        except BudgetExceededError:
            assert not fits
        else:
            assert fits
            self.holds[grant.id] = (draft, pico, tokens, grant.booked)

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), share=st.integers(0, 120))
    def settle(self, data, share):
        """A call under a hold ends, at less or more than it held."""
        id = data.draw(st.sampled_from(sorted(self.holds)))
        draft, pico, tokens, booked = self.holds.pop(id)
        cost = Cost.exact(Money(pico * share // 100))
        usage = Usage(output_tokens=tokens * share // 100)
        record = self.new(id=draft.id, call=draft.id, user=draft.user, time=draft.time, cost=cost, usage=usage)
        self.number -= 1
        self.commit(record, releases=(id,), charges={record.id: id})
        self.records[record.id] = self.again(record, booked=booked)

    @precondition(lambda self: self.holds)
    @rule()
    def die(self):
        """The process dies, and another one settles what it held."""
        writer = self.ledger._writer
        self.ledger.flush_now()
        LIVING.discard(writer.owner)
        self.graves.append(self.ledger)  # nobody closes it, as nobody closes what is killed
        self.ledger._finalizer.detach()
        writer._named = False
        writer.held.clear()
        with sqlite3.connect(Path(self.ledger.directory) / "cache.db") as connection:
            changed = connection.execute(
                "UPDATE Cache SET value = replace(value, '\"started\":', '\"started\":9') WHERE key = ?",
                ("owner/" + writer.owner,),
            ).rowcount
        connection.close()
        assert changed == 1
        self.ledger = self.open()
        for id, (draft, pico, tokens, booked) in self.holds.items():
            cost = Cost.estimated(Money(pico), Money(0), Money(pico))
            usage = Usage(output_tokens=tokens)
            self.records[draft.id] = self.again(draft, outcome="presumed", cost=cost, usage=usage, booked=booked)
            self.sleeping[id] = self.records[draft.id]
        self.holds.clear()
        self.ledger.budget_status(budgets()[0])

    @precondition(lambda self: self.sleeping)
    @rule(data=st.data(), cost=costs, same=st.booleans())
    def wake(self, data, cost, same):
        """The process only slept: what it settles takes the presumption's place."""
        id = data.draw(st.sampled_from(sorted(self.sleeping)))
        presumed = self.sleeping.pop(id)
        if self.records.get(presumed.id) is not presumed:
            return
        del self.records[presumed.id]
        facts = {"time": presumed.time, "user": presumed.user, "cost": cost, "booked": presumed.booked}
        record = self.new(**facts, **({"id": presumed.id, "call": presumed.id} if same else {}))
        self.commit(record, releases=(id,))

    @rule(seconds=st.sampled_from([60.0, 1800.0, 5400.0, 20_000.0, 86_400.0]))
    def wait(self, seconds):
        """Time passes, over hours and days."""
        self.time.at += seconds

    @rule()
    def reopen(self):
        """A ledger that is closed and opened is the same, but for its holds, whose owner has gone."""
        if not self.holds:
            self.ledger.close()
            self.ledger = self.open()

    @rule(user=users.filter(bool))
    def forget(self, user):
        """A user is forgotten; the money stays."""
        if any(draft.user == user for draft, *_ in self.holds.values()):
            return
        name = self.ledger.forget(user).user
        self.records = {
            id: self.again(record, user=name) if record.user == user else record for id, record in self.records.items()
        }
        self.folded = [self.again(record, user=name) if record.user == user else record for record in self.folded]
        self.sleeping = {id: self.records.get(record.id, record) for id, record in self.sleeping.items()}

    @rule()
    def compact(self):
        """Old days are folded."""
        if self.holds or self.sleeping:
            return
        self.ledger.compact()
        horizon = (self.time.at - 2 * 86_400) // 86_400 * 86_400
        self.folded_until = max(self.folded_until, horizon)
        old = [id for id, record in self.records.items() if record.time.timestamp() < horizon]
        self.folded += [self.records.pop(id) for id in old]

    # -- the model

    def again(self, record, **facts):
        return Record(**{**{name: getattr(record, name) for name in vars(record)}, **facts})

    def claim(self, budget, user):
        return Claim(
            name=budget.name,
            window=budget.window,
            timezone=budget.timezone,
            per=budget.per,
            subject=(user or "") if budget.per else "",
            run="run" if budget.window == "run" else None,
            limit_pico=budget.usd.pico if budget.usd else None,
            limit_tokens=budget.tokens,
            warn_at=budget.warn_at,
        )

    def figures(self, budget, user):
        def mine(instant, whose):
            return (not budget.per or (whose or "") == (user or "")) and (
                budget.window == "run"
                or window_of(budget.window, instant, budget.timezone)
                == window_of(budget.window, self.time.at, budget.timezone)
            )

        spent = [record for record in self.records.values() if mine(record.instant, record.user)]
        held = [hold for hold in self.holds.values() if mine(hold[3], hold[0].user)]
        if budget.usd is not None:
            return sum(record.cost.known.pico for record in spent), sum(hold[1] for hold in held)
        return sum(record.usage.total_tokens for record in spent), sum(hold[2] for hold in held)

    def fits(self, budget, user, pico, tokens):
        spent, held = self.figures(budget, user)
        limit, asked = (budget.usd.pico, pico) if budget.usd is not None else (budget.tokens, tokens)
        return spent < limit and spent + held + asked <= limit

    # -- what is always so

    @invariant()
    def totals_are_the_records(self):
        """Everything together is `Cost.total` over the records."""
        every = [*self.records.values(), *self.folded]
        totals = self.ledger.totals()
        assert without_zeros(totals.cost) == without_zeros(Cost.total(record.cost for record in every))
        assert totals.usage == sum((record.usage for record in every), Usage())
        assert totals.calls == sum(record.outcome not in UNCOUNTED_OUTCOMES for record in every)

    @invariant()
    def groups_are_the_records(self):
        """Each user's day in Kolkata has its own records, whichever cells they stand in."""
        if self.folded:
            return  # folded days know no hours
        expected: dict[tuple[str, str], list[Record]] = {}
        for record in self.records.values():
            day = window_of("day", record.time.timestamp(), ZONE).label
            expected.setdefault((day, record.user or ""), []).append(record)
        rows = {
            (row.group["day"], row.group["user"]): row for row in self.ledger.usage(by=("day", "user"), timezone=ZONE)
        }
        assert rows.keys() == expected.keys()
        for group, records in expected.items():
            total = Cost.total(record.cost for record in records)
            assert without_zeros(rows[group].cost) == without_zeros(total)

    @invariant()
    def records_come_back_as_they_were(self):
        """Single records are read as they were written, in order."""
        found = {record.id: record for record in self.ledger.records()}
        assert found == self.records

    @invariant()
    def budgets_say_what_is_spent_and_held(self):
        """A budget is the sum of what was booked in its window, whoever asks, and when."""
        if self.folded:
            return
        for budget, user in ((budgets()[0], None), (budgets()[1], "ann"), (budgets()[2], None)):
            status = self.ledger.budget_status(budget, user=user, run="run")
            figure = status.usd or status.tokens
            used = figure.used.pico if isinstance(figure.used, Money) else figure.used
            held = figure.held.pico if isinstance(figure.held, Money) else figure.held
            assert (used, held) == self.figures(budget, user)

    @invariant()
    def the_books_are_right(self):
        """The audit finds nothing, and looks at every record."""
        audit = self.ledger.audit()
        assert audit.ok, audit.problems
        assert audit.records == len(self.records)


def without_zeros(cost):
    by = {name: money for name, money in cost.by_bucket.items() if money.pico}
    return (cost.amount, cost.low, cost.high, cost.status, by, cost.unpriced_calls)


LedgerMachine.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestLedgerMachine = LedgerMachine.TestCase
