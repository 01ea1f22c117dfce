"""What is learned about outputs keeps the promise that a hold needs."""

import random

import hypothesis.strategies as st
from hypothesis import given, settings

from frugal.ledger.outputs import MINIMUM, Outputs


@given(st.lists(st.integers(0, 10**6), min_size=MINIMUM, max_size=200), st.floats(0.01, 0.99))
def test_the_quantile_bounds_its_rank_and_is_no_wider_than_a_bucket(seen, share):
    """At least that many were within the answer, and it is at most 1/32 above the true one."""
    outputs = Outputs()
    for tokens in seen:
        outputs.add(tokens)
    rank = min(-int(-(len(seen) + 1) * share // 1), len(seen))
    true = sorted(seen)[rank - 1]
    assert true <= outputs.quantile(share) <= true * (1 + 1 / 32)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([0.5, 0.9, 0.95]), st.integers(0, 10**6))
def test_the_next_answer_stays_within_the_quantile_as_often_as_said(share, seed):
    """Over many histories, the one to come exceeds the answer no more often than 1 - q."""
    draw = random.Random(seed)
    within = 0
    for _ in range(400):
        outputs = Outputs()
        for _ in range(30):
            outputs.add(int(draw.lognormvariate(5, 1)))
        within += int(draw.lognormvariate(5, 1)) <= outputs.quantile(share)
    assert within / 400 >= share - 0.09  # four standard deviations of 400 draws


def test_little_history_gives_no_answer_and_long_history_is_bounded():
    """Under eight there is none; ten thousand keep to a few hundred buckets and follow the traffic."""
    outputs = Outputs()
    for tokens in range(MINIMUM - 1):
        outputs.add(tokens)
    assert outputs.quantile(0.5) is None
    for _ in range(10_000):
        outputs.add(1000)
    for _ in range(10_000):
        outputs.add(50)
    assert outputs.quantile(0.5) == 50
    assert outputs.seen < 4096
    assert len(outputs.counts) < 100
