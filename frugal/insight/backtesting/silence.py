"""Silence: what stands in the place of telemetry.

Law: nobody's traces get what never happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from frugal._values.facts import Facts

__all__ = ["SilentTelemetry"]


class SilentTelemetry:
    """Show nothing."""

    def begin_call(self, function: str, facts: Facts, parent: Any) -> None:
        """Begin nothing."""

    def begin_attempt(self, span: Any, function: str, model: str | None) -> None:
        """Begin nothing."""

    def leave_attempt(self, attempt: Any) -> None:
        """Leave nothing."""

    def end_attempt(self, attempt: Any, spent: Any) -> None:
        """End nothing."""

    def end_call(self, span: Any, records: Any, journal: Any, error: BaseException | None) -> None:
        """End nothing."""

    def event(self, span: Any, name: str, attributes: Mapping[str, Any]) -> None:
        """Note nothing."""
