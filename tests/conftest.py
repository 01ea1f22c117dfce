"""What every test gets: a home of its own, and a look under the bed for tasks it left there."""

import asyncio
import asyncio.runners
import gc
import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import Phase, settings

ROOT = Path(__file__).parents[1]

# How long an example takes says how busy the machine is, and nothing of what is tested. A gate tries the same
# examples each time; new ones are found where somebody looks at them.
# Where a failure is expected (`make mutants`), the smallest one is not looked for.
unshrunk = [phase for phase in Phase if phase is not Phase.shrink] if os.environ.get("FRUGAL_UNSHRUNK") else list(Phase)
settings.register_profile("frugal", deadline=None, derandomize=bool(os.environ.get("CI")), phases=unshrunk)
settings.load_profile("frugal")

_left: list[str] = []


@pytest.fixture(autouse=True)
def frugal_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point `$FRUGAL_HOME` at a directory that is this test's alone; not yet created."""
    home = tmp_path / "frugal-home"
    monkeypatch.setenv("FRUGAL_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the repository under test."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real data beside the repository; skip where a clone does not have it."""
    path = (ROOT / ".." / "shared" / "data").resolve()
    if not path.is_dir():
        pytest.skip(f"real data is not in this clone: {path} is absent")
    return path


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name long bytes by their length: two workers must collect the same names, and some bytes carry the time."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 40 else None


def pytest_configure(config: pytest.Config) -> None:
    """Watch what a closing event loop has to cancel.

    Both `asyncio.run` and pytest-asyncio close their loops through `asyncio.Runner`, which cancels what is
    still running and says nothing. A task that outlives its test is one that nobody owns (a leak), so it
    is noted here, and the test that left it fails below.
    """
    config.addinivalue_line(
        "markers", "leaves_tasks(why): the loop is closed on running tasks, which is what is tested"
    )
    cancel_all = asyncio.runners._cancel_all_tasks  # type: ignore[attr-defined]

    def note_and_cancel_all(loop: asyncio.AbstractEventLoop) -> None:
        _left.extend(repr(task) for task in asyncio.all_tasks(loop))
        cancel_all(loop)

    asyncio.runners._cancel_all_tasks = note_and_cancel_all  # type: ignore[attr-defined]


def pytest_collection_finish() -> None:
    """Take what was imported out of the collector's sight: it is no test's garbage."""
    settle()


def settle() -> None:
    """Collect what is garbage, and have the collector look at the rest no more.

    Half a million objects would be looked at again by each of the thousands of `gc.collect()` in which tests look for
    what should be gone; together they took longer than anything that is tested.
    """
    gc.collect()
    gc.freeze()


def pytest_sessionfinish() -> None:
    """Let the collector see everything again, so that nothing hides from the last look."""
    gc.unfreeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, None, None]:
    """Fail a test whose event loop was closed on tasks still running."""
    yield
    if nextitem is None or nextitem.path != item.path:
        settle()
    left = _left.copy()
    _left.clear()
    if left and item.get_closest_marker("leaves_tasks") is None:
        more = f"\n  and {len(left) - 5} more" if left[5:] else ""
        pytest.fail("left running when its event loop closed:\n  " + "\n  ".join(left[:5]) + more, pytrace=False)
