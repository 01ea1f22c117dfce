"""Prices of the user's own, from a file."""

from pathlib import Path

import pytest

from frugal.cli.endings import Trouble
from frugal.cli.pricing import completed_model, price_table


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"m": 1}', '{"m": {"input": -1}}', '{"m": {"input": "much"}}', '{"m": {"in": 1}}', '{"m": {}}'],
)
def test_a_file_that_holds_no_prices_is_refused_with_the_form(tmp_path: Path, text: str) -> None:
    """The message names the file and shows how it is written."""
    file = tmp_path / "prices.json"
    file.write_text(text)
    with pytest.raises(Trouble, match=r"prices\.json.*dollars per million tokens"):
        price_table(str(file))


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    """Bytes are no prices."""
    file = tmp_path / "prices.json"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Trouble, match="not JSON"):
        price_table(str(file))


def test_models_are_completed() -> None:
    """A TAB finds the known names."""
    assert "gpt-4o-mini" in completed_model("gpt-4o")
