"""Learn: how single embeddings become batches, each caller charged its own share."""

import asyncio
from collections.abc import Sequence

from frugal import batched, cached, memory, metered, scope, usd
from frugal.testing import FakeModel

provider = FakeModel()


@metered
@cached(layers=[memory])
@batched(max_size=100, max_wait=0.05, split=True)
async def embed(texts: Sequence[str], *, model: str = "text-embedding-3-small") -> list[list[float]]:
    await call_provider(list(texts), model=model)
    return [[float(len(text)), 1.0] for text in texts]


@metered
async def call_provider(texts: list[str], *, model: str) -> object:
    return await provider(prompt="\n".join(texts), model=model)


async def main() -> None:
    with scope() as run:
        vectors = await embed.many([f"document number {n}" for n in range(250)])
        await embed("document number 7")
    print(f"{len(vectors)} vectors in {len(provider.calls)} requests; {run.calls[-1].outcome} for the one asked again")
    print("every cent is somebody's:", sum((call.cost.known for call in run.calls), usd(0)) == provider.charged)


asyncio.run(main())
