"""A cache directory that several processes use, hold up, kill and fork."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from frugal._mechanisms.tiers import Layer, Tiers
from frugal.stores import DiskStore, SafeCodec
from frugal.stores.disk import engine as engines

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning"),  # which is what is tested
]


@pytest.fixture
def store(tmp_path):
    store = DiskStore(tmp_path / "cache")
    yield store
    store.close()


def through(store, told=None):
    layer = Layer(name="disk", store=store, codec=SafeCodec(), waits=True)
    return Tiers([layer], on_fault=None if told is None else lambda *fault: told.append(fault))


LOCK = """
    import sqlite3, sys
    connection = sqlite3.connect(sys.argv[1], isolation_level=None)
    connection.execute(f"PRAGMA locking_mode = {sys.argv[2]}")
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("UPDATE Settings SET value = value")
    print("locked", flush=True)
    sys.stdin.read()
    connection.execute("ROLLBACK")
    connection.close()
"""


@contextmanager
def locked(store, mode="NORMAL"):
    """Have another process hold the database's lock while the block runs."""
    path = Path(store.directory) / "cache.db"
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(LOCK), path, mode], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert b"locked\n" == holder.stdout.readline()
        try:
            yield
        finally:
            holder.stdin.close()
            holder.wait(10)


async def test_another_process_with_the_lock_stops_nothing(store):
    """Reads go on, writes are seen at once and kept for later, and the loop never waits."""
    tiers = through(store)
    await tiers.put("before", "value")
    assert await asyncio.to_thread(store.flush)
    with locked(store):
        taken = []
        for i in range(200):
            begun = time.perf_counter()
            assert await tiers.put(f"{i}", "value")
            assert "value" == (await tiers.get(f"{i}")).value
            assert "value" == (await tiers.get("before")).value
            await asyncio.sleep(0)
            taken.append(time.perf_counter() - begun)
        assert not await asyncio.to_thread(store.flush, 0.3)
        assert 0.2 > sorted(taken)[100]  # each would take SQLite's own patience of 0.25, however busy the machine
    assert await asyncio.to_thread(store.flush)
    await asyncio.to_thread(store.close)
    assert "value" == (await tiers.get("199")).value


async def test_a_lock_that_lasts_costs_the_answers_and_nothing_else(store, monkeypatch):
    """After its patience the queue is dropped with one event; what was deleted meanwhile does not come back."""
    monkeypatch.setattr(engines, "_PATIENCE", 0.2)
    told = []
    store._engine.on_fault = lambda operation, error: told.append((operation, str(error)))
    tiers = through(store)
    await tiers.put("before", "value")
    await tiers.put("gone", "value")
    await asyncio.to_thread(store.flush)
    with locked(store):
        await tiers.put("during", "value")
        await tiers.delete("gone")
        await asyncio.to_thread(store.flush, 0.5)
        assert 1 == store._engine.dropped
        assert await tiers.get("during") is None
        assert await tiers.get("gone") is None
        assert "value" == (await tiers.get("before")).value
    assert [("set", "database is locked")] == told
    await tiers.put("after", "value")
    assert await asyncio.to_thread(store.flush)
    await asyncio.to_thread(store.close)
    assert await tiers.get("gone") is None
    assert "value" == (await tiers.get("after")).value


async def test_a_directory_that_another_process_has_to_itself_is_a_miss(store):
    """A lock that keeps readers out as well is a miss and an event, without waiting each time."""
    tiers = through(store, told := [])
    await tiers.put("key", "value")
    await asyncio.to_thread(store.close)
    with locked(store, "EXCLUSIVE"):
        begun = time.perf_counter()
        for _ in range(50):
            assert await tiers.get("key") is None
        assert 10 > time.perf_counter() - begun  # fifty times SQLite's own patience would be 12.5
        assert {sqlite3.OperationalError} == {type(error) for _, _, error in told}
        assert await tiers.clear() == 0
    store._engine.readers.forgive()
    assert "value" == (await tiers.get("key")).value


def _work(directory, name, rounds):
    async def main():
        store = DiskStore(directory)
        tiers, hits = through(store), 0
        for i in range(rounds):
            key = f"{i * 7 % 40}"
            found = await tiers.get(key)
            if found is not None:
                assert found.value["key"] == key, (key, found)
                hits += 1
            await tiers.put(key, {"key": key, "by": name, "text": "x" * (i % 5 * 1000)}, tag=f"by {name}")
            if i % 50 == 0:
                await tiers.delete(key)
            if i % 25 == 0:
                await asyncio.to_thread(store.flush)
        await asyncio.to_thread(store.close)
        assert hits

    asyncio.run(main())


