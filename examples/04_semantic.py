"""Learn: how to answer a question from one that means the same, and never from one that only looks like it.

It needs an embedder: pip install 'frugal[semantic]' brings one that runs offline.
"""

import asyncio
from typing import Any

from frugal import cached, memory, metered, scope, semantic_cached
from frugal.testing import FakeModel

provider = FakeModel(answer=lambda text: f"[what the model says to: {text.splitlines()[-1]}]")


@metered
@cached(layers=[memory])
@semantic_cached(threshold=0.8)
async def ask(messages: list[dict[str, str]], *, model: str = "gpt-4o") -> Any:
    return await provider(messages, model=model)


ASKED = [
    ("ada", "Be brief.", "How do I reset my password?", "the first"),
    ("ada", "Be brief.", "How do I reset my password?", "the very same"),
    ("ada", "Be brief.", "How can I reset my password?", "the same in other words"),
    ("ada", "Be brief.", "How do I not reset my password?", "near, but a denial"),
    ("ada", "Answer in French.", "How do I reset my password?", "another system prompt"),
    ("grace", "Be brief.", "How can I reset my own password?", "another user"),
    ("ada", "Be brief.", "Convert 5 km to miles.", "something else"),
    ("ada", "Be brief.", "Convert 50 km to miles.", "near, but another number"),
]


async def main() -> None:
    for user, system, question, why in ASKED:
        with scope(user=user) as run:
            await ask([{"role": "system", "content": system}, {"role": "user", "content": question}])
        call = run.calls[0]
        print(f"{question:<33} {why:<24} {call.outcome:<9} {call.cost.amount}")
    print(f"{len(ASKED)} questions, and the provider was asked {len(provider.calls)} times")


asyncio.run(main())
