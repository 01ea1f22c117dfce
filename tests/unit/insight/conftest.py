"""A ledger to write records into by hand, at any time, without a model."""

import asyncio
import itertools
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger, Money, Usage
from frugal._values.cost import Cost
from frugal._values.record import Record
from frugal.ledger.documents import say
from frugal.ports import Claim, Settlement
from frugal.prices import default_prices
from frugal.testing import FakeClock

DOLLAR = 10**12
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
        self,
        at: float = 0,
        *,
        key: str | None = None,
        cost: str | Cost | None = None,
        usage: Usage | None = None,
        model: str | None = "gpt-4o",
        **fields: Any,
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


HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<!--<script>",
    "$$x^2$$",
    "\\(y\\)",
    '"><img src=x onerror=alert(3)>',
    "@{name}&amp;",
    "a\u202eb\u2028c",
    "張偉",
)
"""What users may write: markup, ends of blocks, mathematics, templates, and signs that cannot be seen."""


def fill(book: Book) -> Book:
    """Write three weeks of everything: hits, failures, hostile names, unpriced models, a budget."""
    dice = random.Random(7)
    models = ["gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "gemini-2.5-flash", "o4-mini", "gpt-4.1", "nobody's <b>"]
    for at in range(-20 * 86_400, 0, 5_003):
        hit = dice.random() < 0.3
        book.add(
            at,
            key=f"request-{dice.randrange(60)}",
            model=dice.choice(models),
            usage=Usage() if hit else Usage(input_tokens=dice.randrange(100, 5_000), output_tokens=dice.randrange(900)),
            cost="0" if hit else None,
            outcome=dice.choice(["memory", "disk", "shared"]) if hit else dice.choice(["provider"] * 9 + ["failed"]),
            saved=Money(dice.randrange(10**10)) if hit else Money(0),
            latency=0.001 if hit else dice.lognormvariate(0, 0.7),
            user=dice.choice([*HOSTILE, None, *(f"user {number}" for number in range(9))]),
            tags={"feature": dice.choice(HOSTILE)} | ({dice.choice(HOSTILE): "x"} if dice.random() < 0.1 else {}),
            function=dice.choice(["app.ask", "app.agents.make.<locals>.ask", "app.plan"]),
        )
    claim = Claim(
        name="<i>the team</i>", window="day", timezone="UTC", per="user", subject="<script>alert(4)</script>", run=None,
        limit_pico=DOLLAR, limit_tokens=1_000, warn_at=0.8,
    )  # fmt: skip
    asyncio.run(book.ledger.reserve([claim], pico=DOLLAR * 9 // 10, tokens=10, draft=book.written[-1]))
    book.settle()
    return book


@pytest.fixture
def story(book: Book) -> Book:
    """Return a ledger with three weeks of everything in it."""
    return fill(book)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Book]:
    """Return the same for a whole module, which only reads it."""
    book = Book(tmp_path_factory.mktemp("told") / "ledger")
    yield fill(book)
    book.ledger.close()
