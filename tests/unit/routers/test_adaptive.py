"""Promises of the adaptive router: it leaves its base on evidence, forgets, and is repeatable."""

import asyncio
import json
import logging
import random
import threading

import pytest

from frugal._values.money import Money, usd
from frugal._values.routing import Cell, Constraints, Model, Outcome, Request
from frugal.errors import NoEligibleModelError
from frugal.routers.adaptive import (
    MemoryState,
    Standing,
    adaptive,
    cell_of,
    merged,
    recorded,
    success_and_satisfaction,
)
from frugal.routers.adaptive.state import SUMS, cells, empty

ANY = "any"


def outcomes(model: str, good: int, bad: int, task: str = ANY, **facts):
    """Make that many successes and failures, mixed."""
    made = [Outcome(cell=Cell(task, model), success=True, **facts)] * good
    made += [Outcome(cell=Cell(task, model), success=False, **facts)] * bad
    random.Random(1).shuffle(made)
    return made


def still(models=("base", "other"), **facts):
    """Make a router that never explores."""
    return adaptive(list(models), seed=1, explore=0, **facts)


def test_without_evidence_it_takes_the_base_choice():
    """The first model, or the one named."""
    assert still()(Request()).model == "base"
    assert adaptive(["a", "b"], base="b", explore=0)(Request()).model == "b"


def test_nine_observations_are_not_enough_to_leave_and_a_clear_lead_after_ten_is():
    """The source's floor; with nothing lost to memory here."""
    nine, many = still(memory=10**6), still(memory=10**6)
    nine.learn(outcomes("base", 0, 30) + outcomes("other", 9, 0))
    many.learn(outcomes("base", 0, 30) + outcomes("other", 11, 0))
    assert nine(Request()).model == "base"
    assert many(Request()).model == "other"
    assert "clearly better than base" in many(Request()).reason


def test_a_lead_that_may_be_luck_is_not_enough():
    """Seven of ten against six of ten says nothing."""
    route = still()
    route.learn(outcomes("base", 6, 4) + outcomes("other", 9, 4))
    assert route(Request()).model == "base"


def test_the_best_is_chosen_even_when_none_is_above_four_fifths():
    """The source asks for a score above 0.8, which would never choose a best model at 0.75."""
    route = still(memory=1_000)
    route.learn(outcomes("base", 40, 60) + outcomes("other", 75, 25))
    assert route(Request()).model == "other"


def test_as_good_and_cheaper_wins():
    """A tie goes to the cheaper, and to nobody when the base is the cheaper."""
    prices = {"base": 10, "other": 1}
    request = Request(price_of=lambda m, usage: Money(prices[m] * usage.total_tokens))
    route = still(memory=5_000)
    route.learn(outcomes("base", 400, 0) + outcomes("other", 400, 0))
    assert route(request).model == "other"
    assert "as good as, and cheaper than," in route(request).reason
    other = adaptive(["other", "base"], explore=0, memory=5_000).bound(route.state)
    assert other(request).model == "other"


def test_measured_cost_stands_in_for_an_unknown_price():
    """What its calls have cost is the next best thing."""
    route = still(memory=5_000)
    route.learn(outcomes("base", 400, 0, cost=usd("0.02")) + outcomes("other", 400, 0, cost=usd("0.01")))
    assert route(Request()).model == "other"


def test_success_and_satisfaction_count_half_each():
    """The source's objective; what nobody gives is left out."""
    assert success_and_satisfaction(Standing(1, success=1.0, satisfaction=0.5)) == 0.75
    assert success_and_satisfaction(Standing(1, satisfaction=0.5)) == 0.5
    assert success_and_satisfaction(Standing(0)) == 0.5
    route = still()
    route.learn(
        [Outcome(cell=Cell(ANY, "base"), success=True, satisfaction=0.1)] * 40
        + [Outcome(cell=Cell(ANY, "other"), success=True, satisfaction=0.9)] * 40
    )
    assert route(Request()).model == "other"


def test_an_objective_may_weigh_latency_and_cost():
    """Any number of a standing will do."""
    route = still(objective=lambda s: (s.success or 0) - 0.1 * (s.latency or 0))
    route.learn(outcomes("base", 40, 0, latency=9.0) + outcomes("other", 38, 2, latency=0.5))
    assert route(Request()).model == "other"


def test_an_objective_that_gives_no_number_is_an_error():
    """Bad input never becomes a wrong choice."""
    with pytest.raises(ValueError, match="return a finite number"):
        still(objective=lambda s: float("nan"))(Request())


