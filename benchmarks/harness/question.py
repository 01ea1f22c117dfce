"""A question: a script's way to warm up, time, check against the limits, print and keep.

Law: a peer that is not there is skipped with the reason; a result is checked before it is timed; what is kept on disk
is pyperf's own format, so that `python -m pyperf compare_to before.json after.json` tells two commits apart.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.metadata
import inspect
import json
import logging
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pyperf

from harness.limits import LIMITS
from harness.rounds import Case, interleaved

__all__ = ["Figure", "Question", "Row", "asked"]

OUT = Path(__file__).parents[2] / "build" / "bench"
SHOWN = {
    "s": ((1, "s"), (1e3, "ms"), (1e6, "µs"), (1e9, "ns")),
    "B": ((1 / 2**30, "GiB"), (1 / 2**20, "MiB"), (1 / 2**10, "KiB"), (1, "B")),
    "x": ((1, "x"),),
}


def shown(value: float, unit: str) -> str:
    """Write a figure in the unit in which it reads best."""
    for factor, name in SHOWN[unit]:
        if abs(value * factor) >= 1 or (factor, name) == SHOWN[unit][-1]:
            return f"{value * factor:,.{0 if value * factor >= 1000 else 1 if value * factor >= 100 else 2}f} {name}"
    raise AssertionError(unit)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured of one way to do the work.

    Args:
        name: whose way.
        values: in the row's unit, one for each round.
        processor: seconds of processors, one for each round, where time was measured.
    """

    name: str
    values: list[float]
    processor: list[float] = field(default_factory=list)

    @property
    def least(self) -> float:
        """The minimum."""
        return min(self.values)

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.values)


@dataclass(frozen=True, slots=True)
class Row:
    """Ours beside the peers, on the same work."""

    name: str
    unit: str
    ours: Figure
    peers: list[Figure] = field(default_factory=list)
    limit: str | None = None
    note: str = ""

    def ratio(self, peer: Figure) -> float:
        """Return ours over the peer's: the median of the rounds' own ratios where they were interleaved."""
        if len(peer.values) == len(self.ours.values):
            return statistics.median(a / b for a, b in zip(self.ours.values, peer.values, strict=True))
        return self.ours.median / peer.median

    def processor_ratio(self, peer: Figure) -> float | None:
        """Return the ratio of the processors' time, which a busy machine blurs less than the wall's."""
        if not self.ours.processor or not peer.processor:
            return None
        return statistics.median(self.ours.processor) / max(1e-12, statistics.median(peer.processor))

    def verdict(self) -> bool | None:
        """Say whether the row keeps its limit; `None` where it has none, or its peer is missing."""
        if self.limit is None:
            return None
        limit = LIMITS[self.limit]
        beside = next((peer for peer in self.peers if peer.name == limit.beside), None)
        return limit.met(self.ours.median, None if beside is None else self.ratio(beside))


@dataclass
class Question:
    """What a script is given to answer with."""

    name: str
    quick: bool
    home: Path
    out: Path
    about: str
    rows: list[Row] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    curves: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def measure(
        self, name: str, ours: Case, peers: Sequence[Case | None] = (), *, limit: str | None = None, note: str = "",
        rounds: int = 100, seconds: float = 0.004,
    ) -> Row:  # fmt: skip
        """Time ours and the peers in turn and keep the row; a peer that is `None` was skipped."""
        cases = [ours, *(peer for peer in peers if peer is not None)]
        if self.quick:
            rounds, seconds = min(rounds, 3), min(seconds, 0.004)
        found = await interleaved(cases, rounds=rounds, seconds=seconds)
        figures = [Figure(case.name, found[case.name].wall, found[case.name].processor) for case in cases]
        return self.keep(Row(name, "s", figures[0], figures[1:], limit, note))

    def keep(self, row: Row) -> Row:
        """Keep a row, and print it."""
        self.rows.append(row)
        mark = {None: " ", True: "+", False: "!"}[row.verdict()]
        print(f"{mark} {row.name}" + (f"   [{bound(row)}]" if row.limit else ""), flush=True)
        for figure in (row.ours, *row.peers):
            busy = [statistics.median(figure.processor)] if figure.processor else []
            told = [f"{shown(value, row.unit):>12}" for value in (figure.least, figure.median, *busy)]
            if figure is not row.ours:
                of = row.processor_ratio(figure)
                told += [f"   ours: {row.ratio(figure):.2f} of it", "" if of is None else f", {of:.2f} by processor"]
            print(f"    {figure.name:<44}" + "".join(told), flush=True)
        if row.note:
            print(f"    ({row.note})", flush=True)
        _save(self)  # at once: a run that is ended has measured what it has
        return row

    def grew(
        self, name: str, figures: Sequence[Figure], sizes: Sequence[float], *, plot: str, x: str, limit: str | None
    ) -> None:
        """Keep a cost at every size, how much it grew from the smallest to the largest, and its line in a plot."""
        smallest, *_, largest = figures
        self.keep(Row(name, "s", largest, list(figures[:-1])))
        ratios = [big / small for big, small in zip(largest.values, smallest.values, strict=True)]
        self.keep(Row(f"growth: {name}", "x", Figure(f"{largest.name} over {smallest.name}", ratios), limit=limit))
        points = [(float(size), figure.median) for size, figure in zip(sizes, figures, strict=True)]
        self.curve(plot, name, points, x=x, y="seconds")

    def curve(self, name: str, line: str, points: list[tuple[float, float]], *, x: str, y: str) -> None:
        """Keep a line of a plot: how a cost grows."""
        plot = self.curves.setdefault(name, {"x": x, "y": y, "lines": {}})
        plot["lines"][line] = points

    def skip(self, peer: str, why: str) -> None:
        """Say why a peer is not measured."""
        self.skipped[peer] = why
        print(f"  {peer} is skipped: {why}", flush=True)

    def peer(self, name: str, make: Callable[[], Any]) -> Any:
        """Return what `make` gives, or `None` and the reason where the peer cannot be had."""
        try:
            return make()
        except (ImportError, OSError) as error:
            self.skip(name, f"{type(error).__name__}: {error}")
            return None


