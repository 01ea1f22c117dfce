"""How long does the key of a request take, and of what is that time made?

It keys chat requests of 18 KB and 1 MB: one long message, many turns, many tools, Chinese text, and a vector of 50,000
numbers, and beside it what most caches do, `json.dumps(sort_keys=True)` and SHA-256, which has no key for anything but
JSON and gives one to different requests: tuples and lists, `1` and `"1"` as keys, enums and texts.

Biases: the requests are made up, and of one shape each; a request of dataclasses or models goes node by node and takes
some 2 µs a node.
"""

from __future__ import annotations

import hashlib
import json
import random
from typing import Any

from harness.question import Question, asked
from harness.rounds import Case

from frugal._values.key import digest_call

LETTERS = "etaoin shrdlu "


def requests() -> dict[str, dict[str, Any]]:
    """Return the requests by name."""
    rng = random.Random(1)
    turns = [
        {"role": role, "content": "".join(rng.choices(LETTERS, k=600))}
        for _ in range(12)
        for role in ("user", "assistant")
    ]
    tools = [
        {
            "type": "function",
            "function": {
                "name": f"tool_{i}",
                "description": "".join(rng.choices(LETTERS, k=120)),
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
                    "required": ["city"],
                },
            },
        }
        for i in range(8)
    ]
    rest = {"model": "gpt-4o", "temperature": 0.5, "max_tokens": 100, "extra_body": {"top_k": 5}}
    return {
        "18 KB, 24 turns, 8 tools": {"messages": turns, "tools": tools, **rest},
        "1 MB, one message": {"messages": [{"role": "user", "content": "x" * 2**20}], **rest},
        "1 MB, 1,680 turns": {"messages": turns * 70, **rest},
        "1 MB, Chinese": {"messages": [{"role": "user", "content": "漢" * (2**20 // 3)}], **rest},
        "1 MB, 3,600 tools": {"messages": turns[:1], "tools": tools * 450, **rest},
        "0.4 MB, 50,000 floats": {"vector": [rng.random() for _ in range(50_000)]},
    }


def by_json(arguments: dict[str, Any]) -> str:
    """Key a request as most caches do."""
    return hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()


async def measure(question: Question) -> None:
    """Check the keys, then time them."""
    for name, arguments in requests().items():
        backwards = dict(reversed(arguments.items()))
        assert digest_call("ask", arguments) == digest_call("ask", backwards)
        assert digest_call("ask", arguments) != digest_call("ask", {**arguments, "seed": 1})
        assert by_json(arguments) == by_json(backwards)
        ours = Case("frugal", lambda _, arguments=arguments: digest_call("ask", arguments))
        theirs = Case("json.dumps(sort_keys=True) and SHA-256", lambda _, arguments=arguments: by_json(arguments))
        await question.measure(f"key of {name}", ours, [theirs], rounds=30)


if __name__ == "__main__":
    asked(measure, "msgspec")
