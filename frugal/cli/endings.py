"""How a command ends: the exit codes, and the error that carries one.

Law: 1 is only ever a check's answer, so that a cron job or a CI step can tell "no" from "could not tell".
"""

from __future__ import annotations

import os
import sys

__all__ = [
    "BROKEN_PIPE",
    "BUG",
    "CHECK_FAILED",
    "INTERRUPTED",
    "TROUBLE",
    "Trouble",
    "let_go_of_stdout",
]

CHECK_FAILED = 1
"""A check was asked for, and its answer is no."""

TROUBLE = 2
"""The command line cannot be read, or what it needs cannot be had."""

BUG = 3
"""Something went wrong that should not have been able to."""

INTERRUPTED = 130
"""Stopped from the keyboard; 128 and the signal, as shells say it."""

BROKEN_PIPE = 141
"""Whoever read the output went away, likewise."""


class Trouble(Exception):  # noqa: N818 it is not always an error: a check may fail
    """Ends a command with one line on stderr.

    Args:
        message: what happened, to what, and what to do next.
        code: the exit code.
    """

    def __init__(self, message: str, code: int = TROUBLE) -> None:
        self.code = code
        super().__init__(message)


def let_go_of_stdout() -> None:
    """Send what is still buffered nowhere, so that the interpreter's exit does not fail on a broken pipe."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # a stream without a descriptor has nothing to be flushed by the interpreter
        return
