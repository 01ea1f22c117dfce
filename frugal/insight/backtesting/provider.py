"""The simulated provider: answers from the log, after the time that the log measured, at the log's price.

Law: a request that asks the model that it asked in the log costs what it cost there, to the pico-dollar; one that asks
another model uses the same tokens at that model's price. What it answers in has the shape of OpenAI's responses.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any

from frugal._values.clock import clock
from frugal._values.cost import Cost
from frugal._values.usage import NO_USAGE
from frugal.insight.backtesting.logged import Logged
from frugal.insight.backtesting.playing import Playing, playing
from frugal.ports import Prices, Reading
from frugal.providers import RequestShapes
from frugal.testing.shapes import shape_named

__all__ = ["Failed", "Provider", "content_of"]

_SHAPE = shape_named("openai")
_SHORT = frozenset({"length", "max_tokens", "content_filter", "refusal", "safety"})
"""Endings of an answer that is not whole, which no cache keeps."""

_BYTES = 4  # to a token of text, so that a request without its text is held for as one with it would be


class Failed(Exception):  # noqa: N818 it is what the log says, and no fault
    """What the simulated provider raises where the log says that a request failed."""

    def __init__(self, members: Sequence[Playing]) -> None:
        self.status_code = members[0].logged.failed
        self.reading = Reading(
            usage=sum((member.logged.usage for member in members), NO_USAGE),
            finish="error",
            stated=Cost.total(member.baseline for member in members).known,
            model=members[0].logged.model,
        )
        super().__init__(f"Error code: {self.status_code} - it failed in the log")


def content_of(logged: Logged, number: int) -> Any:
    """Return what is asked: the prompt, or words that are the same for equal requests and for no others."""
    if logged.prompt is not None:
        return logged.prompt
    return logged.identity if logged.identity is not None else f"request {number} of the log"


_last: ContextVar[tuple[Reading, Cost] | None] = ContextVar("frugal_backtest_answer", default=None)
"""What was answered last in this task: an answer without a name of its own, or a batch's, is known by that."""

_OWN = frozenset({"messages", "model", "max_tokens", "stream"})
"""The arguments of a request that has no others: what it asks for need not be looked for in any other spelling."""


