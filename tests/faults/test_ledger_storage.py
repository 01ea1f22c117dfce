"""Directories that are in the way: locked, read-only, full, foreign, newer, broken, hostile."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import diskcache
import pytest

from frugal._values.budget import Budget
from frugal._values.cost import FREE, Cost
from frugal._values.money import Money
from frugal._values.record import Record
from frugal.errors import LedgerFormatError, LedgerUnavailableError, StoreCorruptedError
from frugal.ledger import Ledger
from frugal.ledger.store import Store
from frugal.ports import Claim, Settlement

CLAIM = Claim(
    name="cap",
    window="day",
    timezone="UTC",
    per=None,
    subject="",
    run=None,
    limit_pico=10**12,
    limit_tokens=None,
    warn_at=0.8,
)


def record(id="one", **facts):
    made = {"id": id, "call": id, "time": datetime.now(UTC), "cost": Cost.exact(Money(5)), **facts}
    return Record(**made)


def settle(*records):
    return Settlement(records=records)


def raw(ledger):
    """Return another connection to the ledger's database."""
    return closing(sqlite3.connect(Path(ledger.directory) / "cache.db", isolation_level=None, timeout=0))


def seeded(directory, **options):
    """Return a ledger that exists already."""
    ledger = Ledger(directory, **options)
    ledger.commit(settle(record("seed"))).join(5)
    return ledger


@contextmanager
def locked(ledger):
    """Have another connection hold the database's lock."""
    with raw(ledger) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextmanager
def failing(monkeypatch, pragma):
    """Have every connection that writes come up against a real limit of SQLite's."""
    true = Store.writing

    def crippled(store):
        connection = true(store)
        connection.execute(pragma)
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(Store, "writing", crippled)
        yield


async def turns_of_the_loop(stop):
    """Count how often the loop turns."""
    count = 0
    while not stop.is_set():
        await asyncio.sleep(0)
        count += 1
    return count


async def test_a_locked_ledger_is_waited_for_within_patience_and_written_later(tmp_path, caplog):
    """Metering gives up waiting, keeps the record, and the loop turns all the while."""
    ledger = seeded(tmp_path / "ledger", patience=0.3)
    stop = asyncio.Event()
    turning = asyncio.create_task(turns_of_the_loop(stop))
    with locked(ledger):
        began = time.monotonic()
        ticket = ledger.commit(settle(record()))
        assert not await ticket.wait()
        assert 0.3 <= time.monotonic() - began < 10  # its patience, and a machine that is busy
        assert not ticket.done
        with pytest.raises(LedgerUnavailableError):
            await ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft"))
        stop.set()
        assert await turning > 100  # a loop that waits for the lock turns a few times
    await ledger.flush()
    assert ticket.done
    assert {found.id for found in ledger.records()} == {"seed", "one"}
    assert ledger.budget_status(Budget(usd=1, name="cap")).usd.held == Money(0)
    assert "cannot be written: database is locked" in caplog.text
    assert "can be written again" in caplog.text


async def test_patience_runs_once_and_not_for_each_call(tmp_path):
    """While a failure lasts, calls that come later are not each made to wait it out."""
    ledger = seeded(tmp_path / "ledger", patience=0.3)
    with locked(ledger):
        assert not await ledger.commit(settle(record("first"))).wait()
        began = time.monotonic()
        for number in range(20):
            assert not await ledger.commit(settle(record(f"later-{number}"))).wait()
        assert time.monotonic() - began < 3  # twenty times the patience would be six
    await ledger.flush()
    assert sum(1 for _ in ledger.records()) == 22


