"""`frugal export`."""

import csv
import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import Ledger


def test_the_file_has_every_record(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """Its money adds up to the ledger's, to the pico-dollar, in both forms."""
    with Ledger(week) as ledger:
        total = ledger.totals().cost.known.pico
    lines, table = tmp_path / "records.jsonl", tmp_path / "records.csv"
    said = frugal("export", lines, "--json", "--ledger", week).document
    assert frugal("export", table, "--ledger", week).code == 0
    rows = [json.loads(line) for line in lines.read_text().splitlines()]
    assert said == {"file": str(lines), "records": len(rows), "since": None, "until": None}
    assert sum(row["cost_pico"] or 0 for row in rows) == total
    with table.open(newline="") as file:
        assert sum(int(row["cost_pico"] or 0) for row in csv.DictReader(file)) == total
    assert stat.S_IMODE(lines.stat().st_mode) == 0o600


def test_a_part_can_be_exported(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """The filters are those of `frugal records`."""
    file = tmp_path / "ada.jsonl"
    frugal("export", file, "--user", "ada", "--since", "3d", "--tag", "feature=refunds", "--ledger", week)
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert rows
    assert {(row["user"], row["tags"]["feature"]) for row in rows} == {("ada", "refunds")}


def test_a_file_that_is_there_is_not_replaced_unasked(frugal: Callable[..., Any], week: Path, tmp_path: Path) -> None:
    """--force is the way to do it."""
    file = tmp_path / "records.csv"
    file.write_text("mine")
    ran = frugal("export", file, "--ledger", week)
    assert (ran.code, file.read_text()) == (2, "mine")
    assert "--force" in ran.err
    assert frugal("export", file, "--force", "--ledger", week).code == 0
    assert file.read_text() != "mine"
