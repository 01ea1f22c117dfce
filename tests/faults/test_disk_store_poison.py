"""A cache directory that somebody or something spoilt: never run, never raised into a call, healed where it is ours."""

import logging
import os
import pickle
import random
import resource
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import diskcache
import pytest

from frugal._mechanisms.tiers import Layer, Tiers
from frugal.errors import LedgerFormatError, StoreCorruptedError
from frugal.stores import DiskStore, SafeCodec, copy_of
from frugal.testing import FakeClock


class Bomb:
    """Something that leaves a trace if it is ever unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def store(tmp_path):
    store = DiskStore(tmp_path / "cache", clock=FakeClock(0))
    yield store
    store.close()


@pytest.fixture
def told():
    return []


@pytest.fixture
def tiers(store, told):
    layer = Layer(name="disk", store=store, codec=SafeCodec(), waits=True)
    return Tiers([layer], copy=copy_of, clock=store._clock, on_fault=lambda *fault: told.append(fault))


async def filled(tiers, store):
    """Write a few answers and let go of the directory."""
    for i in range(20):
        await tiers.put(f"key {i}", {"answer": i, "text": "x" * 500})
    store.close()


def edit(store, statement, *values):
    with closing(sqlite3.connect(Path(store.directory) / "cache.db", isolation_level=None)) as connection:
        connection.execute(statement, values)


POISON = {
    "a pickled value": ("UPDATE Cache SET mode = 4, value = ?", "pickle"),
    "a pickled value in a file": ("UPDATE Cache SET mode = 4, value = NULL, filename = ?", "file"),
    "a binary file elsewhere": ("UPDATE Cache SET mode = 2, value = NULL, filename = ?", "file"),
    "a text file elsewhere": ("UPDATE Cache SET mode = 3, value = NULL, filename = '../../../../etc/passwd'", None),
    "a file beside the value": ("UPDATE Cache SET filename = ?", "file"),
    "a pickle as a raw value": ("UPDATE Cache SET value = ?", "pickle"),
    "a text": ("UPDATE Cache SET value = 'text'", None),
    "a number": ("UPDATE Cache SET value = 17", None),
    "nothing": ("UPDATE Cache SET value = NULL", None),
    "a mode that is a text": ("UPDATE Cache SET mode = 'one'", None),
    "an expiry that is a text": ("UPDATE Cache SET expire_time = 'never'", None),
    "a value cut short": ("UPDATE Cache SET value = substr(value, 1, length(value) - 1)", None),
    "a value cut to its head": ("UPDATE Cache SET value = substr(value, 1, 20)", None),
    "a value without a byte": ("UPDATE Cache SET value = x''", None),
    "another's value": ("UPDATE Cache SET value = (SELECT value FROM Cache WHERE key = 'key 1')", None),
}


@pytest.mark.parametrize(("statement", "content"), POISON.values(), ids=POISON)
async def test_a_poisoned_row_is_a_miss_and_an_event(tmp_path, store, tiers, told, statement, content):
    """Whatever stands in a row, nothing of it runs, the caller sees a miss, and a new answer takes its place."""
    trace = tmp_path / "trace"
    pickled = pickle.dumps(Bomb(trace))
    (tmp_path / "cache").mkdir()
    await filled(tiers, store)
    (Path(store.directory) / "bomb.val").write_bytes(pickled)
    values = {"pickle": [pickled], "file": ["bomb.val"], None: []}[content]
    edit(store, statement, *values)
    assert await tiers.get("key 0") is None
    assert not trace.exists()
    if "expiry" not in statement and "expire_time" not in statement:
        assert [("disk", "get", StoreCorruptedError)] == [(*fault[:2], type(fault[2])) for fault in told]
    assert await tiers.put("key 0", "new")
    store.close()
    assert "new" == (await tiers.get("key 0")).value
    assert not trace.exists()


async def test_a_pickled_key_is_never_looked_at(tmp_path, store, tiers):
    """Pickled keys are run by diskcache as well; here, rows under them are nobody's, whatever is done."""
    trace = tmp_path / "trace"
    await filled(tiers, store)
    edit(store, "UPDATE Cache SET raw = 0, key = ? || rowid", pickle.dumps(Bomb(trace)))
    assert await tiers.get("key 0") is None
    assert await tiers.put("key 0", "new")
    assert not await tiers.delete("key 1")
    assert 21 == await tiers.clear()
    assert not trace.exists()


