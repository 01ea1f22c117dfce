"""Learn: how to stay below a provider's rate, tried on a clock that a test turns: nobody waits for this example."""

import asyncio
from typing import Any

from frugal import metered, rate_limited
from frugal.testing import FakeClock, FakeModel, virtual

provider = FakeModel(latency=0.5)


@metered
@rate_limited(rpm=60, max_concurrency=10)
async def ask(question: str, *, model: str = "gpt-4o-mini") -> Any:
    return await provider(question, model=model)


async def turning(clock: FakeClock) -> None:
    while True:
        await clock.asleep()  # everybody who is not done waits for the time to come
        clock.advance(0.5)
        await asyncio.sleep(0)


async def main() -> None:
    with virtual(FakeClock()) as clock:
        began = clock.now()
        turner = asyncio.create_task(turning(clock))
        for count in (10, 60, 30):
            await asyncio.gather(*(ask(f"Question {n}") for n in range(count)))
            print(f"{count} more: {len(provider.calls):>3} answered after {clock.now() - began:>4.1f} s of that clock")
        turner.cancel()
        print(f"never more than {provider.most_active} under way together")


asyncio.run(main())
