"""`frugal report`."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger


def test_the_page_the_command_line_and_the_books_agree(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """One total, to the pico-dollar: on the page, in `usage`, in `report --json`, in `totals`; the audit is well."""
    page = tmp_path / "page.html"
    told = frugal("report", "--html", page, "--json", "--ledger", week).document
    used = frugal("usage", "--json", "--ledger", week).document
    with Ledger(week) as ledger:
        assert ledger.audit().ok
        total = ledger.totals()
    assert total.cost.amount is not None
    shown = re.search(r'id="total-1" data-pico="(\d+)"', page.read_text(encoding="utf-8"))
    assert shown is not None
    assert {total.cost.amount.pico} == {
        int(shown[1]),
        told["total"]["cost"]["amount"]["pico"],
        used["total"]["cost"]["amount"]["pico"],
    }
    assert used["records"] == told["records"]
    assert page.stat().st_size == told["bytes"] < 2_000_000


def test_it_says_what_it_wrote(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """One line: how many records, how large, where."""
    ran = frugal("report", "--html", tmp_path / "page.html", "--title", "<b>January</b>", "--ledger", week)
    assert (ran.code, ran.err, ran.out.count("\n")) == (0, "", 1)
    assert "page.html" in ran.out
    assert "&lt;b&gt;January" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_file_that_is_there_is_kept_unless_forced(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """A slip of the pen replaces nothing."""
    page = tmp_path / "page.html"
    page.write_text("mine")
    ran = frugal("report", "--html", page, "--ledger", week)
    assert (ran.code, page.read_text()) == (2, "mine")
    assert "--force" in ran.err
    assert frugal("report", "--html", page, "--force", "--ledger", week).code == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    ("words", "said"), [([], "--html"), (["--html", "no/such/place.html"], "no/such")], ids=["no file", "no directory"]
)
def test_a_page_that_has_no_place_is_one_line_with_the_fix(
    frugal: Callable[..., Any], words: list[str], said: str
) -> None:
    """And code 2."""
    ran = frugal("report", *words)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err


def test_a_named_time_is_the_pages_and_the_documents(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """`--since` in a zone bounds every figure."""
    asked = ("--since", "3d", "--timezone", "Asia/Taipei", "--json", "--ledger", week)
    told = frugal("report", "--html", tmp_path / "page.html", *asked).document
    used = frugal("usage", *asked).document
    assert used["total"]["calls"] == told["total"]["calls"] < json.loads(frugal(
        "usage", "--json", "--ledger", week).out)["total"]["calls"]  # fmt: skip
