"""What all charts have in common: colours that read in the light and in the dark, and no frame."""

from __future__ import annotations

from typing import Any

from bokeh.plotting import figure

__all__ = ["BLUE", "COLORS", "GREEN", "INK", "LINE", "PURPLE", "bare"]

COLORS = ("#3b7dd8", "#e08a1e", "#2f9e69", "#c2528b", "#8268d0", "#7d8590")
BLUE, GREEN, PURPLE = COLORS[0], COLORS[2], COLORS[4]

INK = "#737b87"
"""Text of axes: it reads on white, on the dark page and on paper, so that nothing has to be drawn again."""

LINE = "#8884"


def bare(height: int, **settings: Any) -> Any:
    """Return a plot as wide as its place, without a frame or a toolbar."""
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
        axis.major_label_text_color = INK
        axis.major_label_text_font = "system-ui, sans-serif"
        axis.major_label_text_font_size = "12px"
        axis.axis_line_color = axis.major_tick_line_color = LINE
        axis.minor_tick_line_color = None
    for grid in plot.grid:
        grid.grid_line_color = LINE
    return plot
