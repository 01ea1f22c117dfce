"""Learn: an agent that loops, with tools, a cheap model where it will do, and a budget of its own for each run."""

import asyncio
from typing import Any

from frugal import BudgetExceededError, budgeted, by_complexity, cached, memory, metered, routed, scope
from frugal.testing import FakeModel

provider = FakeModel(answer=lambda text: "Done." if "rain" in text else "weather: Oslo")


@metered
@routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
@budgeted(run_usd="0.05")
async def think(messages: list[dict[str, str]], *, model: str = "gpt-4o", max_tokens: int = 200) -> Any:
    return await provider(messages, model=model, max_tokens=max_tokens)


@metered
@cached(layers=[memory])
async def weather(city: str) -> str:
    return f"rain in {city}"


async def agent(question: str) -> str:
    messages = [{"role": "user", "content": question}]
    for _ in range(10):
        answer = str((await think(messages)).choices[0].message.content)
        if answer == "Done.":
            return answer
        _, _, city = answer.partition(": ")
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": await weather(city)}]
    return "gave up"


async def main() -> None:
    for run_id in ("trip-1", "trip-2"):
        with scope(user="ada", run=run_id) as run:
            try:
                print(await agent("Plan my walk in Oslo"))
            except BudgetExceededError as error:
                print(error)
        for call in run.calls:
            print(f"{call.function.rpartition('.')[2]:<8} {call.model or '-':<12} {call.outcome:<9} {call.cost.amount}")
        print(f"{run.id} cost {run.cost.amount} ({run.cost.status})")


asyncio.run(main())
