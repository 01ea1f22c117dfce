"""Records in files."""

import csv
import json

import pytest

from frugal._values.cost import UNPRICED, Cost
from frugal._values.money import Money
from frugal._values.usage import Usage


@pytest.fixture
def filled(ledger, make, put):
    put(
        make(
            id="one",
            user="=cmd|' /C calc'!A0",
            tags={"team": "red"},
            usage=Usage(input_tokens=3),
            cost=Cost.exact(Money(10**13 + 1), {"input_tokens": Money(10**13 + 1)}),
        ),
        make(id="two", cost=UNPRICED, user='comma, "quote"\nline'),
    )
    return ledger


def test_json_lines_carry_exact_dollars_and_whole_pico_dollars(filled, tmp_path):
    """Nothing of the money is rounded, and an unknown cost is null."""
    path = tmp_path / "out.jsonl"
    assert filled.export(path) == 2
    one, two = map(json.loads, path.read_text().splitlines())
    assert (one["cost_usd"], one["cost_pico"], one["tags"]) == ("10.000000000001", 10**13 + 1, {"team": "red"})
    assert (two["cost_usd"], two["cost_pico"], two["cost_status"]) == (None, None, "unpriced")
    assert one["time"] == "2026-03-28T12:00:00+00:00"
    assert path.stat().st_mode & 0o077 == 0


def test_csv_holds_no_formula_and_survives_any_text(filled, tmp_path):
    """A user's name cannot run in a spreadsheet, nor break a row."""
    path = tmp_path / "out.csv"
    assert filled.export(path, user='comma, "quote"\nline') == 1
    assert filled.export(path) == 2
    with path.open(newline="") as file:
        one, two = csv.DictReader(file)
    assert one["user"] == "'=cmd|' /C calc'!A0"
    assert two["user"] == 'comma, "quote"\nline'
    assert json.loads(one["cost_by_bucket"]) == {"input_tokens": 10**13 + 1}
    assert one["input_tokens"] == "3"


def test_an_unknown_suffix_is_refused_and_a_failed_export_leaves_no_file(filled, tmp_path, monkeypatch):
    """The old file stays until the new one is whole."""
    with pytest.raises(ValueError, match=r"\.csv and \.jsonl"):
        filled.export(tmp_path / "out.xlsx")
    path = tmp_path / "out.csv"
    path.write_text("old")
    monkeypatch.setattr("frugal.ledger.exporting._cell", lambda value: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        filled.export(path)
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["out.csv"]
    assert path.read_text() == "old"
