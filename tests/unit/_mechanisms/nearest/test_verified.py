"""The verified policy: explores until it is sure, serves while it is, and stops when it is not."""

import json
import random
from itertools import pairwise

import pytest

from frugal._mechanisms.nearest import NEIGHBOURS, Neighbour, Verified


def easy(coin, *, right):
    """Give neighbours that agree where the answer will be right, and quarrel where it will be wrong."""
    if right:
        return [Neighbour(at, 0.95 - at / 200, "a") for at in range(NEIGHBOURS)]
    return [Neighbour(at, 0.7 - at / 100, coin.choice("abcd")) for at in range(NEIGHBOURS)]


def live(policy, steps, *, seed=0, easy_share=0.7, wrong_when_easy=0.0, serve=True):
    """Ask *steps* queries; give (hits, wrong hits, asked of the model)."""
    coin = random.Random(seed)
    hits = wrong = asked = 0
    for _ in range(steps):
        looks_right = coin.random() < easy_share
        neighbours = easy(coin, right=looks_right)
        right = looks_right and coin.random() >= wrong_when_easy
        decision = policy.decide(neighbours, serve=serve)
        if decision.action == "hit":
            hits += 1
            wrong += not right
        if decision.action != "hit" or decision.audit:
            asked += 1
        if decision.action == "explore" or decision.audit:
            policy.learn(decision, right=right)
    return hits, wrong, asked


def test_it_serves_nothing_at_first():
    """The first query with neighbours is explored and audited, however near they are."""
    policy = Verified(0.02, seed=1)
    decision = policy.decide([Neighbour(1, 1.0, "a")])
    assert ("explore", True, 1.0, False) == (decision.action, decision.audit, policy.report().bound, policy.serving)
    assert "miss" == policy.decide([]).action
    policy.learn(policy.decide([]), right=True)


def test_it_learns_to_serve_and_keeps_its_promise():
    """On easy traffic it comes to serve most of what can be served, with almost nothing wrong."""
    policy = Verified(0.02, seed=1)
    live(policy, 2_000)
    hits, wrong, asked = live(policy, 2_000, seed=1)
    assert hits > 1_200
    assert wrong <= 0.02 * hits
    assert asked < 900
    report = policy.report()
    assert report.bound <= 0.02
    assert report.measured > 100


def test_about_a_twentieth_of_the_hits_is_asked_again():
    """Shadow checks are a share of the served hits."""
    policy = Verified(0.05, seed=2)
    live(policy, 1_000)
    audited = sum(policy.decide(easy(random.Random(0), right=True)).audit for _ in range(2_000))
    assert 60 <= audited <= 140


def test_it_switches_itself_off_when_hits_turn_wrong_and_on_again_when_they_are_right():
    """A change of the world is noticed through the audits; then everything is explored until it is good again."""
    policy = Verified(0.02, seed=3)
    live(policy, 2_000)
    assert policy.serving
    live(policy, 3_000, wrong_when_easy=0.5)
    assert not policy.serving
    assert policy.report().bound > 0.02
    live(policy, 6_000)
    assert policy.serving


def test_a_long_good_record_does_not_hide_a_sudden_change():
    """With thousands of good audits behind it, some ten wrong hits in a row still raise the alarm."""
    policy = Verified(0.02, seed=3, shadow=1.0)
    live(policy, 6_000)
    assert policy.report().measured > 2_000
    hits, _, _ = live(policy, 200, easy_share=1.0, wrong_when_easy=1.0)
    assert hits < 20
    assert (False, 1) == (policy.serving, policy.report().alarms)


def test_traffic_that_errs_more_than_tolerated_is_never_served():
    """Where even the best evidence is wrong 10 % of the time, 2 % cannot be had."""
    policy = Verified(0.02, seed=4)
    hits, _, _ = live(policy, 5_000, wrong_when_easy=0.1)
    assert 0 == hits


def test_a_vetoed_entry_is_never_served():
    """However sure the policy is, a refused entry is explored instead."""
    policy = Verified(0.05, seed=5)
    live(policy, 2_000)
    for _ in range(200):
        decision = policy.decide(easy(random.Random(0), right=True), lambda id: "numbers")
        assert decision.action != "hit"
        policy.learn(decision, right=False)
    assert 200 == policy.report().vetoed


def test_a_rehearsal_never_hits_but_teaches():
    """While a cache is filled it serves nothing; afterwards it may serve at once."""
    policy = Verified(0.05, seed=6)
    hits, _, _ = live(policy, 2_000, serve=False)
    assert 0 == hits
    assert policy.serving


def test_a_wrong_answer_in_rehearsal_weighs_more():
    """What was only rehearsed is trusted less than what was seen live."""
    rehearsed, seen = Verified(0.05, seed=7), Verified(0.05, seed=7)
    live(rehearsed, 1_500, wrong_when_easy=0.02, serve=False)
    live(seen, 400, wrong_when_easy=0.02)
    assert rehearsed.report().audits > 1_500


def test_it_continues_where_another_process_ended():
    """What was learned survives as plain JSON: the next process serves at once, with the same bound."""
    policy = Verified(0.02, seed=8)
    live(policy, 2_000)
    other = Verified(0.02, seed=8)
    other.restore(json.loads(json.dumps(policy.state())))
    assert policy.report() == other.report()
    assert other.serving
    assert live(other, 500)[0] > 300


def test_the_best_of_several_states_is_taken_and_damaged_ones_are_passed_over(caplog):
    """A corrupt or foreign state costs exploration, never an error."""
    little, much = Verified(0.05, seed=9), Verified(0.05, seed=9)
    live(little, 50)
    live(much, 1_000)
    damaged = {**much.state(), "beliefs": {"seen": -1}}
    fresh = Verified(0.05)
    assert fresh.restore_best([{}, damaged, little.state(), much.state()])
    assert much.report().bound == fresh.report().bound
    assert 2 == len(caplog.records)
    assert not Verified(0.05).restore_best([])


def test_two_processes_join_what_they_learned():
    """Audits add up, and the more experienced beliefs are kept."""
    one, two = Verified(0.02, seed=10), Verified(0.02, seed=11)
    live(one, 250)
    live(two, 300, seed=1)
    assert not one.serving
    one.join(two.state())
    assert 550 == one.report().audits
    assert 550 == one.report().queries


def test_a_better_cache_hits_more_as_it_tolerates_more():
    """More tolerance never means fewer hits, on the same traffic."""
    hits = [live(Verified(rate, seed=12), 3_000, wrong_when_easy=0.004)[0] for rate in (0.01, 0.02, 0.05, 0.1)]
    assert all(fewer <= more for fewer, more in pairwise(hits))


@pytest.mark.parametrize(
    "arguments", [{"max_error_rate": 0.0}, {"max_error_rate": 1.0}, {"max_error_rate": 0.1, "shadow": 0.0}]
)
def test_shares_that_are_none_are_refused(arguments):
    """The error names the argument and an example."""
    with pytest.raises(ValueError, match="such as"):
        Verified(**arguments)
