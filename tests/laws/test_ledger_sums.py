"""However the ledger adds up, it gives what adding up the records gives."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import example, given, settings

from frugal._values.cost import FREE, UNPRICED, Cost
from frugal._values.money import ZERO, Money
from frugal._values.record import OUTCOMES, UNCOUNTED_OUTCOMES, Record
from frugal._values.usage import BUCKETS, Usage
from frugal._values.window import window_of
from frugal.ledger import Ledger
from frugal.ledger.cells import Cell, cell_of
from frugal.ledger.wire import pack, record_of, row_of, unpack
from frugal.ports import Settlement

money = st.integers(-(10**25), 10**25).map(Money)
names = st.text(max_size=8)
cost_values = st.one_of(
    st.just(FREE),
    st.just(UNPRICED),
    st.builds(Cost.exact, money, st.dictionaries(st.sampled_from(BUCKETS), money, max_size=3)),
    st.tuples(money, st.integers(0, 10**20), st.integers(0, 10**20)).map(
        lambda at: Cost.estimated(at[0], Money(at[0].pico - at[1]), Money(at[0].pico + at[2]), source="estimate")
    ),
    st.tuples(money, st.integers(0, 5)).map(lambda at: Cost(at[0], at[0], at[0], "mixed", {}, at[1])),
)
optional = st.none() | names
floats = st.floats(0, 10**6) | st.just(float("nan")) | st.just(float("inf"))
records = st.builds(
    Record,
    id=st.text(min_size=1, max_size=12),
    call=st.text(min_size=1, max_size=12),
    parent=optional,
    time=st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    kind=names,
    function=names,
    model_requested=optional,
    model=optional,
    provider=optional,
    outcome=st.sampled_from(OUTCOMES),
    usage=st.lists(st.integers(0, 10**12), min_size=9, max_size=9).map(Usage.of),
    cost=cost_values,
    rolled_up=st.none() | cost_values,
    saved=money,
    overrun=st.booleans(),
    latency=st.floats(0, 10**6),
    user=optional,
    run=optional,
    tags=st.dictionaries(names, names, max_size=3),
    route_reason=optional,
    similarity=st.none() | st.floats(-1, 1),
    source_id=optional,
    price_table=names,
    key=optional,
    attempts=st.integers(0, 9),
    tier=optional,
    booked=st.none() | st.floats(0, 4 * 10**9),
    digests=st.dictionaries(names, names, max_size=2),
)


@given(records)
def test_a_record_comes_back_as_it_was(record):
    """To the pico-dollar and the microsecond, whatever the texts in it."""
    assert record_of(unpack(pack(row_of(record)))) == record


@given(records, floats, st.characters(categories=["Cs"]))
def test_what_cannot_be_written_is_replaced_and_the_record_is_kept(record, number, surrogate):
    """A NaN, an infinity or a lone surrogate costs no record, and changes no money."""
    facts = {name: getattr(record, name) for name in vars(record)}
    facts |= {"latency": number, "similarity": number, "user": surrogate, "tags": {surrogate: surrogate}}
    back = record_of(unpack(pack(row_of(Record(**facts)))))
    assert back.cost == record.cost
    assert back.user == "?"
    assert back.tags == {"?": "?"}
    assert back.latency == (number if number < 10**7 else 0.0)


@given(st.lists(records, max_size=8), st.randoms(use_true_random=False))
def test_cells_add_up_like_costs_in_any_order(made, order):
    """The sum of cells has every part of `Cost.total`, and of the usage."""
    cells = [cell_of(row_of(record)) for record in made]
    order.shuffle(cells)
    total = Cell()
    for cell in cells:
        total.add(cell)
    assert total.cost() == Cost.total(record.cost for record in made)
    assert list(total.tally()) == [
        sum(column) for column in zip([0] * 9, *(record.usage for record in made), strict=True)
    ]
    assert total.saved == sum(record.saved.pico for record in made)


@given(st.lists(records, max_size=5), records)
def test_taking_a_record_away_undoes_adding_it(made, one):
    """Replacement is exact, so a presumption leaves no trace in the sums."""
    total = Cell()
    for record in made:
        total.add(cell_of(row_of(record)))
    before = total.plain()
    total = before.plain()
    total.usage, total.by = list(total.usage), dict(total.by)
    total.add(cell_of(row_of(one)))
    total.add(cell_of(row_of(one)), -1)
    assert total.plain() == before


# ---------------------------------------------------------------------- a ledger, asked anything

USERS, MODELS, ZONES = (
    ("ann", "bob", None),
    ("small", "large"),
    ("UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu"),
)
START, END = datetime(2026, 3, 26, tzinfo=UTC).timestamp(), datetime(2026, 4, 3, tzinfo=UTC).timestamp()
BY = ("hour", "day", "week", "month", "user", "model", "outcome", "kind", "run", "tag:team", "function", "provider")


def history():
    """Return records over eight days, with the night in which Berlin's clocks go forward."""
    draw = random.Random(7)
    for number in range(400):
        outcome = draw.choice(["provider", "provider", "memory", "failed", "shadow", "escalated"])
        pico = draw.choice([0, 1, 10**6, 10**19])
        cost = draw.choice(
            [FREE, UNPRICED, Cost.exact(Money(pico)), Cost.estimated(Money(pico), ZERO, Money(2 * pico))]
        )
        yield Record(
            id=f"r{number}",
            call=f"r{number}",
            time=datetime.fromtimestamp(
                draw.choice([draw.uniform(START, END), START + draw.randrange(192) * 3600]), UTC
            ),
            user=draw.choice(USERS),
            model=draw.choice(MODELS),
            outcome=outcome,
            kind=draw.choice(["llm", "tool"]),
            run=draw.choice(["r1", "r2", None]),
            tags=draw.choice([{}, {"team": "red"}, {"team": "blue"}]),
            usage=Usage(input_tokens=draw.randrange(1000)),
            cost=cost,
            saved=Money(draw.randrange(100)),
            latency=draw.random(),
        )


