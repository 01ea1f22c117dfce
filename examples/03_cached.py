"""Learn: how to pay once for the same question, asked again, at the same time, or as a stream."""

import asyncio
from typing import Any

from frugal import cached, deduplicated, disk, memory, metered, scope
from frugal.testing import FakeModel

provider = FakeModel(answer="Forty-two.")


@metered
@deduplicated
@cached(layers=[memory, disk])
async def ask(question: str, *, model: str = "gpt-4o", stream: bool = False) -> Any:
    return await provider([{"role": "user", "content": question}], model=model, stream=stream)


async def main() -> None:
    with scope() as run:
        await asyncio.gather(*(ask("What is the answer?") for _ in range(5)))
        await ask("What is the answer?")
        first = [chunk async for chunk in await ask("Tell me", stream=True)]
        again = [chunk async for chunk in await ask("Tell me", stream=True)]
    print("outcomes:", [call.outcome for call in run.calls])
    print("the provider was asked", len(provider.calls), "times; the replayed stream is equal:", first == again)


asyncio.run(main())
