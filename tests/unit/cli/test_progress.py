"""Progress bars."""

import io

import pytest
from rich.console import Console

from frugal.cli.progress import progress


@pytest.mark.parametrize("terminal", [True, False])
def test_a_bar_is_for_people_alone(terminal: bool) -> None:
    """In a pipe nothing is written, and the counting goes on all the same."""
    file = io.StringIO()
    with progress("exporting", 250, Console(file=file, force_terminal=terminal, width=80)) as step:
        for _ in range(250):
            step()
    assert ("exporting" in file.getvalue()) is terminal


def test_a_bar_goes_away_when_the_work_fails() -> None:
    """The error is what is seen, and the terminal is left as it was."""
    file = io.StringIO()
    with (
        pytest.raises(ZeroDivisionError),
        progress("exporting", 1, Console(file=file, force_terminal=True, width=80)),
    ):
        raise ZeroDivisionError
    assert "\x1b[?25h" in file.getvalue()  # the cursor is shown again
