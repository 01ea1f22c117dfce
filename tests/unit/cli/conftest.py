"""What the command line's tests share: a way to run it, and a ledger with a week in it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from frugal import Ledger
from frugal._values.clock import clock as ambient
from frugal.cli import app
from frugal.cli.workload import DAYS, live_through
from frugal.testing import FakeClock


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its output as JSON."""
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def frugal() -> Run:
    """Return what runs a command line in this process, with its output in a pipe."""

    def run(*words: object) -> Ran:
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


def lived(directory: Path) -> None:
    """Fill a ledger with the demo's week."""
    with Ledger(directory) as ledger:
        now = ambient.now()
        asyncio.run(live_through(ledger, FakeClock(now - (DAYS + 1) * 86_400), directory.parent / "answers", now=now))


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a ledger with a week in it; not to be written to."""
    directory = tmp_path_factory.mktemp("cli") / "week"
    lived(directory)
    return directory


@pytest.fixture
def fresh_week(tmp_path: Path) -> Path:
    """Return a ledger with a week in it, for one test alone."""
    directory = tmp_path / "week"
    lived(directory)
    return directory


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Path]:
    """Return what makes a ledger of records by hand."""

    def make(*records: dict[str, Any]) -> Path:
        async def write() -> None:
            async with Ledger(tmp_path / "recorded") as ledger:
                for record in records:
                    await ledger.record(**record)

        asyncio.run(write())
        return tmp_path / "recorded"

    return make
