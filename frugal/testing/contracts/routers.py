"""The contract of `Router`: what every router promises."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from frugal._values.money import Money
from frugal._values.routing import Decision, Model, Request
from frugal.ports import Router
from frugal.testing.contracts.promises import Contract, promise

__all__ = ["RouterContract"]

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {}}}}
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}

REQUESTS = (
    Request(text="Hi"),
    Request(text=""),
    Request(text="   \n"),
    Request(text="Prove that there are infinitely many primes, then write it as a Lean 4 proof.", input_tokens=40),
    Request(text="把這段合約翻譯成英文，並指出其中對乙方不利的條款。", input_tokens=60),
    Request(text="def f(x):\n    return f(x)\n# why does this not end?", messages=({"role": "user", "content": "…"},)),
    Request(text="a long question " * 5_000, input_tokens=20_000, input_bound=80_000),
    Request(text="What is the weather in Paris?", tools=(TOOL,), user="ann", tags={"feature": "chat"}),
    Request(text="What is in this picture?", images=(PICTURE,), turns=7, session="s-1", previous_model="gpt-4o"),
    Request(text="\ud800 half a character, \x00 and \u202e turned round", output_tokens=1, now=1e12),
)
"""Requests of all kinds, the odd ones too."""


class RouterContract(Contract):
    """Hold a router to its promises; a subclass gives `make` and `models`.

    A router is a function of a `Request`, or an object that is called like one, sync or async.
    """

    def models(self) -> Sequence[str]:
        """Return the names of the models that it may choose."""
        raise NotImplementedError(f"{type(self).__name__}.models() must return the names that it may choose.")

    @promise
    async def test_every_request_is_given_a_model(self, router: Router) -> None:
        """Short, long, empty, in Chinese, of code, with tools or pictures: each is sent somewhere it may be."""
        for request in REQUESTS:
            self._chosen(await _ask(router, request), request)

    @promise
    async def test_a_reason_is_one_line_of_text(self, router: Router) -> None:
        """The reason stands in a record and on a span."""
        for request in REQUESTS:
            given = await _ask(router, request)
            reason = given.reason if isinstance(given, Decision) else given[1] if isinstance(given, tuple) else "none"
            if not isinstance(reason, str) or not reason.strip() or "\n" in reason:
                raise AssertionError(f"the reason for {_short(request)} is {reason!r}")

    @promise
    async def test_the_prompt_is_not_in_the_reason(self, router: Router) -> None:
        """A record never holds the prompt, and a reason stands in a record."""
        phrase = "a walrus in a yellow bathtub"
        given = await _ask(router, Request(text=f"Please remember: {phrase}. Is that a good one?"))
        reason = given.reason if isinstance(given, Decision) else given[1] if isinstance(given, tuple) else ""
        if phrase in str(reason):
            raise AssertionError(f"the prompt is in the reason: {reason!r}")

    @promise
    async def test_a_request_is_left_as_it_is(self, router: Router) -> None:
        """What a router sees is the caller's: its messages, tools and tags."""
        messages: list[Any] = [{"role": "user", "content": "What is the weather?"}]
        tools: list[Any] = [dict(TOOL)]
        tags = {"feature": "chat"}
        await _ask(router, Request(text="What is the weather?", messages=messages, tools=tools, tags=tags))
        if (messages, tools, tags) != (
            [{"role": "user", "content": "What is the weather?"}], [TOOL], {"feature": "chat"}
        ):  # fmt: skip
            raise AssertionError("the router has changed what it was shown")

    @promise
    async def test_callers_may_ask_at_once(self, router: Router) -> None:
        """Each is answered for itself."""
        results = await asyncio.gather(*(_ask(router, request) for request in REQUESTS * 5))
        for request, given in zip(REQUESTS * 5, results, strict=True):
            self._chosen(given, request)

    @promise
    async def test_prices_that_nobody_knows_are_no_obstacle(self, router: Router) -> None:
        """Where a price or a fact is asked for and unknown, there is a model all the same."""
        for request in REQUESTS:
            asked = replace(request, price_of=lambda model, usage: None, facts_of=lambda name: None)
            self._chosen(await _ask(router, asked), asked)
        dear = replace(REQUESTS[0], price_of=lambda model, usage: Money(10**15), facts_of=Model)
        self._chosen(await _ask(router, dear), dear)

    def _chosen(self, given: Any, request: Request) -> None:
        model = given.model if isinstance(given, Decision) else given[0] if isinstance(given, tuple) else given
        if isinstance(given, tuple) and len(given) != 2:
            raise AssertionError(f"a router returned {given!r}: return a model, or (model, reason)")
        name = model.name if isinstance(model, Model) else model
        if name not in self.models():
            raise AssertionError(f"for {_short(request)} it chose {name!r}, which is none of {list(self.models())}")


async def _ask(router: Router, request: Request) -> Any:
    given = router(request)
    return await given if inspect.isawaitable(given) else given


def _short(request: Request) -> str:
    return f"the request {request.text[:60]!r}"
