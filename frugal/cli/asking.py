"""Asking before what cannot be undone."""

from __future__ import annotations

import sys

import typer

from frugal.cli.endings import Trouble
from frugal.cli.wording import clean

__all__ = ["sure"]


def sure(question: str, *, yes: bool) -> None:
    """Return when the user said yes.

    Raises:
        Trouble: nobody can be asked.
        typer.Abort: the user said no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise Trouble(f"{question.rstrip('?')}: that cannot be undone, and nobody is here to be asked. Say --yes.")
    typer.confirm(clean(question), abort=True, err=True)