class Filled(tuple):
    """A ledger and its records, shown in short when a law fails."""

    __slots__ = ()

    def __repr__(self):
        return "filled"


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return a ledger and the records in it."""
    ledger = Ledger(tmp_path_factory.mktemp("sums") / "ledger")
    made = list(history())
    ledger.commit(Settlement(records=tuple(made))).join(10)
    yield Filled((ledger, made))
    ledger.close()


def value(record, name, zone):
    """Return what a record is grouped by, naively."""
    if name in ("hour", "day", "week", "month"):
        return window_of(name, record.time.timestamp(), zone).label
    if name.startswith("tag:"):
        return record.tags.get(name[4:], "")
    return getattr(record, name) or ""


@settings(max_examples=80, deadline=None)
@given(
    data=st.data(),
    by=st.lists(st.sampled_from(BY), max_size=3, unique=True).map(tuple),
    zone=st.sampled_from(ZONES),
    since=st.none() | st.floats(START - 3600, END),
    until=st.none() | st.floats(START, END + 3600),
    only=st.fixed_dictionaries(
        {},
        optional={
            "user": st.sampled_from(["ann", "bob", ""]),
            "model": st.sampled_from(MODELS),
            "run": st.just("r1"),
            "tags": st.just({"team": "red"}),
            "outcome": st.just("provider"),
        },
    ),
)
def test_usage_is_the_naive_grouping_of_the_records(filled, data, by, zone, since, until, only):
    """By anything, in any zone, over any time: every row equals the sum of its records."""
    ledger, made = filled
    wanted = [
        record
        for record in made
        if (since is None or record.time.timestamp() >= since)
        and (until is None or record.time.timestamp() < until)
        and all(
            record.tags.get("team") == "red" if name == "tags" else (getattr(record, name) or "") == sought
            for name, sought in only.items()
        )
    ]
    groups: dict[tuple, list[Record]] = {}
    for record in wanted:
        groups.setdefault(tuple(value(record, name, zone) for name in by), []).append(record)
    rows = ledger.usage(since, until, by, zone, **only)
    assert [tuple(row.group.values()) for row in rows] == sorted(groups)
    for row in rows:
        there = groups[tuple(row.group.values())]
        assert row.cost == Cost.total(record.cost for record in there)
        assert row.usage == sum((record.usage for record in there), Usage())
        assert row.saved == sum((record.saved for record in there), ZERO)
        assert row.outcomes == Counter(record.outcome for record in there)
        assert row.calls == sum(record.outcome not in UNCOUNTED_OUTCOMES for record in there)
        assert row.latency == pytest.approx(sum(record.latency for record in there), abs=1e-3)  # whole microseconds


@settings(max_examples=40, deadline=None)
@given(since=st.none() | st.floats(START, END), until=st.none() | st.floats(START, END), newest=st.booleans())
@example(since=None, until=math.nextafter(START, END), newest=False).via("a bound between two microseconds")
def test_records_come_in_order_and_each_once(filled, since, until, newest):
    """Paging loses none, repeats none, and keeps the order of time."""
    ledger, made = filled
    found = list(ledger.records(since, until, newest_first=newest))
    times = [record.time for record in found]
    assert times == sorted(times, reverse=newest)
    wanted = {
        record.id
        for record in made
        if (since is None or record.time.timestamp() >= since) and (until is None or record.time.timestamp() < until)
    }
    assert len(found) == len(wanted)
    assert {record.id for record in found} == wanted
