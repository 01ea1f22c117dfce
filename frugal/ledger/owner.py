"""Owners: which process holds, and whether it still lives.

Law: a live owner is never taken for dead before its lease ends; a dead one is seen at once by processes
that can look (same machine, same boot, same process namespace), and by all others when its lease ends. A
process that got the dead one's number is told apart by the time it started.
"""

from __future__ import annotations

import os
import platform
from functools import lru_cache
from pathlib import Path

import msgspec

__all__ = ["LIVING", "OwnerRow", "is_gone", "myself"]

LIVING: set[str] = set()
"""The owners of this process whose ledgers are open: they live, whatever their leases say."""


class OwnerRow(msgspec.Struct, omit_defaults=True):
    """Hold who an owner is.

    Args:
        pid: its process.
        started: when that process started, in ticks since boot; 0 where that cannot be told.
        boot: which boot of which machine, and which process namespace; "" where that cannot be told.
        lease: until when it is to be believed alive, in Unix seconds.
    """

    pid: int
    started: int
    boot: str
    lease: float


def myself(lease: float) -> OwnerRow:
    """Return the row of this process."""
    pid = os.getpid()
    return OwnerRow(pid, _started(pid), _boot(pid), lease)


@lru_cache(maxsize=4)
def _boot(_pid: int) -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{platform.node()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return ""


def _started(pid: int) -> int:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (OSError, ValueError):
        return 0
    after_name = stat.rpartition(")")[2].split()  # the name may hold spaces and parentheses
    return 0 if after_name[0] in "ZX" else int(after_name[19])  # a zombie has died


def is_gone(owner: OwnerRow) -> bool:
    """Whether the owner's process is known to have ended; false where that cannot be told from here."""
    boot = _boot(os.getpid())
    return bool(boot) and owner.boot == boot and owner.started != _started(owner.pid)