def test_processes_share_a_directory_under_load(tmp_path):
    """Whoever wrote it, an answer is the one for its key, and the database stays sound."""
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_work, args=(tmp_path / "cache", name, 400)) for name in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(100)
    assert [0, 0, 0] == [worker.exitcode for worker in workers]
    assert ["cache.db"] == [file.name for file in (tmp_path / "cache").iterdir()]
    with closing(sqlite3.connect(tmp_path / "cache" / "cache.db")) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()


def test_processes_that_begin_at_once_make_one_cache(tmp_path):
    """The directory appears complete, whoever is first."""
    code = """
        import sys
        from frugal.stores import DiskStore
        store = DiskStore(sys.argv[1])
        print(flush=True)
        sys.stdin.readline()
        store.set(sys.argv[2], b"value", None)
        assert store.flush()
        store.close()
    """
    starting = [
        subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), tmp_path / "cache", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for name in "abcd"
    ]  # fmt: skip
    for process in starting:
        process.stdout.readline()
    for process in starting:
        process.stdin.close()
    for process in starting:
        assert 0 == process.wait(60)
        process.stdout.close()
    store = DiskStore(tmp_path / "cache")
    assert all(store.get(name) for name in "abcd")
    store.close()


WRITE = """
    import asyncio, sys
    from frugal._mechanisms.tiers import Layer, Tiers
    from frugal.stores import DiskStore, SafeCodec

    async def main():
        store = DiskStore(sys.argv[1])
        tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)])
        for i in range(10**9):
            await tiers.put(f"{i % 200}", {"key": f"{i % 200}", "text": "x" * 5000})
            if i % 20 == 0:
                await asyncio.to_thread(store.flush)
                print(i, flush=True)

    asyncio.run(main())
"""


@pytest.mark.parametrize("rounds", [1, 3, 8, 20])
def test_a_process_that_is_killed_while_it_writes_leaves_whole_answers(tmp_path, rounds):
    """After `kill -9`, what was flushed is there, and nothing is half there."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITE), tmp_path / "cache"], stdout=subprocess.PIPE
    ) as writer:
        done = [int(writer.stdout.readline()) for _ in range(rounds)]
        writer.send_signal(signal.SIGKILL)
    store = DiskStore(tmp_path / "cache")
    tiers = through(store)

    async def look():
        return {i: await tiers.get(f"{i}") for i in range(200)}

    for i, found in asyncio.run(look()).items():
        assert found is None or found.value == {"key": f"{i}", "text": "x" * 5000}
        assert found is not None or i > done[-1] or done[-1] >= 200
    store.close()


def test_a_forked_child_reads_and_writes(store):
    """A child opens the directory for itself; what the parent has queued is the parent's."""
    store.set("written", b"value", None)
    store.flush()
    with store._engine._turn:
        store.set("queued", b"value", None)
        child = os.fork()
        if not child:
            try:
                ok = store.get("written") is not None and store.get("queued") is None
                store.set("child", b"value", None)
                os._exit(0 if store.flush() and ok else 1)
            except BaseException:
                os._exit(2)
        # Until here the parent cannot have written what it has queued.
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert store.flush()
    assert store.get("child")
    assert store.get("queued")


def test_forks_in_the_midst_of_reads_and_writes_hang_nobody(store):
    """However busy the parent's threads are, a child can use the cache, and so can the parent."""
    going = True

    def work(name):
        i = 0
        while going:
            i += 1
            store.set(f"{name} {i % 50}", b"x" * 3000, None)
            store.get(f"{name} {i % 49}")
            if i % 10 == 0:
                store.flush()

    threads = [threading.Thread(target=work, args=(name,)) for name in range(2)]
    for thread in threads:
        thread.start()
    try:
        for i in range(15):
            child = os.fork()
            if not child:
                try:
                    store.set(f"child {i}", b"value", None)
                    os._exit(0 if store.flush() and store.get(f"child {i}") else 1)
                except BaseException:
                    os._exit(2)
            assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        going = False
        for thread in threads:
            thread.join(30)
    assert store.flush()
    assert all(store.get(f"child {i}") for i in range(15))
