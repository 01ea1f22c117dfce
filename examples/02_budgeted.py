"""Learn: how to be certain never to spend more than you said, for everyone and for each user."""

import asyncio

from frugal import Budget, BudgetExceededError, budgeted, metered, scope
from frugal.testing import FakeModel

provider = FakeModel(answer="word " * 80)


@metered
@budgeted(
    Budget(usd=50, tokens=1_000_000, window="day"),
    Budget(usd=1_000, tokens=20_000_000, window="month", suggest="gpt-4o-mini"),
    Budget(usd="0.005", window="day", per="user"),
    on_warning=lambda status: print(f"warning: {status.name} {status.subject} at {status.fraction:.0%}"),
)
async def ask(question: str, *, model: str = "gpt-4o", max_tokens: int = 100) -> object:
    return await provider([{"role": "user", "content": question}], model=model)


async def main() -> None:
    with scope(user="ada") as run:
        results = await asyncio.gather(*(ask(f"Question {n}?") for n in range(10)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, BudgetExceededError)]
    print(f"{10 - len(refused)} answered for {run.cost.amount}, {len(refused)} refused before anything was sent")
    print(refused[0])


asyncio.run(main())
