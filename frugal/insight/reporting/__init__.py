"""The report: one page of a ledger, to look at and to pass around.

Law: the page asks no network for anything, shows what users wrote as text and nothing else, and its figures are the
ledger's own. Rendering needs the extra `frugal[report]`.
"""

from __future__ import annotations

from frugal.insight.reporting.rendering import render, report

__all__ = ["render", "report"]
