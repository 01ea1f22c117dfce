"""The store on disk: its directory, its queue, its bound, and what the loop's thread may do."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import diskcache
import pytest

from frugal.errors import StoreCorruptedError
from frugal.ports import Stored
from frugal.stores import DiskStore
from frugal.stores.disk import engine as engines
from frugal.stores.disk.place import RawDisk
from frugal.testing import FakeClock

LARGE = bytes(300 * 1024)


@pytest.fixture
def clock():
    return FakeClock(0)


@pytest.fixture
def store(tmp_path, clock):
    store = DiskStore(tmp_path / "cache", clock=clock)
    yield store
    store.close()


def database(store):
    return closing(sqlite3.connect(Path(store.directory) / "cache.db"))


def test_nothing_is_made_before_the_first_write(store):
    """Looking, deleting and clearing leave no trace where there was nothing."""
    assert store.get("key") is None
    assert 0 == store.clear()
    assert not Path(store.directory).exists()


def test_only_the_owner_can_read_it(store):
    """The directory is 0700 and the files are 0600, whatever the umask."""
    before = os.umask(0)
    try:
        store.set("key", b"value", None)
        store.flush()
    finally:
        os.umask(before)
    assert 0o700 == stat.S_IMODE(Path(store.directory).stat().st_mode)
    for file in Path(store.directory).iterdir():
        assert 0o600 == stat.S_IMODE(file.stat().st_mode), file


def test_a_directory_with_other_things_keeps_its_mode(tmp_path, clock):
    """A home or a temporary directory that is given by mistake is not closed to everybody else."""
    (tmp_path / "other").touch()
    tmp_path.chmod(0o755)
    store = DiskStore(tmp_path, clock=clock)
    store.set("key", b"value", None)
    store.close()
    assert 0o755 == stat.S_IMODE(tmp_path.stat().st_mode)
    assert 0o600 == stat.S_IMODE((tmp_path / "cache.db").stat().st_mode)


def test_what_a_dead_process_left_half_made_is_tidied(store, tmp_path):
    """Only what is old: somebody may be at it right now."""
    old, new = tmp_path / "cache" / ".new-old", tmp_path / "cache" / ".new-new"
    for left in (old, new):
        left.mkdir(parents=True)
    os.utime(old, (0, 0))
    store.set("key", b"value", None)
    assert store.flush()
    assert not old.exists()
    assert new.exists()


def test_values_outlive_the_store(store, clock):
    """Another store, as after a restart, finds what was written."""
    store.set("key", b"value", 10.0)
    store.close()
    again = DiskStore(store.directory, clock=FakeClock(0))
    assert Stored(b"value", 10.0) == again.get("key")
    again.close()


def test_diskcache_itself_can_read_it(store):
    """The layout is diskcache's, so its tools work on it."""
    store.set("key", b"value", None)
    store.close()
    with diskcache.Cache(store.directory, disk=RawDisk) as cache:
        assert b"value" == cache.get("key")
        assert 1 == len(cache)
        assert not cache.check()


def test_a_read_finds_what_is_still_queued(store):
    """A `set` is seen at once, and so is a `delete`, although nothing is written yet."""
    with store._engine._turn:  # the writer must wait
        store.set("key", b"value", None)
        assert Stored(b"value", None) == store.get_nowait("key") == store.get("key")
        store.set("key", b"other", None)
        assert Stored(b"other", None) == store.get_nowait("key")
        assert store.delete("key")
        assert store.get_nowait("key") is None
        assert not store.delete("key")


def test_what_is_discarded_is_gone_at_once_and_for_good(store):
    """Without a look at whether it was there, which would have to be waited for."""
    store.set("key", b"value", None)
    store.flush()
    with store._engine._turn, store._engine.readers._slow:
        store.discard("key")
        store.discard("never there")
        assert store.get_nowait("key") is None
    store.close()
    assert store.get("key") is None


