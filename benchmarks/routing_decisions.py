"""How long does one routing decision take: by complexity, by a bandit, and learned from 10,000 outcomes?

Measured: the decision alone, with facts from the tables and prices from the price table, on texts of a greeting, of
about 1,500 characters in English and in Chinese, and of a megabyte; `learned` with its embedding. Left out: the
pipeline round it. Real questions where they are there, else made-up ones; the speed does not depend on what they say.
There is no peer that decides by rules; RouteLLM's and others' routers ask a model or a network.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from harness.question import Question, asked
from harness.rounds import Case
from routing_gsm8k import DATA, questions

from frugal._values.money import Money
from frugal._values.routing import Model, Outcome, Request
from frugal._values.usage import Usage
from frugal.embedders.wordllama import WordLlamaEmbedder
from frugal.prices.pricetable import PriceTable
from frugal.routers.adaptive import adaptive
from frugal.routers.complexity import by_complexity
from frugal.routers.learned import learned

ENGLISH = "The committee considered several options for the new building and found that none met its needs. "
CHINESE = "委員會考慮了新圖書館大樓的幾個方案並發現沒有一個完全符合其需求，因此決定再次開會討論。"
TEXTS = {
    "greeting": "hello",
    "1.5k English": ENGLISH * 15,
    "1.5k Chinese": CHINESE * 35,
    "1 MB English": ENGLISH * 10_400,
    "1 MB Chinese": CHINESE * 8_000,
}


def priced() -> tuple[Callable[[str, Usage], Money | None], Callable[[str], Model]]:
    """Return prices and facts as the pipeline hands them in."""
    table, now = PriceTable(), time.time()
    facts: dict[str, Model] = {}

    def facts_of(name: str) -> Model:
        if name not in facts:
            facts[name] = Model(name, context_window=table.context_window(name))
        return facts[name]

    return (lambda model, usage: table.cost(model, usage, at=now).amount), facts_of


async def measure(question: Question) -> None:
    """Check and time."""
    price_of, facts_of = priced()
    tiers = by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"])
    for name, text in TEXTS.items():
        request = Request(text=text, price_of=price_of, facts_of=facts_of)
        assert tiers(request).model in {"gpt-4o-mini", "gpt-4.1-mini", "gpt-4o"}
        case = Case("frugal by_complexity", lambda _, request=request: tiers(request))
        limit = "routing" if len(text) < 10_000 else None
        await question.measure(f"by_complexity, {name} ({len(text):,} characters)", case, limit=limit, rounds=50)

    bandit = adaptive(["gpt-4o-mini", "gpt-4o"], seed=1)
    request = Request(text=TEXTS["1.5k English"], price_of=price_of, facts_of=facts_of)
    bandit.learn([Outcome(cell=bandit(request).cell, success=True)] * 50)
    await question.measure("adaptive, 2 models, 50 outcomes", Case("frugal adaptive", lambda _: bandit(request)))

    embedder = WordLlamaEmbedder()
    noise = random.Random(1)
    real = [q.text for q in questions()] if DATA.exists() else [ENGLISH]
    for queries in (500,) if question.quick else (5_000, 10_000):
        rows = [
            {"query": f"{noise.choice(real)} {n}", "model": m, "success": noise.random() < p, "cost": c}
            for n in range(queries)
            for m, p, c in (("small", 0.6, 0.001), ("large", 0.8, 0.01))
        ]
        started = time.perf_counter()
        route = await asyncio.to_thread(learned(["small", "large"], quality=0.9, embed=embedder).fit, rows)
        fitted = time.perf_counter() - started
        wanted = Request(text=real[0][:400])
        assert (await route(wanted)).model in {"small", "large"}

        async def once(_: int, route: object = route, wanted: Request = wanted) -> None:
            await route(wanted)

        name, note = f"learned, {2 * queries:,} outcomes of {queries:,} queries", f"fitted in {fitted:.1f} s"
        await question.measure(name, Case("frugal learned", once), note=note)


if __name__ == "__main__":
    asked(measure, "numpy", "wordllama")
