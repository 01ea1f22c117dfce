"""The work that all of them are given: requests of 1 KB, answers, and the whole recommended stack.

Law: two requests are different questions to everybody, by their text and by their meaning.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import (
    Ledger,
    budgeted,
    by_complexity,
    cached,
    deduplicated,
    disk,
    memory,
    metered,
    rate_limited,
    routed,
    semantic_cached,
    stack,
)
from frugal.stores import DiskRows, DiskStore

__all__ = ["ANSWER", "Recommended", "completion", "messages", "question"]

ANSWER = "The answer, at some length. " * 36
"""An answer of 1 KB."""

SYSTEM = (
    "You are the assistant of a support desk. Answer in one paragraph, kindly and to the point. "
    "Where you do not know, say so and name who does. Never promise a refund. "
) * 4
_SYLLABLES = [a + b for a in "b d f g k l m n p r s t v z br st tr".split() for b in "a e i o u ai ou".split()]
_WORDS = ["".join(random.Random(n).choices(_SYLLABLES, k=2 + n % 3)) for n in range(4096)]
_PLACES = "invoice router login parcel fridge concert visa salary garden violin engine novel bridge allergy".split()
_WANTS = ("where do I find the", "why is there no", "who repairs the", "how old is the", "may I sell the")


def question(number: int, words: int = 30) -> str:
    """Return a question of that many made-up words, by default some 250 characters."""
    rng = random.Random(number)
    want, place = _WANTS[number % len(_WANTS)], _PLACES[number % len(_PLACES)]
    return f"{want} {place} of {' '.join(rng.choices(_WORDS, k=words))}?"


def messages(number: int) -> list[dict[str, Any]]:
    """Return a request of 1 KB."""
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question(number)}]


def completion(number: int = 0, text: str = ANSWER) -> Any:
    """Return an answer as OpenAI's SDK gives it."""
    from openai.types.chat import ChatCompletion

    return ChatCompletion.model_validate(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1_750_000_000,
            "model": "gpt-4o-2024-08-06",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "logprobs": None,
                    "message": {"role": "assistant", "content": text, "refusal": None},
                }
            ],
            "usage": {
                "prompt_tokens": 260,
                "completion_tokens": 230,
                "total_tokens": 490,
                "prompt_tokens_details": {"cached_tokens": 128, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
            },
        }
    )


class Recommended:
    """The recommended stack but for `batched`, in directories of its own.

    Args:
        home: where its ledger, its disk layer and its semantic cache are.
        max_items: entries of the memory layer.
    """

    def __init__(self, home: Path, *, max_items: int = 1000) -> None:
        self.ledger = Ledger(home / "ledger")
        self._answers, self._meanings = home / "answers", home / "meanings"
        self.decorators = stack(
            metered(ledger=self.ledger),
            deduplicated,
            cached(layers=[memory(max_items=max_items), disk(self._answers)]),
            semantic_cached(threshold=0.95, directory=self._meanings),
            routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"])),
            budgeted(daily_usd=1_000_000, monthly_usd=10_000_000),
            rate_limited(rpm=60_000_000, max_concurrency=100_000),
        )

    def around(self, function: Callable[..., Any]) -> Any:
        """Return the function in the stack."""
        return self.decorators(function)

    async def flush(self) -> None:
        """Wait until all is on disk: the ledger, and what both caches keep."""
        await self.ledger.flush()
        await asyncio.to_thread(self._flush)

    def _flush(self) -> None:
        # Stores of one directory share their writer.
        assert DiskStore(self._answers).flush(60)
        assert DiskRows(self._meanings).store.flush(60)

    async def close(self) -> None:
        """Write what is queued and let go."""
        await self.flush()
        await self.ledger.aclose()
        await asyncio.to_thread(DiskStore(self._answers).close)
        await asyncio.to_thread(DiskRows(self._meanings).store.close)
