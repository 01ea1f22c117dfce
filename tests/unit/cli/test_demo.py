"""`frugal demo`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger
from frugal.testing import FakeClock, virtual


def figures(document: dict[str, Any]) -> Any:
    """Return what must be the same every time."""
    return (
        document["billed"],
        {name: row["saved"] for name, row in document["saved_by"].items()},
        [(row["group"], row["calls"], row["cost"], row["saved"]) for row in document["by_user"]],
        [(row["group"], row["calls"], row["cost"], row["saved"]) for row in document["by_model"]],
        {
            (one["name"], one["subject"]): one["usd"]["used"]["pico"]
            for one in document["budgets"]
            if one["window"] == "day"
        },
        [one["what"] for one in document["refused"]],
    )  # fmt: skip


def test_it_is_the_same_every_time(frugal: Callable[..., Any], tmp_path: Path) -> None:
    """Money, savings, budgets and refusals do not depend on the day, the hour or the machine."""
    seen = []
    for number, at in enumerate((1_790_000_000.0, 1_790_035_199.0, 1_790_035_201.0)):  # around a midnight
        with virtual(FakeClock(at)):
            seen.append(figures(frugal("demo", "--json", "--ledger", tmp_path / str(number)).document))
    assert seen[0] == seen[1] == seen[2]


def test_its_money_is_right(frugal: Callable[..., Any], tmp_path: Path) -> None:
    """What the providers billed lies in the ledger's bounds, and the books are right."""
    document = frugal("demo", "--json", "--ledger", tmp_path / "demo").document
    with Ledger(tmp_path / "demo") as ledger:
        models = ledger.totals(kind="llm").cost
        assert ledger.audit()
    assert models.low is not None
    assert models.high is not None
    assert models.low.pico <= document["billed"]["pico"] <= models.high.pico
    assert document["total"]["cost"]["amount"]["pico"] == sum(
        row["cost"]["amount"]["pico"] for row in document["by_model"]
    )


def test_it_shows_the_main_job(frugal: Callable[..., Any]) -> None:
    """Spend by model and by user, what was saved, a budget, what was stopped, where it is, and what to try next."""
    ran = frugal("demo")
    assert ran.code == 0
    assert ran.err == ""
    for words in (
        "by model", "gpt-4o", "by user", "ada", "memory layer", "disk layer", "shared flights", "Budgets", "the desk",
        "Stopped by budget 'each run'", "frugal usage --by user,model --ledger", "frugal top", "frugal records",
    ):  # fmt: skip
        assert words in ran.out
    place = Path(
        next(line.strip() for line in ran.out.splitlines() if line.endswith("/ledger") and "frugal " not in line)
    )
    assert (place / "cache.db").exists()
    assert frugal("audit", "--ledger", place).code == 0


def test_real_records_are_not_mixed_with_it(frugal: Callable[..., Any], recorded: Callable[..., Path]) -> None:
    """A ledger in use is refused and left as it is."""
    place = recorded({"cost": "1"})
    ran = frugal("demo", "--ledger", place)
    assert ran.code == 2
    with Ledger(place) as ledger:
        assert ledger.totals().calls == 1


def test_it_takes_seconds() -> None:
    """From nothing to tables in a real process: well under ten seconds of a processor, however busy the machine."""
    began = os.times()
    subprocess.run([sys.executable, "-c", "from frugal.cli import app; app()", "demo"], check=True, capture_output=True)
    ended = os.times()
    used = ended.children_user + ended.children_system - began.children_user - began.children_system
    assert 0 < used < 10


def test_it_leaves_its_ledger_and_nothing_else(
    frugal: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answers that its caches kept are nobody's: they go with the demo."""
    room = tmp_path / "temporary"
    room.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(room))
    frugal("demo", "--ledger", tmp_path / "ledger")
    assert [] == list(room.iterdir())
    assert (tmp_path / "ledger").is_dir()
