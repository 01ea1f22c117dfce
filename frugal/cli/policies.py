"""What semantic caches have learned, as they keep it beside their entries.

Law: read as it lies; what another version or another hand wrote is left out. Each process keeps what it learned, so
there may be several rows for one function; the one that has seen most speaks for it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from frugal._mechanisms.nearest import Report, Verified
from frugal.cli import wording
from frugal.cli.parts import Cell, Column, Grid
from frugal.cli.reports import shown
from frugal.stores import DiskRows

__all__ = ["policies", "policy_documents", "policy_grid"]


def policies(places: Sequence[Path]) -> dict[str, tuple[float, Report]]:
    """Return the tolerated rate and the report of each function whose semantic cache measures itself."""
    found: dict[str, tuple[float, Report]] = {}
    for place in places:
        rows = DiskRows(place)
        try:
            for key, row in rows.iterate("semantic/"):
                read = _read(row) if "/policy/" in key else None
                if read is None:
                    continue
                function, rate, report = read
                if function not in found or found[function][1].queries < report.queries:
                    found[function] = (rate, report)
        finally:
            rows.store.close()
    return found


def _read(row: bytes) -> tuple[str, float, Report] | None:
    try:
        state: dict[str, Any] = json.loads(row)
        policy = Verified(float(state["max_error_rate"]))
        policy.restore(state)
        return str(state["function"]), policy.max_error_rate, policy.report()
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def policy_grid(found: dict[str, tuple[float, Report]]) -> Grid:
    """Show them as a table."""
    columns = (
        Column("function"),
        *(Column(name, right=True) for name in ("asked", "hits", "explored", "vetoed", "wrong at most", "allowed")),
        Column("serving"),
    )
    rows: list[list[Cell]] = []
    for function, (rate, report) in sorted(found.items()):
        bound = "-" if report.bound is None else wording.percent(report.bound)
        counts = (report.queries, report.hits, report.explored, report.vetoed)
        serving = "yes" if report.serving else "no"
        rows.append([shown("function", function), *map(wording.count, counts), bound, wording.percent(rate), serving])
    return Grid(columns, rows, "Semantic caches that measure themselves")


def policy_documents(found: dict[str, tuple[float, Report]]) -> list[dict[str, Any]]:
    """Show them as data."""
    return [
        {
            "function": function, "max_error_rate": rate, "queries": report.queries, "hits": report.hits,
            "explored": report.explored, "vetoed": report.vetoed, "measured": report.measured, "wrong": report.wrong,
            "bound": report.bound, "serving": report.serving,
        }
        for function, (rate, report) in sorted(found.items())
    ]  # fmt: skip
