"""Charts: the figures as Bokeh's JSON, one item for each chart, and Bokeh itself as one script.

Law: a chart's data are dollars of the same amounts as the table below it. What users wrote is only ever data: it is
drawn, never parsed as markup or mathematics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, NumeralTickFormatter
from bokeh.plotting import figure
from bokeh.resources import Resources

from frugal._values.money import Money
from frugal._values.window import zone
from frugal.insight.reporting.figures import Figures, Line, Part
from frugal.insight.reporting.names import named
from frugal.insight.wording import cost as cost_words
from frugal.insight.wording import money, seconds

__all__ = ["bokeh_script", "charts", "label", "legend"]

_COLORS = ("#3b7dd8", "#e08a1e", "#2f9e69", "#c2528b", "#8268d0", "#7d8590")
_GOOD = "#2f9e69"
_INK = "#737b87"
"""Text of axes: it reads on white, on the dark page and on paper, so that nothing has to be drawn again."""

_GRID = "#8884"
_MODELS, _BARS, _LETTERS = 5, 10, 26
OTHERS = "others"


def label(text: str, most: int = _LETTERS, *, end: bool = False) -> str:
    r"""Return a name as it stands on an axis: its beginning or its end, and never taken for mathematics.

    Bokeh draws `$$x$$`, `\(x\)` and `\[x\]` as formulas, for which it would ask a network for MathJax.
    """
    cut = text if len(text) <= most else "…" + text[1 - most :] if end else text[: most - 1] + "…"
    for mark in ("$$", "\\[", "\\]", "\\(", "\\)"):
        cut = cut.replace(mark, f"{mark[0]}\u200b{mark[1]}")
    return cut


def bokeh_script() -> str:
    """Return Bokeh's own script, without its widgets."""
    return "\n".join(Resources(mode="inline", components=["bokeh"], minified=True).js_raw)


def charts(figures: Figures) -> dict[str, Any]:
    """Return the charts as JSON items, by the id of the element that each belongs in."""
    found = {}
    if figures.moments:
        found["chart-time"] = _over_time(figures)
    for part in figures.parts:
        if _worth_drawing(part):
            found[f"chart-{part.key}"] = _bars(part.lines, end=part.key == "function")
    if any(line.saved for line in figures.layers):
        found["chart-layers"] = _saved(figures.layers)
    if figures.latencies:
        found["chart-latency"] = _latency(figures)
    return {name: json_item(plot, ID(name)) for name, plot in found.items()}


def _worth_drawing(part: Part) -> bool:
    return any(line.cost.known for line in part.lines) and {line.name for line in part.lines} != {""}


def _figure(height: int, **settings: Any) -> Any:
    plot = figure(
        height=height,
        sizing_mode="stretch_width",
        min_width=0,
        toolbar_location=None,
        tools="",
        background_fill_color=None,
        border_fill_color=None,
        outline_line_color=None,
        output_backend="svg",
        **settings,
    )
    plot.min_border_left = plot.min_border_right = 2
    for axis in plot.axis:
        axis.major_label_text_color = _INK
        axis.major_label_text_font = "system-ui, sans-serif"
        axis.major_label_text_font_size = "12px"
        axis.axis_line_color = axis.major_tick_line_color = _GRID
        axis.minor_tick_line_color = None
    for grid in plot.grid:
        grid.grid_line_color = _GRID
    return plot


def _hover(plot: Any, tooltips: list[tuple[str, str]], renderers: Any = "auto") -> None:
    plot.add_tools(HoverTool(tooltips=tooltips, renderers=renderers, point_policy="follow_mouse"))


def _dollars(amount: Money) -> float:
    return float(amount.usd)


# ------------------------------------------------------------------------------ over time


def _groups(figures: Figures) -> list[tuple[str, list[str]]]:
    """Return what is stacked, from the bottom: the dearest models, and the others together."""
    sums: dict[str, int] = {}
    for moment in figures.moments:
        for model, cost in moment.costs.items():
            sums[model] = sums.get(model, 0) + cost.known.pico
    ranked = sorted(sums, key=lambda model: (-sums[model], model))
    if len(ranked) <= _MODELS + 1:
        return [(named(model), [model]) for model in ranked]
    return [*((named(model), [model]) for model in ranked[:_MODELS]), (OTHERS, ranked[_MODELS:])]


def legend(figures: Figures) -> list[tuple[str, str]]:
    """Return the names and colours of what is stacked over time."""
    return [(name, color) for (name, _), color in zip(_groups(figures), _COLORS, strict=False)]


def _over_time(figures: Figures) -> Any:
    where = zone(figures.timezone)
    data: dict[str, list[Any]] = {"left": [], "right": [], "when": [], "total": []}
    for moment in figures.moments:
        begin, end = (_wall(at, where) for at in (moment.start, moment.end))
        gap = (end - begin) * 0.08
        data["left"].append(begin + gap)
        data["right"].append(end - gap)
        data["when"].append(moment.label)
        data["total"].append(cost_words(moment.cost))
    plot = _figure(240, x_axis_type="datetime")
    plot.y_range.start = 0
    plot.x_range.range_padding = 0.02
    plot.xaxis[0].ticker.desired_num_ticks = 4
    plot.yaxis.formatter = NumeralTickFormatter(format="$0,0.[0000]")
    plot.xgrid.grid_line_color = None
    _stack(plot, figures, data)
    return plot


