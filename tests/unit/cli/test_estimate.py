"""`frugal estimate`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from frugal import estimate_monthly
from frugal.cli.documents import money_document


def test_its_figures_are_the_librarys(frugal: Callable[..., Any]) -> None:
    """Options are the arguments of `estimate_monthly`, and the cheapest comes first."""
    document = frugal(
        "estimate", "gpt-4o", "gpt-4o-mini", "--input", "1200", "--output", "300", "--requests", "50",
        "--cached-input", "0.5", "--hit-rate", "0.25", "--json",
    ).document  # fmt: skip
    assert [one["model"] for one in document["models"]] == ["gpt-4o-mini", "gpt-4o"]
    for one in document["models"]:
        true = estimate_monthly(
            one["model"],
            input_tokens=1200,
            output_tokens=300,
            requests_per_day=50,
            cache_hit_rate=0.5,
            response_hit_rate=0.25,
        )
        assert one["requests"] == 1500
        for name in ("cost", "input_cost", "cached_input_cost", "output_cost", "cost_per_request"):
            assert one[name] == money_document(getattr(true, name))


def test_a_file_of_prices_goes_before_the_shipped_ones(frugal: Callable[..., Any], tmp_path: Path) -> None:
    """A model of one's own can be estimated; a number in the file is read as it is written."""
    file = tmp_path / "prices.json"
    file.write_text('{"mine": {"input": 0.1, "output": "0.30"}}')
    document = frugal(
        "estimate", "mine", "--prices", file, "--input", "1000", "--output", "0", "--requests", "1", "--json"
    ).document
    assert document["models"][0]["cost"]["usd"] == "0.003"


def test_nothing_asked_costs_nothing(frugal: Callable[..., Any]) -> None:
    """No requests are a month of zero, not a division by it."""
    assert frugal("estimate", "gpt-4o", "--requests", "0").code == 0
