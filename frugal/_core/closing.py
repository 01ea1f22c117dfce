"""Closing what a provider gave, whichever way it has."""

from __future__ import annotations

import inspect
from typing import Any

__all__ = ["close"]


async def close(source: Any) -> None:
    """Close a source that can be closed, and wait for it where there is something to wait for."""
    for name in ("aclose", "close"):
        method = getattr(source, name, None)
        if method is not None:
            result = method()
            if inspect.isawaitable(result):
                await result
            return
