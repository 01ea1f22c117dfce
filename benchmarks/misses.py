"""What does the whole recommended stack add to a call that must be made, and how many calls a second does it let pass?

Every question is new: it is looked up in memory, on disk and by meaning, routed, held in two budgets, made, settled
and recorded, and its answer is kept in all three caches. One call at a time, and 1,000 at once until 2,000 have been
made and the ledger, the disk layer and the semantic cache have written all. Then each decorator alone round the same
function, to see which of them takes the time.

Biases: the function answers at once, so all that is measured is ours. Beside it LiteLLM's client with its cache on and
a made-up answer, which prices the call, and records and keeps nothing beyond the process. The semantic cache is
searched in a partition that grows to some thousands of entries. Where the machine is busy, a wait for a thread or for
a commit costs many times what it takes.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

from harness.question import Question, asked
from harness.rounds import Case
from harness.work import ANSWER, Recommended, completion, messages

from frugal import (
    budgeted,
    by_complexity,
    cached,
    deduplicated,
    disk,
    memory,
    metered,
    rate_limited,
    routed,
    semantic_cached,
)
from frugal.stores import DiskStore

AT_ONCE, EACH = 1000, 2
FAR = 10**9
"""The number of a question that nobody asks again."""


def workers(ask: Callable[[int], Any], at_once: int, each: int) -> Callable[[int], Any]:
    """Return that many callers at once, each of which makes so many calls."""

    async def caller(first: int) -> None:
        for at in range(each):
            await ask(first + at)

    async def many(number: int) -> None:
        first = number * at_once * each
        await asyncio.gather(*(caller(first + at * each) for at in range(at_once)))

    return many


class Whole:
    """The stack round a function that counts how often it was asked."""

    def __init__(self, question: Question, name: str, answer: Any, *, first: int) -> None:
        self.stack = Recommended(question.home / name)
        self.made = self.asked = 0
        self.first = first

        @self.stack.around
        async def ask(messages: Any, *, model: str = "gpt-4o") -> Any:
            self.made += 1
            await asyncio.sleep(0)
            return answer

        self._ask = ask

    async def once(self, number: int) -> None:
        """Ask what was never asked."""
        self.asked += 1
        await self._ask(messages(self.first + number))

    async def close(self) -> None:
        """See that every question was a miss, and that every call is in the ledger."""
        await self.stack.flush()
        total = self.stack.ledger.totals()
        assert self.made == self.asked == total.calls == total.outcomes["provider"], (self.made, self.asked, total)
        await self.stack.close()


def litellm_case(once: bool) -> Case:
    """LiteLLM's client, whose every request is new."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.cache = litellm.Cache(type="local")
    litellm.suppress_debug_info = True

    async def ask(number: int) -> None:
        await litellm.acompletion(model="gpt-4o", messages=messages(number), mock_response=ANSWER, caching=True)

    async def drained() -> None:
        for _ in range(100):
            await asyncio.sleep(0)

    if once:
        return Case("LiteLLM, memory only", ask, after=drained)
    return Case("LiteLLM, memory only", workers(ask, 100, 1), per=100, loops=1, after=drained)


async def alone(question: Question) -> None:
    """Measure one call at a time."""
    whole = Whole(question, "alone", ANSWER, first=0)
    await whole.once(FAR)
    case = Case("frugal, whole stack, str", whole.once)
    peers = [question.peer("LiteLLM", lambda: litellm_case(once=True))]
    await question.measure("miss, one call at a time", case, peers, limit="miss alone", rounds=40, seconds=0.02)
    await whole.close()


async def at_once(question: Question) -> None:
    """Measure 1,000 calls at once, until all is on disk."""
    each = 1 if question.quick else EACH
    for name, answer in (("str", ANSWER), ("SDK's response", completion())):
        whole = Whole(question, f"at once {name}", answer, first=10**6)
        await whole.once(FAR)
        many = workers(whole.once, AT_ONCE, each)
        case = Case(f"frugal, whole stack, {name}", many, per=AT_ONCE * each, loops=1, after=whole.stack.flush)
        peers = [question.peer("LiteLLM", lambda: litellm_case(once=False))] if name == "str" else []
        row = await question.measure(f"miss, 1,000 calls at once, durable, {name}", case, peers,
                                     limit="miss at once" if name == "str" else None, rounds=4)  # fmt: skip
        print(f"    {1 / row.ours.median:,.0f} calls a second, {1 / row.ours.least:,.0f} at best")
        await whole.close()


async def one_by_one(question: Question) -> None:
    """Measure each decorator alone, 1,000 calls at once."""
    home = question.home
    alone = {
        "metered": metered,
        "deduplicated": deduplicated,
        "cached, memory": cached(layers=[memory]),
        "cached, memory and disk": cached(layers=[memory, disk(home / "layer")]),
        "semantic_cached": semantic_cached(threshold=0.95, directory=home / "meaning"),
        "routed": routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"])),
        "budgeted (and recorded)": budgeted(daily_usd=1_000_000, monthly_usd=10_000_000),
        "rate_limited": rate_limited(rpm=60_000_000, max_concurrency=100_000),
    }

    async def bare(messages: Any, *, model: str = "gpt-4o") -> Any:
        await asyncio.sleep(0)
        return ANSWER

    async def nothing(number: int) -> None:
        await bare(messages(2 * 10**6 + number))

    cases = []
    for name, decorator in alone.items():
        ask = decorator(bare)

        async def once(number: int, ask: Any = ask) -> None:
            await ask(messages(2 * 10**6 + number))

        await once(FAR)
        cases.append(Case(f"@{name}", workers(once, AT_ONCE, 1), per=AT_ONCE, loops=1))
    bare_case = Case("the function alone", workers(nothing, AT_ONCE, 1), per=AT_ONCE, loops=1)
    await question.measure("miss, 1,000 calls at once, by each decorator", bare_case, cases, rounds=4)
    await asyncio.to_thread(DiskStore(home / "layer").close)


async def measure(question: Question) -> None:
    """Check and time."""
    await alone(question)
    await at_once(question)
    await one_by_one(question)


if __name__ == "__main__":
    asked(measure, "litellm", "diskcache", "wordllama", "openai")
