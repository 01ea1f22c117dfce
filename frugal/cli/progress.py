"""Progress of long work, on stderr and only where a person looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from frugal.cli.screen import error_console

__all__ = ["progress"]

_EVERY = 100  # steps between two looks at the bar


@contextmanager
def progress(what: str, total: int | None, console: Console | None = None) -> Iterator[Callable[[], None]]:
    """Yield what counts one step, with a bar while the block lasts.

    Args:
        what: what is done.
        total: how many steps there will be, about; `None` where nobody knows.
        console: where; stderr when not given.
    """
    place = error_console() if console is None else console
    if not place.is_terminal:
        yield lambda: None
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=place, transient=True) as bars:
        task = bars.add_task(what, total=total)
        steps = 0

        def step() -> None:
            nonlocal steps
            steps += 1
            if steps % _EVERY == 0:
                bars.update(task, completed=steps)

        yield step
        bars.update(task, completed=steps)
