"""Several processes on one ledger, some of which are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from frugal._values.budget import Budget
from frugal._values.money import Money
from frugal.ledger import Ledger

PRELUDE = """
import asyncio, os, sys, time
from datetime import UTC, datetime
from frugal._values.cost import Cost
from frugal._values.money import Money
from frugal._values.record import Record
from frugal._values.usage import Usage
from frugal.errors import BudgetExceededError
from frugal.ledger import Ledger
from frugal.ports import Claim, Settlement

directory, name = sys.argv[1], sys.argv[2]

def record(number, **facts):
    id = f"{name}-{number:05}"
    return Record(**{"id": id, "call": id, "time": datetime.now(UTC), "function": "ask", "model": "m",
                     "user": f"user-{number % 3}", "run": id, "usage": Usage(output_tokens=1),
                     "cost": Cost.exact(Money(1000)), **facts})

def claim(limit):
    return Claim(name="cap", window="month", timezone="UTC", per=None, subject="", run=None,
                 limit_pico=limit, limit_tokens=None, warn_at=0.8)

def say(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()
"""


def child(directory, name, code, **options):
    """Start a process that runs `code` on the ledger."""
    program = PRELUDE + textwrap.dedent(code)
    return subprocess.Popen(
        [sys.executable, "-c", program, str(directory), name],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
        **options,
    )


WRITE = """
async def main():
    ledger = Ledger(directory)
    say("ready")
    sys.stdin.readline()
    async def call(number):
        made = record(number)
        if await ledger.commit(Settlement(records=(made,))).wait():
            say(made.id)
    for start in range(0, 200, 20):
        await asyncio.gather(*(call(number) for number in range(start, start + 20)))
    say("end")
    await ledger.aclose()
asyncio.run(main())
"""


def run_two_and_kill_one(directory, wait):
    """Return the ids that were acknowledged."""
    children = [child(directory, name, WRITE) for name in ("first", "second")]
    for process in children:
        assert process.stdout.readline() == "ready\n"
    for process in children:
        process.stdin.write("go\n")
        process.stdin.flush()
    time.sleep(wait)
    children[0].kill()
    said = [process.communicate(timeout=60)[0] for process in children]
    assert said[1].endswith("end\n")
    # A line that was cut off by the kill was not said.
    return [line for text in said for line in text[: text.rfind("\n") + 1].split() if line != "end"]


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.soak)])
def test_a_killed_process_loses_nothing_that_was_acknowledged(tmp_path, rounds):
    """SIGKILL at a random moment: the audit is clean and every acknowledged record stands."""
    for number in range(rounds):
        directory = tmp_path / str(number)
        acknowledged = run_two_and_kill_one(directory, random.uniform(0.0, 0.06))
        ledger = Ledger(directory)
        audit = ledger.audit()
        assert audit.ok, audit.problems
        standing = {record.id for record in ledger.records()}
        assert set(acknowledged) <= standing
        assert {f"second-{at:05}" for at in range(200)} <= standing


RACE = """
async def main():
    ledger = Ledger(directory)
    ledger.totals()
    say("ready")
    sys.stdin.readline()
    passed = 0
    async def call(number):
        nonlocal passed
        draft = record(number)
        try:
            grant = await ledger.reserve([claim(100_000)], pico=1000, tokens=1, draft=draft)
        except BudgetExceededError:
            return
        passed += 1
        await asyncio.sleep(0)
        settlement = Settlement(records=(draft,), releases=(grant.id,), charges={draft.id: grant.id})
        await ledger.commit(settlement).wait()
    await asyncio.gather(*(call(number) for number in range(100)))
    say(passed)
    await ledger.aclose()
asyncio.run(main())
"""


@pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.soak)])
def test_eight_processes_pass_exactly_what_the_cap_allows(tmp_path, rounds):
    """800 calls race for a cap of 100: exactly 100 pass."""
    for number in range(rounds):
        directory = tmp_path / str(number)
        children = [child(directory, f"racer{at}", RACE) for at in range(8)]
        for process in children:
            assert process.stdout.readline() == "ready\n"
        for process in children:
            process.stdin.write("go\n")
            process.stdin.flush()
        passed = [int(process.communicate(timeout=60)[0]) for process in children]
        assert sum(passed) == 100
        ledger = Ledger(directory)
        status = ledger.budget_status(Budget(usd=Money(100_000), window="month", name="cap"))
        assert (status.usd.used, status.usd.held, status.exceeded) == (Money(100_000), Money(0), True)
        audit = ledger.audit()
        assert audit.ok, audit.problems


HOLD = """
async def main():
    ledger = Ledger(directory, lease=3600)
    draft = record(1, cost=Cost.exact(Money(0)))
    grant = await ledger.reserve([claim(10_000)], pico=6_000, tokens=7, draft=draft)
    say(grant.id)
    if sys.stdin.readline() == "settle\\n":
        made = record(1, cost=Cost.exact(Money(2_000)))
        await ledger.commit(Settlement(records=(made,), releases=(grant.id,))).wait()
        say("settled")
        await ledger.aclose()
asyncio.run(main())
"""


def budget():
    return Budget(usd=Money(10_000), window="month", name="cap")


def test_what_a_killed_process_held_is_charged_by_the_next_reader(tmp_path):
    """SIGKILL between reserve and settle: the cap holds, and the hold is presumed long before its lease ends."""
    process = child(tmp_path / "ledger", "victim", HOLD)
    process.stdout.readline()
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.budget_status(budget()).usd.held == Money(6_000)
    process.kill()
    process.wait()
    status = ledger.budget_status(budget())
    assert (status.usd.used, status.usd.held) == (Money(6_000), Money(0))
    (record,) = ledger.records()
    assert (record.outcome, record.cost.status, record.cost.low) == ("presumed", "estimated", Money(0))
    assert record.usage.total_tokens == 6 + 1
    assert ledger.audit().ok
    process.communicate()


def test_what_a_killed_process_held_is_charged_by_the_next_reservation(tmp_path):
    """Whoever reserves next settles the dead, and is judged by what is spent then."""
    process = child(tmp_path / "ledger", "victim", HOLD)
    process.stdout.readline()
    process.kill()
    process.communicate()
    other = child(tmp_path / "ledger", "other", HOLD, stderr=subprocess.PIPE)
    _, errors = other.communicate("", timeout=30)
    assert "BudgetExceededError: budget 'cap' refused ask: spent $0.000000006 and held $0.0000" in errors
    ledger = Ledger(tmp_path / "ledger")
    assert ledger.totals().outcomes == {"presumed": 1}
    assert ledger.audit().ok


def test_a_process_that_only_slept_replaces_what_was_presumed(tmp_path):
    """SIGSTOP beyond the lease: the hold is presumed, and the true record takes its place on waking."""
    process = child(tmp_path / "ledger", "sleeper", HOLD.replace("lease=3600", "lease=0.3"))
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    ledger = Ledger(tmp_path / "ledger")
    deadline = time.monotonic() + 10
    while ledger.budget_status(budget()).usd.held and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ledger.totals().outcomes == {"presumed": 1}
    os.kill(process.pid, signal.SIGCONT)
    assert process.communicate("settle\n", timeout=30)[0] == "settled\n"
    assert ledger.totals().outcomes == {"provider": 1}
    assert ledger.budget_status(budget()).usd.used == Money(2_000)
    audit = ledger.audit()
    assert audit.ok, audit.problems


def test_a_living_process_keeps_its_hold_beyond_its_first_lease(tmp_path):
    """A live owner renews its lease off the loop, and nobody takes its hold away."""
    process = child(tmp_path / "ledger", "owner", HOLD.replace("lease=3600", "lease=0.3"))
    process.stdout.readline()
    ledger = Ledger(tmp_path / "ledger")
    deadline = time.monotonic() + 1.0
    while time.monotonic() < deadline:
        assert ledger.budget_status(budget()).usd.held == Money(6_000)
        time.sleep(0.05)
    process.communicate("settle\n", timeout=30)
    assert ledger.totals().outcomes == {"provider": 1}


EXIT = """
ledger = Ledger(directory)
for number in range(300):
    ledger.commit(Settlement(records=(record(number, outcome="memory", cost=Cost.exact(Money(0))),)))
"""


@pytest.mark.parametrize("ending", ["", "sys.exit(3)", "raise SystemExit", "1 / 0"])
def test_records_that_wait_at_the_interpreters_exit_are_written(tmp_path, ending):
    """The writer's thread is a daemon, and yet nothing is lost at exit."""
    process = child(tmp_path / "ledger", "leaver", EXIT + ending, stderr=subprocess.PIPE)
    _, errors = process.communicate("", timeout=30)
    assert ("Error" in errors) == (ending == "1 / 0")
    assert sum(1 for _ in Ledger(tmp_path / "ledger").records()) == 300


def test_a_record_committed_while_the_interpreter_ends_is_written(tmp_path):
    """Another exit handler may still commit, after the ledger's own has run."""
    code = """
    import atexit
    ledger = None
    atexit.register(lambda: ledger.commit(Settlement(records=(record(2),))))
    ledger = Ledger(directory)
    ledger.commit(Settlement(records=(record(1),)))
    """
    process = child(tmp_path / "ledger", "late", code, stderr=subprocess.PIPE)
    assert process.communicate("", timeout=30)[1] == ""
    assert sum(1 for _ in Ledger(tmp_path / "ledger").records()) == 2


FORK = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
ledger = Ledger(directory)
async def write(start):
    await asyncio.gather(*(ledger.commit(Settlement(records=(record(start + at),))).wait() for at in
    range(50)))
asyncio.run(write(0))
for round in range(4):
    for at in range(20):  # not waited for: the parent writes them, and the child does not
        ledger.commit(Settlement(records=(record(1000 + 20 * round + at),)))
    child = os.fork()
    if not child:
        open_files = [os.path.realpath("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd")]
        assert not any("cache.db" in name for name in open_files), open_files
        asyncio.run(write(100 + 100 * round))
        ledger.close()
        os._exit(0)
    asyncio.run(write(5000 + 100 * round))
    assert os.waitpid(child, 0)[1] == 0
ledger.close()
say(sum(1 for _ in ledger.records()), ledger.audit().ok)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks for inherited files in /proc")
def test_a_forked_child_writes_and_so_does_its_parent(tmp_path):
    """After a fork each has its own connection, thread and queue, and every record stands once."""
    process = child(tmp_path / "ledger", "parent", FORK)
    assert process.communicate("", timeout=60)[0].split() == [str(50 + 4 * (20 + 50 + 50)), "True"]


def test_the_acknowledged_is_on_disk_before_it_is_acknowledged(tmp_path):
    """What `wait` said is durable can be read by another process at once."""
    process = child(tmp_path / "ledger", "writer", WRITE)
    process.stdout.readline()
    process.stdin.write("go\n")
    process.stdin.flush()
    first = process.stdout.readline().strip()
    process.kill()
    process.communicate()
    assert first in {json.loads(line)["id"] for line in exported(tmp_path)}


def exported(tmp_path):
    path = tmp_path / "out.jsonl"
    Ledger(tmp_path / "ledger").export(path)
    return Path(path).read_text().splitlines()
