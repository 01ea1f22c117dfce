"""Charts: the figures as Bokeh's JSON, one item for each chart, and Bokeh itself as one script.

Law: a chart's data are dollars of the same amounts as the table below it. What users wrote is only ever data: it is
drawn, never parsed as markup or mathematics.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, HoverTool, NumeralTickFormatter
from bokeh.resources import Resources

from frugal._values.money import Money
from frugal._values.window import zone
from frugal.insight.reporting.bars import Bars, latency_bars, layer_bars, part_bars
from frugal.insight.reporting.figures import Figures
from frugal.insight.reporting.names import named
from frugal.insight.reporting.plots import COLORS, bare
from frugal.insight.wording import cost as cost_words
from frugal.insight.wording import money

__all__ = ["bars_of", "bokeh_script", "charts", "legend"]

_MODELS = 5
_STEPS = 8  # that there is room for at the least
OTHERS = "others"


def bokeh_script() -> str:
    """Return Bokeh's own script, without its widgets."""
    return "\n".join(Resources(mode="inline", components=["bokeh"], minified=True).js_raw)


def charts(figures: Figures) -> dict[str, Any]:
    """Return the charts as JSON items, by the id of the element that each belongs in."""
    found: dict[str, Any] = {f"chart-{name}": bars.plot for name, bars in bars_of(figures).items()}
    if figures.moments:
        found["chart-time"] = _over_time(figures)
    return {name: json_item(plot, ID(name)) for name, plot in found.items()}


def bars_of(figures: Figures) -> dict[str, Bars]:
    """Return the bars of each part, of the layers and of the latencies, where there are any."""
    made = {part.key: part_bars(part, figures) for part in figures.parts}
    made |= {"layers": layer_bars(figures), "latency": latency_bars(figures)}
    return {name: bars for name, bars in made.items() if bars is not None}


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
    return [(name, color) for (name, _), color in zip(_groups(figures), COLORS, strict=False)]


def _over_time(figures: Figures) -> Any:
    where = zone(figures.timezone)
    data: dict[str, list[Any]] = {"left": [], "right": [], "when": [], "total": []}
    for moment in figures.moments:
        begin, end = (_wall(at, where) for at in (moment.start, moment.end))
        gap = (end - begin) * 0.08
        data["left"].append(begin + gap)
        data["right"].append(end - gap)
        data["when"].append(moment.label)
        data["total"].append(cost_words(moment.cost, figures.decimals))
    begin, end = data["left"][0], data["right"][-1]
    room = max(end - begin, _STEPS * (data["right"][0] - begin))  # a single day is no wall
    plot = bare(240, x_axis_type="datetime", x_range=(begin - room * 0.02, begin + room * 1.02))
    plot.y_range.start = 0
    plot.xaxis[0].ticker.desired_num_ticks = 4
    plot.yaxis[0].ticker.desired_num_ticks = 5
    most = max(float(moment.cost.known) for moment in figures.moments)
    decimals = 0 if most >= 10 else 2 if most >= 0.1 else 4 if most >= 0.001 else 10
    plot.yaxis.formatter = NumeralTickFormatter(format="$0,0" + (f".[{'0' * decimals}]" if decimals else ""))
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
        data[f"words{at}"] = [money(Money(pico), figures.decimals) for pico in picos]
        below = tops
    source = ColumnDataSource(data, name="data")
    for at, _ in enumerate(groups):
        bars = plot.quad(
            left="left", right="right", bottom=f"bottom{at}", top=f"top{at}", source=source, color=COLORS[at],
            line_color=None,
        )  # fmt: skip
        tips = [("", "@when"), ("", f"@name{at}"), ("cost", f"@words{at}"), ("all", "@total")]
        plot.add_tools(HoverTool(tooltips=tips, renderers=[bars], point_policy="follow_mouse"))


def _wall(at: float, where: Any) -> float:
    """Return the milliseconds that an axis in UTC shows as this zone's wall clock."""
    there = datetime.fromtimestamp(at, where)
    return (at + (there.utcoffset() or there - there).total_seconds()) * 1e3


def _sum(amounts: Iterable[Money]) -> Money:
    return sum(amounts, Money(0))