def test_tasks_are_learned_apart():
    """Good at one thing is not good at another."""
    route = still(task_type=lambda request: request.tags["task"])
    route.learn(outcomes("other", 30, 0, "maths") + outcomes("base", 0, 30, "maths"))
    assert route(Request(tags={"task": "maths"})).model == "other"
    assert route(Request(tags={"task": "poems"})).model == "base"


def test_the_task_type_may_be_async():
    """A classifier may be a model."""

    async def kind(request):
        await asyncio.sleep(0)
        return "maths"

    decision = asyncio.run(still(task_type=kind)(Request()))
    assert decision.cell == Cell("maths", "base")


def test_the_reason_carries_the_cell():
    """So feedback that knows only the record finds where to put it, whatever the task is called."""
    route = still(task_type=lambda request: "odd [name]:\n x]: ")
    decision = route(Request())
    assert cell_of(decision.reason, decision.model) == decision.cell
    assert cell_of("cascade: a then b", "a") is None
    assert cell_of(None, "a") is None


def test_it_always_explores_a_little():
    """Also when one model is clearly better, and never more than it may."""
    route = adaptive(["base", "other"], seed=3, explore=0.05)
    route.learn(outcomes("base", 180, 20) + outcomes("other", 2, 30))
    taken = [route(Request(text=str(n))).model for n in range(2_000)]
    assert 0.02 < taken.count("other") / len(taken) < 0.12


def test_it_finds_the_better_model_and_finds_it_again_when_they_swap():
    """Old evidence fades."""
    route = adaptive(["weak", "strong"], seed=5)
    chance = random.Random(5)
    taken = []
    for n in range(3_000):
        rates = {"weak": 0.6, "strong": 0.9} if n < 1_500 else {"weak": 0.9, "strong": 0.6}
        decision = route(Request(text=str(n)))
        taken.append(decision.model)
        route.learn([Outcome(cell=decision.cell, success=chance.random() < rates[decision.model])])
    assert taken[1_000:1_500].count("strong") > 400
    assert taken[2_500:].count("weak") > 400


def test_the_same_state_seed_and_request_give_the_same_decision():
    """A dry run shows what the call would do."""
    learned_before = MemoryState()
    learned_before.update(lambda state: recorded(state, outcomes("base", 5, 5) + outcomes("other", 5, 5)))
    one, other = (adaptive(["base", "other"], seed=9, explore=0.5).bound(learned_before) for _ in range(2))
    requests = [Request(text=str(n)) for n in range(100)]
    assert [one(r) for r in requests] == [other(r) for r in reversed(requests)][::-1]
    assert len({one(r).model for r in requests}) == 2


def test_a_constraint_is_kept_while_exploring_and_after_learning():
    """The source's router ignores the constraints that it was given."""
    route = adaptive([Model("base", tools=True), Model("other", tools=False)], seed=1, explore=0.5)
    route.learn(outcomes("other", 100, 0) + outcomes("base", 0, 100))
    asked = Constraints(requires_tools=True)
    assert {route(Request(text=str(n), constraints=asked)).model for n in range(200)} == {"base"}


def test_an_excluded_base_gives_way_to_the_next():
    """And with nothing left it is the default or an error."""
    route = adaptive([Model("base", tools=False), Model("other", tools=True)], explore=0)
    assert route(Request(tools=[1])).model == "other"
    alone = adaptive([Model("base", tools=False)])
    with pytest.raises(NoEligibleModelError):
        alone(Request(tools=[1]))
    assert alone(Request(tools=[1], default="d")).cell is None


def test_the_state_is_plain_json_and_survives_it():
    """Another process reads what this one wrote."""
    state = recorded(None, outcomes("base", 3, 1, latency=0.5, cost=usd("0.001")))
    assert json.loads(json.dumps(state)) == state
    assert cells(state, ANY)["base"]["latency_count"] > 3


def test_states_that_grew_apart_merge_by_addition_in_any_order():
    """Two processes, or two machines."""
    one, other = recorded(None, outcomes("base", 3, 1)), recorded(None, outcomes("other", 5, 0, "maths"))
    both, back = merged(one, other), merged(other, one)
    for task in (ANY, "maths"):
        assert cells(both, task) == cells(back, task)
    assert cells(both, ANY) == cells(one, ANY)
    twice = merged(one, recorded(None, outcomes("base", 1, 0)))
    assert cells(twice, ANY)["base"]["judged"] == pytest.approx(cells(one, ANY)["base"]["judged"] + 1)


