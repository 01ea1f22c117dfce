"""The fixed policy: near enough, allowed, unrivalled."""

import pytest

from frugal._mechanisms.nearest import Fixed, Neighbour


def near(*pairs):
    """Give neighbours with ids 1, 2, … from (similarity, answer) pairs."""
    return [Neighbour(at, similarity, answer) for at, (similarity, answer) in enumerate(pairs, start=1)]


def test_it_serves_the_nearest_that_is_near_enough():
    """At the threshold and above it is a hit, below a miss; nothing near is a miss."""
    policy = Fixed(0.9)
    assert ("hit", 1) == (policy.decide(near((0.9, "a"))).action, policy.decide(near((0.95, "a"))).entry)
    assert "miss" == policy.decide(near((0.89, "a"))).action
    assert "miss" == policy.decide([]).action


def test_rounding_does_not_refuse_a_text_to_itself():
    """A threshold of 1 is met by a similarity a rounding error below it."""
    assert "hit" == Fixed(1.0).decide(near((0.9999999, "a"))).action


def test_the_veto_refuses_and_is_named():
    """A refused entry is a miss that says by which rule, and no farther entry is served in its place."""
    decision = Fixed(0.9).decide(near((0.95, "a"), (0.92, "b")), lambda id: "numbers" if id == 1 else None)
    assert ("miss", "vetoed by numbers", ((1, "numbers"),)) == (decision.action, decision.reason, decision.vetoed)


def test_two_practically_equal_entries_with_different_answers_serve_neither():
    """A tie between answers is ambiguous; the same answer, a clear lead, or a refused rival is not."""
    policy = Fixed(0.9, tie=0.01)
    assert "ambiguous" == policy.decide(near((0.95, "a"), (0.945, "b"))).reason
    assert "ambiguous" == policy.decide(near((0.95, "a"), (0.945, "a"), (0.941, "b"))).reason
    assert "hit" == policy.decide(near((0.95, "a"), (0.945, "a"))).action
    assert "hit" == policy.decide(near((0.95, "a"), (0.93, "b"))).action
    assert "hit" == policy.decide(near((0.95, "a"), (0.945, "b")), lambda id: "dates" if id == 2 else None).action
    assert "hit" == Fixed(0.9, tie=0.0).decide(near((0.95, "a"), (0.95, "b"))).action


def test_a_bypassed_lookup_never_hits():
    """Asked not to serve, it does not."""
    assert "miss" == Fixed(0.5).decide(near((1.0, "a")), serve=False).action


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.1, float("nan")])
def test_a_threshold_that_is_none_is_refused(threshold):
    """The error names the value and what would do."""
    with pytest.raises(ValueError, match="threshold is"):
        Fixed(threshold)
    with pytest.raises(ValueError, match="tie is"):
        Fixed(0.9, tie=1.0)


def test_its_counts_survive_and_a_damaged_state_does_not_matter():
    """The report continues where another run ended."""
    policy = Fixed(0.9)
    policy.decide(near((0.95, "a")))
    policy.decide(near((0.95, "a")), lambda id: "units")
    other = Fixed(0.9)
    other.restore(policy.state())
    other.restore({"counts": "rubbish"})
    other.learn(other.decide(near((0.1, "a"))), right=True)
    report = other.report()
    assert (3, 1, 1, None, True) == (report.queries, report.hits, report.vetoed, report.bound, other.serving)
