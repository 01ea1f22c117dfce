"""Learn: how each question finds the cheapest model that will do, by what it asks or by what comes back."""

import asyncio
from typing import Any

from frugal import by_complexity, cascade, explain_call, metered, routed, scope
from frugal.testing import FakeModel

provider = FakeModel(answer=lambda text: "not sure" if "prove" in text.lower() else "Good morning: bonjour.")


@metered
@routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
    return await provider(prompt, model=model)


def will_do(text: str) -> bool:
    return "not sure" not in text


@metered
@routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=will_do))
async def think(prompt: str, *, model: str = "gpt-4o") -> Any:
    return await provider(prompt, model=model)


async def main() -> None:
    questions = [
        "Translate to French: good morning",
        "Explain to a new colleague how our billing works, and what to check when a customer asks about an invoice.",
        "Prove that there are infinitely many primes, and analyse where the proof needs the well-ordering principle.",
    ]
    for question in questions:
        found = await explain_call(ask, question)  # a dry run: nobody is asked
        print(f"{found.route:<12} because {found.reason}")
    with scope() as run:
        await think(questions[0])
        await think(questions[2])
        await think(questions[2], model="o3-mini")  # the caller's own choice is kept
    for call in run.calls:
        print(f"{call.model or '-':<12} {call.outcome:<9} {call.cost.amount}")


asyncio.run(main())
