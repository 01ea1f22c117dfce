"""Learn: what a decorated function costs, by user, to the pico-dollar, with no server and no key."""

import asyncio

from frugal import Ledger, metered, scope
from frugal.testing import FakeModel

provider = FakeModel(answer="Paris, of course.")  # in the place of your client's `create`


@metered
async def ask(question: str, *, model: str = "gpt-4o") -> object:
    return await provider([{"role": "user", "content": question}], model=model)


async def main() -> None:
    with scope(user="ada", feature="geography") as run:
        await ask("What is the capital of France?")
        await ask("And of Spain?", model="gpt-4o-mini")
    print(f"this run: {len(run.calls)} calls, {run.cost.amount}")
    async with Ledger() as ledger:
        for row in await asyncio.to_thread(ledger.usage, by=("user", "model")):
            print(f"{row.group['user']}, {row.group['model']}: {row.cost.amount} for {row.usage.total_tokens} tokens")


asyncio.run(main())
