"""What a router is asked: a call seen as a request, and the conversation that it goes on with.

Law: conversations are told apart by what they begin with, and what is remembered of them (the model that answered
last, how much it has read) only ever changes a price, never a right.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from frugal._core.digests import last_turn
from frugal._core.estimate import limit_of, sizes_of
from frugal._values.key import digest
from frugal._values.money import Money
from frugal._values.routing import BudgetState, Constraints, Model, Request
from frugal._values.usage import Usage

if TYPE_CHECKING:
    from frugal._core.call import Call
    from frugal.ports import Prices, RequestReader

__all__ = ["Conversations", "request_of"]

_MOST = 4096
"""Conversations remembered at a time."""

_UNCONSTRAINED = Constraints()

_IMAGES = ("image_url", "image", "input_image", "inline_data", "inlineData")


def request_of(
    call: Call,
    requests: RequestReader,
    prices: Prices,
    *,
    budgets: Sequence[BudgetState] = (),
    constraints: Constraints | None = None,
    default: str | None = None,
    conversations: Conversations | None = None,
) -> Request:
    """Return what a router sees of a call."""
    arguments = call.arguments
    messages = _messages(arguments)
    taken = last_turn(call)
    typical, bound = sizes_of(call, requests)
    session = _session(call, messages)
    previous, cached = conversations.recall(session) if conversations is not None else (None, 0)
    tools = arguments.get("tools") or arguments.get("functions") or ()

    def price_of(model: str, usage: Usage) -> Money | None:
        return prices.cost(model, usage, at=call.started).amount

    window = getattr(prices, "context_window", None)

    def facts_of(name: str) -> Model | None:
        return _windowed(name, window(name)) if window is not None else None

    return Request(
        text=taken[0] if taken is not None else _any_text(arguments),
        messages=messages,
        turns=max(1, [_role(message) for message in messages].count("user")),
        tools=tuple(tools) if isinstance(tools, (list, tuple)) else (tools,),
        images=tuple(_images(messages)),
        input_tokens=typical,
        input_bound=bound,
        output_tokens=limit_of(call, requests),
        user=call.user,
        tags=call.tags,
        budgets=budgets,
        session=session,
        previous_model=previous,
        cached_tokens=min(cached, typical),
        constraints=constraints or _UNCONSTRAINED,
        default=default,
        now=call.started,
        price_of=price_of,
        facts_of=facts_of,
    )


@lru_cache(maxsize=1024)
def _windowed(name: str, window: int | None) -> Model:
    return Model(name, context_window=window)


def _messages(arguments: Mapping[str, Any]) -> tuple[Any, ...]:
    for name in ("messages", "input", "contents"):
        value = arguments.get(name)
        if isinstance(value, (list, tuple)):
            return tuple(value)
    return ()


def _get(holder: Any, name: str) -> Any:
    # The abstract class takes a while to recognise what nearly all are.
    return holder.get(name) if type(holder) is dict or isinstance(holder, Mapping) else getattr(holder, name, None)


def _role(message: Any) -> str:
    return str(_get(message, "role") or "")


def _images(messages: Sequence[Any]) -> list[Any]:
    found = []
    for message in messages:
        content = _get(message, "content") or _get(message, "parts")
        if isinstance(content, (list, tuple)):
            found += [part for part in content if str(_get(part, "type") or "") in _IMAGES
                      or any(_get(part, name) is not None for name in _IMAGES)]  # fmt: skip
    return found


def _any_text(arguments: Mapping[str, Any]) -> str:
    """Return the first plain text among the arguments: functions name their prompt as they like."""
    for name in ("prompt", "query", "question", "text", "input", "messages"):
        if isinstance(arguments.get(name), str):
            return str(arguments[name])
    return next((value for name, value in arguments.items() if isinstance(value, str) and name != "model"), "")


def _session(call: Call, messages: Sequence[Any]) -> str | None:
    """Name the conversation by what it begins with: all up to the first user turn."""
    if not messages:
        return None
    first = next((at for at, message in enumerate(messages) if _role(message) == "user"), 0)
    said = "".join(map(repr, messages[: first + 1]))
    return digest(call.function.encode(), (call.user or "").encode(), said.encode("utf-8", "surrogatepass"))


class Conversations:
    """Remember which model answered each conversation last, and how much of it that model's provider has read."""

    __slots__ = ("_known", "_lock")

    def __init__(self) -> None:
        self._known: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def recall(self, session: str | None) -> tuple[str | None, int]:
        """Return the last model and its tokens; `(None, 0)` for a conversation that begins."""
        if session is None:
            return None, 0
        with self._lock:
            known = self._known.get(session)
            if known is not None:
                self._known.move_to_end(session)
        return known or (None, 0)

    def remember(self, session: str | None, model: str, tokens: int) -> None:
        """A model answered: its provider has now read that many tokens of the conversation."""
        if session is None:
            return
        with self._lock:
            self._known[session] = (model, tokens)
            self._known.move_to_end(session)
            while len(self._known) > _MOST:
                self._known.popitem(last=False)