@pytest.mark.parametrize("left", [0, 1, 50, 100, 1000, 4096, 5000, 8192, 20000, -4096, -1])
async def test_a_truncated_database_is_put_aside(store, tiers, left):
    """However short the file is, lookups are hits that are right or misses, and the next answers are kept."""
    await filled(tiers, store)
    path = Path(store.directory) / "cache.db"
    os.truncate(path, left if left >= 0 else path.stat().st_size + left)
    await still_serves(tiers, store)


@pytest.mark.parametrize("seed", range(12))
async def test_a_scrambled_database_is_put_aside(store, tiers, seed):
    """Wherever the file is overwritten, nothing wrong is served and nothing is raised."""
    await filled(tiers, store)
    path = Path(store.directory) / "cache.db"
    rng = random.Random(seed)
    with path.open("r+b") as file:
        for _ in range(6):
            file.seek(rng.randrange(path.stat().st_size))
            file.write(rng.randbytes(200))
    await still_serves(tiers, store)


async def test_a_database_that_is_spoilt_while_it_is_open_is_put_aside(store, tiers):
    """The connections that are open notice, too."""
    await filled(tiers, store)
    assert await tiers.get("key 0")
    path = Path(store.directory) / "cache.db"
    with path.open("r+b") as file:
        file.write(random.Random(0).randbytes(path.stat().st_size))
    for log in ("-wal", "-shm"):
        Path(f"{path}{log}").unlink(missing_ok=True)
    await still_serves(tiers, store)


async def test_another_journal_beside_the_database_is_no_harm(store, tiers):
    """A log that is garbage is not replayed."""
    await filled(tiers, store)
    Path(store.directory, "cache.db-wal").write_bytes(random.Random(0).randbytes(100_000))
    await still_serves(tiers, store)


async def test_a_table_that_is_gone_is_made_again(store, tiers):
    """A database of ours without our table is broken like any other."""
    await filled(tiers, store)
    edit(store, "DROP TABLE Cache")
    await still_serves(tiers, store)


async def still_serves(tiers, store):
    """Hold the store to the promise: right or missing now, working soon, without a thing raised."""
    for i in range(20):
        found = await tiers.get(f"key {i}")
        assert found is None or found.value == {"answer": i, "text": "x" * 500}
    for i in range(20):
        await tiers.put(f"key {i}", {"again": i})
    assert store.flush(5)
    store.close()
    for i in range(20):
        assert {"again": i} == (await tiers.get(f"key {i}")).value
    assert isinstance(await tiers.clear(), int)


def foreign(directory):
    """Make a cache of somebody else's with diskcache."""
    with diskcache.Cache(directory) as cache:
        cache["theirs"] = {"pickled": True}


def newer(directory):
    """Make a cache of a later version."""
    store = DiskStore(directory)
    store.set("key", b"value", None)
    store.close()
    edit(store, "PRAGMA user_version = 99")


def ledger(directory):
    """Make the header of a ledger, which is money."""
    foreign(directory)
    with closing(sqlite3.connect(Path(directory) / "cache.db")) as connection:
        connection.execute(f"PRAGMA application_id = {int.from_bytes(b'FRUG', 'big')}")


@pytest.mark.parametrize(("make", "says"), [(foreign, "not a cache"), (newer, "newer than"), (ledger, "not a cache")])
async def test_a_directory_that_is_not_ours_is_left_alone(tmp_path, tiers, store, told, make, says):
    """A foreign or newer directory is an error with a remedy, a miss to the caller, and stays as it is."""
    make(store.directory)
    path = Path(store.directory) / "cache.db"
    before = path.read_bytes()
    with pytest.raises(LedgerFormatError, match=says):
        store.get("theirs")
    assert await tiers.get("theirs") is None
    assert await tiers.put("theirs", "ours")
    store.flush(0.1)
    assert await tiers.clear() == 0
    assert before == path.read_bytes()
    assert {LedgerFormatError} == {type(error) for _, _, error in told}


