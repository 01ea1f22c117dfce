"""What a policy says about one query, and about itself.

Law: a decision carries all that learning from its outcome needs, so that the answer may come much later, from
another task or thread.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from frugal._mechanisms.nearest.evidence import Evidence

__all__ = ["Action", "Decision", "Report"]

Action = Literal["hit", "explore", "miss"]
"""``hit`` serves the entry; ``explore`` asks the model and compares; ``miss`` asks the model."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with one query.

    ``hit`` serves ``entry``; with ``audit`` the model is asked as well, after the caller is served, and
    ``learn`` told whether its answer equals the entry's. ``explore`` asks the model first and then tells
    ``learn``. ``miss`` has nothing to compare. ``vetoed`` holds the entries refused on the way and the rules;
    ``live`` is False for a query that was not to be served from the cache at all.
    """

    action: Action
    reason: str
    entry: int | None = None
    similarity: float | None = None
    audit: bool = False
    vetoed: tuple[tuple[int, str], ...] = ()
    evidence: Evidence | None = None
    level: int = -1
    live: bool = True


@dataclass(frozen=True, slots=True)
class Report:
    """What a policy has done and how wrong its hits are.

    ``bound`` is the upper bound, at the policy's confidence, of the share of wrong hits; it stands on
    ``measured`` audited ones, of which ``wrong`` were wrong. ``serving`` is False while it is above the
    tolerated rate. A fixed threshold measures nothing: its bound is None.
    """

    queries: int
    hits: int
    explored: int
    vetoed: int
    audits: int = 0
    measured: int = 0
    wrong: int = 0
    bound: float | None = None
    serving: bool = True
    alarms: int = 0
