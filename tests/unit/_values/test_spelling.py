"""What was chosen is written as it was typed, and read back it is the same."""

import pytest

from frugal import Budget, Model, adaptive, by_complexity, cascade, disk, memory
from frugal._values.spelling import NONE, spelt


def good_enough(answer):
    return True


def test_what_is_left_at_its_default_is_not_said():
    """A bare name stands for a call without arguments; a `None` that was chosen is said."""
    assert spelt("metered", tags=None) == "metered"
    assert spelt("disk", None, ttl=NONE) == "disk(ttl=None)"
    assert spelt("f", 7.0, 0.5, ("a", "b"), {"k": good_enough}) == "f(7, 0.5, ['a', 'b'], {'k': good_enough})"


def test_a_function_stands_by_its_name():
    """An address in memory says nothing, and differs from run to run."""
    assert repr(cascade(["a", "b"], accept=good_enough)) == "cascade(['a', 'b'], accept=good_enough)"
    assert repr(cascade(["a", "b"], accept=lambda answer: True)) == "cascade(['a', 'b'], accept=<lambda>)"


@pytest.mark.parametrize(
    "said",
    [
        "Budget(usd='4')",
        "Budget(usd='100')",
        "Budget(usd='0.000000000001', tokens=7, window='month', per='user', name='cap')",
        "Budget(usd='0', window='run', warn_at=0.5, suggest='small', timezone='Asia/Taipei')",
        "Model('c', context_window=8000, tools=True)",
        "by_complexity(simple=['s'], complex=[Model('c', tools=True)])",
        "cascade(['a', 'b'], accept=good_enough)",
        "adaptive(['a', 'b'], base='b', seed=1)",
    ],
)
def test_what_is_written_reads_back_as_an_equal_value(said):
    """So a line of `explain` can be copied into code."""
    names = {"Budget": Budget, "Model": Model, "by_complexity": by_complexity, "cascade": cascade,
             "adaptive": adaptive, "good_enough": good_enough}  # fmt: skip
    value = eval(said, names)
    assert repr(value) == said
    assert eval(repr(value), names) == value


def test_a_layer_says_what_was_chosen_for_it():
    """Used bare it is its name; what differs from that stands in brackets."""
    assert repr(memory) == "memory"
    assert repr(memory(max_items=5, ttl=None)) == "memory(max_items=5, ttl=None)"
    assert repr(disk("/var/answers", ttl=60, max_bytes=100_000)) == "disk('/var/answers', ttl=60, max_bytes=100000)"
