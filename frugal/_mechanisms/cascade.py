"""Cascade: which step to try next, while answers are refused.

Law: steps are tried in order, each at most once; nothing is tried after an answer was taken or a step
failed; the last step's answer is taken without being judged, because there is nothing to go on to. Pure:
the one who drives it makes the calls.

    TRYING --accepted--> TAKEN
    TRYING --refused---> TRYING (the next step), or TAKEN when it was the last
    TRYING --failed----> FAILED
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Generic, TypeVar

__all__ = ["Cascade", "Phase"]

Step = TypeVar("Step")


class Phase(Enum):
    """Where a cascade stands."""

    TRYING = "trying"
    TAKEN = "taken"
    FAILED = "failed"


class Cascade(Generic[Step]):
    """Walk through steps until an answer is accepted.

    Args:
        steps: what to try, in order; at least one.

    Raises:
        ValueError: there are no steps.

    >>> cascade = Cascade(["small", "large"])
    >>> cascade.current, cascade.judged
    ('small', True)
    >>> cascade.refused()
    >>> cascade.current, cascade.judged
    ('large', False)
    >>> cascade.accepted(); cascade.phase
    <Phase.TAKEN: 'taken'>
    """

    __slots__ = ("_at", "_phase", "_steps")

    def __init__(self, steps: Sequence[Step]) -> None:
        if not steps:
            raise ValueError("a cascade needs at least one step; give it models.")
        self._steps = tuple(steps)
        self._at = 0
        self._phase = Phase.TRYING

    @property
    def phase(self) -> Phase:
        """Where it stands."""
        return self._phase

    @property
    def current(self) -> Step:
        """The step to try now; once taken, the one whose answer was."""
        return self._steps[self._at]

    @property
    def judged(self) -> bool:
        """Whether the current answer has to be judged: the last one has not."""
        return self._at + 1 < len(self._steps)

    @property
    def escalated(self) -> tuple[Step, ...]:
        """The steps whose answers were refused."""
        return self._steps[: self._at]

    @property
    def untried(self) -> tuple[Step, ...]:
        """The steps that were not needed."""
        return self._steps[self._at + 1 :]

    def accepted(self) -> None:
        """Take the current answer.

        Raises:
            RuntimeError: the cascade has ended.
        """
        self._must_be_trying()
        self._phase = Phase.TAKEN

    def refused(self) -> None:
        """Go on to the next step; with none left, the current answer is the best there is.

        Raises:
            RuntimeError: the cascade has ended.
        """
        self._must_be_trying()
        if self.judged:
            self._at += 1
        else:
            self._phase = Phase.TAKEN

    def failed(self) -> None:
        """End, because the current step, or the judgement of its answer, raised.

        Raises:
            RuntimeError: the cascade has ended.
        """
        self._must_be_trying()
        self._phase = Phase.FAILED

    def _must_be_trying(self) -> None:
        if self._phase is not Phase.TRYING:
            raise RuntimeError(f"the cascade has ended ({self._phase.value}); make a new one for each call.")

    def __repr__(self) -> str:
        return f"Cascade({list(self._steps)!r})"
