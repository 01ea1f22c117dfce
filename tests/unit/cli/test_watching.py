"""`frugal usage --watch`."""

import asyncio
import io

import pytest
from rich.console import Console

from frugal.cli.parts import Line
from frugal.cli.screen import Screen
from frugal.cli.watching import staying, watch
from frugal.testing import FakeClock


def screen() -> tuple[Screen, io.StringIO]:
    file = io.StringIO()
    return Screen(console=Console(file=file, force_terminal=True, width=80)), file


async def test_it_looks_again_after_each_interval_of_its_clock() -> None:
    """New figures come with the time, and no real time passes."""
    clock, looks = FakeClock(0), iter("first second third".split())
    shown, file = screen()
    task = asyncio.create_task(staying(lambda: [Line(next(looks))], shown, interval=2.0, clock=clock, looks=3))
    for expected in ("first", "second"):
        while not clock.sleepers:
            await asyncio.sleep(0)
        assert expected in file.getvalue()
        clock.advance(2.0)
        await asyncio.sleep(0)
    await task
    assert "third" in file.getvalue()
    assert "00:00:04" in file.getvalue()


async def test_nothing_yet_is_not_the_end() -> None:
    """An empty ledger is watched until something comes."""
    shown, file = screen()
    await staying(list, shown, interval=1.0, clock=FakeClock(0), looks=1)
    assert "Nothing was recorded yet" in file.getvalue()


async def test_a_fault_while_looking_ends_it() -> None:
    """Old figures do not stay on the screen as if they were new."""
    shown, _ = screen()
    with pytest.raises(ZeroDivisionError):
        await staying(lambda: [Line(str(1 // 0))], shown, interval=1.0, clock=FakeClock(0))


def test_ctrl_c_is_the_way_to_end_it() -> None:
    """It is no error."""
    shown, _ = screen()

    def interrupted() -> list[Line]:
        raise KeyboardInterrupt

    watch(interrupted, shown, interval=1.0)
