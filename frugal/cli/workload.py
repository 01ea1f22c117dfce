"""The demo's workload: a week of a support desk whose agents call models, all of it offline and the same every time.

It is what a user of frugal writes: ordinary async functions under decorators. The provider is `FakeModel`, which has
the shapes and prices of real ones; the days pass on a clock that is moved by hand. Nothing here sleeps, opens a socket
or draws at random.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from frugal import (
    Budget,
    BudgetExceededError,
    Ledger,
    Money,
    Usage,
    budgeted,
    cached,
    deduplicated,
    disk,
    memory,
    metered,
    scope,
    stack,
)
from frugal.testing import FakeClock, FakeModel, FakeProviderError, virtual

__all__ = ["DAYS", "Week", "live_through"]

DAYS = 7

MANUAL = "\n".join(
    f"§{number} {rule}"
    for number, rule in enumerate(
        islice(
            cycle(
                (
                    "A customer may return goods within thirty days of delivery, in the box they came in.",
                    "A refund goes to the card that paid, within five working days of the goods' arrival.",
                    "A parcel that has not moved for seven days is lost; send another at once, and claim later.",
                    "An invoice is corrected only by a new one, which names the number of the first.",
                )
            ),
            64,
        ),
        start=1,
    )
)
"""What every agent has read: long enough that a provider keeps it in its prompt cache."""

TICKETS = (
    ("ada", "refunds", "My kettle arrived broken. Can I have my money back?", 2),
    ("grace", "shipping", "My parcel has not moved for nine days. Where is it?", 3),
    ("linus", "billing", "The invoice names my old address. What now?", 1),
    ("ada", "shipping", "Can you send it to my office instead?", 1),
    ("王芳", "refunds", "我可以退货吗？包装已经打开了。", 2),
    ("grace", "refunds", "I want to return two of the five lamps.", 2),
)
"""User, feature, question, and how many steps of thought it takes."""

FREQUENT = "Until what time do you answer the telephone?"
CALLERS = ("ada", "grace", "linus", "margaret")
SECONDS = {"gpt-4o": 1.4, "gpt-4o-mini": 0.6, "claude-sonnet-4-5": 1.9}
OUTAGES = {57, 143}
"""The provider's calls, by number, that fail with an overload."""


@dataclass(slots=True)
class Week:
    """What became of a week.

    Args:
        ledger: where it is recorded.
        billed: what the provider itself counted.
        refused: what budgets refused, and how.
        retried: how many calls were made again after a failure.
        left: how many answers were not read to the end.
    """

    ledger: Ledger
    billed: Money
    refused: list[tuple[str, BudgetExceededError]] = field(default_factory=list)
    retried: int = 0
    left: int = 0


