"""Tables and bars in a terminal, plain text in a pipe."""

import io

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from frugal.cli.parts import Bar, Column, Grid, Line
from frugal.cli.screen import Screen


def terminal(width: int = 80, encoding: str = "utf-8") -> tuple[Screen, io.TextIOWrapper]:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="backslashreplace", newline="")
    console = Console(
        file=file, force_terminal=True, width=width, color_system="standard", highlight=False, markup=False, emoji=False
    )
    return Screen(console=console), file


def shown(file: io.TextIOWrapper) -> str:
    file.flush()
    raw: bytes = file.buffer.getvalue()  # type: ignore[attr-defined]
    return raw.decode(file.encoding)


def plain(*parts: Grid | Line) -> str:
    file = io.StringIO()
    Screen(console=Console(file=file, width=40)).show(*parts)
    return file.getvalue()


LONG = "a-model-with-a-name-that-goes-on-and-on-and-on-and-on-and-on-and-on-and-on"
GRID = Grid(
    (Column("model"), Column("cost", right=True), Column("", bar=True)),
    [["[red]gpt[/red]", "$1.0000", Bar(0.5)], [LONG, "$123,456.7890", Bar(1.0)]],
    title="Title [bold]x[/bold]",
    total=["total", "$123,457.7890", ""],
    notes=["a note :smile:"],
)


def test_markup_in_texts_is_shown_and_not_obeyed() -> None:
    """Nothing that a user wrote becomes a style, in any part of a table."""
    screen, file = terminal()
    screen.show(GRID, Line("[link=http://x]y[/link]"))
    said = shown(file)
    for text in ("[red]gpt[/red]", "Title [bold]x[/bold]", ":smile:", "[link=http://x]y[/link]"):
        assert text in said


@pytest.mark.parametrize("width", [60, 80, 132])
def test_a_table_fits_the_terminal_and_cuts_no_figure(width: int) -> None:
    """Names give way, figures never."""
    screen, file = terminal(width)
    screen.show(GRID)
    text = Text.from_ansi(shown(file)).plain
    assert "$123,456.7890" in text
    assert "$123,457.7890" in text
    assert (LONG in text) is (width == 132)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_a_narrow_terminal_loses_the_bars_and_then_the_table_but_no_figure() -> None:
    """Bars give way before names are cut to where they tell little; on a phone there is something to read too."""
    for width, bars in ((60, True), (44, False), (30, False), (12, False)):
        screen, file = terminal(width)
        screen.show(GRID)
        text = Text.from_ansi(shown(file)).plain
        assert ("█" in text) is bars
        assert "$123,456.7890" in text.replace("\n", "") if width < 20 else "$123,456.7890" in text
        assert "[red]gpt[" in text.replace("\n", "")


def test_a_pipe_gets_whole_names_one_row_a_line_without_tabs_bars_or_escapes() -> None:
    """Whatever the width, a line is a row, and columns are aligned by spaces."""
    lines = plain(GRID).splitlines()
    assert lines[0] == "Title [bold]x[/bold]"
    assert lines[1].split() == ["model", "cost"]
    assert lines[2].split() == ["[red]gpt[/red]", "$1.0000"]
    assert lines[3].split() == [LONG, "$123,456.7890"]
    assert lines[4].split() == ["total", "$123,457.7890"]
    assert len({len(line) for line in lines[1:5]}) == 1  # figures end in one column
    assert not any(sign in "".join(lines) for sign in "\t\x1b█─")


def test_wide_letters_are_aligned_by_their_cells() -> None:
    """Chinese names take two cells a letter."""
    grid = Grid((Column("user"), Column("n", right=True)), [["王芳", "1"], ["ada", "2"]])
    lines = plain(grid).splitlines()
    assert [cell_len(line) for line in lines] == [7, 7, 7]


def test_a_terminal_without_unicode_gets_letters_that_it_has() -> None:
    """Bars and rules fall back to ASCII."""
    screen, file = terminal(encoding="ascii")
    screen.show(GRID)
    assert "#" in shown(file)
    assert "\\u" not in shown(file)


@pytest.mark.parametrize(
    ("bar", "drawn"),
    [
        (Bar(0.0), "········"),
        (Bar(1.0), "████████"),
        (Bar(7.5), "████████"),
        (Bar(1e-9), "▏·······"),
        (Bar(0.5), "████····"),
        (Bar(0.5, 0.25), "████▒▒··"),
        (Bar(0.9, 0.9), "███████▒"),
        (Bar(1e-9, 1e-9), "█▒······"),
    ],
)
def test_bars_show_shares(bar: Bar, drawn: str) -> None:
    """Something is never drawn as nothing, and nothing beyond the end."""
    assert drawn == bar.text(8).plain


def test_a_program_gets_json_and_nothing_else() -> None:
    """With --json, what is for people is not said."""
    file = io.StringIO()
    screen = Screen(as_json=True, console=Console(file=file))
    screen.show(GRID)
    screen.line("for people")
    screen.document({"a": 1})
    assert file.getvalue() == '{\n  "a": 1\n}\n'
