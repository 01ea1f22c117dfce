"""An offline provider: real shapes, real arithmetic, no network.

Law: `charged` is what a provider would bill for what it was asked, whatever became of the answer, so a test can hold
any ledger against it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from frugal._values.clock import clock as ambient
from frugal._values.money import ZERO, Money
from frugal._values.usage import Usage
from frugal.ports import Clock, Prices
from frugal.testing.shapes import Shape, shape_named

__all__ = ["FakeModel", "FakeProviderError", "Seen"]


class FakeProviderError(Exception):
    """What the offline provider raises when it is told to fail.

    Args:
        status_code: an HTTP status.
        message: what it says.

    >>> FakeProviderError(429, "slow down")
    FakeProviderError('Error code: 429 - slow down')
    """

    def __init__(self, status_code: int = 500, message: str = "the offline provider was told to fail") -> None:
        self.status_code = status_code
        super().__init__(f"Error code: {status_code} - {message}")


@dataclass(frozen=True, slots=True)
class Seen:
    """One call that the model got."""

    number: int
    text: str
    model: str
    stream: bool
    arguments: Mapping[str, Any]


@dataclass(slots=True)
class _Gate:
    """Where gated calls wait."""

    waiting: dict[int, asyncio.Future[BaseException | None]] = field(default_factory=dict)
    arrivals: list[tuple[int, asyncio.Future[None]]] = field(default_factory=list)


class _Meter:
    """Bill a streamed answer as it is made: the input when it begins, the output as it goes out."""

    __slots__ = ("_billed", "_model", "_name", "_pieces", "_usage")

    def __init__(self, model: FakeModel, name: str, usage: Usage, pieces: int) -> None:
        self._model = model
        self._name = name
        self._usage = usage
        self._pieces = pieces
        self._billed = ZERO
        self.sent(0)

    def sent(self, events: int, *, whole: bool = False) -> None:
        """So many events went out; a provider bills what it made, whoever reads it."""
        share = 1.0 if whole else min(1.0, events / self._pieces)
        usage = replace(
            self._usage,
            output_tokens=int(self._usage.output_tokens * share),
            reasoning_tokens=int(self._usage.reasoning_tokens * share),
            output_audio_tokens=int(self._usage.output_audio_tokens * share),
        )
        cost = self._model._price(self._name, usage)  # noqa: SLF001 the other half of the model
        self._model.bill(cost - self._billed)
        self._billed = cost


class FakeStream:
    """A streamed answer, as SDKs return it: iterable, a context manager, with a `close`."""

    def __init__(self, events: list[Any], meter: _Meter, cut: int | None) -> None:
        self._events = iter(events)
        self._left = len(events)
        self._sent = 0
        self._meter = meter
        self._cut = cut
        self.closed = False

    def __aiter__(self) -> FakeStream:
        return self

    async def __anext__(self) -> Any:
        await asyncio.sleep(0)  # a network's chunk never comes without a turn of the loop
        if self.closed:
            raise StopAsyncIteration
        if self._cut is not None and self._sent >= self._cut:
            raise FakeProviderError(500, "the stream was cut")
        for event in self._events:
            self._sent += 1
            self._left -= 1
            self._meter.sent(self._sent, whole=not self._left)
            return event
        raise StopAsyncIteration

    async def __aenter__(self) -> FakeStream:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop reading."""
        self.closed = True

    aclose = close


