"""What the backtests' tests share: a log by hand."""

from collections.abc import Callable
from typing import Any

import pytest

NOON = 1_768_478_400.0
"""Noon of 15 January 2026, UTC."""

Row = dict[str, Any]


@pytest.fixture
def row() -> Callable[..., Row]:
    """Return what makes a row of a log: a thousand tokens in and a hundred out, so many seconds after noon."""

    def make(at: float = 0, prompt: str | None = None, **more: Any) -> Row:
        said: Row = {"time": NOON + at, "model": "gpt-4o", "input_tokens": 1000, "output_tokens": 100, "latency": 1.0}
        return said | ({} if prompt is None else {"prompt": prompt}) | more

    return make
