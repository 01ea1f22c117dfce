"""Fitting a table into a width: bars give way, then what is spare, then names; figures never."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from frugal.cli.fitting import GAP, fitted, listed, shortened
from frugal.cli.parts import Bar, Cell, Column, Grid

MODELS = ("claude-opus-4-5-20251101", "claude-opus-4-1-20250805", "claude-sonnet-4-5-20250929")
COLUMNS = (
    Column("user"), Column("model"), Column("cost", right=True), Column("share", right=True, spare=True),
    Column("", bar=True),
)  # fmt: skip


def grid(users: Sequence[str] = ("ada",), models: Sequence[str] = MODELS) -> Grid:
    rows: list[list[Cell]] = [[user, model, "$123.4567", "44%", Bar(0.5)] for user in users for model in models]
    return Grid(COLUMNS, rows, total=["total", "", "$9,999.9999", "100%", ""])


def names(width: int, table: Grid | None = None) -> list[str]:
    fits = fitted(grid() if table is None else table, width)
    assert fits is not None
    return [column.name for column in fits.grid.columns]


def test_bars_go_first_then_what_is_spare_and_only_then_names_are_cut() -> None:
    """Each step leaves more than the next one."""
    assert names(80) == ["user", "model", "cost", "share", ""]
    assert names(55) == ["user", "model", "cost", "share"]
    assert names(50) == ["user", "model", "cost", "share"]
    assert names(32) == ["user", "model", "cost"]
    assert fitted(grid(), 25) is None


@given(st.integers(20, 200), st.lists(st.text(max_size=90), min_size=1, max_size=3))
def test_whatever_the_names_a_table_fits_and_no_figure_is_cut(width: int, users: list[str]) -> None:
    """Its columns with the gaps between them are no wider than the terminal, and each cell is no wider than its own."""
    fits = fitted(grid(users), width)
    if fits is None:
        assert width < 45
        return
    assert sum(fits.widths) + GAP * (len(fits.widths) - 1) <= width
    for row in fits.grid.rows:
        assert "$123.4567" in row
        for cell, room in zip(row, fits.widths, strict=True):
            assert isinstance(cell, Bar) or cell_len(cell) <= room


def test_names_that_begin_alike_are_cut_so_that_they_differ() -> None:
    """Three models stay three."""
    fits = fitted(grid(), 38)
    assert fits is not None
    shown = [str(row[1]) for row in fits.grid.rows]
    assert len(set(shown)) == len(MODELS)
    assert all("…" in name for name in shown)


def test_the_longest_name_gives_way_first() -> None:
    """One name that goes on and on takes nothing from the others."""
    fits = fitted(grid(["x" * 300]), 80)
    assert fits is not None
    assert [row[1] for row in fits.grid.rows] == list(MODELS)


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("ada", 3, "ada"),
        ("adam", 3, "ad…"),
        ("王芳王芳", 6, "王芳…"),
        ("王芳王芳", 5, "王芳…"),
        ("e\u0301" * 9, 3, "e\u0301e\u0301…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_a_name_is_cut_by_what_it_takes_on_the_screen(text: str, width: int, shown: str) -> None:
    """Wide letters count twice, marks stay with their letters."""
    assert shown == shortened(text, width)


def test_a_joined_picture_is_not_torn() -> None:
    """A family is shown whole or not at all."""
    family = "👩‍👩‍👧‍👦"
    assert shortened(f"{family} and others", 3) in {f"{family}…", "…"}  # as wide as rich takes it to be
    assert "\u200d" not in shortened(f"abc{family}", 4)


def test_a_list_says_what_the_table_would_have_said() -> None:
    """A row begins with its first cell; the others follow with their heads, broken between and not inside."""
    lines = [text for text, _ in listed(grid(models=MODELS[:1]), 40)]
    assert lines == [
        "ada",
        "  model claude-opus-4-5-20251101",
        "  cost $123.4567, share 44%",
        "total",
        "  cost $9,999.9999, share 100%",
    ]
