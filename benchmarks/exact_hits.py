"""What does a hit cost, in memory and on disk, beside what other caches charge for theirs?

A request of 1 KB (a system prompt and a question) is asked again, one call after the other, sixty-four of them in
turn. In memory: aiocache, cashews, async-lru, LiteLLM's and langchain-core's caches and diskcache, each as its users
have it (decorator, or the client with its cache on), beside `@cached(layers=[memory])` and beside the whole
recommended stack but for `batched`. Then an answer of OpenAI's SDK, beside a cache that copies it, too, as DSPy's
does. Then the disk.

Ours writes a record of every hit through the whole stack, from a thread of its own and up to 50 ms later; the peers
record nothing. So there are two rows: what a caller waits for, and what it costs in all, with the writing in the time
that is measured. The limit is held against the second. In neither does what we left to do fall into a peer's round: it
is written, untimed, before that begins.

Biases: the peers' defaults; `str` answers, which nobody needs to copy; the files are in the page cache. async-lru and
diskcache cannot key a list of messages and are given the JSON text of it. aiocache's and cashews' keys are the text
of the arguments as they print, which tells fewer calls apart than ours. LiteLLM's hit comes back as a response object
rather than a `str`, and langchain-core's as a message.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.question import Question, asked
from harness.rounds import Case
from harness.work import ANSWER, Recommended, completion, messages

from frugal import Ledger, cached, deduplicated, disk, memory, metered, stack
from frugal.stores import DiskStore

KINDS = 64
REQUESTS = [messages(number) for number in range(KINDS)]
TEXTS = [json.dumps(request) for request in REQUESTS]


async def check(ask: Any, requests: list[Any] = REQUESTS, *, answers: Any = lambda _: ANSWER) -> None:
    """Fill a cache, then see that each request has the right answer and that no second one was bought."""
    for again in range(2):
        for at, request in enumerate(requests):
            got = ask(request)
            got = await got if asyncio.iscoroutine(got) or asyncio.isfuture(got) else got
            assert got == answers(at), (again, at, got)


def counted(limit: int = KINDS) -> Any:
    """Return a function that answers, and refuses to be asked more often than there are requests."""
    left = [limit]

    async def ask(messages: Any, *, model: str = "gpt-4o") -> str:
        left[0] -= 1
        assert left[0] >= 0, "a hit was a miss"
        return ANSWER

    return ask


def asking(name: str, ask: Any, requests: list[Any] = REQUESTS) -> Case:
    """Ask in turn."""
    if asyncio.iscoroutinefunction(ask) or getattr(ask, "is_async", True):

        async def once(number: int) -> None:
            await ask(requests[number % KINDS])

        return Case(name, once)
    return Case(name, lambda number: ask(requests[number % KINDS]))


async def aiocache_case() -> Case:
    """Aiocache's decorator over its memory."""
    from aiocache import cached as decorator

    ask = decorator(ttl=3600)(counted())
    await check(ask)
    return asking("aiocache", ask)


async def cashews_case(address: str, name: str) -> Case:
    """Cashews' decorator; its disk is diskcache, in threads."""
    from cashews import Cache

    cache = Cache()
    cache.setup(address)
    ask = cache(ttl="1h")(counted())
    await check(ask)
    return asking(name, ask)


async def async_lru_case() -> Case:
    """async-lru's decorator."""
    from async_lru import alru_cache

    ask = alru_cache(maxsize=1000)(counted())
    await check(ask, TEXTS)
    return asking("async-lru (a text for a key)", ask, TEXTS)


async def diskcache_case(directory: Path) -> Case:
    """Diskcache's decorator, on a function that is not async, on the loop's thread."""
    import diskcache

    cache = diskcache.Cache(directory)
    left = [KINDS]

    def ask(prompt: str) -> str:
        left[0] -= 1
        assert left[0] >= 0
        return ANSWER

    memoized = cache.memoize(expire=3600)(ask)
    await check(memoized, TEXTS)
    return Case("diskcache.memoize (blocks the loop)", lambda number: memoized(TEXTS[number % KINDS]))


async def litellm_case() -> Case:
    """LiteLLM's client with its local cache on, and a made-up answer."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    import litellm

    litellm.cache = litellm.Cache(type="local")
    litellm.suppress_debug_info = True

    async def ask(request: Any) -> Any:
        return await litellm.acompletion(model="gpt-4o", messages=request, mock_response=ANSWER, caching=True)

    ids = []
    for request in REQUESTS:
        ids.append((await ask(request)).id)
        await asyncio.sleep(0.01)  # it keeps an answer from a task of its own
    for request, id in zip(REQUESTS, ids, strict=True):
        found = await ask(request)
        assert (found.id, found.choices[0].message.content) == (id, ANSWER), "LiteLLM did not answer from its cache"
    return replace(asking("LiteLLM", ask), after=drained)


async def drained() -> None:
    """Let the loop do what was left to it, in the time of the one that left it."""
    for _ in range(100):
        await asyncio.sleep(0)


async def langchain_case() -> Case:
    """A chat model of langchain-core's with its InMemoryCache."""
    from langchain_core.caches import InMemoryCache
    from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
    from langchain_core.messages import AIMessage

    model = GenericFakeChatModel(messages=iter([AIMessage(content=ANSWER)] * KINDS), cache=InMemoryCache())

    async def ask(request: Any) -> Any:
        return (await model.ainvoke(request)).content

    await check(ask)  # the iterator has no more answers than there are requests
    return asking("langchain-core", ask)


