"""Virtual time."""

import asyncio
import threading
import time

import pytest

from frugal._values.clock import clock as ambient
from frugal.insight.backtesting.hours import VirtualLoop, run

YEAR = 365 * 86_400.0


def test_a_year_passes_at_once_and_in_order() -> None:
    """Timers ring in the order in which they are due, at the very time."""
    rang: list[tuple[str, float]] = []

    async def ring(name: str, after: float) -> None:
        await asyncio.sleep(after)
        rang.append((name, ambient.now()))

    async def main(loop: VirtualLoop) -> None:
        await asyncio.gather(ring("late", YEAR), ring("soon", 0.5), ring("next", 86_400 * 3))

    run(main, 1_768_478_400.0)  # which pytest stops after two minutes
    assert rang == [
        ("soon", 1_768_478_400.5),
        ("next", 1_768_478_400.0 + 86_400 * 3),
        ("late", 1_768_478_400.0 + YEAR),
    ]


def test_time_stands_still_while_a_thread_works() -> None:
    """However long it takes, and whoever else has a timer."""

    async def main(loop: VirtualLoop) -> tuple[float, bool]:
        timer = asyncio.create_task(asyncio.sleep(0.001))
        await asyncio.to_thread(time.sleep, 0.05)  # real work, in a real thread
        found = loop.time(), timer.done()
        await timer
        return found

    assert run(main, 100.0) == (100.0, False)


def test_timeouts_are_virtual_too() -> None:
    """`asyncio.timeout` goes by the same time."""

    async def main(loop: VirtualLoop) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await asyncio.Event().wait()
        return loop.time()

    assert run(main, 0.0) == pytest.approx(3600)


def test_waits_below_what_a_clock_tells_still_end() -> None:
    """A nanosecond after 2026 is no other float; time moves all the same."""

    async def main(loop: VirtualLoop) -> float:
        for _ in range(100):
            await ambient.sleep(1e-9)
        return loop.time()

    assert run(main, 1_768_478_400.0) > 1_768_478_400.0


@pytest.mark.leaves_tasks("what waits for ever is what is tested")
def test_what_waits_for_ever_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backtest never hangs."""
    monkeypatch.setattr("frugal.insight.backtesting.hours._PATIENCE", 0.01)

    async def main(loop: VirtualLoop) -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="never comes"):
        run(main, 0.0)


def test_time_passes_as_outside_while_somebody_outside_is_asked() -> None:
    """A wait of a hundredth of a second takes about that."""

    async def main(loop: VirtualLoop) -> float:
        began = time.monotonic()
        with loop.asking_outside():
            await asyncio.sleep(0.01)
        return time.monotonic() - began

    assert run(main, 0.0) >= 0.009


def test_other_threads_keep_the_machines_time() -> None:
    """They may serve real calls meanwhile."""
    seen: list[float] = []

    async def main(loop: VirtualLoop) -> None:
        thread = threading.Thread(target=lambda: seen.append(ambient.now()))
        thread.start()
        await asyncio.to_thread(thread.join)
        assert ambient.now() == loop.time() == 0.0

    run(main, 0.0)
    assert abs(seen[0] - time.time()) < 60
