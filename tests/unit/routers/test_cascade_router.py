"""Promises of the cascade router: the plan holds the eligible models in order, with the judge beside it."""

import functools
from dataclasses import dataclass

import pytest

from frugal._values.money import Money
from frugal._values.routing import Model, Request
from frugal.errors import NoEligibleModelError
from frugal.routers.cascade import cascade


def yes(response):
    """Accept anything."""
    return True


def test_the_plan_is_the_eligible_models_in_order():
    """What is excluded is not tried, and its reason stands in the decision."""
    route = cascade(["a", Model("b", vision=False), "c"], accept=yes)
    decision = route(Request(images=[b""]))
    assert (decision.model, decision.then, decision.accept) == ("a", ("c",), yes)
    assert list(decision.excluded) == ["b"]


def test_accept_takes_the_text_when_its_parameter_says_str():
    """As a type, or as the string that a postponed annotation is."""

    def on_text(text: str) -> bool:
        return True

    def postponed(text: "str"):
        return True

    def on_response(response) -> bool:
        return True

    async def later(text: str) -> bool:
        return True

    wanted = {on_text: True, postponed: True, later: True, on_response: False, yes: False, bool: False}
    for accept, expected in wanted.items():
        assert cascade(["a", "b"], accept=accept)(Request()).accepts_text is expected
    assert cascade(["a"], accept=functools.partial(on_text)).accepts_text


def test_a_budget_near_its_limit_cuts_the_plan_at_what_it_suggests():
    """Nothing dearer than the suggestion is gone on to."""

    @dataclass
    class State:
        suggest: str = "b"
        warning: bool = True
        remaining: Money | None = None

    prices = {"a": 1, "b": 5, "c": 20}
    request = Request(budgets=[State()], price_of=lambda m, usage: Money(prices[m] * usage.total_tokens))
    decision = cascade(["a", "b", "c"], accept=yes)(request)
    assert (decision.model, decision.then) == ("a", ("b",))
    other = cascade(["c"], accept=yes)(request)
    assert (other.model, other.then, other.accept) == ("b", (), yes)


def test_with_nothing_left_it_is_the_default_or_an_error():
    """As for every router."""
    route = cascade([Model("a", tools=False)], accept=yes)
    with pytest.raises(NoEligibleModelError, match="no tools"):
        route(Request(tools=[1]))
    assert route(Request(tools=[1], default="d")).model == "d"


@pytest.mark.parametrize(
    ("models", "accept", "error"),
    [("a", yes, TypeError), (["a", "b"], "yes", TypeError), ([], yes, ValueError), (["a", "a"], yes, ValueError)],
)
def test_wrong_arguments_are_refused(models, accept, error):
    """At decoration."""
    with pytest.raises(error):
        cascade(models, accept=accept)
