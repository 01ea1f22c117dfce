"""Learn: how to be certain never to spend more than you said, for everyone and for each user."""

import asyncio

from frugal import Budget, BudgetExceededError, BudgetStatus, budgeted, metered, scope
from frugal.testing import FakeModel

provider = FakeModel(answer="word " * 80)


def warn(status: BudgetStatus) -> None:
    print(f"warning: budget {status.name!r} of {status.subject} is {status.fraction:.0%} used")


@metered
@budgeted(
    Budget(usd=50, tokens=1_000_000, window="day"),
    Budget(usd=1_000, tokens=20_000_000, window="month", suggest="gpt-4o-mini"),
    Budget(usd="0.0105", window="day", per="user"),
    on_warning=warn,
)
async def ask(question: str, *, model: str = "gpt-4o", max_tokens: int = 100) -> object:
    return await provider([{"role": "user", "content": question}], model=model)


async def main() -> None:
    with scope(user="ada") as run:
        results = await asyncio.gather(*(ask(f"Question {n}?") for n in range(20)), return_exceptions=True)
        refused = [result for result in results if isinstance(result, BudgetExceededError)]
        print(f"{20 - len(refused)} of 20 at once answered for {run.cost.amount}, the others refused unsent")
        await ask("One more?")
        try:
            await ask("And another?")
        except BudgetExceededError as error:
            print(error)
    with scope(user="grace"):
        await ask("Is there money for me?")
    print("the provider billed", provider.charged, "in all, for", len(provider.calls), "calls")


asyncio.run(main())
