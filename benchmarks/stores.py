"""What does a hit, a miss and a put cost in each layer, beside diskcache, cashews and aiocache, and what does it stall?

Each row is one lookup or put of a 1 KB answer, awaited one after another: through `Tiers` with its codec and its
copies, as `@cached` uses it. The peers are used with their defaults and their own serialisation; cashews and aiocache
are measured where they are installed, and it says where not. diskcache is called directly, on the loop's thread.

Then the event loop's stalls are measured, by a task that asks for the time as often as it can, while answers of 1 MB
are put and read on disk and another connection holds the write lock half of the time.

Biases: the disk's files are in the page cache; peers store a `str`, and so do we; frugal's `put` returns before the
disk has it (`flushed` says what it is with the writing), cashews' and diskcache's do not.

    python benchmarks/stores.py
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import diskcache

from frugal._mechanisms.tiers import Layer, Tiers
from frugal.stores import DiskStore, MemoryStore, SafeCodec, copy_of

ANSWER = "x" * 1000
ROUNDS = 2000


async def timed(work: Callable[[int], Awaitable[object]], rounds: int = ROUNDS) -> tuple[float, float, float]:
    """Return the minimum, the median and the 99th percentile, in microseconds."""
    for i in range(50):
        await work(i)
    found = []
    for i in range(rounds):
        begun = time.perf_counter()
        await work(i)
        found.append((time.perf_counter() - begun) * 1e6)
    return min(found), statistics.median(found), statistics.quantiles(found, n=100)[98]


def show(name: str, found: tuple[float, float, float]) -> None:
    """Print a row."""
    print(f"{name:<44}" + "".join(f"{value:>11,.1f}" for value in found))


def version(package: str) -> str | None:
    """Return the version of an installed package."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


async def frugal_rows(directory: str) -> None:
    """Measure our layers."""
    disk = DiskStore(f"{directory}/frugal")
    layer = Layer(name="disk", store=disk, ttl=3600, codec=SafeCodec(), waits=True)
    memory = Tiers([Layer(name="memory", store=MemoryStore(), ttl=300)], copy=copy_of)
    durable = Tiers([layer], copy=copy_of)
    both = Tiers([*memory.layers, layer], copy=copy_of)
    await both.put("key", ANSWER)
    await asyncio.to_thread(disk.flush)
    found = await durable.get("key")
    assert found is not None
    assert found.value == ANSWER
    show("frugal memory hit", await timed(lambda _: memory.get("key")))
    show("frugal disk hit", await timed(lambda _: durable.get("key")))
    show("frugal miss in both", await timed(lambda i: both.get(f"missing {i}")))
    show("frugal put in both", await timed(lambda i: both.put(f"{i % 500}", ANSWER)))
    begun = time.perf_counter()
    for i in range(ROUNDS):
        await both.put(f"{i}", ANSWER)
    await asyncio.to_thread(disk.flush)
    print(f"{'frugal put in both, flushed, each':<44}{(time.perf_counter() - begun) / ROUNDS * 1e6:>22,.1f}")
    await asyncio.to_thread(disk.close)


async def diskcache_rows(directory: str) -> None:
    """Measure diskcache as it comes."""
    with diskcache.Cache(f"{directory}/diskcache") as cache:

        async def put(i: int) -> None:
            cache.set(f"{i % 500}", ANSWER, expire=3600)

        async def get(_: int) -> None:
            assert cache.get("key") == ANSWER

        cache.set("key", ANSWER, expire=3600)
        show("diskcache hit", await timed(get))
        show("diskcache put", await timed(put))


async def cashews_rows(directory: str) -> None:
    """Measure cashews' memory and disk."""
    if version("cashews") is None:
        print("cashews is not installed here")
        return
    from cashews import Cache

    for name, address in (("memory", "mem://"), ("disk", f"disk://?directory={directory}/cashews&shards=0")):
        cache = Cache()
        cache.setup(address)

        @cache(ttl="1h")
        async def ask(prompt: str) -> str:
            return ANSWER

        await ask("key")
        show(f"cashews {name} hit (decorator)", await timed(lambda _, ask=ask: ask("key")))  # type: ignore[misc]  # bound now
        await cache.set("key", ANSWER, expire=3600)
        assert await cache.get("key") == ANSWER
        show(f"cashews {name} hit", await timed(lambda _, cache=cache: cache.get("key")))  # type: ignore[misc]  # bound now
        show(
            f"cashews {name} put",
            await timed(lambda i, cache=cache: cache.set(f"{i % 500}", ANSWER, expire=3600)),  # type: ignore[misc]  # bound now
        )
        await cache.close()


