"""Findings: what was seen, said for each tip.

Law: no figure without its sample; below ten calls, and where a record does not say what a tip needs, the finding is
"not enough evidence", with what would change that.
"""

from __future__ import annotations

from frugal.insight.advice.by_feedback import fewer_words, fine_tuning, fit_context, routing
from frugal.insight.advice.by_structure import (
    batching,
    deduplication,
    exact_cache,
    fewer_steps,
    prompt_caching,
    semantic_cache,
    shorten_prompt,
    tool_results,
)
from frugal.insight.advice.piece import Finding
from frugal.insight.advice.view import View

__all__ = ["findings"]

_FINDERS = {
    "shorten_prompt": shorten_prompt,
    "fewer_words": fewer_words,
    "fit_context": fit_context,
    "exact_cache": exact_cache,
    "semantic_cache": semantic_cache,
    "prompt_caching": prompt_caching,
    "tool_results": tool_results,
    "routing": routing,
    "fine_tuning": fine_tuning,
    "batching": batching,
    "deduplication": deduplication,
    "fewer_steps": fewer_steps,
}


def findings(view: View) -> dict[str, Finding]:
    """Return the finding of each tip by the tip's name."""
    return {name: find(view) for name, find in _FINDERS.items()}