def _stack(plot: Any, figures: Figures, data: dict[str, list[Any]]) -> None:
    """Draw the models on top of each other, all from one source."""
    groups = _groups(figures)
    below = [0] * len(figures.moments)
    for at, (_, models) in enumerate(groups):
        picos = [_sum(m.costs[model].known for model in models if model in m.costs).pico for m in figures.moments]
        tops = [before + pico for before, pico in zip(below, picos, strict=True)]
        data[f"bottom{at}"] = [_dollars(Money(pico)) for pico in below]
        data[f"top{at}"] = [_dollars(Money(pico)) for pico in tops]
        data[f"name{at}"] = [groups[at][0]] * len(picos)
        data[f"cost{at}"] = [_dollars(Money(pico)) for pico in picos]
        data[f"words{at}"] = [money(Money(pico)) for pico in picos]
        below = tops
    source = ColumnDataSource(data, name="data")
    for at, _ in enumerate(groups):
        bars = plot.quad(
            left="left", right="right", bottom=f"bottom{at}", top=f"top{at}", source=source, color=_COLORS[at],
            line_color=None,
        )  # fmt: skip
        _hover(plot, [("", "@when"), ("", f"@name{at}"), ("cost", f"@words{at}"), ("all", "@total")], [bars])


def _wall(at: float, where: Any) -> float:
    """Return the milliseconds that an axis in UTC shows as this zone's wall clock."""
    there = datetime.fromtimestamp(at, where)
    return (at + (there.utcoffset() or there - there).total_seconds()) * 1e3


def _sum(amounts: Iterable[Money]) -> Money:
    return sum(amounts, Money(0))


# ------------------------------------------------------------------------------ bars


def _bars(lines: Sequence[Line], *, end: bool) -> Any:
    shown, rest = list(lines), []
    if len(shown) > _BARS + 1:
        shown, rest = shown[:_BARS], shown[_BARS:]
    rows = [(line.shown, line.cost.known, cost_words(line.cost), line.calls) for line in shown]
    if rest:
        amount = _sum(line.cost.known for line in rest)
        rows.append((f"{len(rest):,} {OTHERS}", amount, money(amount), sum(line.calls for line in rest)))
    return _horizontal(rows, _COLORS[0], "cost", end=end)


def _saved(lines: Sequence[Line]) -> Any:
    return _horizontal([(line.shown, line.saved, money(line.saved), line.calls) for line in lines], _GOOD, "saved")


def _horizontal(rows: Sequence[tuple[str, Money, str, int]], color: str, what: str, *, end: bool = False) -> Any:
    plot = _categories([name for name, *_ in rows], end=end)
    source = ColumnDataSource(
        {
            "y": list(range(len(rows))),
            "name": [name for name, *_ in rows],
            "dollars": [_dollars(amount) for _, amount, _, _ in rows],
            "words": [words for _, _, words, _ in rows],
            "calls": [calls for *_, calls in rows],
        },
        name="data",
    )
    bars = plot.hbar(y="y", right="dollars", left=0, height=0.7, source=source, color=color, line_color=None)
    plot.xaxis.formatter = NumeralTickFormatter(format="$0,0.[0000]")
    _hover(plot, [("", "@name"), (what, "@words"), ("calls", "@calls{0,0}")], [bars])
    return plot


def _categories(names: Sequence[str], *, end: bool = False) -> Any:
    plot = _figure(64 + 27 * len(names), y_range=(len(names) - 0.4, -0.6))
    plot.yaxis.ticker = FixedTicker(ticks=list(range(len(names))), minor_ticks=[])
    plot.yaxis.major_label_overrides = {at: label(name, end=end) for at, name in enumerate(names)}
    plot.ygrid.grid_line_color = None
    plot.x_range.start = 0
    plot.xaxis[0].ticker.desired_num_ticks = 3
    return plot


def _latency(figures: Figures) -> Any:
    shown = figures.latencies[: _BARS + 2]
    plot = _categories([named(name) for name, _ in shown])
    halves = [found.quantile(0.5) for _, found in shown]
    most = [found.quantile(0.95) for _, found in shown]
    source = ColumnDataSource(
        {
            "y": list(range(len(shown))),
            "name": [named(name) for name, _ in shown],
            "p50": halves,
            "p95": most,
            "p50_words": [seconds(each) for each in halves],
            "p95_words": [seconds(each) for each in most],
            "calls": [found.calls for _, found in shown],
        },
        name="data",
    )
    long = plot.hbar(y="y", right="p95", left=0, height=0.7, source=source, color=_COLORS[4], alpha=0.4)
    plot.hbar(y="y", right="p50", left=0, height=0.7, source=source, color=_COLORS[4], line_color=None)
    plot.xaxis.formatter = NumeralTickFormatter(format="0,0.[00]")
    half, most_of = ("half within", "@p50_words"), ("95% within", "@p95_words")
    _hover(plot, [("", "@name"), half, most_of, ("calls", "@calls{0,0}")], [long])
    return plot
