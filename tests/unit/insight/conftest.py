"""A ledger to write records into by hand, at any time, without a model."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger, Money, Usage
from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal.ledger.documents import say
from frugal.ports import Settlement
from frugal.prices import default_prices
from frugal.testing import FakeClock

NOON = datetime(2026, 1, 15, 12, tzinfo=UTC)


class Book:
    """Write records into a ledger."""

    def __init__(self, directory: Path) -> None:
        self.clock = FakeClock(NOON + timedelta(days=1))
        self.ledger = Ledger(directory, clock=self.clock)
        self.ledger.prices = default_prices()
        self._numbers = itertools.count()
        self._said: list[Record] = []
        self.written: list[Record] = []

    def add(
        self, at: float = 0, *, key: str | None = None, cost: str | Cost | None = None, usage: Usage | None = None,
        model: str | None = "gpt-4o", **fields: Any,
    ) -> Record:
        """Write a record of a call that began `at` seconds after noon."""
        name = f"call-{next(self._numbers):06d}"
        usage = Usage(input_tokens=1_000, output_tokens=100) if usage is None else usage
        time = NOON + timedelta(seconds=at)
        if cost is None:
            priced = default_prices().cost(model or "", usage, at=time.timestamp())
        else:
            priced = cost if isinstance(cost, Cost) else Cost.exact(Money(round(float(cost) * 1e12)))
        fields = {"function": "app.ask", "model_requested": model, "latency": 0.5, "id": name, "call": name, **fields}
        record = Record(time=time, key=key, cost=priced, usage=usage, model=model, **fields)
        self.written.append(record)
        self.ledger.commit(Settlement(records=(record,)))
        if record.success is not None:
            self._said.append(record)
        return record

    def settle(self) -> None:
        """Make everything durable, feedback too."""
        said, self._said = self._said, []
        self.ledger._writer.run(lambda desk: [say(desk, each.id, each.success, None) for each in said])

    def advice(self, **asked: Any) -> dict[str, Any]:
        """Return the advice by the name of its tip."""
        from frugal import advise

        self.settle()
        return {advice.tip: advice for advice in advise(self.ledger, **asked)}


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Book]:
    """Return an empty ledger to write into."""
    book = Book(tmp_path / "ledger")
    yield book
    book.ledger.close()
