"""The cascade as a state machine, against the plainest model of one: a list that is walked once."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from frugal._mechanisms.cascade import Cascade, Phase


class Walk(RuleBasedStateMachine):
    """Drive a cascade by any verdicts, and compare."""

    @initialize(steps=st.lists(st.integers(), min_size=1, max_size=5))
    def start(self, steps):
        """Begin with any steps, repeated ones too."""
        self.cascade = Cascade(steps)
        self.left = list(steps)
        self.refused_so_far = []
        self.ended = None

    @precondition(lambda self: self.ended is None)
    @rule()
    def accept(self):
        """Take the answer."""
        self.cascade.accepted()
        self.ended = Phase.TAKEN

    @precondition(lambda self: self.ended is None)
    @rule()
    def refuse(self):
        """Go on, or take the last."""
        self.cascade.refused()
        if len(self.left) > 1:
            self.refused_so_far.append(self.left.pop(0))
        else:
            self.ended = Phase.TAKEN

    @precondition(lambda self: self.ended is None)
    @rule()
    def fail(self):
        """End in failure."""
        self.cascade.failed()
        self.ended = Phase.FAILED

    @precondition(lambda self: self.ended is not None)
    @rule(verdict=st.sampled_from(["accepted", "refused", "failed"]))
    def nothing_after_the_end(self, verdict):
        """No verdict changes what has ended."""
        with pytest.raises(RuntimeError, match="has ended"):
            getattr(self.cascade, verdict)()

    @invariant()
    def they_agree(self):
        """The walk and the list say the same."""
        if not hasattr(self, "cascade"):
            return
        assert self.cascade.phase is (self.ended or Phase.TRYING)
        assert self.cascade.current == self.left[0]
        assert self.cascade.judged == (len(self.left) > 1)
        assert self.cascade.untried == tuple(self.left[1:])
        assert self.cascade.escalated == tuple(self.refused_so_far)


Walk.TestCase.settings = settings(max_examples=60, stateful_step_count=10)
TestWalk = Walk.TestCase


def test_a_cascade_needs_a_step():
    """Nothing cannot be tried."""
    with pytest.raises(ValueError, match="at least one step"):
        Cascade([])


def test_the_repr_shows_the_steps():
    """For explain and for debugging."""
    assert repr(Cascade(["a", "b"])) == "Cascade(['a', 'b'])"
