"""The contract of `Router`, held by each of ours and by users' functions."""

import asyncio

import pytest

from frugal import adaptive, by_complexity, cascade, learned
from frugal.testing import RouterContract

MODELS = ("gpt-4o-mini", "gpt-4.1-mini", "gpt-4o")


def embed(texts):
    """Place texts by their length."""
    return [[1.0, len(text) % 7, len(text) % 11] for text in texts]


class TestByComplexity(RouterContract):
    def models(self):
        return MODELS

    def make(self, clock, directory):
        return by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"])


class TestCascade(RouterContract):
    def models(self):
        return MODELS

    def make(self, clock, directory):
        return cascade(MODELS, accept=lambda answer: True)


class TestAdaptive(RouterContract):
    def models(self):
        return MODELS

    def make(self, clock, directory):
        return adaptive(MODELS, seed=7)


class TestLearned(RouterContract):
    def models(self):
        return MODELS

    def make(self, clock, directory):
        rows = [
            {"query": f"question {number}", "model": model, "success": (number + place) % 3 != 0, "cost": 0.001 * place}
            for number in range(60)
            for place, model in enumerate(MODELS, 1)
        ]
        return learned(MODELS, quality=0.9, embed=embed).fit(rows)


class TestAsyncFunction(RouterContract):
    """A router of a user's own may be an `async def`."""

    def models(self):
        return MODELS

    def make(self, clock, directory):
        async def route(request):
            await asyncio.sleep(0)
            return "gpt-4o-mini" if len(request.text) < 100 else ("gpt-4o", "long")

        return route


# --------------------------------------------------------------------------- routers that break a promise


def by_first_letter(request):
    return {"H": "gpt-4o-mini"}[request.text[0]]


def reasonless(request):
    return "gpt-4o-mini", ""


def talkative(request):
    return "gpt-4o-mini", f"because of {request.text.strip()[:500] or 'nothing'}".replace("\n", " ")


def greedy(request):
    if isinstance(request.tools, list):
        request.tools.clear()
    return "gpt-4o-mini"


class Sharing:
    """Keeps the request that is under way on itself, where another caller's takes its place."""

    async def __call__(self, request):
        self.request = request
        await asyncio.sleep(0)
        if self.request is not request:
            raise RuntimeError("another caller's request")
        return "gpt-4o-mini"


def frugal_to_the_penny(request):
    from frugal import Usage

    if request.price_of is None:
        return "gpt-4o-mini"
    return min(MODELS, key=lambda model: request.price_of(model, Usage(input_tokens=1)).pico)


BROKEN = [
    (by_first_letter, "test_every_request_is_given_a_model"),
    (reasonless, "test_a_reason_is_one_line_of_text"),
    (talkative, "test_the_prompt_is_not_in_the_reason"),
    (greedy, "test_a_request_is_left_as_it_is"),
    (Sharing(), "test_callers_may_ask_at_once"),
    (frugal_to_the_penny, "test_prices_that_nobody_knows_are_no_obstacle"),
]


def contract_of(router):
    """Return the contract of a router."""
    said = {"make": lambda self, clock, directory: router, "models": lambda self: MODELS}
    return type("Contract", (RouterContract,), said)


@pytest.mark.parametrize(("router", "promise"), BROKEN, ids=lambda one: one if isinstance(one, str) else "")
def test_a_router_that_breaks_a_promise_is_caught(router, promise):
    """For each promise there is a router that does not keep it."""
    assert promise in contract_of(router).broken()


def test_every_promise_can_be_broken():
    """A contract that cannot fail promises nothing."""
    assert set(RouterContract.promises()) == {promise for _, promise in BROKEN}
    assert {} == contract_of(lambda request: "gpt-4o-mini").broken()


def test_a_model_that_is_not_said_is_caught():
    """What a router may choose is said, so that a typing error is not found by a customer."""
    assert "test_every_request_is_given_a_model" in contract_of(lambda request: "gpt-4o-mimi").broken()
