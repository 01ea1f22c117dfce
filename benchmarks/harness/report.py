"""From what the questions kept: one table of every limit and every peer, and plots."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.limits import LIMITS
from harness.question import Figure, Row, bound, shown

__all__ = ["report"]

MARKS = {True: "yes", False: "**short**", None: ""}


def report(out: Path, names: Sequence[str], only: Sequence[str]) -> None:
    """Print the table of limits, and write it with all rows and the plots.

    Args:
        out: where the questions have kept what they measured, now or in an earlier run.
        names: the questions, in order.
        only: those whose limits are printed.
    """
    documents = [json.loads(path.read_text()) for name in names if (path := out / f"{name}.rows.json").exists()]
    rows = [(document, row_of(each)) for document in documents for each in document["rows"]]
    held = list(limits_table([row for _, row in rows if row.limit]))
    print("\n".join(limits_table([row for document, row in rows if row.limit and document["question"] in only])))
    missing = [f"{limit.what} is not measured" for name, limit in LIMITS.items() if name not in _held(rows)]
    if set(only) == set(names):
        print("".join(f"\n{line}" for line in missing))
    lines = ["# What was measured", "", *held, "", *(f"- {line}" for line in missing), ""]
    for document in documents:
        quick = " (quick: too few rounds to mean anything)" if document["quick"] else ""
        lines += [f"## {document['question']}{quick}", "", document["about"], "", *peers_table(document), ""]
        lines += [f"- {peer} was skipped: {why}" for peer, why in document["skipped"].items()]
    (out / "table.md").write_text("\n".join(lines) + "\n")
    try:
        plots(out, documents)
    except ImportError as error:
        print(f"no plots: {error}")
    print(f"\nthe whole table: {out / 'table.md'}")


def _held(rows: Sequence[tuple[Any, Row]]) -> set[str | None]:
    """Return the limits that a row was held to."""
    return {row.limit for _, row in rows}


def row_of(kept: dict[str, Any]) -> Row:
    """Return a row as it was kept."""
    figures = [Figure(**figure) for figure in (kept["ours"], *kept["peers"])]
    return Row(kept["name"], kept["unit"], figures[0], figures[1:], kept["limit"], kept["note"])


def limits_table(rows: Sequence[Row]) -> Iterator[str]:
    """Write what is held to a limit."""
    yield "| what | limit | ours (median) | the peer (median) | ratio | kept |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for row in rows:
        limit = LIMITS[row.limit or ""]
        peer = next((peer for peer in row.peers if peer.name == limit.beside), None)
        beside = f"{peer.name} {shown(peer.median, row.unit)}" if peer else ""
        ratio = f"{row.ratio(peer):.2f}" if peer else f"{row.ours.median / limit.at_most:.2f} of the limit"
        yield (
            f"| {row.name} | {bound(row)} | {shown(row.ours.median, row.unit)} | {beside} | {ratio} "
            f"| {MARKS[row.verdict()] or 'not known: the peer is missing'} |"
        )


def peers_table(document: dict[str, Any]) -> Iterator[str]:
    """Write every row of a question."""
    yield "| row | who | minimum | median | processor (median) | ours is, of it | by processor |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for kept in document["rows"]:
        row = row_of(kept)
        for figure in (row.ours, *row.peers):
            busy = shown(statistics.median(figure.processor), row.unit) if figure.processor else ""
            ratio = f"{row.ratio(figure):.2f}" if figure is not row.ours else ""
            of = row.processor_ratio(figure) if figure is not row.ours else None
            yield (
                f"| {row.name if figure is row.ours else ''} | {figure.name} | {shown(figure.least, row.unit)} "
                f"| {shown(figure.median, row.unit)} | {busy} | {ratio} | {'' if of is None else f'{of:.2f}'} |"
            )
        if row.note:
            yield f"| | {row.note} | | | | | |"


def plots(out: Path, documents: Sequence[dict[str, Any]]) -> None:
    """Draw a question's rows as bars, and its curves."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    for document in documents:
        rows = [row_of(kept) for kept in document["rows"] if kept["peers"]]
        if rows:
            _bars(plt, rows, document["question"], out / f"{document['question']}.svg")
        for name, curve in document["curves"].items():
            figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
            for line, points in curve["lines"].items():
                axes.plot(*zip(*points, strict=True), marker="o", label=line)
            axes.set(xscale="log", yscale="log", xlabel=curve["x"], ylabel=curve["y"], title=name)
            axes.grid(visible=True, alpha=0.3)
            axes.legend()
            figure.savefig(out / f"{document['question']} {name}.svg".replace(" ", "-").replace("/", "-"))
            plt.close(figure)


def _bars(plt: Any, rows: Sequence[Row], title: str, path: Path) -> None:
    """Draw the medians of each row, ours in another colour, from nothing up: a bar's length is what it cost."""
    heights = [1 + len(row.peers) for row in rows]
    figure, every = plt.subplots(
        len(rows), 1, figsize=(8, 0.5 + 0.75 * len(rows) + 0.28 * sum(heights)), squeeze=False,
        gridspec_kw={"height_ratios": heights}, layout="constrained",
    )  # fmt: skip
    for axes, row in zip(every[:, 0], rows, strict=True):
        figures = [row.ours, *row.peers]
        bars = axes.barh(
            [one.name for one in figures],
            [one.median for one in figures],
            color=["tab:green", *["tab:gray"] * len(row.peers)],
        )
        axes.bar_label(bars, [shown(one.median, row.unit) for one in figures], padding=3, fontsize=8)
        axes.margins(x=0.2)
        axes.invert_yaxis()
        axes.set_title(row.name, fontsize=9, loc="left")
        axes.tick_params(labelsize=8)
        axes.xaxis.set_visible(False)
    figure.suptitle(title.replace("_", " "))
    figure.savefig(path)
    plt.close(figure)
