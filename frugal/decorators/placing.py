"""Placing a question: what it is matched by, and the partition in which alone it may be matched.

Law: everything of a call but the question's own words is in the partition, so no answer crosses users, system prompts,
tools or models.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from frugal._core.call import Call
from frugal._middleware.semantic_cached import Place
from frugal._values.budget import subject_of
from frugal._values.key import digest_call
from frugal._values.query import LONGEST, MARK, last_user_turn

__all__ = ["place"]


def place(call: Call, query: Callable[[Call], Any] | None, per: str | None) -> Any:
    """Say what of a call is matched by meaning, and name the partition of the rest."""
    if query is None:
        taken = last_user_turn(call.arguments)
        return _placed(call, per, *taken) if taken is not None else None
    text = query(call)
    if inspect.isawaitable(text):

        async def later() -> Place | None:
            found = await text
            return _placed(call, per, found, _without(call, found)) if found else None

        return later()
    return _placed(call, per, text, _without(call, text)) if text else None


def _placed(call: Call, per: str | None, text: Any, rest: Mapping[str, Any]) -> Place | None:
    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST:
        return None
    subject = None if per is None else (
        call.user if per == "user"
        else subject_of(per, user=call.user, model=call.model, function=call.function, tags=call.tags)
    )  # fmt: skip
    return Place(text, digest_call(call.plan.function.identity, {**rest, "per": (per, subject)}))


def _without(call: Call, text: Any) -> dict[str, Any]:
    """Return a call's arguments with a text of the user's choosing taken out where it stands whole, for the last time.

    Once only: the same text in another place (a system prompt that a question repeats) must still be equal. Where it
    stands nowhere (it was made up from several), nothing is taken out: then only equal calls match.
    """
    rest = dict(call.arguments)
    for name, value in reversed(call.arguments.items()):
        found = _marked(value, text, 32)
        if found is not None:
            rest[name] = found[0]
            break
    return rest


def _marked(value: Any, text: str, depth: int) -> tuple[Any] | None:
    """Return a value with the last such text in it replaced; `None` when there is none."""
    if isinstance(value, str):
        return (MARK,) if value == text else None
    if not depth or type(value) not in {dict, list, tuple}:
        return None
    for key, item in reversed(list(value.items() if type(value) is dict else enumerate(value))):
        found = _marked(item, text, depth - 1)
        if found is not None:
            if type(value) is dict:
                return ({**value, key: found[0]},)
            return (type(value)([*value[:key], found[0], *value[key + 1 :]]),)
    return None
