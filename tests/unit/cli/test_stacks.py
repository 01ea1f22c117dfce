"""Stacks of a user's own on the command line, and all that can be wrong with them."""

import itertools
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger, backtest, cached, deduplicated, memory, stack
from frugal.cli.documents import cost_document, money_document
from frugal.cli.verdicts import verdict_document

NOON = 1_768_478_400
HEAD = "time,model,prompt,input_tokens,output_tokens,max_tokens,user\n"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Return what writes a module into the directory where the command is run, and its name."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    numbers = itertools.count()

    def write(code: str) -> str:
        name = f"users_module_{next(numbers)}"
        (tmp_path / f"{name}.py").write_text("import frugal\n" + code)
        return name

    yield write
    for name in set(sys.modules) - before:
        if name.startswith("users_module"):
            del sys.modules[name]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Return a log of ten requests of two users, a minute apart, half of them repeats."""
    place = tmp_path / "log.csv"
    rows = (f"{NOON + at * 60},gpt-4o,question {at % 5},1000,100,100,{'ab'[at % 2]}\n" for at in range(10))
    place.write_text(HEAD + "".join(rows))
    return place


def test_its_figures_are_those_of_backtest_to_the_pico_dollar(
    frugal: Callable[..., Any], module: Callable[[str], str], log: Path
) -> None:
    """The same decorators, found by their name in the directory where it is run."""
    name = module("usual = frugal.stack(frugal.deduplicated, frugal.cached(layers=[frugal.memory(ttl=400)]))\n")
    ran = frugal("backtest", log, "--stack", f"{name}:usual", "--json")
    found = backtest(log, stack(deduplicated, cached(layers=[memory(ttl=400)])))
    assert (ran.code, ran.err) == (0, "")
    assert verdict_document(found).items() <= ran.document.items()
    assert found.by_ring.keys() == {"cached"}
    assert money_document(found.saved) == ran.document["by_ring"]["cached"]
    assert cost_document(found.cost) == ran.document["cost"]
    assert (str(log), f"{name}:usual") == (ran.document["log"], ran.document["stack"])


def test_it_replays_the_ledger_where_no_log_is_named(
    frugal: Callable[..., Any], module: Callable[[str], str], week: Path
) -> None:
    """And a stack that does nothing costs what the ledger's calls would have cost with no cache."""
    name = module("nothing = frugal.stack()\n")
    ran = frugal("backtest", "--stack", f"{name}:nothing", "--ledger", week, "--json")
    with Ledger(week) as ledger:
        found = backtest(list(ledger.records()), stack())
    assert verdict_document(found).items() <= ran.document.items()
    assert ran.document["log"] is None
    some = frugal("backtest", "--stack", f"{name}:nothing", "--ledger", week, "--since", "3d", "--json")
    assert 0 < some.document["requests"] < ran.document["requests"]


def test_only_the_asked_time_is_replayed(frugal: Callable[..., Any], module: Callable[[str], str], log: Path) -> None:
    """`--since` and `--until`, in the asked zone."""
    name = module("usual = frugal.deduplicated\n")
    asked = ("--since", "2026-01-15T13:02", "--until", "2026-01-15T13:05", "--timezone", "Europe/Berlin")
    ran = frugal("backtest", log, "--stack", f"{name}:usual", "--json", *asked)
    assert ran.document["requests"] == 3
    assert ran.document["by_hour"][0]["start"] == "2026-01-15T13:00:00+01:00"
    none = frugal("backtest", log, "--stack", f"{name}:usual", "--since", "2027-01-01")
    assert "No request to replay (since 2027-01-01)" in none.out


