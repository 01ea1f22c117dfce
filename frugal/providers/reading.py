"""Readings: what was found in a body, put together for the record.

Law: an answer is whole only if nothing says otherwise: no finish reason of a cut, no refusal, no block.
"""

from __future__ import annotations

from frugal.ports import Reading
from frugal.providers.bodies import Body
from frugal.providers.figures import Figures, figures
from frugal.providers.words import is_cut, served_tier

__all__ = ["settle"]

_NOTHING = Figures()


def settle(body: Body, text_bytes: int | None) -> Reading:
    """Return the reading of a body.

    Args:
        body: where things stand in the response.
        text_bytes: the length of its text, in UTF-8 bytes.
    """
    found = figures(body.usage, zeros=body.zeros) if body.usage is not None else _NOTHING
    notes = [*found.notes, body.note] if body.note else found.notes
    cut = body.refused or is_cut(body.finish) or (len(body.finishes) > 1 and any(map(is_cut, body.finishes)))
    return Reading(
        usage=found.usage,
        model=found.model or body.model,
        provider=body.provider,
        stated=found.stated,
        tier=found.tier or served_tier(body.tier),
        finish=body.finish,
        complete=not cut,
        problem="; ".join(notes) if notes else "",
        text_bytes=text_bytes,
    )
