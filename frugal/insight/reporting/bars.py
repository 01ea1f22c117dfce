"""Bars: one below the other, each with its name and its figure above it.

Law: a bar's length is the dollars (or the seconds) of the same line of the table. Names and figures are text of the
page, laid over the chart, so that they follow the reader's colours, can be read aloud, and are never parsed by Bokeh,
which would take `$$x$$` for a formula and ask a network for MathJax.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bokeh.models import ColumnDataSource, HoverTool, Plot

from frugal.insight import wording
from frugal.insight.reporting.figures import Figures
from frugal.insight.reporting.names import named
from frugal.insight.reporting.parts import Line, Part, together
from frugal.insight.reporting.plots import BLUE, GREEN, PURPLE, bare

__all__ = ["HEIGHT", "Bars", "Row", "latency_bars", "layer_bars", "part_bars"]

HEIGHT = 40
"""Pixels of a row; `page.css` says the same of its text."""

_TOP, _BOTTOM = 0.6, 0.86  # of a row: where its bar stands
_MOST = 10


@dataclass(frozen=True, slots=True)
class Row:
    """What stands above a bar."""

    name: str
    note: str
    value: str


@dataclass(frozen=True, slots=True)
class Bars:
    """A chart of bars, and the texts that are laid over it."""

    plot: Plot
    rows: Sequence[Row]


def part_bars(part: Part, figures: Figures) -> Bars | None:
    """Return the spending of a part; `None` where there is nothing to compare."""
    if not any(line.cost.known for line in part.lines) or {line.name for line in part.lines} == {""}:
        return None
    whole = figures.total.cost.known

    def row(line: Line) -> Row:
        share = wording.percent(line.cost.known.pico / whole.pico) if whole else "0%"
        return Row(line.shown, wording.plural(line.calls, "call"), f"{_cost(line, figures)} · {share}")

    lines = _few(part.lines)
    return _bars(lines, [float(line.cost.known) for line in lines], [row(line) for line in lines], BLUE)


def layer_bars(figures: Figures) -> Bars | None:
    """Return what each layer saved."""
    if not any(line.saved for line in figures.layers):
        return None
    rows = [
        Row(line.shown, wording.plural(line.calls, "call"), wording.money(line.saved, figures.decimals))
        for line in figures.layers
    ]
    return _bars(figures.layers, [float(line.saved) for line in figures.layers], rows, GREEN)


def latency_bars(figures: Figures) -> Bars | None:
    """Return how long half of the calls took at the most, and 95 % of them."""
    shown = figures.latencies[: _MOST + 2]
    if not shown:
        return None
    halves = [found.quantile(0.5) for _, found in shown]
    most = [found.quantile(0.95) for _, found in shown]
    rows = [
        Row(named(name), wording.plural(found.calls, "call"), f"{wording.seconds(half)} · {wording.seconds(slow)}")
        for (name, found), half, slow in zip(shown, halves, most, strict=True)
    ]
    plot = _plot(len(rows), max(most))
    source = ColumnDataSource({**_places(len(rows)), **_words(rows), "p50": halves, "p95": most}, name="data")
    tall = plot.quad(left=0, right="p95", top="top", bottom="bottom", source=source, color=PURPLE, alpha=0.35)
    plot.quad(left=0, right="p50", top="top", bottom="bottom", source=source, color=PURPLE, line_color=None)
    plot.add_tools(HoverTool(tooltips=[("", "@name"), ("half within · 95% within", "@value")], renderers=[tall]))
    return Bars(plot, rows)


def _cost(line: Line, figures: Figures) -> str:
    return wording.cost(line.cost, figures.decimals)


def _few(lines: Sequence[Line]) -> list[Line]:
    few, many = lines[:_MOST], lines[_MOST:]
    return [*few, together(many)] if len(many) > 1 else list(lines)


def _bars(lines: Sequence[Line], lengths: Sequence[float], rows: Sequence[Row], color: str) -> Bars:
    plot = _plot(len(rows), max(lengths))
    source = ColumnDataSource(
        {
            **_places(len(rows)),
            **_words(rows),
            "dollars": list(lengths),
            "calls": [line.calls for line in lines],
            "tokens": [line.tokens for line in lines],
        },
        name="data",
    )
    bars = plot.quad(left=0, right="dollars", top="top", bottom="bottom", source=source, color=color, line_color=None)
    tips = [("", "@name"), ("", "@value"), ("calls", "@calls{0,0}"), ("tokens", "@tokens{0,0}")]
    plot.add_tools(HoverTool(tooltips=tips, renderers=[bars]))
    return Bars(plot, rows)


def _plot(number: int, most: float) -> Any:
    plot = bare(HEIGHT * number, x_range=(0, most or 1.0), y_range=(number, 0))
    plot.min_border = plot.min_border_left = plot.min_border_right = 0
    plot.axis.visible = False
    plot.grid.visible = False
    return plot


def _places(number: int) -> dict[str, list[float]]:
    return {"top": [at + _TOP for at in range(number)], "bottom": [at + _BOTTOM for at in range(number)]}


def _words(rows: Sequence[Row]) -> dict[str, list[str]]:
    return {"name": [row.name for row in rows], "value": [row.value for row in rows]}