def test_what_a_users_module_prints_is_no_part_of_the_answer(
    frugal: Callable[..., Any], module: Callable[[str], str], log: Path
) -> None:
    """A program reads one JSON document, whatever is printed as it is imported or called."""
    name = module(
        "print('imported')\n"
        "loud = frugal.cached(layers=[frugal.memory], cache_if=lambda answer: print('looked') or True)\n"
    )
    ran = frugal("backtest", log, "--stack", f"{name}:loud", "--json")
    assert ran.document["requests"] == 10
    assert "imported" in ran.err
    assert "looked" in ran.err


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        ("raise RuntimeError('no key\\nset it')", "x", "imported: RuntimeError: no key set it (*.py, line 2)"),
        ("def f(:", "x", "cannot be imported: SyntaxError: invalid syntax (*.py, line 2)"),
        ("import users_module_nowhere", "x", "cannot be imported: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "x", "ended the program with exit code 3 as it was imported"),
        ("cheap = frugal.stack(frugal.metered)", "dear", "has no 'dear' (it has cheap): --stack takes MODULE:NAME"),
        ("cheap = 5", "cheap", "is int 5, and no stack"),
        ("@frugal.metered\nasync def ask(prompt): ...", "ask", "is a decorated function, and its decorators are"),
        ("def none(function): return None", "none", "failed: TypeError: <function none at"),
        ("def key(function): raise KeyError('k')", "key", "failed: KeyError: 'k' (*.py, line 2). This was as"),
        (
            "cheap = frugal.cached(layers=[frugal.memory], cache_if=lambda answer: answer.x)", "cheap",
            "failed: AttributeError: 'ChatCompletion' object has no attribute 'x' (*.py, line 2). This was request 1",
        ),
        (
            "cheap = frugal.stack(*(frugal.metered(ledger=frugal.Ledger(d)) for d in 'ab'))", "cheap",
            "one stack has 2 ledgers",
        ),
    ],
)  # fmt: skip
def test_a_stack_that_fails_is_one_line(
    frugal: Callable[..., Any], module: Callable[[str], str], log: Path, code: str, name: str, said: str
) -> None:
    """What happened, to which, in which line of the user's; and what to do, where that can be known."""
    where = module(code)
    ran = frugal("backtest", log, "--stack", f"{where}:{name}")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("frugal: ")
    assert ran.err.count("\n") == 1
    assert said.replace("*", where) in ran.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("log.csv", "--stack", "cheap"), "'cheap' is no stack: --stack takes MODULE:NAME"),
        (("log.csv", "--stack", "a:b:c"), "'a:b:c' is no stack"),
        (("log.csv", "--stack", "stacks.py:cheap"), "names a file, and a module is wanted"),
        (("log.csv", "--stack", "users_module_nowhere:x"), "there is no module 'users_module_nowhere' here"),
        (("log.csv",), "Missing option '--stack'"),
        (("absent.csv", "--stack", "frugal:metered"), "'absent.csv' cannot be read: No such file or directory."),
        (("log.csv", "--stack", "frugal:metered", "--ledger", "x"), "LOG and --ledger both say what to replay"),
        (("--stack", "frugal:metered", "--ledger", "x"), "there is no ledger at 'x'"),
        (("log.csv", "--stack", "frugal:metered", "--preset", "wandb"), "preset='wandb' is not known"),
        (("log.csv", "--stack", "frugal:metered", "--column", "time"), "'time' is not OURS=THEIRS"),
        (("log.csv", "--stack", "frugal:metered", "--column", "x=y"), "'x' is not known: take time"),
        (("log.csv", "--stack", "frugal:metered", "--column", "user=who"), "column 'who': columns= names it for user"),
        (("log.csv", "--stack", "frugal:metered", "--latency", "inf"), "--latency inf is no time"),
        (("log.csv", "--stack", "frugal:metered", "--start", "soon"), "--start is 'soon'"),
        (("log.csv", "--stack", "frugal:metered", "--prices", "absent.json"), "--prices 'absent.json' cannot be read"),
        (("log.csv", "--stack", "frugal:metered", "--timezone", "Mars"), "--timezone: 'Mars' is not a time zone"),
        (("bad.csv", "--stack", "frugal:metered"), "row 1 (line 2), column 'input_tokens': 'x' is not a number"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_fix(
    frugal: Callable[..., Any], module: Callable[[str], str], log: Path, words: tuple[str, ...], said: str
) -> None:
    """And exit code 2."""
    (log.parent / "bad.csv").write_text(HEAD + f"{NOON},gpt-4o,hi,x,1,1,a\n")
    ran = frugal("backtest", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1


def test_columns_prices_models_and_starts_are_those_that_are_given(
    frugal: Callable[..., Any], module: Callable[[str], str], tmp_path: Path
) -> None:
    """A plain log of one's own."""
    place = tmp_path / "mine.jsonl"
    place.write_text("".join(json.dumps({"seconds": at, "tin": 1000, "tout": 100}) + "\n" for at in range(3)))
    (tmp_path / "prices.json").write_text('{"mine": {"input": "1", "output": "10"}}')
    ran = frugal(
        "backtest", place, "--stack", "frugal:deduplicated", "--column", "input_tokens=tin", "--column",
        "output_tokens=tout", "--model", "mine", "--start", "2026-02-01", "--prices", "prices.json", "--latency", "2",
        "--json",
    )  # fmt: skip
    assert ran.document["cost"]["amount"] == {"pico": 6_000_000_000, "usd": "0.006"}
    assert ran.document["by_hour"][0]["start"] == "2026-02-01T00:00:00+00:00"


def test_an_empty_ledger_says_how_to_begin(frugal: Callable[..., Any]) -> None:
    """As every command does; for programs it is nothing at all."""
    assert "nothing was recorded yet" in frugal("backtest", "--stack", "frugal:deduplicated").out
    assert frugal("backtest", "--stack", "frugal:deduplicated", "--json").document["requests"] == 0


def test_nothing_of_the_users_is_touched(
    frugal: Callable[..., Any], module: Callable[[str], str], log: Path, frugal_home: Path
) -> None:
    """A disk layer and a ledger at their default places are not even made."""
    name = module("usual = frugal.stack(frugal.metered, frugal.cached, frugal.budgeted(daily_usd=1))\n")
    ran = frugal("backtest", log, "--stack", f"{name}:usual")
    assert ran.code == 0
    assert not frugal_home.exists()
