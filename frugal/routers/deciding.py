"""Deciding: from a router's choice to a decision, and what there is to say when there is no choice.

Law: a decision's model is always one of the eligible ones, or the user's own default; a budget's suggestion is heeded
where it is eligible and no dearer, and the reason says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from frugal._values.routing import Candidate, Decision, Request
from frugal.errors import NoEligibleModelError
from frugal.routers.constraints import Pruned

__all__ = ["decided", "fallback", "heeded"]


def heeded(pruned: Pruned, choice: str) -> tuple[str, str]:
    """Return what a budget near its limit suggests instead of a dearer choice, with a note for the reason."""
    found = pruned.suggestion(choice)
    if found is None or found.model == choice:
        return choice, ""
    if found.model not in pruned.eligible:
        return choice, f"; {found.words}, which is not eligible"
    ours, theirs = pruned.eligible[choice].cost, pruned.eligible[found.model].cost
    if ours is not None and theirs is not None and ours <= theirs:
        return choice, f"; {found.words}, which is not cheaper"
    return found.model, f"; {found.words}"


def decided(pruned: Pruned, choice: str, reason: str, scores: Mapping[str, float] | None = None) -> Decision:
    """Make the decision for an eligible choice: heed a suggestion, and say what is not known of the model."""
    model, note = heeded(pruned, choice)
    unknown = pruned.eligible[model].unknown
    doubt = f"; unknown for {model}: {', '.join(unknown)}" if unknown else ""
    candidates = pruned.candidates
    if scores:
        candidates = tuple(replace(c, score=scores.get(c.model)) for c in candidates)
    return Decision(model, f"{reason}{note}{doubt}", candidates)


def fallback(request: Request, candidates: Sequence[Candidate]) -> Decision:
    """Return the default when every candidate is excluded.

    Raises:
        NoEligibleModelError: there is no default; it says what excluded each.
    """
    left = next((c for c in candidates if c.excluded is None), None)
    if left is not None:  # none of the router's own, but what a budget near its limit suggests
        return Decision(left.model, "suggested by a budget, and the only choice left", tuple(candidates))
    excluded = {c.model: c.excluded or "" for c in candidates}
    if request.default is None:
        raise NoEligibleModelError(excluded)
    why = "; ".join(f"{model}: {reason}" for model, reason in excluded.items())
    return Decision(request.default, f"default, nothing else is eligible ({why})", tuple(candidates))