async def test_a_short_lock_is_not_noticed(tmp_path):
    """A lock that opens within patience costs only the wait."""
    ledger = seeded(tmp_path / "ledger", patience=5)
    with locked(ledger):
        waiting = asyncio.create_task(ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft")))
        await asyncio.sleep(0.05)
        assert not waiting.done()
    assert (await waiting).pico == 1


@pytest.mark.parametrize(
    ("pragma", "reason"),
    [("PRAGMA query_only = 1", "readonly"), ("PRAGMA max_page_count = 1", "full")],
)
async def test_a_ledger_that_cannot_be_written_refuses_budgets_and_keeps_records(
    tmp_path, monkeypatch, caplog, pragma, reason
):
    """Read-only or full: budgets fail closed with a clear error, records wait in a file of their own."""
    seeded(tmp_path / "ledger").close()
    with failing(monkeypatch, pragma):
        ledger = Ledger(tmp_path / "ledger", patience=0.1)
        with pytest.raises(LedgerUnavailableError, match=reason) as caught:
            await ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft", key="k" * 9000))
        assert caught.value.directory == ledger.directory
        records = [record(f"r{number}", user="u" * 3000) for number in range(10)]
        assert not await ledger.commit(settle(*records)).wait()
        assert [found.id for found in ledger.records()] == ["seed"]
        await ledger.aclose()
    assert "10 records could not be written" in caplog.text
    (kept,) = Path(ledger.directory).glob("unwritten-*.jsonl")
    assert kept.stat().st_mode & 0o077 == 0
    again = Ledger(tmp_path / "ledger")
    await again.commit(settle(record("after"))).wait()
    assert sum(1 for _ in again.records()) == 12
    assert not list(Path(ledger.directory).glob("unwritten-*"))
    assert again.audit().ok


async def test_a_file_of_unwritten_records_is_taken_in_once(tmp_path, monkeypatch):
    """The same file, found again after it was taken in, adds nothing."""
    seeded(tmp_path / "ledger").close()
    with failing(monkeypatch, "PRAGMA query_only = 1"):
        ledger = Ledger(tmp_path / "ledger", patience=0.05)
        ledger.commit(settle(record()))
        ledger.close()
    (kept,) = Path(ledger.directory).glob("unwritten-*.jsonl")
    text = kept.read_text()
    for _ in range(2):
        kept.write_text(text + "not json\n")
        again = Ledger(tmp_path / "ledger")
        await again.update_state("anything", lambda state: {})
        assert {found.id for found in again.records()} == {"seed", "one"}
        again.close()
    assert kept.with_suffix(".broken").exists()


def make_text(place):
    place.mkdir()
    (place / "notes.txt").write_text("mine")


def make_cache(place):
    cache = diskcache.Cache(str(place))
    cache["key"] = "value"
    cache.close()


def make_garbage(place):
    place.mkdir()
    (place / "cache.db").write_bytes(b"not a database at all" * 100)


def make_file(place):
    place.write_text("a file")


def make_newer(place):
    seeded(place).close()
    with closing(sqlite3.connect(place / "cache.db")) as connection:
        connection.execute("UPDATE Cache SET value = replace(value, '1', '99') WHERE key = 'schema'")
        connection.commit()


@pytest.mark.parametrize("make", [make_text, make_cache, make_garbage, make_file, make_newer])
async def test_a_directory_that_is_not_ours_is_refused_and_left_alone(tmp_path, monkeypatch, caplog, make):
    """Reading and reserving say what it is; metering logs; nothing in it changes."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    place = tmp_path / "place"
    make(place)
    before = contents(place)
    ledger = Ledger(place, patience=60)
    for read in (ledger.totals, ledger.audit, lambda: list(ledger.records())):
        with pytest.raises(LedgerFormatError, match="cannot be opened as a frugal directory"):
            read()
    with pytest.raises(LedgerFormatError):
        await ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft"))
    began = time.monotonic()
    assert not await ledger.commit(settle(record())).wait()
    assert time.monotonic() - began < 30  # no use in having patience
    await ledger.aclose()
    assert contents(place) == before
    assert len(list((tmp_path / "temporary").rglob("unwritten-*.jsonl"))) == 1
    assert "move that file into the ledger's directory" in caplog.text


def contents(place):
    if place.is_file():
        return place.read_bytes()
    return {path.name: path.read_bytes() for path in place.iterdir() if path.suffix not in (".db-shm", ".db-wal")}


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


def plant(ledger, key, bomb, column="value"):
    """Put a pickle where the ledger's row was."""
    with raw(ledger) as connection:
        data = pickle.dumps(bomb)
        if column == "key":
            changed = connection.execute("UPDATE Cache SET key = ?, raw = 0 WHERE key LIKE ?", (data, key))
        else:
            changed = connection.execute("UPDATE Cache SET mode = 4, value = ? WHERE key LIKE ?", (data, key))
        assert changed.rowcount


@pytest.mark.parametrize("key", ["record/%", "day/%", "hour/%", "scopes", "account/%", "budget/%"])
async def test_a_pickled_row_is_never_executed(tmp_path, monkeypatch, key):
    """Whatever row arrives pickled: the audit names it, who needs it is told, and nothing runs."""
    trace = tmp_path / "executed"
    ledger = seeded(tmp_path / "ledger")
    grant = await ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft"))
    ledger.close()
    plant(ledger, key, Bomb(trace))
    ledger = Ledger(tmp_path / "ledger")
    assert not ledger.audit().ok
    faults = []
    for read in (
        lambda: list(ledger.records()),
        ledger.totals,
        lambda: ledger.usage(by=("user", "hour")),
        lambda: ledger.budget_status(Budget(usd=1)),
        lambda: ledger.budget_status(Budget(usd=1, window="week")),
        ledger.budgets,
        ledger._store.cache,
    ):
        try:
            read()
        except StoreCorruptedError as error:
            faults.append(error)
    assert faults
    kept = ledger.commit(settle(record("next")))
    assert await kept.wait() or kept.error is not None
    try:
        await ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft2"))
    except StoreCorruptedError as error:
        faults.append(error)
    assert all("Nothing of it was executed" in str(fault) for fault in faults)
    assert not trace.exists()
    assert grant.pico == 1


async def test_a_corrupt_counter_loses_no_record(tmp_path):
    """A record whose counter is corrupt is kept beside the ledger, and the others are written."""
    ledger = seeded(tmp_path / "ledger")
    plant(ledger, "day/%", Bomb(tmp_path / "executed"))
    ledger.close()
    bad = ledger.commit(settle(record("bad")))
    good = ledger.commit(settle(record("good", user="somebody else")))
    assert not await bad.wait()
    assert isinstance(bad.error, StoreCorruptedError)
    assert await good.wait()
    (kept,) = Path(ledger.directory).glob("unwritten-*.jsonl")
    assert '"bad"' in kept.read_text()
    assert not (tmp_path / "executed").exists()


def test_a_pickled_key_is_never_executed(tmp_path):
    """A key is as dangerous as a value; diskcache's own iteration refuses it too."""
    ledger = seeded(tmp_path / "ledger")
    plant(ledger, "record/%", Bomb(tmp_path / "executed"), column="key")
    assert not ledger.audit().ok
    cache = ledger._store.cache()
    with closing(cache), pytest.raises(StoreCorruptedError):
        list(cache)
    assert not (tmp_path / "executed").exists()


def test_nothing_can_be_pickled_into_a_ledger(tmp_path):
    """The armoured cache refuses to write what it would refuse to read."""
    ledger = seeded(tmp_path / "ledger")
    with closing(ledger._store.cache()) as cache:
        for key, value in ((("a", "tuple"), "x"), ("key", ["list"]), ("key", 2**70), ("key", None), (7, "x")):
            with pytest.raises(TypeError):
                cache[key] = value
    assert ledger.audit().ok


def test_a_broken_database_is_said_to_be_broken(tmp_path):
    """Pages of noise: the audit and reading say so, and nothing hangs."""
    ledger = seeded(tmp_path / "ledger")
    ledger.commit(settle(*(record(f"r{number}") for number in range(500)))).join(5)
    ledger.close()
    path = Path(ledger.directory) / "cache.db"
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    ledger = Ledger(tmp_path / "ledger", patience=60)
    with pytest.raises((StoreCorruptedError, LedgerUnavailableError)):
        ledger.totals()
    began = time.monotonic()
    ticket = ledger.commit(settle(record()))
    assert not ticket.join(60)
    assert time.monotonic() - began < 30  # no use in having patience
    ledger.close()
    assert list(Path(ledger.directory).glob("unwritten-*.jsonl"))


async def test_a_directory_that_is_removed_is_made_again(tmp_path):
    """What is written after the directory went does not go to a file that nobody can open."""
    ledger = seeded(tmp_path / "ledger")
    shutil.rmtree(ledger.directory)
    assert await ledger.commit(settle(record("after"))).wait()
    assert [found.id for found in ledger.records()] == ["after"]
    assert ledger.audit().ok


def test_nothing_is_made_before_the_first_write(tmp_path):
    """Making a ledger and reading it leave no trace."""
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.totals().calls == 0
    assert ledger.trend(3)[0].calls == 0
    assert not list(ledger.records())
    assert ledger.audit()
    assert ledger.budgets() == []
    assert ledger.load_state("x") is None
    ledger.close()
    assert not (tmp_path / "ledger").exists()


def test_the_directory_is_for_its_owner_only(tmp_path):
    """Mode 0700, also where the directory was there before."""
    (tmp_path / "there").mkdir(mode=0o755)
    for name in ("there", "new"):
        ledger = seeded(tmp_path / name)
        assert Path(ledger.directory).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("durability", "level"), [("normal", 1), ("full", 2)])
