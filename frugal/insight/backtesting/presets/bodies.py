"""Bodies: requests and responses as providers take and give them, where an export has them whole.

Law: what a response itself says of its tokens goes before what a tool made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frugal._values.usage import Usage
from frugal.insight.backtesting import cells
from frugal.insight.backtesting.logged import Remark
from frugal.insight.backtesting.presets.rows import Line
from frugal.providers import read

__all__ = ["UNPAID", "between", "messages", "rest", "usage_in"]

_OWN = frozenset({"model", "messages", "prompt", "input", "stream", "user", "max_tokens", "max_completion_tokens"})
"""Parts of a request's body that have a field of their own."""

_NEUTRAL = frozenset({"metadata", "litellm_metadata", "stream_options"})
"""Parts that do not change the answer."""

UNPAID = Remark("a cost of $0 in the log for tokens that somebody was paid for; they were priced by the table")
"""Tools write 0 where they know no price: it is no statement."""


def messages(cell: Any) -> Any:
    """Return a prompt: a list of messages, or a text; `None` for an empty one."""
    found = cells.document(cell)
    if isinstance(found, Mapping):
        found = found.get("messages") or found.get("prompt") or found.get("input")
    return found if isinstance(found, (list, str)) and found else None


def rest(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a request's body that tell equal requests apart."""
    return {str(name): value for name, value in body.items() if name not in _OWN and name not in _NEUTRAL}


def usage_in(line: Line) -> Usage | None:
    """Return the tokens that a provider's response says; `None` where it is none, or says nothing."""
    reading = read(dict(line.row)) if line.row else None
    return reading.usage if reading is not None and not reading.problem else None


def between(began: float | None, ended: float | None) -> float | None:
    """Return the seconds between two times; `None` where one is unknown, or the clocks disagree."""
    return ended - began if began is not None and ended is not None and ended >= began else None
