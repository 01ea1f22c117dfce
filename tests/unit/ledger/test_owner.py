"""Who holds, and whether it still lives."""

import os
import subprocess
import sys

import msgspec
import pytest

from frugal.ledger import owner as room
from frugal.ledger.owner import is_gone, myself

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells when a process started")


def changed(**facts):
    return msgspec.structs.replace(myself(0.0), **facts)


def test_a_living_process_is_not_gone():
    """This one."""
    assert not is_gone(myself(0.0))


def test_a_process_that_ended_is_gone():
    """Its number stands for nobody, or for somebody who started later."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    row = changed(pid=process.pid, started=room._started(process.pid))
    assert not is_gone(row)
    process.communicate(b"\n")
    assert is_gone(row)


def test_a_process_that_has_died_and_is_not_buried_is_gone():
    """A zombie holds nothing."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    row = changed(pid=process.pid, started=room._started(process.pid))
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(row)
    process.wait()


def test_another_process_of_the_same_number_is_not_the_owner():
    """The time it started tells them apart."""
    assert is_gone(changed(started=myself(0.0).started - 1))


def test_nothing_is_said_of_other_machines_boots_and_namespaces():
    """There the lease decides."""
    assert not is_gone(changed(pid=2**22 + 1, started=1, boot="elsewhere"))
    assert not is_gone(changed(pid=2**22 + 1, started=1, boot=""))


def test_where_the_system_tells_nothing_the_lease_decides(monkeypatch):
    """No guess from a bare process number."""
    monkeypatch.setattr(room, "_boot", lambda pid: "")
    assert not is_gone(changed(pid=2**22 + 1))