def test_durability_is_what_sqlite_is_told(tmp_path, durability, level):
    """It is set on the connection that writes, whatever another process chose before."""
    seeded(tmp_path / "ledger", durability="full" if durability == "normal" else "normal").close()
    ledger = seeded(tmp_path / "ledger", durability=durability)
    connection = ledger._writer._transactions._connection
    assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace to see what reaches the disk")
@pytest.mark.parametrize(("durability", "syncs"), [("normal", 0), ("full", 10)])
def test_full_durability_syncs_every_commit_and_normal_none(tmp_path, durability, syncs):
    """Ten commits: ten calls of the system that force them to the disk, or none."""
    code = f"""
import os
from datetime import UTC, datetime
from frugal._values.record import Record
from frugal.ledger import Ledger
from frugal.ports import Settlement
ledger = Ledger({str(tmp_path / "ledger")!r}, durability={durability!r})
def put(id):
    ledger.commit(Settlement(records=(Record(id=id, call=id, time=datetime.now(UTC)),))).join()
put("first")
os.write(2, b"BEGIN\\n")
for number in range(10):
    put(f"r{{number}}")
os.write(2, b"END\\n")
os._exit(0)
"""
    command = ["strace", "-f", "-e", "trace=fsync,fdatasync,write", "-e", "signal=none", sys.executable, "-c", code]
    seen = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=False).stderr
    if "BEGIN" not in seen:
        pytest.skip("strace may not trace here: " + seen[-200:])
    between = seen[seen.index("BEGIN") : seen.rindex("END")]
    assert len(re.findall(r"f(?:data)?sync\(", between)) == syncs


