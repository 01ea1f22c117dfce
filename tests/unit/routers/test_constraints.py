"""Promises of pruning: what excludes a model is said, and what nobody knows excludes nothing."""

import asyncio
from dataclasses import dataclass

import pytest

from frugal._values.money import Money, usd
from frugal._values.routing import Constraints, Model, Request
from frugal._values.usage import Usage
from frugal.errors import NoEligibleModelError
from frugal.routers import constraints
from frugal.routers.constraints import prune, resolve
from frugal.routers.deciding import decided, fallback
from frugal.routers.demand import cost_of, same_model, window_needed


@dataclass(frozen=True)
class State:
    """How a budget stands."""

    suggest: str | None = None
    warning: bool = False
    remaining: Money | None = None
    name: str = "day"


RATES = {"small": 1, "middle": 5, "large": 20}


def price(model: str, usage: Usage) -> Money | None:
    """Price in whole pico-dollars a token, a tenth for what the prompt cache holds."""
    if model not in RATES:
        return None
    return Money(RATES[model] * (10 * usage.input_tokens + usage.cache_read_tokens + 10 * usage.output_tokens))


def test_tools_vision_and_window_exclude_and_say_why():
    """Each with the reason for asking."""
    models = [
        Model("blunt", tools=False, vision=True, context_window=10**6),
        Model("blind", tools=True, vision=False, context_window=10**6),
        Model("short", tools=True, vision=True, context_window=1_000),
        Model("good", tools=True, vision=True, context_window=10**6),
    ]
    pruned = prune(models, Request(text="x", tools=[{}], images=[b""], input_tokens=5_000))
    assert list(pruned.eligible) == ["good"]
    assert pruned.excluded == {
        "blunt": "no tools, and the request has tools",
        "blind": "no vision, and the request has images",
        "short": "context window 1,000 is below the 6,750 tokens that the request may need",
    }


def test_what_the_user_requires_counts_without_being_in_the_request():
    """Constraints ask on behalf of what is to come."""
    model = Model("m", tools=False, vision=False, context_window=8_000)
    for asked in ({"requires_tools": True}, {"requires_vision": True}, {"min_context_length": 8_001}):
        assert prune([model], Request(constraints=Constraints.of(asked))).excluded
    assert not prune([model], Request(constraints=Constraints.of({"min_context_length": 8_000}))).excluded


def test_an_unknown_fact_excludes_nothing_and_is_said():
    """Nobody knows, and the reason admits it."""
    request = Request(
        text="x" * 40_000, tools=[{}], images=[b""], constraints=Constraints.of({"max_cost_per_request": 1})
    )
    pruned = prune(["mystery"], request)
    assert pruned.eligible["mystery"].unknown == ("tools", "vision", "context window", "price")
    assert decided(pruned, "mystery", "first").reason == (
        "first; unknown for mystery: tools, vision, context window, price"
    )


def test_what_nobody_asked_for_is_not_mentioned():
    """A short plain request needs no facts."""
    assert decided(prune(["mystery"], Request(text="hi")), "mystery", "first").reason == "first"


def test_the_most_that_a_request_may_cost_excludes():
    """With the request's own tokens, or 1,000 in and 500 out where they are unknown."""
    request = Request(price_of=price, constraints=Constraints(max_cost_per_request=Money(5 * 10 * 1_500)))
    assert prune(RATES, request).excluded == {
        "large": "would cost $0.0000003, above the $0.000000075 allowed for a request"
    }


def test_what_a_budget_has_left_excludes():
    """The tightest one counts, and is named."""
    budgets = [State(remaining=usd(1)), State(remaining=Money(20_000), name="month"), State(remaining=None)]
    pruned = prune(RATES, Request(price_of=price, budgets=budgets))
    assert list(pruned.eligible) == ["small"]
    assert "'month' has left" in pruned.excluded["middle"]


def test_a_budget_with_nothing_left_excludes_all_that_costs():
    """Zero is a number."""
    with pytest.raises(NoEligibleModelError, match="has left"):
        fallback(Request(), prune(RATES, Request(price_of=price, budgets=[State(remaining=Money(0))])).candidates)


def test_a_suggestion_takes_the_place_of_a_dearer_choice():
    """Near its limit a budget's word counts, for models of the list and others."""
    request = Request(price_of=price, budgets=[State("small", warning=True)])
    pruned = prune(["middle", "large"], request)
    assert decided(pruned, "large", "complex").model == "small"
    assert decided(pruned, "large", "complex").reason == "complex; 'day' is near its limit and suggests small"


def test_a_suggestion_that_is_dearer_than_the_choice_is_not_taken():
    """It was meant to save."""
    request = Request(price_of=price, budgets=[State("middle", warning=True)])
    decision = decided(prune(["small"], request), "small", "simple")
    assert (decision.model, decision.reason.endswith("which is not cheaper")) == ("small", True)


