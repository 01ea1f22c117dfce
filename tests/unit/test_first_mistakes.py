"""What a newcomer does wrong in the first hour, and what is said: what happened, to what, and what to do next."""

import asyncio
import re
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import frugal
from frugal import (
    Budget,
    Ledger,
    Model,
    ModelPrice,
    batched,
    budgeted,
    by_complexity,
    bypass,
    cached,
    calculate_cost,
    cascade,
    current_call,
    deduplicated,
    errors,
    estimate_monthly,
    explain,
    feedback,
    instrument,
    learned,
    memory,
    metered,
    middleware,
    rate_limited,
    routed,
    scope,
    semantic_cached,
    stack,
    usd,
)
from frugal.testing import FakeModel

MISTAKES: list[tuple[Callable[[], Any], type[BaseException], str]] = []


def says(kind: type[BaseException], message: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Enter a mistake in the list, with what it raises; `…` stands for what differs from run to run."""

    def enter(mistake: Callable[[], Any]) -> Callable[[], Any]:
        MISTAKES.append((mistake, kind, message))
        return mistake

    return enter


class Client:
    """Stands for an SDK's client."""


def client_ask() -> Any:
    @cached(layers=[memory])
    async def ask(client: Client, prompt: str) -> str:
        return prompt

    return ask


# --------------------------------------------------------------------------- what is decorated


@says(
    errors.NotAsyncError,
    "a_sync_function.<locals>.ask is not async: frugal decorates `async def` functions, async generators, and "
    "coroutines that return a stream. Make it `async def`, or call it through asyncio.to_thread.",
)
def a_sync_function() -> None:
    @metered
    def ask(prompt: str) -> str:
        return prompt


@says(
    TypeError,
    "@cached was given [memory] where the function stands; it takes its "
    "arguments by name, in parentheses, and then decorates an async function.",
)
def an_argument_without_its_name() -> None:
    cached([memory])


@says(
    TypeError,
    "@batched was given 10 where the function stands; it takes its arguments by name, in parentheses, and then "
    "decorates an async function.",
)
def a_batch_size_without_its_name() -> None:
    batched(10)


@says(
    AttributeError,
    "instrument('chat.completion.create'): <…Client object at …> has no 'chat'. Check the path.",
)
def a_path_that_is_not_there() -> None:
    instrument(Client(), "chat.completion.create", metered)


@says(TypeError, "stack() takes decorators, not [<function metered at …>].")
def a_list_of_decorators() -> None:
    stack([metered])


@says(TypeError, "explain() takes a decorated function, not <function …plain at …>.")
def an_undecorated_function_explained() -> None:
    async def plain() -> None: ...

    explain(plain)


@says(
    TypeError,
    "late must take two arguments: the call, and proceed to go on inwards.",
)
def a_middleware_of_one_argument() -> None:
    @middleware
    async def late(call: Any) -> Any: ...


@says(AttributeError, "module 'frugal' has no attribute 'semantic_cache'")
def a_name_that_is_nearly_right() -> None:
    frugal.semantic_cache  # noqa: B018


# --------------------------------------------------------------------------- budgets and rates


@says(TypeError, "@budgeted needs a limit: @budgeted(daily_usd=50).")
def a_budget_without_a_limit() -> None:
    @budgeted
    async def ask(prompt: str) -> str:
        return prompt


@says(TypeError, "budgeted() takes Budgets, not 50; give limits by name, daily_usd=50.")
def a_budget_of_a_number() -> None:
    budgeted(50)


@says(ValueError, "window is 'daily'; it is one of hour, day, week, month or run.")
def a_window_by_another_name() -> None:
    Budget(usd=1, window="daily")


@says(
    ValueError,
    "'Taipei' is not a time zone of this machine; give an IANA name such as 'Europe/Berlin', and install the tzdata "
    "package where the system has none.",
)
def a_time_zone_without_its_continent() -> None:
    Budget(usd=1, timezone="Taipei")


@says(ValueError, "'fifty' is not an amount of money; give dollars such as '0.05'.")
def an_amount_in_words() -> None:
    usd("fifty")


@says(
    errors.UnknownPriceError,
    "no price is known for model 'gpt-4oo'. Did you mean 'gpt-4o', 'gpt-4', 'ft:gpt-4o'? Give one: "
    "PriceTable({'gpt-4oo': ModelPrice(input=..., output=...)}).",
)
def an_unknown_model_under_a_budget() -> None:
    @budgeted(daily_usd=1)
    async def ask(prompt: str, *, model: str = "gpt-4oo") -> Any:
        return await FakeModel()(prompt, model=model)

    asyncio.run(ask("Hello"))


@says(
    errors.BudgetExceededError,
    "budget 'day' refused …ask: spent $0.0000 and held $0.0000 of $0.000001, the call asks for $0.…. It resets at "
    "…T00:00:00+00:00. Wait for that, raise the limit, ask for less output, or choose a cheaper model "
    "(on_exceeded='suggest').",
)
def a_call_above_its_budget() -> None:
    @budgeted(daily_usd="0.000001")
    async def ask(prompt: str, *, model: str = "gpt-4o", max_tokens: int = 100) -> Any: ...

    asyncio.run(ask("Hello"))


@says(
    errors.StackError,
    "one stack has 2 ledgers: Ledger('…one'), Ledger('…two'). A dollar stands in one ledger: give the same ledger= to "
    "each decorator, or to one of them.",
)
def two_ledgers_in_one_stack() -> None:
    @metered(ledger=Ledger("one"))
    @budgeted(daily_usd=1, ledger=Ledger("two"))
    async def ask(prompt: str) -> str:
        return prompt


@says(TypeError, "ledger='./costs': give a Ledger, such as Ledger('./costs').")
def a_ledger_by_its_path() -> None:
    metered(ledger="./costs")


@says(TypeError, "rate_limited() needs a limit: give rpm=, tpm= or max_concurrency=.")
def a_rate_without_a_limit() -> None:
    @rate_limited
    async def ask(prompt: str) -> str:
        return prompt


@says(
    errors.RequestTooLargeError,
    "…a_request_above_the_rate.<locals>.ask() asks for … tokens, more than the limit of 10 a minute will ever allow. "
    "Shorten the request, lower its max_tokens, or raise tpm=.",
)
def a_request_above_the_rate() -> None:
    @rate_limited(tpm=10)
    async def ask(prompt: str, *, max_tokens: int = 500) -> str:
        return prompt

    asyncio.run(ask("Hello"))


# --------------------------------------------------------------------------- caches and batches


@says(
    errors.UnkeyableCallError,
    "…client_ask.<locals>.ask() cannot be keyed: argument client is a …Client, which has no canonical form. "
    "Leave it out with ignore=('client',), or give key= a function.",
)
def a_client_among_the_arguments() -> None:
    asyncio.run(client_ask()(Client(), "Hello"))


@says(
    TypeError,
    "layers=memory: give a list of layers, such as layers=[memory, disk].",
)
def a_layer_without_its_list() -> None:
    cached(layers=memory)


@says(
    TypeError,
    "layers: 'memory' is neither memory, disk nor a Store with get, set, delete and clear. Import the layers and give "
    "them as they are: layers=[memory, disk].",
)
def a_layer_by_its_name() -> None:
    cached(layers=["memory"])


@says(TypeError, "ttl='1h': give seconds or a timedelta.")
def a_duration_in_words() -> None:
    cached(ttl="1h")


@says(TypeError, "ignore='client': give a tuple of names, ('client',).")
def one_name_to_ignore() -> None:
    cached(ignore="client")


@says(ValueError, "threshold is 95: give a similarity in (0, 1], such as 0.95.")
def a_threshold_in_percent() -> None:
    semantic_cached(threshold=95, embed=len)


@says(TypeError, "semantic_cached() takes threshold= or max_error_rate=, not both.")
def a_threshold_and_an_error_rate() -> None:
    semantic_cached(threshold=0.9, max_error_rate=0.02)


@says(
    errors.OrderWarning,
    "…ask: @budgeted stands outside @cached: every hit would first have to find room in the budget, and an exhausted "
    "one would refuse free answers. Put @cached above @budgeted; the recommended order is metered › deduplicated › "
    "cached › semantic_cached › routed › budgeted › batched › rate_limited.",
)
def a_budget_outside_a_cache() -> None:
    @budgeted(daily_usd=1)
    @cached(layers=[memory])
    async def ask(prompt: str) -> str:
        return prompt


@says(
    errors.StackError,
    "…embed: @cached stands under @batched, where it would see one call with a list of items. Put @cached above "
    "@batched; only @rate_limited may stand under it.",
)
def a_cache_under_a_batch() -> None:
    @batched
    @cached(layers=[memory])
    async def embed(texts: list[str]) -> list[str]:
        return texts


@says(
    errors.BatchSizeMismatchError,
    "…embed() was given 3 items and returned 2 results. Return one result for each item, in the order of the items.",
)
def a_batch_with_a_result_too_few() -> None:
    @batched
    async def embed(texts: list[str]) -> list[str]:
        return texts[:-1]

    asyncio.run(embed.many(["a", "b", "c"]))


@says(ValueError, "bypass('cache'): it is one of cached, semantic_cached, deduplicated.")
def a_cache_bypassed_by_another_name() -> None:
    with bypass("cache"):
        pass


@says(ValueError, "linger=-1: give seconds, 0 or more.")
def a_negative_time() -> None:
    deduplicated(linger=-1)


# --------------------------------------------------------------------------- routes


@says(
    TypeError,
    "@routed needs a router: @routed(by_complexity(simple=[...], medium=[...], complex=[...])); it was put bare on "
    "a_bare_route.<locals>.ask.",
)
def a_bare_route() -> None:
    @routed
    async def ask(prompt: str, *, model: str = "gpt-4o") -> str:
        return prompt


@says(
    errors.StackError,
    "@routed chooses the argument 'model', which …ask does not take. Add it, as in `*, model=\"gpt-4o\"`, and hand it "
    "to the provider; or name another with routed(..., argument=).",
)
def a_route_for_a_function_without_a_model() -> None:
    @routed(by_complexity(simple=["gpt-4o-mini"]))
    async def ask(prompt: str) -> str:
        return prompt


@says(TypeError, "simple= is 'gpt-4o-mini'; give a list of models: simple=['gpt-4o-mini'].")
def one_model_without_its_list() -> None:
    by_complexity(simple="gpt-4o-mini")


@says(ValueError, "cascade() has no models; give it two or more, the cheapest first.")
def a_cascade_of_nothing() -> None:
    cascade([], accept=bool)


@says(
    errors.NoEligibleModelError,
    "no model is eligible (blind: no vision, and it is required). Give default=, or relax constraints=.",
)
def constraints_that_nothing_meets() -> None:
    @routed(by_complexity(simple=[Model("blind", vision=False)]), constraints={"requires_vision": True})
    async def ask(prompt: str, *, model: str = "gpt-4o") -> str:
        return prompt

    asyncio.run(ask("Hello"))


@says(
    RuntimeError,
    "this learned router has not learned yet; call fit() with outcomes, or load().",
)
def a_learned_route_that_learned_nothing() -> None:
    @routed(learned(["gpt-4o-mini", "gpt-4o"], quality=0.9, embed=lambda texts: [[1.0] for _ in texts]))
    async def ask(prompt: str, *, model: str = "gpt-4o") -> str:
        return prompt

    asyncio.run(ask("Hello"))


# --------------------------------------------------------------------------- money, scopes and ledgers


@says(
    errors.InvalidUsageError,
    "cached_tokens is 20: it is part of input_tokens, which is only 10. Give the whole input, cached tokens "
    "included, as input_tokens=.",
)
def more_cached_than_sent() -> None:
    calculate_cost("gpt-4o", input_tokens=10, cached_tokens=20)


@says(errors.InvalidUsageError, "cache_hit_rate is 30: it is a share, from 0 to 1. Give 0.3 for 30 %.")
def a_share_in_percent() -> None:
    estimate_monthly("gpt-4o", input_tokens=1, output_tokens=1, requests_per_day=1, cache_hit_rate=30)


@says(
    errors.InvalidPriceError,
    "input is -1: a price is a finite number of dollars, 0 or more. Give it as a string or a Decimal, such as '0.15'.",
)
def a_negative_price() -> None:
    ModelPrice(input=-1)


@says(TypeError, "scope(user=7): give text, such as '7'.")
def a_user_by_number() -> None:
    scope(user=7)


@says(
    LookupError,
    "current_call() is for use inside a decorated function or a middleware; none is running here.",
)
def the_current_call_outside_of_one() -> None:
    current_call()


@says(ValueError, "feedback() has nothing to say: give success= or satisfaction=.")
def feedback_that_says_nothing() -> None:
    asyncio.run(feedback("some-id"))


@says(
    ValueError,
    "by has 'users'; it takes hour, day, week, month, user, model, provider, function, kind, outcome, run, tag:<name>.",
)
def a_group_by_another_name() -> None:
    Ledger().usage(by=["users"])


# --------------------------------------------------------------------------- the test


@pytest.mark.parametrize(("mistake", "kind", "message"), MISTAKES, ids=[mistake.__name__ for mistake, _, _ in MISTAKES])
def test_a_first_mistake_is_told_with_what_to_do_next(mistake, kind, message, tmp_path, monkeypatch):
    """The message is the whole of what a newcomer sees, so it is held here word for word."""
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(kind) as raised:
            mistake()
    pattern = re.escape(message).replace("…", ".+?")
    assert re.fullmatch(pattern, str(raised.value)), str(raised.value)


async def test_a_forgotten_await_names_the_users_function():
    """Python's warning of a coroutine that was never awaited says whose it is."""

    @metered
    async def ask(prompt):
        return prompt

    with pytest.warns(RuntimeWarning, match=r"coroutine '.*ask' was never awaited"):
        ask("Hello")


def test_a_missing_extra_says_what_to_install(monkeypatch):
    """Without WordLlama and without `embed=`, the error is the command to type."""
    monkeypatch.setitem(__import__("sys").modules, "wordllama", None)
    with pytest.raises(errors.MissingExtraError, match=r"pip install 'frugal\[semantic\]'"):
        semantic_cached(threshold=0.9)