async def aiocache_rows() -> None:
    """Measure aiocache's memory."""
    if version("aiocache") is None:
        print("aiocache is not installed here")
        return
    from aiocache import SimpleMemoryCache, cached

    cache = SimpleMemoryCache()
    await cache.set("key", ANSWER, ttl=3600)
    assert await cache.get("key") == ANSWER
    show("aiocache memory hit", await timed(lambda _: cache.get("key")))

    @cached(ttl=3600)
    async def ask(prompt: str) -> str:
        return ANSWER

    await ask("key")
    show("aiocache memory hit (decorator)", await timed(lambda _: ask("key")))


async def stalls(directory: str) -> None:
    """Measure the loop's stalls beside large answers and a locked database, and those of this machine without."""
    disk = DiskStore(f"{directory}/stalls")
    tiers = Tiers([Layer(name="disk", store=disk, codec=SafeCodec(), waits=True)], copy=copy_of)
    large: Any = {"choices": [{"message": {"content": "x" * 2**18}} for _ in range(4)]}

    async def nothing(_: int) -> None:
        await asyncio.sleep(0)

    async def large_answers(i: int) -> None:
        await tiers.put(f"{i % 20}", large)
        found = await tiers.get(f"{i % 20}")
        assert found is not None
        assert len(found.value["choices"]) == 4
        await asyncio.sleep(0.02)

    await tiers.put("key", large)
    await asyncio.to_thread(disk.flush)
    print(f"{'stalls for every millisecond, ms':<44}{'rounds':>11}{'99.9 %':>11}{'worst':>11}")
    loads = {"an idle loop, for comparison": nothing, "1 MB put and read every 20 ms, and a lock": large_answers}
    for name, work in loads.items():
        holding = threading.Event()
        holder = threading.Thread(target=_hold, args=(Path(disk.directory) / "cache.db", holding))
        if work is large_answers:
            holder.start()
        rounds, gaps = await _watched(work)
        holding.set()
        if work is large_answers:
            await asyncio.to_thread(holder.join)
        # Not for every wake-up: how long would each millisecond that falls into a gap have had to wait?
        waits = sorted((gap - at / 1000 for gap in gaps for at in range(int(gap * 1000) + 1)), reverse=True)
        beyond = int(sum(gaps))  # one millisecond of a thousand
        print(f"{name:<44}{rounds:>11,}{waits[beyond] * 1000:>11.1f}{waits[0] * 1000:>11.1f}")
    await asyncio.to_thread(disk.close)


async def _watched(work: Callable[[int], Awaitable[object]], seconds: float = 5) -> tuple[int, list[float]]:
    gaps: list[float] = []
    going = True

    async def watch() -> None:
        last = time.perf_counter()
        while going:
            await asyncio.sleep(0)
            now = time.perf_counter()
            gaps.append(now - last)
            last = now

    watcher = asyncio.create_task(watch())
    end, rounds = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        rounds += 1
        await work(rounds)
    going = False
    await watcher
    return rounds, gaps


def _hold(path: Path, stop: threading.Event) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    while not stop.is_set():
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(0.05)
        connection.execute("COMMIT")
        time.sleep(0.05)
    connection.close()


async def measure() -> None:
    """Run everything."""
    packages = ", ".join(f"{name} {version(name) or 'absent'}" for name in ("diskcache", "cashews", "aiocache"))
    print(f"{platform.machine()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}; {packages}")
    print(f"{'µs':<44}{'minimum':>11}{'median':>11}{'99 %':>11}")
    with tempfile.TemporaryDirectory() as directory:
        await frugal_rows(directory)
        await diskcache_rows(directory)
        await cashews_rows(directory)
        await aiocache_rows()
        await stalls(directory)


if __name__ == "__main__":
    asyncio.run(measure())
