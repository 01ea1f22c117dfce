"""`frugal advise`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.cells import cell_len

from frugal import Ledger, advise
from frugal.cli.documents import money_document
from frugal.cli.paragraphs import broken


def test_its_figures_are_those_of_advise_to_the_pico_dollar(frugal: Callable[..., Any], week: Path) -> None:
    """The same tips in the same order, exact in JSON; and as many records as the ledger has."""
    found = frugal("advise", "--json", "--ledger", week).document
    with Ledger(week) as ledger:
        wanted = advise(ledger)
        records = ledger.audit().records
    assert [advice.tip for advice in wanted] == [each["tip"] for each in found["advice"]]
    for advice, each in zip(wanted, found["advice"], strict=True):
        assert each["saving"] == money_document(advice.saving)
    assert [advice.evidence for advice in wanted] == [each["evidence"] for each in found["advice"]]
    assert records == found["records"]


def test_every_tip_is_in_the_table_with_its_evidence_below(frugal: Callable[..., Any], week: Path) -> None:
    """What cannot be told is a question mark."""
    ran = frugal("advise", "--ledger", week)
    assert (ran.code, ran.err) == (0, "")
    with Ledger(week) as ledger:
        for advice in advise(ledger):
            assert advice.title in ran.out
            if advice.triggered or advice.saving:
                assert advice.evidence in ran.out
    assert "?  not enough evidence; below zero" in ran.out


def test_an_empty_ledger_says_how_to_begin(frugal: Callable[..., Any]) -> None:
    """As every command does."""
    assert "nothing was recorded yet" in frugal("advise").out
    assert frugal("advise", "--json").document["records"] == 0


def test_only_the_asked_time_is_looked_at(frugal: Callable[..., Any], week: Path) -> None:
    """As many records as `usage` counts for the same time."""
    asked = ("--since", "3d", "--until", "1d", "--json", "--ledger", week)
    assert frugal("usage", *asked).document["records"] == frugal("advise", *asked).document["records"]


def test_evidence_is_broken_for_a_terminal_and_whole_in_a_pipe() -> None:
    """Lines fit; nothing is lost."""
    text = "some words that are said of many calls " * 5
    assert [text] == broken(text, None)
    lines = broken(text, 40)
    assert max(map(cell_len, lines)) <= 38
    assert text.split() == " ".join(lines).split()


def test_calls_that_are_folded_into_sums_are_said_to_be_unseen(frugal: Callable[..., Any], fresh_week: Path) -> None:
    """Advice looks at single calls; a figure of a part does not pass for one of the whole."""
    assert frugal("compact", "--keep-days", "3", "--yes", "--ledger", fresh_week).code == 0
    found = frugal("advise", "--json", "--ledger", fresh_week).document
    folded = found["records"] - found["looked_at"]
    assert folded > 0
    assert f"{folded:,} older calls are folded into daily sums" in frugal("advise", "--ledger", fresh_week).out