class FakeModel:
    """Answer like a provider, offline and at once.

    Args:
        shape: `"openai"` or `"anthropic"`.
        prices: prices for `charged`; frugal's default prices when `None`.
        latency: seconds on the clock before the answer (for a stream, before its first chunk).
        clock: the clock to wait on; the ambient one when `None`.
        answer: the answer's text, or a function of the prompt's text.
        usage: a `Usage`, or a function `(text, answer, model)` to one; by default a token for four bytes.
        fail: errors by the number of the call (from 0), or a function of it; an int is an HTTP status.
        gated: whether each call waits for `release`.
        chunks: how many pieces a streamed answer comes in.
        usage_in_stream: whether streams say what they used.
        finish: the reason the answer ended, in the shape's own words; `None` for its ordinary one.
        cut: fail a stream after that many chunks.
        default_model: the model of calls that name none.

    Raises:
        ValueError: there is no such shape.

    >>> import asyncio
    >>> model = FakeModel(answer="Paris.")
    >>> reply = asyncio.run(model(messages=[{"role": "user", "content": "Capital of France?"}], model="gpt-4o"))
    >>> reply.choices[0].message.content
    'Paris.'
    >>> model.charged
    Money(pico=20000000)
    """

    def __init__(
        self,
        shape: str = "openai",
        *,
        prices: Prices | None = None,
        latency: float = 0,
        clock: Clock | None = None,
        answer: str | Callable[[str], str] | None = None,
        usage: Usage | Callable[[str, str, str], Usage] | None = None,
        fail: Mapping[int, BaseException | int] | Callable[[int], BaseException | int | None] | None = None,
        gated: bool = False,
        chunks: int = 4,
        usage_in_stream: bool = True,
        finish: str | None = None,
        cut: int | None = None,
        default_model: str = "gpt-4o-mini",
    ) -> None:
        self._shape: Shape = shape_named(shape)
        self._prices = prices
        self.latency = latency
        self._clock = clock or ambient
        self._answer = answer
        self._usage = usage
        self._fail = fail
        self.gated = gated
        self._chunks = max(1, chunks)
        self._usage_in_stream = usage_in_stream
        self._finish = finish
        self._cut = cut
        self._default_model = default_model
        self._numbers = itertools.count()
        self._gate = _Gate()
        self.calls: list[Seen] = []
        self.charged: Money = ZERO
        self._lock = threading.Lock()
        self.active = 0
        self.most_active = 0

    async def __call__(
        self,
        messages: Any = None,
        *,
        prompt: str | None = None,
        model: str | None = None,
        stream: bool = False,
        **arguments: Any,
    ) -> Any:
        """Answer a request in the model's shape; an async iterator of chunks with `stream=True`."""
        name = model or self._default_model
        text = _text(messages if messages is not None else prompt)
        seen = Seen(next(self._numbers), text, name, stream, {"messages": messages, "prompt": prompt, **arguments})
        self.calls.append(seen)
        self.active += 1
        self.most_active = max(self.most_active, self.active)
        try:
            await self._wait(seen)
            answer = self._say(text)
            usage = self._count(text, answer, name)
        finally:
            self.active -= 1
        if stream:
            return self._stream(seen, answer, usage)
        self._charge(name, usage)
        return self._shape.response(seen.number, name, answer, usage, self._finish)

    # ------------------------------------------------------------------ gates

    def release(self, number: int | None = None, error: BaseException | None = None) -> int:
        """Let gated calls go on.

        Args:
            number: which call, counted from 0; all that wait when `None`.
            error: what it fails with instead of answering.

        Returns:
            How many were let go.
        """
        numbers = list(self._gate.waiting) if number is None else [number]
        released = 0
        for key in numbers:
            waiter = self._gate.waiting.pop(key, None)
            if waiter is not None and not waiter.done():
                waiter.get_loop().call_soon_threadsafe(_settle, waiter, error)
                released += 1
        return released

    @property
    def waiting(self) -> list[int]:
        """The numbers of the calls that wait at the gate."""
        return [number for number, waiter in self._gate.waiting.items() if not waiter.done()]

    async def arrived(self, count: int) -> None:
        """Return once that many calls have reached the model since it was made.

        Args:
            count: how many, those that were answered or failed included.
        """
        if len(self.calls) < count:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._gate.arrivals.append((count, waiter))
            await waiter

    async def _wait(self, seen: Seen) -> None:
        for count, arrival in self._gate.arrivals:
            if len(self.calls) >= count and not arrival.done():
                arrival.get_loop().call_soon_threadsafe(_arrive, arrival)
        self._gate.arrivals = [(count, waiter) for count, waiter in self._gate.arrivals if len(self.calls) < count]
        if self.gated:
            waiter: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
            self._gate.waiting[seen.number] = waiter
            try:
                error = await waiter
            finally:
                self._gate.waiting.pop(seen.number, None)
            if error is not None:
                raise error
        if self.latency:
            await self._clock.sleep(self.latency)
        planned = self._fail(seen.number) if callable(self._fail) else (self._fail or {}).get(seen.number)
        if planned is not None:
            raise FakeProviderError(planned) if isinstance(planned, int) else planned

    # ------------------------------------------------------------------ answers

    def _say(self, text: str) -> str:
        if callable(self._answer):
            return self._answer(text)
        return self._answer if self._answer is not None else f"An answer to: {text[-200:]}"

    def _count(self, text: str, answer: str, model: str) -> Usage:
        if callable(self._usage):
            return self._usage(text, answer, model)
        if self._usage is not None:
            return self._usage
        return Usage(input_tokens=_tokens(text), output_tokens=_tokens(answer))

    def _charge(self, model: str, usage: Usage) -> None:
        self.bill(self._price(model, usage))

    def _price(self, model: str, usage: Usage) -> Money:
        prices = self._prices
        if prices is None:
            from frugal.prices import default_prices  # noqa: PLC0415 only where no prices were given

            prices = default_prices()
        return prices.cost(model, usage, at=self._clock.now()).known

    def _stream(self, seen: Seen, answer: str, usage: Usage) -> FakeStream:
        size = max(1, -(-len(answer) // self._chunks))
        pieces = [answer[at : at + size] for at in range(0, len(answer), size)] or [""]
        stated = usage if self._usage_in_stream else None
        events = list(self._shape.stream(seen.number, seen.model, pieces, stated, self._finish))
        return FakeStream(events, _Meter(self, seen.model, usage, len(pieces)), self._cut)

    def bill(self, cost: Money) -> None:
        """Add to what was charged; threads may share a model.

        Args:
            cost: the amount; a negative one takes back.
        """
        with self._lock:
            self.charged += cost

    def __repr__(self) -> str:
        return f"FakeModel({self._shape.name!r}, {len(self.calls)} calls, charged {self.charged})"


def _settle(waiter: asyncio.Future[BaseException | None], error: BaseException | None) -> None:
    if not waiter.done():
        waiter.set_result(error)


def _arrive(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


def _tokens(text: str) -> int:
    return max(1, len(text.encode()) // 4)


def _text(prompt: Any) -> str:
    """Return the text of a prompt or of messages."""
    if prompt is None:
        return ""
    if isinstance(prompt, str):
        return prompt
    if isinstance(prompt, Mapping):
        return _text(prompt.get("content") or prompt.get("text"))
    if isinstance(prompt, Sequence) and not isinstance(prompt, (bytes, bytearray)):
        return "\n".join(_text(part) for part in prompt)
    return json.dumps(prompt, default=str)