class Provider:
    """Answer calls, and read what the answers cost; it stands in the place of the readers too.

    Args:
        prices: prices other models than the logged ones.
        respond: makes the answer that the decorated function returns, of a request; OpenAI's shape when `None`.
    """

    def __init__(self, prices: Prices, respond: Callable[[Logged], Any] | None) -> None:
        self._prices = prices
        self._respond = respond
        self._numbers = itertools.count(1)
        self._shapes = RequestShapes()
        self.waiting: dict[str, list[Playing]] = {}

    # ------------------------------------------------------------------ answering

    async def answer(self, model: str, stream: bool) -> Any:
        """Answer the request that is being played."""
        now = playing.get()
        assert now is not None  # noqa: S101 nobody else calls it
        now.asked = True
        await asyncio.sleep(now.latency)
        if now.logged.failed is not None:
            raise Failed([now])
        number = next(self._numbers)
        name = f"chatcmpl-{number}"
        found = now.given[name] = self._bill(now, model)
        _last.set(found)
        words = now.logged.answer if now.logged.answer is not None else f"answer {name}"
        if stream:
            return _chunks(number, model, words, now.logged.finish)
        if self._respond is not None:
            return self._respond(now.logged)
        return _SHAPE.response(number, model, words, NO_USAGE, now.logged.finish)

    async def answer_many(self, items: list[Any], model: str) -> list[Any]:
        """Answer a batch: as long as its longest member, at the sum of their costs."""
        members = self._members(items)
        await asyncio.sleep(max((member.latency for member in members), default=0.0))
        if all(member.logged.failed is not None for member in members):
            raise Failed(members)  # where only some did, the others have their answers
        bills = [self._bill(member, model) for member in members]
        usage = sum((reading.usage or NO_USAGE for reading, _ in bills), NO_USAGE)
        reading = Reading(usage=usage, model=bills[0][0].model, provider=bills[0][0].provider, finish="stop")
        _last.set((reading, Cost.total(cost for _, cost in bills)))
        return [
            self._respond(member.logged)
            if self._respond is not None
            else _SHAPE.response(next(self._numbers), model, member.logged.answer or "", NO_USAGE, None)
            for member in members
        ]

    def _members(self, items: list[Any]) -> list[Playing]:
        """Return whose these items are; equal ones stand in the order in which they came."""
        taken: dict[str, int] = {}
        found = []
        for item in items:
            key = item_key(item)
            at = taken[key] = taken.get(key, -1) + 1
            # Those that an earlier batch took are still under way; a batch that is tried again has taken its own.
            mine = [member for member in self.waiting[key] if not member.taken] or self.waiting[key]
            found.append(mine[min(at, len(mine) - 1)])
        for member in found:
            member.taken = member.asked = True
        return found

    def _bill(self, now: Playing, model: str) -> tuple[Reading, Cost]:
        logged = now.logged
        same = model == logged.model
        whole = logged.finish is None or logged.finish.lower() not in _SHORT
        reading = Reading(
            usage=logged.usage,
            model=(logged.served or model) if same else model,
            provider=logged.provider if same else None,
            tier=logged.tier,
            finish=logged.finish or "stop",
            complete=whole,
        )
        if same:
            return reading, now.baseline
        return reading, self._prices.cost(model, logged.usage, at=clock.now(), tier=logged.tier)

    # ------------------------------------------------------------------ as a usage reader

    @staticmethod
    def _of(response: Any) -> tuple[Reading, Cost] | None:
        now = playing.get()
        name = getattr(response, "id", None)
        found = now.given.get(name) if now is not None and isinstance(name, str) else None
        return found or _last.get()

    def read(self, response: Any) -> Reading | None:
        """Return what the log says of this answer."""
        found = self._of(response)
        return None if found is None else found[0]

    def stated(self, response: Any) -> Cost | None:
        """Return what this answer costs."""
        found = self._of(response)
        return None if found is None else found[1]

    def stream(self) -> _Streamed:
        """Return a reader of one stream."""
        return _Streamed(self)

    @staticmethod
    def of_error(error: BaseException) -> Reading | None:
        """Return what a failure cost: what the log says, and else nothing."""
        return error.reading if isinstance(error, Failed) else None

    # ------------------------------------------------------------------ as a request reader

    def model(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the model asked for."""
        given = arguments.get("model")
        return given if type(given) is str and given else self._shapes.model(arguments)

    def input_tokens(self, arguments: Mapping[str, Any]) -> tuple[int, int]:
        """Return the typical count of input tokens, and one that is never too low.

        Of a prompt that the log does not have, they follow from its tokens, as if its text were there.
        """
        now = playing.get()
        if now is None or now.logged.prompt is not None:
            return self._shapes.input_tokens(arguments)
        tokens = now.logged.usage.total_input_tokens
        return tokens, _BYTES * tokens

    def output_limit(self, arguments: Mapping[str, Any]) -> int | None:
        """Return the output tokens that the request allows."""
        if arguments.keys() <= _OWN:
            given = arguments.get("max_tokens")
            if given is None or type(given) is int:
                return given if given is not None and given > 0 else None
        return self._shapes.output_limit(arguments)

    def tier(self, arguments: Mapping[str, Any]) -> str | None:
        """Return the service tier."""
        now = playing.get()
        return now.logged.tier if now is not None else self._shapes.tier(arguments)

    def status(self, error: BaseException) -> int | None:
        """Return the HTTP status that an error stands for."""
        return self._shapes.status(error)


def item_key(item: Any) -> str:
    """Return what equal items of a batch have in common."""
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True, default=str)


async def _chunks(number: int, model: str, words: str, finish: str | None) -> AsyncIterator[Any]:
    for chunk in _SHAPE.stream(number, model, [words], None, finish):
        yield chunk


class _Streamed:
    """Reads one stream: its first chunk says whose it is."""

    __slots__ = ("_found", "_provider")

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self._found: Reading | None = None

    def feed(self, chunk: Any) -> None:
        """Take the next chunk."""
        if self._found is None:
            self._found = self._provider.read(chunk)

    def reading(self) -> Reading | None:
        """Return what the log says of this answer."""
        return self._found
