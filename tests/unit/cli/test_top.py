"""`frugal top`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frugal import Ledger


def test_users_models_functions_and_tags_are_ranked(frugal: Callable[..., Any], week: Path) -> None:
    """Each dimension in a table of its own, the dearest first, and all of them of one total."""
    document = frugal("top", "--limit", "0", "--json", "--ledger", week).document
    assert list(document["top"]) == ["user", "model", "function", "tag:feature"]
    with Ledger(week) as ledger:
        total = ledger.totals().cost.known.pico
        by_feature = {row.group["tag:feature"]: row.cost.known.pico for row in ledger.usage(by=("tag:feature",))}
    for name, rows in document["top"].items():
        costs = [row["cost"]["amount"]["pico"] for row in rows]
        assert costs == sorted(costs, reverse=True), name
        assert sum(costs) == total, name
    assert {
        row["group"]["tag:feature"]: row["cost"]["amount"]["pico"] for row in document["top"]["tag:feature"]
    } == by_feature


def test_several_tags_are_each_added_up(frugal: Callable[..., Any], recorded: Callable[..., Path]) -> None:
    """A record counts once in each tag's table."""
    place = recorded(
        {"cost": "1", "tags": {"team": "a", "feature": "x"}},
        {"cost": "2", "tags": {"team": "a", "feature": "y"}},
        {"cost": "4", "tags": {"team": "b"}},
    )
    top = frugal("top", "--by", "tag:team,tag:feature", "--json", "--ledger", place).document["top"]
    costs = {name: {row["group"][name]: row["cost"]["amount"]["usd"] for row in rows} for name, rows in top.items()}
    assert costs == {"tag:team": {"a": "3", "b": "4"}, "tag:feature": {"x": "1", "y": "2", "": "4"}}


def test_a_great_ledger_is_not_read_record_by_record_unasked(
    frugal: Callable[..., Any], week: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that would take long, tags are shown when they are asked for, and this is said."""
    monkeypatch.setattr("frugal.cli.top._SCANNED", 10)
    assert "--by tag:NAME" in frugal("top", "--ledger", week).out
    assert "refunds" in frugal("top", "--by", "tag:feature", "--ledger", week).out
