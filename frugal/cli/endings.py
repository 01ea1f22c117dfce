"""How a command ends: the exit codes, and the error that carries one.

Law: 1 is only ever a check's answer, so that a cron job or a CI step can tell "no" from "could not tell".
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = [
    "BROKEN_PIPE",
    "BUG",
    "CHECK_FAILED",
    "INTERRUPTED",
    "TROUBLE",
    "Trouble",
    "let_go_of_stdout",
    "os_words",
    "writing_to",
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


def os_words(error: OSError) -> str:
    """Return what the operating system said, without its number."""
    said = error.strerror or str(error)
    return f"{said}: {str(error.filename)!r}." if error.filename is not None else f"{said}."


@contextmanager
def writing_to(path: Path, *, force: bool, suffixes: tuple[str, ...] = ()) -> Iterator[None]:
    """Refuse a file that cannot be written before the work, and say plainly where it could not be during it.

    Args:
        path: the file.
        force: whether one that is there is replaced.
        suffixes: what its name may end in; anything when empty.

    Raises:
        Trouble: it cannot.
    """
    name = repr(str(path))
    if suffixes and path.suffix not in suffixes:
        raise Trouble(f"{name} has suffix {path.suffix!r}: name a file that ends in {' or '.join(suffixes)}.")
    if path.is_dir():
        raise Trouble(f"{name} is a directory: name a file in it.")
    if path.exists() and not force:
        raise Trouble(f"{name} is there already: name another file, or say --force to replace it.")
    if not path.parent.is_dir():
        raise Trouble(f"there is no directory {str(path.parent)!r}: make it, or name another one.")
    try:
        yield
    except OSError as error:
        if not _is_of(error, path):
            raise
        raise Trouble(f"{name} cannot be written ({error.strerror or error}): name a file elsewhere.") from None


def _is_of(error: OSError, path: Path) -> bool:
    """Say whether an error is about the file or its half-written twin beside it."""
    return error.filename is None or Path(os.fsdecode(error.filename)).parent == path.parent