def bound(row: Row) -> str:
    """Write a row's limit."""
    limit = LIMITS[row.limit or ""]
    if limit.beside is None:
        return f"at most {shown(limit.at_most, row.unit)}"
    return f"at most {limit.at_most:g} of {limit.beside}"


def asked(measure: Callable[[Question], Any], *packages: str) -> None:
    """Answer a script's question.

    Args:
        measure: times and keeps rows; sync or async.
        packages: whose versions are told.
    """
    parser = argparse.ArgumentParser(description=(sys.modules["__main__"].__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few short rounds, to see that it works")
    parser.add_argument("--out", type=Path, default=OUT, help="where the figures are kept")
    parser.add_argument("--profile", action="store_true", help="run under cProfile and print where the time goes")
    options = parser.parse_args()
    name = Path(sys.argv[0]).stem
    logging.getLogger("frugal").setLevel(logging.ERROR)
    about = machine(packages)
    print(f"{name}: {about}", flush=True)
    print(f"    {'':<44}{'minimum':>12}{'median':>12}{'processor':>12}", flush=True)
    with tempfile.TemporaryDirectory(prefix="frugal-bench-", ignore_cleanup_errors=True) as home:
        os.environ["FRUGAL_HOME"] = f"{home}/frugal"
        question = Question(name, options.quick, Path(home), options.out, about)
        _run(measure, question, profiled=options.profile)
        _save(question)


def _run(measure: Callable[[Question], Any], question: Question, *, profiled: bool) -> None:
    def run() -> None:
        answer = measure(question)
        if inspect.iscoroutine(answer):
            asyncio.run(answer)

    if not profiled:
        run()
        return
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(run)
    for order in ("tottime", "cumulative"):
        pstats.Stats(profile).sort_stats(order).print_stats(45)


def machine(packages: Sequence[str]) -> str:
    """Say what it was measured on."""
    versions = []
    for package in packages:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} absent")
    load = f"load {os.getloadavg()[0]:.1f}, " if hasattr(os, "getloadavg") else ""
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {load}Python {platform.python_version()}, "
        f"SQLite {sqlite3.sqlite_version}" + "".join(f", {version}" for version in versions)
    )


def _save(question: Question) -> None:
    out, about = question.out, question.about
    out.mkdir(parents=True, exist_ok=True)
    rows = [
        {
            "name": row.name,
            "unit": row.unit,
            "limit": row.limit,
            "note": row.note,
            "ours": asdict(row.ours),
            "peers": [asdict(peer) for peer in row.peers],
        }
        for row in question.rows
    ]
    document = {
        "question": question.name,
        "about": about,
        "quick": question.quick,
        "rows": rows,
        "skipped": question.skipped,
        "curves": question.curves,
    }
    (out / f"{question.name}.rows.json").write_text(json.dumps(document, indent=1))
    units = {"s": "second", "B": "byte"}
    suite = [
        pyperf.Benchmark(
            [pyperf.Run(figure.values, metadata={"name": f"{row.name}: {figure.name}", "unit": units[row.unit],
                                                 "description": about}, collect_metadata=False)]
        )
        for row in question.rows
        for figure in (row.ours, *row.peers)
        if row.unit in units and min(figure.values) > 0
    ]  # fmt: skip
    if suite:
        pyperf.BenchmarkSuite(suite).dump(str(out / f"{question.name}.json"), replace=True)