def test_a_suggestion_must_meet_the_constraints_too():
    """And says so when it does not."""
    request = Request(budgets=[State("gpt-3.5-turbo", warning=True)], images=[b""])
    decision = decided(prune(["gpt-4o"], request), "gpt-4o", "first")
    assert (decision.model, decision.reason.endswith("which is not eligible")) == ("gpt-4o", True)


def test_a_suggestion_before_the_warning_is_silent():
    """There is still room."""
    assert list(prune(["large"], Request(budgets=[State("small")])).eligible) == ["large"]


def test_switching_models_loses_the_prompt_cache():
    """The conversation's model reads its prefix at the cached price, another one does not."""
    request = Request(input_tokens=1_000, output_tokens=10, previous_model="large", cached_tokens=900, price_of=price)
    assert cost_of(request, "large") == Money(20 * (10 * 100 + 900 + 100))
    assert cost_of(request, "middle") == Money(5 * (10 * 1_000 + 100))


def test_more_cached_tokens_than_input_are_no_negative_input():
    """An estimate may lag behind the cache."""
    request = Request(input_tokens=10, output_tokens=0, previous_model="small", cached_tokens=99, price_of=price)
    assert cost_of(request, "small") == Money(10)


def test_a_dated_alias_is_the_same_model_and_two_dates_are_not():
    """The cache belongs to what was really served."""
    assert same_model("gpt-4o-2024-08-06", "gpt-4o")
    assert not same_model("gpt-4o-2024-08-06", "gpt-4o-2024-05-13")
    assert not same_model("gpt-4o", "gpt-4o-mini")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"text": "a" * 400}, int(116 * 1.25) + 500),
        ({"input_tokens": 1_000}, 1_250 + 500),
        ({"input_tokens": 1_000, "input_bound": 1_100, "output_tokens": 7}, 1_107),
        ({"input_bound": 90, "text": "x" * 400, "output_tokens": 0}, 90),
    ],
)
def test_the_window_needed_is_the_estimate_with_room_and_never_above_the_bound(facts, expected):
    """The bound alone would refuse models that fit."""
    assert window_needed(Request(**facts)) == expected


def test_a_model_that_fits_by_the_estimate_alone_is_taken_and_said():
    """A megabyte of English is 250,000 tokens or fewer, not a million."""
    pruned = prune([Model("m", context_window=400_000)], Request(text="word " * 200_000))
    assert pruned.eligible["m"].unknown == ("whether the input, estimated, fits for certain",)


def test_facts_handed_in_lie_between_the_users_word_and_the_table():
    """The user knows best, then the price data, then our table."""
    request = Request(images=[b""], facts_of=lambda name: Model(name, vision=False))
    assert prune(["gpt-4o"], request).excluded
    assert prune([Model("gpt-4o", vision=True)], request).eligible


def test_a_model_named_twice_counts_once():
    """The first mention, with its facts, wins."""
    assert len(prune([Model("a", tools=True), "a", "b"], Request()).candidates) == 2


def test_constraints_come_from_a_mapping_or_a_function_sync_or_async():
    """All of them end as the same value."""

    async def later(request):
        return {"requires_tools": bool(request.user)}

    asked = Request(user="ann")
    for given in (
        {"requires_tools": True},
        lambda r: {"requires_tools": True},
        later,
        Constraints(requires_tools=True),
    ):
        assert asyncio.run(resolve(given, asked)) == Constraints(requires_tools=True)
    assert asyncio.run(resolve(None, asked)) == Constraints()
    assert asyncio.run(resolve(lambda r: None, asked)) == Constraints()


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"max_cost": 1}, TypeError),
        ({"max_cost_per_request": -1}, ValueError),
        ({"max_cost_per_request": "much"}, ValueError),
        ({"max_cost_per_request": []}, TypeError),
        ({"requires_tools": "yes"}, TypeError),
        ({"min_context_length": 1.5}, TypeError),
        ({"min_context_length": -1}, ValueError),
        (3, TypeError),
    ],
)
def test_wrong_constraints_are_errors_that_name_themselves(given, error):
    """At decoration, by `checked`."""
    with pytest.raises(error):
        constraints.checked(given)


def test_right_constraints_pass_the_check():
    """A mapping, a function, or none."""
    constraints.checked(None)
    constraints.checked({"max_cost_per_request": "0.01"})
    constraints.checked(lambda request: {})


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("",), ValueError),
        ((3,), TypeError),
    ],
)
def test_a_model_needs_a_name(arguments, error):
    """Bad input never becomes a model."""
    with pytest.raises(error):
        Model(*arguments)


@pytest.mark.parametrize(
    ("facts", "error"),
    [
        ({"context_window": 0}, ValueError),
        ({"context_window": 1.5}, TypeError),
        ({"context_window": True}, TypeError),
        ({"tools": "yes"}, TypeError),
        ({"vision": 1}, TypeError),
        ({"quality": 1.1}, ValueError),
        ({"quality": "good"}, TypeError),
        ({"quality": True}, TypeError),
    ],
)
def test_a_models_facts_are_checked(facts, error):
    """Bad input never becomes a fact."""
    with pytest.raises(error):
        Model("m", **facts)
