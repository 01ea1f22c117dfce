"""A clock that stands, a ledger on it, and records to put in."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import Record
from frugal.ledger import Ledger
from frugal.ports import Claim, Settlement


class StandingClock:
    """Tells a time that moves only when it is moved."""

    def __init__(self, at):
        self.at = at

    def now(self):
        return self.at

    async def sleep(self, seconds):
        raise AssertionError("the ledger never waits on its clock")


@pytest.fixture
def clock():
    return StandingClock(datetime(2026, 3, 28, 12, 0, tzinfo=UTC).timestamp())


@pytest.fixture
def ledger(tmp_path, clock):
    with Ledger(tmp_path / "ledger", clock=clock) as ledger:
        yield ledger


@pytest.fixture
def make(clock):
    """Return a maker of records; each costs 5 pico-dollars unless it is told otherwise."""
    numbers = itertools.count()

    def made(**facts):
        id = facts.pop("id", f"record-{next(numbers):04}")
        defaults = {
            "id": id,
            "call": id,
            "time": datetime.fromtimestamp(clock.at, UTC),
            "function": "ask",
            "model": "m",
            "cost": Cost.exact(Money(5)),
        }
        return Record(**{**defaults, **facts})

    return made


@pytest.fixture
def put(ledger):
    """Return what commits records and waits for it."""

    def committed(*records, **settlement):
        assert ledger.commit(Settlement(records=records, **settlement)).join(10)

    return committed


@pytest.fixture
def claim():
    def made(**facts):
        defaults = {
            "name": "cap",
            "window": "day",
            "timezone": "UTC",
            "per": None,
            "subject": "",
            "run": None,
            "limit_pico": 100,
            "limit_tokens": None,
            "warn_at": 0.8,
        }
        return Claim(**{**defaults, **facts})

    return made