def test_the_quick_lookup_says_so_when_it_would_have_to_wait(store):
    """It opens nothing, takes nothing large, and stands in no line."""
    store.set("key", b"value", None)
    store.set("large", LARGE, None)
    store.close()
    with pytest.raises(BlockingIOError, match="not open"):
        store.get_nowait("key")
    assert store.get("key")
    assert Stored(b"value", None) == store.get_nowait("key")
    store._engine.readers._busy_until = 0.0  # a busy machine may have made that a long read
    with pytest.raises(BlockingIOError, match="large"):
        store.get_nowait("large")
    assert LARGE == store.get("large").value
    store._engine.readers._busy_until = 0.0
    with store._engine.readers._fast, pytest.raises(BlockingIOError, match="another thread"):
        store.get_nowait("key")


async def test_a_lookup_that_would_wait_goes_to_a_thread(store):
    """`get_soon` gives what `get` gives, without holding up the loop."""
    store.set("large", LARGE, None)
    store.close()
    assert LARGE == (await store.get_soon("large")).value
    assert await store.get_soon("missing") is None


def test_only_bytes_under_texts_are_kept(store):
    """What would have to be pickled is refused, by the store and by the `Disk` beneath."""
    with pytest.raises(TypeError, match="bytes"):
        store.set("key", {"a": 1}, None)
    with pytest.raises(TypeError, match="texts"):
        store.set(1, b"value", None)
    disk = RawDisk(store.directory, min_file_size=2**40)
    with pytest.raises(TypeError):
        disk.put(("a", "tuple"))
    with pytest.raises(TypeError):
        disk.store({"a": 1}, read=False)
    with pytest.raises(StoreCorruptedError):
        disk.get(b"pickle", raw=False)
    for mode in (2, 3, 4):
        with pytest.raises(StoreCorruptedError):
            disk.fetch(mode, None, b"pickle", read=False)
    assert (0, 1, None, b"a") == disk.store(b"a", read=False)
    assert "a" == disk.get("a", raw=True)


def fill(store, clock, names, size=4000):
    for name in names:
        store.set(name, bytes(size), None)
        store.flush()
        clock.advance(1)


def size_of(store):
    with database(store) as connection:
        ((pages,),) = connection.execute("PRAGMA page_count").fetchall()
        ((free,),) = connection.execute("PRAGMA freelist_count").fetchall()
    return (pages - free) * 4096


def test_it_never_grows_beyond_its_bound_and_the_least_recently_used_goes(tmp_path, clock):
    """What was read lately stays, what was not goes, and the database stays within `max_bytes`."""
    store = DiskStore(tmp_path / "cache", max_bytes=256 * 1024, clock=clock)
    fill(store, clock, [f"old {i}" for i in range(20)])
    for i in range(10):
        assert store.get(f"old {i}")
    store.flush()
    clock.advance(1)
    fill(store, clock, [f"new {i}" for i in range(40)])
    store.flush()
    left = {f"old {i}" for i in range(20) if store.get(f"old {i}")}
    assert {f"old {i}" for i in range(10)} <= left
    assert 20 > len(left)
    assert store.get("new 39")
    store.close()
    assert 256 * 1024 >= size_of(store)


def test_what_has_expired_goes_before_what_has_not(tmp_path, clock):
    """Nothing that is still good makes room while there is something that is not."""
    store = DiskStore(tmp_path / "cache", max_bytes=256 * 1024, clock=clock)
    store.set("good", bytes(4000), None)
    store.flush()
    clock.advance(1)
    for i in range(40):
        store.set(f"brief {i}", bytes(4000), clock.now() + 1)
    store.flush()
    clock.advance(2)
    fill(store, clock, [f"new {i}" for i in range(30)])
    assert store.get("good")
    assert all(store.get(f"new {i}") for i in range(30))
    store.close()


def test_expired_rows_go_little_by_little(store, clock):
    """Every transaction takes some away, so that they are gone without a sweep."""
    for i in range(40):
        store.set(f"{i}", b"value", clock.now() + 1)
    store.flush()
    clock.advance(2)
    store.set("a", b"value", None)
    store.flush()
    store.set("b", b"value", None)
    store.flush()
    with database(store) as connection:
        assert [(2,)] == connection.execute("SELECT count(*) FROM Cache").fetchall()