class Desk:
    """A support desk: the functions that its agents are made of, decorated.

    Args:
        ledger: where their calls are recorded.
        clock: what passes while the provider thinks.
        cache: where answers are kept.
    """

    def __init__(self, ledger: Ledger, clock: FakeClock, cache: Path) -> None:
        self.week = Week(ledger, Money(0))
        self.ledger = ledger
        self.clock = clock
        self.openai = FakeModel("openai", answer=_answer, usage=_usage, chunks=6, fail=self._outage)
        self.anthropic = FakeModel("anthropic", answer=_answer, usage=_usage)
        limits = (
            Budget(usd="0.20", window="day", name="the desk"),
            Budget(usd="0.08", window="day", per="user", name="each user"),
            Budget(usd="0.06", window="run", name="each run"),
        )
        economical = stack(metered(ledger=ledger), deduplicated, budgeted(*limits))
        kept = cached(layers=[memory(ttl=3_600), disk(cache, ttl=36 * 3_600)])

        @metered(ledger=ledger)
        async def search_manual(question: str, step: int) -> list[str]:
            """A tool: it costs nothing, and is recorded all the same."""
            rules = MANUAL.splitlines()
            first = (len(question) * 7 + step * 13) % len(rules)
            return rules[first : first + 3]

        @economical
        async def classify(messages: Any, *, model: str = "gpt-4o-mini", max_tokens: int = 16) -> Any:
            return await self._ask(self.openai, messages, model, max_tokens=max_tokens)

        @economical
        async def think(messages: Any, *, model: str = "gpt-4o", max_tokens: int = 160) -> Any:
            return await self._ask(self.openai, messages, model, max_tokens=max_tokens)

        @economical
        async def write(messages: Any, *, model: str = "gpt-4o-mini", max_tokens: int = 320) -> Any:
            return await self._ask(self.openai, messages, model, max_tokens=max_tokens, stream=True)

        @economical
        async def review(messages: Any, *, model: str = "claude-sonnet-4-5", max_tokens: int = 400) -> Any:
            return await self._ask(self.anthropic, messages, model, max_tokens=max_tokens)

        @stack(metered(ledger=ledger), deduplicated, kept, budgeted(*limits))
        async def inform(messages: Any, *, model: str = "gpt-4o", max_tokens: int = 160) -> Any:
            return await self._ask(self.openai, messages, model, max_tokens=max_tokens)

        @metered(ledger=ledger)
        async def resolve(question: str, steps: int) -> str:
            """An agent: every call that it makes is recorded under it."""
            notes: list[str] = []
            await self._again(classify, [_user(f"One word, what is this about? {question}")])
            for step in range(steps):
                found = await search_manual(question, step)
                reply = await self._again(think, [_system(), _user("\n".join([question, *found, *notes]))])
                notes.append(reply.choices[0].message.content)
            answer = await write([_user("Answer the customer kindly. " + "\n".join([question, *notes]))])
            return "".join([chunk.choices[0].delta.content or "" async for chunk in answer if chunk.choices])

        self.classify, self.write, self.review = classify, write, review
        self.inform, self.resolve = inform, resolve

    async def day(self, number: int) -> None:
        """Live through one day; each has a little more to do than the one before."""
        for user, feature, question, steps in TICKETS[: 3 + number // 2]:
            with scope(user=user, run=f"day-{number}-{user}-{feature}", feature=feature):
                await self._kept(f"{user}'s ticket", self.resolve(question, steps + number % 2))
            self.clock.advance(40)
        # Four people ask the same at the same moment: one call is made, and three share it. Who asks later gets the
        # answer that was kept, on the next day too.
        await asyncio.gather(*(self._frequent(user) for user in CALLERS))
        self.clock.advance(60)
        for user in CALLERS[: 1 + number % 3]:
            await self._frequent(user)
        with scope(user="margaret", feature="quality"):
            sample = "\n".join(question for _, _, question, _ in TICKETS)
            await self._kept("the review", self.review([_system(), _user("Were these answered well?\n" + sample)]))
        await self.ledger.record(
            kind="vector store", cost="0.0005", tags={"feature": "search"}, id=f"vector-store-{self.clock.now():.0f}"
        )

    async def bad_day(self) -> None:
        """One stream is hung up on, and one agent cannot stop."""
        with scope(user="linus", feature="billing"):
            stream = await self.write([_user("Explain every line of my invoice, at length.")])
            async for _ in stream:
                self.week.left += 1
                break
            await stream.close()
        with scope(user="margaret", run="runaway", feature="refunds"):
            await self._kept("an agent that went round in circles", self.resolve("Are you sure? Think again.", 40))

    # ------------------------------------------------------------------ inside

    async def _frequent(self, user: str) -> None:
        with scope(user=user, feature="hours"):
            await self._kept(f"{user}'s question", self.inform([_system(), _user(FREQUENT)]))

    async def _kept(self, what: str, work: Any) -> None:
        try:
            await work
        except BudgetExceededError as error:
            self.week.refused.append((what, error))

    async def _again(self, function: Callable[..., Any], messages: Any) -> Any:
        with suppress(FakeProviderError):
            return await function(messages)
        self.week.retried += 1
        return await function(messages)

    async def _ask(self, provider: FakeModel, messages: Any, model: str, **arguments: Any) -> Any:
        self.clock.advance(SECONDS[model])
        return await provider(messages, model=model, **arguments)

    def _outage(self, number: int) -> int | None:
        return 503 if number in OUTAGES else None


async def live_through(ledger: Ledger, clock: FakeClock, cache: Path, *, now: float) -> Week:
    """Live through a week that ends today.

    Args:
        ledger: where it is recorded; it must use the ambient clock.
        clock: a clock that stands a week before now, or earlier.
        cache: where answers are kept on disk.
        now: the real time, in Unix seconds.

    Returns:
        What became of it.
    """
    desk = Desk(ledger, clock, cache)
    today = now // 86_400 * 86_400
    with virtual(clock):
        for number in range(DAYS):
            morning = today - (DAYS - 1 - number) * 86_400 + 9 * 3_600
            lately = min(max(now - 900, today), today + 82_800)  # today, whatever the hour, and not beyond midnight
            begin = lately if number == DAYS - 1 else morning
            clock.advance(max(0.0, begin - clock.now()))
            await desk.day(number)
        await desk.bad_day()
        await ledger.flush()
    desk.week.billed = desk.openai.charged + desk.anthropic.charged
    return desk.week


def _system() -> dict[str, str]:
    return {"role": "system", "content": "You answer for a shop. Its rules:\n" + MANUAL}


def _user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def _answer(text: str) -> str:
    """Say something whose length follows from what was asked."""
    words = "Thank you for writing. We looked it up, and the rules say that we can help you with this today.".split()
    return " ".join(islice(cycle(words), 8 + len(text) % 41))


def _usage(text: str, answer: str, _model: str) -> Usage:
    """Count a token for four bytes; the manual is read from the provider's cache, in its steps of 128."""
    sent, cached = max(1, len(text.encode()) // 4), 0
    if MANUAL in text:
        cached = len(MANUAL.encode()) // 4 // 128 * 128
    return Usage(input_tokens=sent - cached, cache_read_tokens=cached, output_tokens=max(1, len(answer) // 4))