def test_old_evidence_fades_with_new_evidence_of_its_task_alone():
    """After `memory` judged outcomes an old one counts for a third; other tasks and unjudged calls age nothing."""
    state = recorded(None, outcomes("base", 1, 0) + outcomes("base", 1, 0, "maths"), memory=100)
    state = recorded(state, outcomes("other", 50, 50))
    state = recorded(state, [Outcome(cell=Cell(ANY, "other"), latency=1.0)] * 100)
    assert cells(state, ANY)["base"]["successes"] == pytest.approx(0.99**100)
    assert cells(state, ANY)["base"]["judged"] == pytest.approx(0.99**100)
    assert cells(state, "maths")["base"]["successes"] == 1.0


def test_recording_does_not_change_the_state_it_was_given():
    """So a reader never sees half of an update."""
    before = recorded(None, outcomes("base", 1, 0))
    copy = json.loads(json.dumps(before))
    recorded(before, outcomes("base", 5, 5))
    assert before == copy


def test_the_number_of_tasks_is_bounded():
    """A task type that names every request does not grow the state for ever; the newest stay."""
    state = recorded(None, [Outcome(cell=Cell(f"t{n}", "m"), success=True) for n in range(700)])
    assert len(state["tasks"]) == 500
    assert "t699" in state["tasks"]
    assert "t0" not in state["tasks"]


@pytest.mark.parametrize(
    "state",
    [
        {"format": 99},
        {"tasks": {ANY: {"cells": {"base": dict.fromkeys(SUMS, float("nan"))}}}},
        {"tasks": {ANY: {"cells": {"base": dict.fromkeys(SUMS, -1)}}}},
        {"tasks": {ANY: {"cells": {"base": {"judged": "many"}}}}},
        {"tasks": []},
        "garbage",
    ],
)
def test_a_state_that_cannot_be_read_is_logged_and_done_without(state, caplog):
    """A router without memory still routes."""

    class Broken:
        def load(self):
            return state

        def update(self, change):
            raise AssertionError("a decision writes nothing")

    with caplog.at_level(logging.WARNING, "frugal"):
        assert still().bound(Broken())(Request()).model == "base"
    assert "without what it had learned" in caplog.text


def test_threads_that_learn_at_once_lose_nothing():
    """An update is one atomic step."""
    route = adaptive(["base"], memory=10**9)
    barrier = threading.Barrier(4)

    def teach():
        barrier.wait()
        for _ in range(50):
            route.learn([Outcome(cell=Cell(ANY, "base"), success=True)])

    threads = [threading.Thread(target=teach) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cells(route.state.load(), ANY)["base"]["judged"] == pytest.approx(200)


def test_a_suggestion_may_be_all_that_is_left():
    """A budget near its limit may name a model that is none of ours."""

    class State:
        suggest, warning, remaining = "gpt-4o", True, None

    route = adaptive([Model("base", vision=False)])
    assert route(Request(images=[b""], budgets=[State()])).model == "gpt-4o"


def test_the_reprs_say_what_they_are():
    """For explain."""
    assert repr(MemoryState()) == "MemoryState()"
    assert "explore=0" in repr(still())
    assert "_salt" not in repr(still())


def test_an_empty_state_knows_nothing():
    """And is what a lasting state starts from."""
    assert cells(empty(), ANY) == {}
    assert merged({}, empty())["tasks"] == {}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"models": "a"}, TypeError),
        ({"models": []}, ValueError),
        ({"models": ["a", "a"]}, ValueError),
        ({"models": ["a"], "base": "b"}, ValueError),
        ({"models": ["a"], "objective": 3}, TypeError),
        ({"models": ["a"], "task_type": "maths"}, TypeError),
        ({"models": ["a"], "explore": 0.6}, ValueError),
        ({"models": ["a"], "memory": 3}, ValueError),
        ({"models": ["a"], "memory": 30.5}, ValueError),
    ],
)
def test_wrong_arguments_are_refused(arguments, error):
    """At decoration."""
    with pytest.raises(error):
        adaptive(**arguments)


@pytest.mark.parametrize(
    "facts", [{"satisfaction": 1.1}, {"satisfaction": -1}, {"latency": -1}, {"latency": float("inf")}]
)
def test_an_outcome_is_checked(facts):
    """Bad input never becomes a wrong number."""
    with pytest.raises(ValueError, match="give"):
        Outcome(cell=Cell(ANY, "m"), **facts)