async def copying_case(answers: list[Any]) -> Case:
    """The cache that DSPy has: a key from sorted JSON and SHA-256, an LRU dictionary, a deep copy for each hit."""
    from cachetools import LRUCache

    kept: Any = LRUCache(maxsize=1000)

    async def ask(request: Any, *, model: str = "gpt-4o") -> Any:
        key = hashlib.sha256(json.dumps({"messages": request, "model": model}, sort_keys=True).encode()).hexdigest()
        if key in kept:
            return copy.deepcopy(kept[key])
        kept[key] = answers[REQUESTS.index(request)]
        return kept[key]

    await check(ask, answers=answers.__getitem__)
    return asking("sorted JSON, SHA-256 and deepcopy, as DSPy", ask)


async def peer(question: Question, name: str, make: Any) -> Case | None:
    """Return a peer's case, or `None` and the reason."""
    try:
        return await make
    except (ImportError, OSError) as error:
        question.skip(name, f"{type(error).__name__}: {error}")
        return None


async def responses(question: Question) -> None:
    """Measure hits of an SDK's response, which is copied for each caller."""
    try:
        answers = [completion(number) for number in range(KINDS)]
    except ImportError as error:
        question.skip("openai", str(error))
        return

    async def ask(messages: Any, *, model: str = "gpt-4o") -> Any:
        return answers[REQUESTS.index(messages)]

    whole = Recommended(question.home / "responses")
    copying = replace(await copying_case(answers), before=whole.flush)
    ours = cached(layers=[memory])(ask)
    await check(ours, answers=answers.__getitem__)
    assert await ours(REQUESTS[0]) is not answers[0]
    await question.measure("memory hit of an SDK's response: @cached", asking("frugal @cached", ours), [copying])
    stacked = whole.around(ask)
    await check(stacked, answers=answers.__getitem__)
    await both(question, "memory hit of an SDK's response: the whole stack", stacked, whole, copying, None)
    await whole.close()


async def both(
    question: Question, what: str, ask: Any, whole: Recommended, peer: Case | None, limit: str | None
) -> None:
    """Measure what a caller of the whole stack waits for, and what the call costs with its record."""
    name = "frugal, whole stack"
    other = [] if peer is None else [replace(peer, before=whole.flush)]
    waited = replace(asking(name, ask), before=whole.flush)
    await question.measure(f"{what}, what the caller waits for", waited, other, rounds=150)
    # Rounds of a length that lets the writer have the company it has under a steady stream.
    await question.measure(f"{what}, its record written", replace(waited, after=whole.ledger.flush), other,
                           limit=limit, rounds=60, seconds=0.05)  # fmt: skip


async def by_decorator(question: Question) -> None:
    """Measure what each decorator adds to a hit in memory."""
    ledger = Ledger(question.home / "by decorator")
    layer = cached(layers=[memory])
    stacks = {
        "frugal @cached": stack(layer),
        "@deduplicated @cached": stack(deduplicated, layer),
        "@metered @cached": stack(metered(ledger=ledger), layer),
        "@metered @deduplicated @cached": stack(metered(ledger=ledger), deduplicated, layer),
    }
    cases = []
    for name, decorators in stacks.items():
        ask = decorators(counted())
        await check(ask)
        cases.append(replace(asking(name, ask), before=ledger.flush))
    await question.measure("memory hit: what a decorator adds", cases[0], cases[1:])
    await ledger.aclose()


async def measure(question: Question) -> None:
    """Fill all caches, then time them in turn."""
    home = question.home
    aiocache = await peer(question, "aiocache", aiocache_case())
    peers = [
        aiocache,
        await peer(question, "cashews, memory", cashews_case("mem://", "cashews, memory")),
        await peer(question, "async-lru", async_lru_case()),
        await peer(question, "diskcache", diskcache_case(home / "diskcache")),
    ]
    one = cached(layers=[memory])(counted())
    await check(one)
    await question.measure("memory hit: @cached alone", asking("frugal @cached", one), peers, limit="cached memory hit")
    whole = Recommended(home / "whole")
    all_of_them = whole.around(counted())
    await check(all_of_them)
    await both(question, "memory hit: the whole stack", all_of_them, whole, aiocache, "stack memory hit")
    await whole.close()
    await by_decorator(question)
    await responses(question)

    lasting = cached(layers=[disk(home / "disk")])(counted())
    await check(lasting)
    await asyncio.to_thread(DiskStore(home / "disk").flush)
    address = f"disk://?directory={home}/cashews&shards=0"
    on_disk = [
        await peer(question, "cashews, disk", cashews_case(address, "cashews, disk")),
        await peer(question, "diskcache", diskcache_case(home / "diskcache again")),
    ]
    case = asking("frugal @cached(layers=[disk])", lasting)
    await question.measure("disk hit", case, on_disk, limit="disk hit", seconds=0.01)

    # Last, and apart: what they leave to do in the loop would be done in another one's time.
    clients = [
        await peer(question, "langchain-core", langchain_case()),
        await peer(question, "LiteLLM", litellm_case()),
    ]
    case = asking("frugal @cached", one)
    await question.measure("memory hit: @cached beside whole clients", case, clients, rounds=50, seconds=0.01)


if __name__ == "__main__":
    asked(measure, "aiocache", "cashews", "async-lru", "diskcache", "langchain-core", "litellm", "openai")
