"""Learn: how to write a decorator of your own that stands among the others: a second provider when the first fails."""

import asyncio
from collections.abc import Callable
from typing import Any

from frugal import FrugalError, budgeted, metered, middleware, scope
from frugal.testing import FakeModel

provider = FakeModel(fail=lambda number: 503 if number == 0 else None, answer="Paris.")


def falling_back(*models: str) -> Callable[[Any], Any]:
    """Ask the next model where one failed; a budget's refusal is nobody's failure, and a caller may always leave."""

    @middleware
    async def falling_back(call: Any, proceed: Any) -> Any:
        for model in models:
            try:
                return await proceed(call)
            except FrugalError:
                raise
            except Exception as error:
                print(f"{call.model} failed ({error}), going on to {model}")
                call = call.replace(model=model)
        return await proceed(call)

    return falling_back


@metered
@falling_back("gpt-4o-mini")
@budgeted(daily_usd=1)
async def ask(question: str, *, model: str = "gpt-4o", max_tokens: int = 50) -> Any:
    return await provider(question, model=model)


async def main() -> None:
    with scope(user="ada") as run:
        answer = await ask("What is the capital of France?")
    print(answer.choices[0].message.content)
    for call in run.calls:
        print(f"{call.model or '-':<12} {call.outcome:<9} {call.cost.amount}")
    print("recorded is what was billed:", run.cost.amount == provider.charged)


asyncio.run(main())
