"""`frugal backtest`."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import frugal as package
from frugal.cli.documents import money_document

STACKS = """
from frugal import Budget, budgeted, cached, deduplicated, memory, stack

cheap = stack(deduplicated, cached(layers=[memory(ttl=3600)]))
tight = stack(budgeted(Budget(usd="0.005", name="[b]tight[/b]")))
number = 3


class Kept:
    cheap = cheap


def key(*args, **kwargs):
    raise ValueError("no key today")


broken = stack(cached(layers=[memory], key=key))
"""
LOG = [
    {"time": f"2026-01-15T{hour:02d}:00:00Z", "model": "gpt-4o", "prompt": "Hello?", "input_tokens": 1000,
     "output_tokens": 100}
    for hour in (9, 9, 9, 12)
]  # fmt: skip


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in a directory with stacks and a log in it."""
    (tmp_path / "my_stacks.py").write_text(STACKS)
    (tmp_path / "broken_stacks.py").write_text("1 / 0")
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, LOG)))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in ("my_stacks", "broken_stacks"):
        sys.modules.pop(name, None)


def test_its_figures_are_those_of_backtest(frugal: Callable[..., Any], here: Path) -> None:
    """To the pico-dollar: the bill, what each ring saved, and the hours."""
    ran = frugal("backtest", "log.jsonl", "--stack", "my_stacks:cheap", "--json")
    import my_stacks  # type: ignore[import-not-found]  # written by the fixture

    found = package.backtest(here / "log.jsonl", my_stacks.cheap)
    assert (ran.code, ran.err) == (0, "")
    document = ran.document
    assert document["requests"] == found.requests == 4
    assert document["saved"] == money_document(found.saved)
    assert document["by_ring"] == {ring: money_document(money) for ring, money in found.by_ring.items()}
    assert document["cost"]["amount"] == money_document(found.cost.amount)
    assert sum(hour["saved"]["pico"] for hour in document["by_hour"]) == found.saved.pico
    assert document["left_out"] == {}


def test_it_shows_the_bill_the_rings_and_the_days(frugal: Callable[..., Any], here: Path) -> None:
    """One look says what it would have saved, by what, and when."""
    out = frugal("backtest", "log.jsonl", "--stack", "my_stacks:Kept.cheap", "--by", "hour").out
    assert "4 requests: $0.0140 without the stack, $0.0070 with it; it saves $0.0070 (50%)" in out
    assert "deduplicated" in out
    assert "2026-01-15T12" in out


def test_budgets_and_refusals_are_shown_as_text(frugal: Callable[..., Any], here: Path) -> None:
    """When one was at its limit, and how many requests it refused; its name is not obeyed."""
    out = frugal("backtest", "log.jsonl", "--stack", "my_stacks:tight").out
    assert "[b]tight[/b]" in out
    assert "4 rejected" in out


def test_without_a_log_it_replays_the_ledger(frugal: Callable[..., Any], here: Path, week: Path) -> None:
    """The calls of models; what was recorded by hand and asked none is left out."""
    ran = frugal("backtest", "--stack", "my_stacks:cheap", "--ledger", week, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["requests"] > 100
    assert ran.document["baseline"]["amount"]["pico"] > ran.document["cost"]["amount"]["pico"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--stack", "my_stacks"], "MODULE:NAME"),
        (["--stack", "no_such_module:stack"], "no_such_module"),
        (["--stack", "broken_stacks:stack"], "ZeroDivisionError"),
        (["--stack", "my_stacks:nope"], "cheap"),
        (["--stack", "my_stacks:number"], "frugal.stack(...)"),
        (["--stack", "my_stacks:broken"], "no key today"),
        (["--stack", "my_stacks:cheap", "--column", "x"], "OURS=THEIRS"),
        (["--stack", "my_stacks:cheap", "--preset", "nobody"], "langfuse"),
        (["--stack", "my_stacks:cheap", "--by", "user"], "hour"),
        (["--stack", "my_stacks:cheap", "--ledger", "."], "LOG and --ledger both say what to replay"),
        (["--stack", "my_stacks:cheap", "--latency", "-1"], "--latency"),
        ([], "--stack"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_replayed_is_one_line_with_the_fix(
    frugal: Callable[..., Any], here: Path, words: list[str], said: str
) -> None:
    """And code 2, with nothing on stdout."""
    ran = frugal("backtest", "log.jsonl", *words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err


@pytest.mark.parametrize("name", ["none.csv", "log.txt", "bad.jsonl"])
def test_a_log_that_cannot_be_read_is_one_line(frugal: Callable[..., Any], here: Path, name: str) -> None:
    """It says which file, and why."""
    (here / "log.txt").write_text("x")
    (here / "bad.jsonl").write_text("{}\n{")
    ran = frugal("backtest", name, "--stack", "my_stacks:cheap")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert name in ran.err


def test_an_empty_ledger_says_what_to_do_next(frugal: Callable[..., Any], here: Path) -> None:
    """As every command does."""
    ran = frugal("backtest", "--stack", "my_stacks:cheap")
    assert (ran.code, ran.err) == (0, "")
    assert "@metered" in ran.out
