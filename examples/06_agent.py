"""Learn: an agent that loops, with tools, a cheap model where it will do, and a budget of its own for each run."""

import asyncio

from frugal import BudgetExceededError, budgeted, by_complexity, cached, memory, metered, routed, scope
from frugal.testing import FakeModel

provider = FakeModel(answer=lambda text: "Done." if "rain" in text else "Let me look at the weather.")


@metered
@routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
@budgeted(run_usd="0.05")
async def think(messages: list[dict[str, str]], *, model: str = "gpt-4o", max_tokens: int = 200) -> str:
    reply = await provider(messages, model=model)
    return str(reply.choices[0].message.content)


@metered
@cached(layers=[memory])
async def weather(city: str) -> str:
    return f"rain in {city}"


async def agent(question: str) -> str:
    messages = [{"role": "user", "content": question}]
    for _ in range(10):
        answer = await think(messages)
        if answer == "Done.":
            return answer
        messages += [{"role": "assistant", "content": answer}, {"role": "user", "content": await weather("Oslo")}]
    return "gave up"


async def main() -> None:
    with scope(user="ada", run="trip-1") as run:
        try:
            print(await agent("Plan my walk in Oslo"))
        except BudgetExceededError as error:
            print(error)
    for call in run.calls:
        print(f"{call.function.rpartition('.')[2]:<8} {call.model or '-':<12} {call.outcome:<9} {call.cost.amount}")
    print("the run cost", run.cost.amount)


asyncio.run(main())