async def test_a_place_where_no_directory_can_be_is_a_miss(tmp_path, told):
    """A file where the directory should be: every lookup is a miss, and it is said once."""
    (tmp_path / "file").write_text("not a directory")
    for directory in (tmp_path / "file", tmp_path / "file" / "below"):
        faults = []
        store = DiskStore(directory, on_fault=lambda *fault: faults.append(fault))  # noqa: B023
        tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)])
        for i in range(10):
            assert await tiers.get(f"{i}") is None
            await tiers.put(f"{i}", "value")
        assert store.flush(1)
        assert 1 == len([operation for operation, _ in faults if operation == "set"])
        assert 10 == store._engine.dropped
        store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_directory_that_may_not_be_written_is_a_miss(store, tiers):
    """A read-only cache serves what it can and keeps nothing new."""
    await filled(tiers, store)
    Path(store.directory).chmod(0o500)
    try:
        await tiers.put("new", "value")
        store.flush(1)
        await tiers.get("key 0")
        assert await tiers.get("new") is None
    finally:
        Path(store.directory).chmod(0o700)


async def test_a_database_that_may_not_be_opened_is_a_miss(store, tiers, told, monkeypatch):
    """An unreadable file is a miss and an event, and is tried again after a while."""
    await filled(tiers, store)
    connect = sqlite3.connect

    def refuse(*args, **kwargs):
        raise sqlite3.OperationalError("unable to open database file")

    monkeypatch.setattr(sqlite3, "connect", refuse)
    assert await tiers.get("key 0") is None
    assert await tiers.get("key 1") is None
    assert await tiers.put("key 0", "new")
    store.flush(0.1)
    assert await tiers.get("key 0") is None
    assert {sqlite3.OperationalError} == {type(error) for _, _, error in told}
    monkeypatch.setattr(sqlite3, "connect", connect)
    await still_serves_soon(tiers, store)


async def still_serves_soon(tiers, store):
    """As `still_serves`, once what was known of the trouble is forgotten."""
    store._engine.readers.forgive()
    await still_serves(tiers, store)


FULL = """
    import asyncio, resource, sys
    from frugal._mechanisms.tiers import Layer, Tiers
    from frugal.stores import DiskStore, SafeCodec
    from frugal.testing import FakeClock

    async def main():
        faults = []
        store = DiskStore(sys.argv[1], on_fault=lambda operation, error: faults.append(operation))
        tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)])
        await tiers.put("before", "value")
        assert store.flush(5)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, hard))
        for i in range(100):
            await tiers.put(f"{i}", "x" * 20_000)
            if i % 10 == 0:
                await asyncio.to_thread(store.flush, 0.5)
            found = await tiers.get(f"{i}")
            assert found is None or found.value == "x" * 20_000
        await asyncio.to_thread(store.flush, 5)
        assert "set" in faults, faults
        found = await tiers.get("before")
        assert found is None or found.value == "value"
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await tiers.put("after", "value")
        assert await asyncio.to_thread(store.flush, 5)
        await asyncio.to_thread(store.close)
        assert (await tiers.get("after")).value == "value"
        print("well")

    asyncio.run(main())
"""


def test_a_full_disk_is_a_miss(tmp_path):
    """While nothing can be written, answers are not kept, nothing is raised, and it recovers by itself."""
    assert resource.RLIMIT_FSIZE
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FULL), tmp_path / "cache"],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert "well\n" == done.stdout, done.stderr


async def test_trouble_is_logged_once_for_each_spell(tmp_path, caplog):
    """A thousand failing calls do not write a thousand lines."""
    (tmp_path / "file").write_text("not a directory")
    store = DiskStore(tmp_path / "file")
    tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)])
    with caplog.at_level(logging.INFO, logger="frugal"):
        for i in range(200):
            await tiers.get(f"{i}")
            await tiers.put(f"{i}", "value")
        store.flush(1)
        store.close()
    assert 8 > len(caplog.records)
