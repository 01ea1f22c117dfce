"""What a query's neighbours say about the nearest answer, as a few numbers.

Law: evidence is pure and free of scale. Whatever depends on how an embedder spreads its similarities is left
to the beliefs, which standardise each number by what they have seen. An absent neighbour counts as one that
does not agree, so that a young cache is a doubtful one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["NEIGHBOURS", "Evidence", "Neighbour", "Refuse", "weigh"]

NEIGHBOURS = 16
"""How many of the nearest entries are looked at."""

_NEAR = 4
_STEEPNESS = 3.0
_CLOSE = 0.02
_DOUBT = 0.5
_TRIES = 4

Refuse = Callable[[int], str | None]
"""Name the rule that forbids an entry (by id) to answer this query, or give None."""


class Neighbour(NamedTuple):
    """One entry near a query.

    ``answer`` names the class of equal answers it belongs to; ``right`` and ``wrong`` count how often its
    answer was compared with a fresh one.
    """

    id: int
    similarity: float
    answer: str
    right: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The entry that would answer, and what speaks for it.

    ``numbers`` are, in order: the share of agreeing entries among the nearest few, the same among all looked
    at, the log odds of a vote weighted by nearness, the similarity of the candidate, its lead over the
    nearest entry that disagrees, the similarity of the farthest entry looked at, and the entry's own record
    (log odds of right over wrong, one of each assumed).
    """

    entry: int
    answer: str
    similarity: float
    numbers: tuple[float, ...]
    vetoed: tuple[tuple[int, str], ...]
    allowed: bool


def weigh(neighbours: Sequence[Neighbour], refuse: Refuse | None = None) -> Evidence | None:
    """Vote among *neighbours* (nearest first) and gather what speaks for the winner; None without any.

    The winner is the class of answers with the largest weight; its nearest entry that *refuse* lets pass is
    the candidate. Where none passes, ``allowed`` is False.
    """
    if not neighbours:
        return None
    nearest, farthest = neighbours[0].similarity, neighbours[-1].similarity
    scale = _STEEPNESS / max(nearest - farthest, _CLOSE)
    votes: dict[str, float] = {}
    total = 0.0
    for neighbour in neighbours:
        weight = math.exp(scale * (neighbour.similarity - nearest))
        votes[neighbour.answer] = votes.get(neighbour.answer, 0.0) + weight
        total += weight
    winner = max(votes, key=votes.__getitem__)
    against = total - votes[winner] + _DOUBT
    agreeing = [neighbour for neighbour in neighbours if neighbour.answer == winner]
    candidate, vetoed, allowed = _candidate(agreeing, refuse)
    near = sum(neighbour.answer == winner for neighbour in neighbours[:_NEAR])
    rival = next((n.similarity for n in neighbours if n.answer != winner), min(farthest, 0.0))
    if len(agreeing) == len(neighbours) >= NEIGHBOURS:
        rival = farthest
    return Evidence(
        entry=candidate.id,
        answer=winner,
        similarity=candidate.similarity,
        numbers=(
            near / _NEAR,
            len(agreeing) / NEIGHBOURS,
            math.log(votes[winner] / against),
            candidate.similarity,
            candidate.similarity - rival,
            farthest if len(neighbours) >= NEIGHBOURS else 0.0,
            math.log((candidate.right + 1.0) / (candidate.wrong + 1.0)),
        ),
        vetoed=vetoed,
        allowed=allowed,
    )


def _candidate(
    agreeing: Sequence[Neighbour], refuse: Refuse | None
) -> tuple[Neighbour, tuple[tuple[int, str], ...], bool]:
    """Choose the nearest entry that is not refused; a few tries, for each costs a comparison of texts."""
    vetoed: list[tuple[int, str]] = []
    for neighbour in agreeing[:_TRIES]:
        rule = refuse(neighbour.id) if refuse is not None else None
        if rule is None:
            return neighbour, tuple(vetoed), True
        vetoed.append((neighbour.id, rule))
    return agreeing[0], tuple(vetoed), False
