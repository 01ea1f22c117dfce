"""The tips: what each says, what it takes, and the sign of traffic that it is for.

Law: a table; the figures beside a tip come from the lenses.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TIPS", "Tip"]


@dataclass(frozen=True, slots=True)
class Tip:
    """One row of the checklist.

    Args:
        name: a short name that does not change.
        title: what to do.
        category: under which heading.
        effort: how much work it is.
        priority: 1 to 5, 5 first.
    """

    name: str
    title: str
    category: str
    effort: str
    priority: int


TIPS = (
    Tip("shorten_prompt", "Shorten the system prompt", "prompt", "low", 5),
    Tip("fewer_words", "Prefer a few examples to long explanations", "prompt", "medium", 4),
    Tip("fit_context", "Fit the length of the context to the task", "prompt", "medium", 5),
    Tip("exact_cache", "Answer repeated requests from a cache", "caching", "low", 5),
    Tip("semantic_cache", "Answer near repeats from a semantic cache", "caching", "medium", 5),
    Tip("prompt_caching", "Let the provider cache prompt prefixes", "caching", "low", 5),
    Tip("tool_results", "Cache the results of tools", "caching", "low", 4),
    Tip("routing", "Route calls to a cheaper model that answers as well", "model", "medium", 5),
    Tip("fine_tuning", "Fine-tune a small model for the largest task", "model", "high", 3),
    Tip("batching", "Send requests in batches", "architecture", "medium", 4),
    Tip("deduplication", "Let identical calls in flight share one answer", "architecture", "low", 3),
    Tip("fewer_steps", "Take fewer reasoning steps", "architecture", "high", 4),
)
"""The source's eleven tips, and the exact cache, which it does not tell from the semantic one."""
