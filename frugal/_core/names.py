"""Names of calls and records: ids that sort by the time they were made, and never repeat."""

from __future__ import annotations

import os
import time
from itertools import count

__all__ = ["new_id"]


class _Names:
    """Make ids: the millisecond, 48 random bits that are this process's own, and a number.

    Not uuid4: it asks the kernel for each one, which lets go of the interpreter's lock and waits to have it back. These
    are names, not secrets.
    """

    def __init__(self) -> None:
        self.numbers = count(int.from_bytes(os.urandom(3), "big"))
        self.process = os.urandom(6).hex()
        self.head = (0, "")  # the last millisecond, and what ids begin with in it


_names = _Names()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_names.__init__)  # type: ignore[misc]  # made anew, where it is


def new_id() -> str:
    """Return a fresh id for a call or a record, in 32 hexadecimal digits; ids sort by the millisecond they were made.

    So they are written where the last ones were: at a million records, random ones would touch a page of the index
    each.
    """
    now = time.time_ns() // 1_000_000
    at, head = _names.head
    if at != now:
        head = f"{now:012x}{_names.process}"
        _names.head = (now, head)
    return f"{head}{next(_names.numbers) & 0xFFFFFFFF:08x}"
