"""Staying: a screen that is shown anew, in its place, until it is interrupted.

Law: the time is the clock's; a fault while looking ends the watch with its error rather than leaving old figures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.live import Live

from frugal._values.clock import clock as ambient
from frugal.cli.parts import Line, Part
from frugal.cli.screen import Screen
from frugal.ports import Clock

__all__ = ["staying", "watch"]


def watch(look: Callable[[], Sequence[Part]], screen: Screen, *, interval: float) -> None:
    """Show what `look` returns every `interval` seconds until Ctrl-C."""
    try:
        asyncio.run(staying(look, screen, interval=interval, clock=ambient))
    except KeyboardInterrupt:
        return  # the way to end it


async def staying(
    look: Callable[[], Sequence[Part]],
    screen: Screen,
    *,
    interval: float,
    clock: Clock,
    looks: int | None = None,
) -> None:
    """Show what `look` returns, and again after each interval.

    Args:
        look: returns what there is to show; it may block.
        screen: where.
        interval: seconds between two looks.
        clock: tells the time and waits.
        looks: how often; without end when `None`.
    """
    # Drawn when there is something new, by this task: no thread of rich's own, which would tick by another clock.
    with Live(console=screen.console, auto_refresh=False, screen=False, vertical_overflow="crop") as live:
        seen = 0
        while True:
            parts = await asyncio.to_thread(look)
            now = datetime.fromtimestamp(clock.now(), UTC)
            foot = Line(f"{now:%Y-%m-%d %H:%M:%S} UTC, every {interval:g} s; Ctrl-C ends it.", "dim")
            shown = parts or [Line("Nothing was recorded yet; this stays and shows it when it comes.")]
            live.update(screen.rendered([*shown, foot]), refresh=True)
            seen += 1
            if looks is not None and seen >= looks:
                return
            await clock.sleep(interval)