def test_a_value_too_large_for_its_bound_is_not_kept(tmp_path, clock, caplog):
    """It would evict everything else; it is said, and what it replaces goes."""
    store = DiskStore(tmp_path / "cache", max_bytes=256 * 1024, clock=clock)
    store.set("key", b"old", None)
    store.set("key", bytes(100 * 1024), None)
    assert store.get("key") is None
    assert "max_bytes" in caplog.text
    store.close()


@pytest.mark.parametrize("max_bytes", [0, -1, 1000, 1.5, True, None])
def test_a_bound_that_is_none_is_refused(tmp_path, max_bytes):
    """The message says what to give."""
    with pytest.raises(ValueError, match="max_bytes"):
        DiskStore(tmp_path, max_bytes=max_bytes)


def test_clearing_gives_the_space_back(store):
    """A cleared cache is small again on disk, too."""
    for i in range(200):
        store.set(f"{i}", bytes(4000), None)
    store.flush()
    assert 200 == store.clear()
    store.close()
    assert 200_000 > (Path(store.directory) / "cache.db").stat().st_size


def test_clearing_a_queued_value_does_not_bring_back_the_one_before(store):
    """The row that a queued value was about to replace goes with it."""
    store.set("key", b"old", None, "a")
    store.flush()
    with store._engine._turn:
        store.set("key", b"new", None, "b")
        assert 1 == store.clear("b")
    assert store.get("key") is None


def test_stores_in_one_directory_share_a_writer_and_the_smaller_bound(tmp_path, clock):
    """Two decorated functions with one directory are one cache."""
    one = DiskStore(tmp_path / "cache", max_bytes=2**20, clock=clock)
    two = DiskStore(tmp_path / "." / "cache", max_bytes=2**21, clock=clock)
    one.set("key", b"value", None)
    assert Stored(b"value", None) == two.get_nowait("key")
    assert 2**20 == two._engine.max_bytes
    one.close()


def test_it_can_be_used_after_it_was_closed(store):
    """Closing writes what is queued and lets go; the next use opens it again."""
    store.set("key", b"value", None)
    store.close()
    assert not store._engine.pending
    assert store.get("key")
    store.set("key", b"other", None)
    assert store.flush()


def test_a_directory_that_is_removed_is_made_again(store):
    """What is written after somebody removed the directory is not written into nowhere."""
    store.set("key", b"value", None)
    store.flush()
    shutil.rmtree(store.directory)
    store.set("other", b"value", None)
    assert store.flush()
    store.close()
    assert store.get("other")
    assert store.get("key") is None


def test_what_waits_is_bounded(store, monkeypatch, caplog):
    """While the disk cannot keep up, the oldest that wait are dropped, and it is said once."""
    monkeypatch.setattr(engines, "_QUEUE", 1000)
    with store._engine._turn:
        for i in range(10):
            store.set(f"{i}", bytes(300), None)
        assert 3 == sum(write.value is not None for write in store._engine.pending.values())
        assert store.get_nowait("9")
        assert store.get_nowait("0") is None
    assert 1 == caplog.text.count("not kept")
    assert 7 == store._engine.dropped


def test_writes_share_a_transaction(store, monkeypatch):
    """What is set while a transaction is under way goes into the next one together."""
    store.set("first", b"value", None)
    store.flush()
    transactions = []
    transact = engines.Engine._transact

    def counted(self, batch, touched):
        transactions.append(len(batch))
        transact(self, batch, touched)

    monkeypatch.setattr(engines.Engine, "_transact", counted)
    for i in range(1000):
        store.set(f"{i}", b"value", None)
    store.flush()
    assert 1000 == sum(transactions)
    assert 10 > len(transactions)


