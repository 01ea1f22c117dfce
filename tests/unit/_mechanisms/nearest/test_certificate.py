"""The bound on wrong hits: never optimistic, and no more pessimistic than it must be."""

import json
import random

import pytest

from frugal._mechanisms.nearest.certificate import LEVELS, Certificate

TOP = LEVELS - 1


def test_it_certifies_nothing_without_evidence():
    """The bound is 1 and no level is served before anything was seen."""
    certificate = Certificate(0.02)
    assert (1.0, None, 0, (0, 0)) == (certificate.bound, certificate.level, certificate.audits, certificate.measured)


def test_enough_clean_audits_certify_and_the_bound_is_below_the_rate():
    """Some hundred audits without a wrong answer certify 2 %; as many half wrong do not."""
    clean, dirty = Certificate(0.02), Certificate(0.02)
    for at in range(700):
        clean.audit(TOP, wrong=False)
        dirty.audit(TOP, wrong=at % 2 == 0)
    assert clean.level is not None
    assert clean.bound <= 0.02
    assert dirty.level is None
    assert dirty.bound > 0.4


def test_the_level_served_is_the_laxest_that_holds():
    """Levels below which too much is wrong are not served; those above are."""
    certificate = Certificate(0.05)
    for _ in range(1500):
        certificate.audit(30, wrong=False)
        certificate.audit(10, wrong=True)
    assert 10 < certificate.level <= 30


def test_it_stops_and_begins_again():
    """Wrong answers take the certificate away; a window of right ones brings it back."""
    certificate = Certificate(0.05)
    for _ in range(500):
        certificate.audit(TOP, wrong=False)
    assert certificate.level is not None
    for _ in range(100):
        certificate.audit(TOP, wrong=True)
    assert certificate.level is None
    for _ in range(certificate.window):
        certificate.audit(TOP, wrong=False)
    assert certificate.level is not None


def test_the_window_slides():
    """Old blocks are dropped: never more than a window of audits is held."""
    certificate = Certificate(0.05, window=400)
    for at in range(5000):
        certificate.audit(TOP, wrong=False) if at % 2 else certificate.audit_other()
        assert certificate.audits <= 400


@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_the_bound_is_exceeded_at_any_time_at_most_as_often_as_it_says(rate):
    """Over 200 streams that err at a known rate, looked at after every audit, few bounds ever lie below it."""
    exceeded = 0
    for seed in range(200):
        coin = random.Random(seed)
        certificate = Certificate(rate, window=1_000_000)
        for _ in range(600):
            certificate.audit(TOP, wrong=coin.random() < rate)
            # With one level there is one hypothesis, and a level is certified exactly when the bound is below.
            if certificate.level is not None:
                exceeded += 1
                break
    assert exceeded <= 10


def test_what_errs_half_as_often_as_tolerated_is_certified():
    """The bound is useful: 1 % of wrong answers is certified as below 2 % within some thousand audits."""
    coin = random.Random(7)
    certificate = Certificate(0.02)
    for _ in range(4_000):
        certificate.audit(TOP, wrong=coin.random() < 0.01)
    assert certificate.level is not None


def test_it_continues_from_its_state_as_plain_json():
    """A restored certificate serves the same level with the same bound."""
    certificate = Certificate(0.05)
    coin = random.Random(3)
    for _ in range(900):
        certificate.audit(coin.randrange(20, LEVELS), wrong=coin.random() < 0.01)
    certificate.settle()
    other = Certificate(0.05)
    other.restore(json.loads(json.dumps(certificate.state())))
    assert (certificate.level, certificate.bound) == (other.level, other.bound)
    other.reset()
    assert (None, 0) == (other.level, other.audits)


def test_the_audits_of_two_processes_add_up():
    """Neither half is enough alone; together they are."""
    one, two = Certificate(0.02), Certificate(0.02)
    for _ in range(300):
        one.audit(TOP, wrong=False)
        two.audit(TOP, wrong=False)
    assert (None, None) == (one.level, two.level)
    one.join(two.state())
    assert one.level is not None


@pytest.mark.parametrize(
    "damage",
    [
        {},
        {"levels": LEVELS},
        {"levels": 3, "blocks": []},
        {"levels": LEVELS, "blocks": [1, 2, 3, 4]},
        {"levels": LEVELS, "blocks": [{"size": 0, "counts": [0], "wrongs": [0]}] * 4},
        {"levels": LEVELS, "blocks": [{"size": 0, "counts": [1] * LEVELS, "wrongs": [0] * LEVELS}] * 4},
        {"levels": LEVELS, "blocks": [{"size": 99, "counts": [1] * LEVELS, "wrongs": [2] * LEVELS}] * 4},
        {"levels": LEVELS, "blocks": [{"size": 99, "counts": [-1] * LEVELS, "wrongs": [0] * LEVELS}] * 4},
        {"levels": LEVELS, "blocks": [{"size": 99, "counts": "x", "wrongs": [0] * LEVELS}] * 4},
    ],
)
def test_a_damaged_state_is_refused(damage):
    """What is not a state of ours raises and changes nothing."""
    certificate = Certificate(0.05)
    with pytest.raises(ValueError, match="start anew"):
        certificate.restore(damage)
    assert 0 == certificate.audits
