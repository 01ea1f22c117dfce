"""How much memory a process has, in bytes."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

__all__ = ["peak", "resident"]


def resident() -> int:
    """Return what this process has now; where that cannot be told, the most it ever had."""
    return _told("VmRSS:") or _most()


def peak() -> int:
    """Return the most that this process ever had."""
    # Not Linux's ru_maxrss, which begins with what the parent had when it started this process.
    return _told("VmHWM:") or _most()


def _told(name: str) -> int:
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def _most() -> int:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