async def test_no_disk_is_touched_on_the_loops_thread(tmp_path):
    """Every connection is opened, and every file written, on the writer's thread."""
    mine, watching, seen = threading.get_ident(), True, []

    def hook(event, args):
        if watching and threading.get_ident() == mine:
            writes = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
            if event.startswith("sqlite3.") or writes or event in ("os.mkdir", "os.link", "os.rename"):
                seen.append((event, args))

    sys.addaudithook(hook)
    ledger = Ledger(tmp_path / "ledger")
    grant = await ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft"))
    assert await ledger.grow(grant.id, pico=2, tokens=0)
    await ledger.commit(Settlement(records=(record(),), releases=(grant.id,))).wait()
    await ledger.commit(settle(record("free", outcome="memory", cost=FREE))).wait()
    await ledger.record(cost=1, id="hand")
    await ledger.typical_output("f", "m", 0.9)
    await ledger.feedback("one", success=True)
    await ledger.update_state("x", lambda state: {"a": 1})
    await ledger.flush()
    await ledger.aclose()
    watching = False
    assert seen == []


def test_errors_of_storage_are_logged_once_and_not_for_each_try(tmp_path, caplog):
    """A lock that stays is said when it begins and when patience ends."""
    ledger = seeded(tmp_path / "ledger", patience=0.3)
    with caplog.at_level(logging.WARNING, "frugal"), locked(ledger):
        ledger.commit(settle(record())).join(5)
    assert caplog.text.count("cannot be written: database is locked") == 1


def as_somebody_without_rights(work):
    """Run `work` in a child that file permissions hold for, and return whether it succeeded."""
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgid(65534)
                os.setuid(65534)
            work()
        except BaseException:  # told by the exit code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child without rights")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_directory_without_write_permission_is_read_and_not_written():
    """Real permissions: reports work, budgets fail closed, and records are kept elsewhere."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "ledger"
        seeded(directory).close()
        if os.geteuid() == 0:
            for path in (place, directory, *directory.iterdir()):
                os.chown(path, 65534, 65534)
        directory.chmod(0o500)
        (directory / "cache.db").chmod(0o400)

        def work():
            ledger = Ledger(directory, patience=0.1)
            assert ledger.totals().calls == 1
            assert ledger.audit().ok
            with pytest.raises(LedgerUnavailableError):
                asyncio.run(ledger.reserve([CLAIM], pico=1, tokens=0, draft=record("draft")))
            assert not ledger.commit(settle(record())).join(5)
            tempfile.tempdir = place
            ledger.close()
            assert len(list(Path(place).glob("frugal-*/unwritten-*.jsonl"))) == 1

        assert as_somebody_without_rights(work)
        directory.chmod(0o700)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a child without rights")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_directory_of_another_user_is_refused():
    """What somebody else can change is not trusted with money."""
    if os.geteuid():
        pytest.skip("only the superuser can make a directory that belongs to somebody else")
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place) / "ledger"
        seeded(directory).close()
        (Path(place) / "empty").mkdir(mode=0o777)
        for path in (place, directory):
            os.chmod(path, 0o755)  # noqa: PTH101

        def work():
            for name in ("ledger", "empty"):
                with pytest.raises(LedgerFormatError, match="belongs to another user"):
                    Ledger(Path(place) / name).totals()

        assert as_somebody_without_rights(work)


def test_an_armoured_cache_refuses_a_pickled_value(tmp_path):
    """Diskcache's own reading goes through the same armour."""
    ledger = seeded(tmp_path / "ledger")
    plant(ledger, "record/%", Bomb(tmp_path / "executed"))
    with closing(ledger._store.cache()) as cache:
        assert cache["schema"].startswith("{")
        with pytest.raises(StoreCorruptedError):
            cache["record/seed"]
    assert not (tmp_path / "executed").exists()