def test_what_is_queued_is_written_at_exit(tmp_path):
    """A program that ends right after a `set` has kept the value."""
    code = """
        import sys
        from frugal.stores import DiskStore
        DiskStore(sys.argv[1]).set("key", b"value", None)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code), tmp_path / "cache"], check=True)
    store = DiskStore(tmp_path / "cache")
    assert Stored(b"value", None) == store.get("key")
    store.close()


def test_the_thread_ends_when_the_store_is_closed(store):
    """Nothing is left running for a store that nobody uses."""
    store.set("key", b"value", None)
    thread = store._engine._thread
    store.close()
    thread.join(10)
    assert not thread.is_alive()


async def test_no_writing_call_runs_on_the_loops_thread(store, tmp_path, monkeypatch):
    """On the loop's thread nothing is opened, made, renamed or written: only an open connection is read."""
    from frugal._mechanisms.tiers import Layer, Tiers
    from frugal.stores import SafeCodec, copy_of

    here, seen = threading.get_ident(), []
    watching = True

    def hook(event, args):
        if watching and threading.get_ident() == here and event.startswith(_DISK) and str(tmp_path) in repr(args):
            seen.append((event, args))

    sys.addaudithook(hook)
    connect = sqlite3.connect

    def traced(*args, **kwargs):
        connection = connect(*args, **kwargs)

        def trace(statement):
            if threading.get_ident() == here and not statement.lstrip().upper().startswith("SELECT"):
                seen.append(("sql", statement))

        connection.set_trace_callback(trace)
        return connection

    monkeypatch.setattr(sqlite3, "connect", traced)
    tiers = Tiers([Layer(name="disk", store=store, codec=SafeCodec(), waits=True)], copy=copy_of)
    for i in range(20):
        assert await tiers.get(f"{i}") is None
        assert await tiers.put(f"{i}", {"large": "x" * 2**20} if i == 7 else "value", tag="tag")
    await asyncio.to_thread(store.flush)
    for i in range(1200):
        assert await tiers.get(f"{i % 20}")
    assert await tiers.delete("1")
    await asyncio.to_thread(store.close)
    assert await tiers.get("2")
    assert 19 == await tiers.clear("tag")
    await asyncio.to_thread(store.close)
    watching = False
    assert [] == seen


_DISK = ("open", "os.mkdir", "os.rename", "os.remove", "os.link", "os.chmod", "os.scandir", "sqlite3.connect", "shutil")


def test_many_are_read_at_one_look(store):
    """Queued ones and written ones alike; each as `get` would give it."""
    store.set("written", b"1", None)
    store.set("over", b"2", -1)
    store.flush()
    store.set("queued", b"3", None)
    store.delete("written twice")
    keys = ["written", "queued", "absent", "over", "written twice", "written", *(f"none {n}" for n in range(500))]
    found = store.get_many(keys)
    assert [store.get(key) for key in keys] == found
    assert [Stored(b"1", None), Stored(b"3", None), None, None, None, Stored(b"1", None)] == found[:6]


def test_a_damaged_row_among_many_is_the_error_of_its_key_alone(store):
    """The others are read."""
    store.set("good", b"1", None)
    store.set("bad", b"2", None)
    store.flush()
    with database(store) as connection:
        connection.execute("UPDATE Cache SET mode = 4 WHERE key = 'bad'")
        connection.commit()
    good, bad = store.get_many(["good", "bad"])
    assert Stored(b"1", None) == good
    assert isinstance(bad, StoreCorruptedError)


def test_after_a_long_read_the_loop_is_spared_for_a_moment(store, monkeypatch):
    """Other threads want the interpreter then: the next read goes to a thread, with others."""
    store.set("key", b"value", None)
    store.flush()
    assert Stored(b"value", None) == store.get("key")  # opens
    times = iter([0.0, 0.01, 0.015, 1.0, 1.0])
    monkeypatch.setattr("frugal.stores.disk.readers.time", SimpleNamespace(monotonic=lambda: next(times)))
    assert Stored(b"value", None) == store.get_nowait("key")
    with pytest.raises(BlockingIOError):
        store.get_nowait("key")
    assert Stored(b"value", None) == store.get_nowait("key")
