"""How a backtest reads."""

import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from frugal import Budget, backtest, budgeted, cached, deduplicated, memory, routed, stack
from frugal.cli.screen import Screen
from frugal.cli.verdicts import verdict_parts
from frugal.insight.backtesting import Backtest

NOON = 1_768_478_400


def rows(many: int = 10, step: float = 60, **more: Any) -> list[dict[str, Any]]:
    """Return a log of requests, so many seconds apart."""
    row = {"model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100, "max_tokens": 100}
    return [{**row, "time": NOON + at * step, "prompt": f"{at}", "user": "ab"[at % 2], **more} for at in range(many)]


def shown(found: Backtest, by: str | None = None, width: int | None = None, timezone: str = "UTC") -> list[str]:
    """Return the lines of a screen: of a terminal of that width, or of a pipe."""
    console = Console(width=width, force_terminal=width is not None, highlight=False, markup=False)
    screen = Screen(console=console)
    with console.capture() as capture:
        screen.show(*verdict_parts(found, by, timezone, screen))
    return [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in capture.get().splitlines()]


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what shows a backtest in a pipe."""

    def show(found: Backtest, by: str | None = None, timezone: str = "UTC") -> str:
        screen = Screen()
        screen.show(*verdict_parts(found, by, timezone, screen))
        return capsys.readouterr().out

    return show


def test_the_bill_each_ring_and_each_hour_are_there(pipe: Any) -> None:
    """With the cost of nothing as a dash, and how the requests ended."""
    out = pipe(backtest(rows(prompt="x"), stack(cached(layers=[memory(ttl=3600)]))))
    assert "10 requests: $0.0350 without the stack, $0.0035 with it; it saves $0.0315 (90%)" in out
    assert "cached         9  $0.0315     90%" in out
    assert "total         10  $0.0315     90%" in out
    assert "How they ended: 9 memory, 1 provider." in out
    assert "2026-01-15T12+0000        10  $0.0350  $0.0035  $0.0315" in out


def test_refusals_are_told_with_whose_budget_and_since_when(pipe: Any) -> None:
    """In the zone that is asked for."""
    found = backtest(rows(), stack(budgeted(Budget(usd="0.013", name="each", per="user", timezone="Asia/Tokyo"))))
    out = pipe(found, timezone="Europe/Berlin")
    assert "it saves $0.0070 (20%); 2 are refused" in out
    assert "each    a      2026-01-15 13:06  2026-01-15 13:08        1" in out
    assert "each    b      2026-01-15 13:07  2026-01-15 13:09        1" in out
    assert "The bill by hour (Europe/Berlin)" in out


def test_a_stack_that_costs_more_says_so(pipe: Any) -> None:
    """Below zero, and no share of anything."""
    out = pipe(backtest(rows(model="gpt-4o-mini"), stack(routed(lambda request: "gpt-4o"))))
    assert "it costs $0.0329 more" in out
    assert re.search(r"routed +- +-\$0\.0329 +-", out)


def test_a_stack_that_changes_nothing_reads_as_nothing(pipe: Any) -> None:
    """No ring, no budget; the hours are there all the same."""
    out = pipe(backtest(rows(2), stack()))
    assert "it saves $0.0000 (0%)" in out
    assert "Budgets" not in out


@pytest.mark.parametrize(("by", "label"), [("day", "2026-01-15"), ("week", "2026-W03"), ("month", "2026-01")])
def test_hours_are_added_up_to_what_is_asked_for(pipe: Any, by: str, label: str) -> None:
    """Exactly."""
    out = pipe(backtest(rows(30, 3600 / 3), stack()), by)
    assert f"The bill by {by}" in out
    assert f"{label}        30  $0.1050  $0.1050      -" in out


def test_many_hours_are_days_unless_it_is_said_otherwise(pipe: Any) -> None:
    """A screen is not a file."""
    found = backtest(rows(60, 3600), stack())
    assert "The bill by day" in pipe(found)
    assert "The bill by hour" in pipe(found, "hour")


def test_many_budgets_are_told_by_those_that_refused_most(pipe: Any) -> None:
    """The others are counted."""
    log = [{**row, "session": f"run {at:02}"} for at, row in enumerate(rows(60, max_tokens=5_000))]
    out = pipe(backtest(log, stack(budgeted(run_usd="0.01"))))
    assert "run 00" in out
    assert "and 36 windows more: --json has them all." in out


@pytest.mark.parametrize("width", [120, 80, 50, 30])
def test_it_fits_a_terminal_of_any_width(tmp_path: Path, width: int) -> None:
    """A line is never longer than the screen, and what was not judged is there in full."""
    log = rows(50, 3600 * 3, prompt="x", input_tokens=10**6, user="a very long name of a user that goes on and on")
    rings = stack(
        deduplicated, cached(layers=[memory(ttl=5000)]), budgeted(Budget(usd=20, name="everybody's", per="user"))
    )
    found = backtest(log, rings)
    lines = shown(found, width=width)
    assert max(map(len, lines)) <= width
    words = " ".join(" ".join(lines).split())
    for note in found.not_judged:
        assert " ".join(note.split()) in words
