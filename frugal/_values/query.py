"""What a request asks last: the text of the last user turn, apart from everything round it.

Only that text is matched by meaning; whatever else the function received must be equal, and so decides
the partition. The rest is therefore the request itself with a marker where the text was.

Law: pure, and nothing is lost: the text and the rest together are the request. What cannot be taken apart
with certainty (no user turn at the end, no text in it, a shape that is not known) is None, which is a miss.
"""

from __future__ import annotations

import copyreg
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["ASKED", "LONGEST", "MARK", "last_user_turn"]

ASKED = ("messages", "input", "contents", "prompt")
"""The arguments in which a question is looked for."""

LONGEST = 8_192
"""Characters beyond which a text is not matched by meaning: one vector cannot tell long documents apart."""

MARK = "\ufdd0frugal:query"
"""Stands in the rest where the text was; begins with a character that no text may interchange."""

_TEXT_TYPES = frozenset({"text", "input_text"})


def last_user_turn(arguments: Mapping[str, object]) -> tuple[str, dict[str, object]] | None:
    """Take the last user turn's text out of a request.

    Understood are chat messages (``messages``), the Responses API's ``input`` (a text or items), Gemini's
    ``contents`` and a plain ``prompt``, as mappings or as objects with attributes. Text parts are joined by
    line breaks; other parts (images, files) stay in the rest, each at its place.

    Args:
        arguments: the request's arguments by name.

    Returns:
        The text, and all arguments with a marker in its place; None where there is none, or only white space.

    >>> last_user_turn({"model": "m", "messages": [{"role": "user", "content": "hello"}]})[0]
    'hello'
    >>> last_user_turn({"prompt": "hello", "seed": 1}) == ("hello", {"prompt": MARK, "seed": 1})
    True
    """
    present = [name for name in ASKED if arguments.get(name)]
    if len(present) != 1:
        return None
    name = present[0]
    value = arguments[name]
    found = (value, MARK) if isinstance(value, str) else _from_turns(value)
    if found is None or not isinstance(found[0], str) or not found[0].strip():
        return None
    return found[0], {**arguments, name: found[1]}


def _from_turns(turns: object) -> tuple[str, object] | None:
    """Take the text out of the last of several turns; it must be the user's."""
    if type(turns) is not list and (not isinstance(turns, Sequence) or isinstance(turns, (str, bytes))):
        return None
    if not turns:
        return None
    last = turns[-1]
    if isinstance(last, str):  # Gemini's `contents`, and lists of prompts: each a user's text.
        return (last, [*turns[:-1], MARK]) if len(turns) == 1 else None
    if _get(last, "role") != "user":
        return None
    field, content = "content", _get(last, "content")
    if content is None:
        field, content = "parts", _get(last, "parts")
    found = (content, MARK) if isinstance(content, str) else _from_parts(content)
    if found is None:
        return None
    return found[0], [*turns[:-1], {**_fields(last), field: found[1]}]


def _from_parts(parts: object) -> tuple[str, object] | None:
    """Join the text of several parts; what is not text stays."""
    if not isinstance(parts, Sequence) or isinstance(parts, (str, bytes)):
        return None
    texts: list[str] = []
    rest: list[object] = []
    for part in parts:
        text = part if isinstance(part, str) else _text_of(part)
        if text is None:
            rest.append(part)
        else:
            texts.append(text)
            # Attributes of a text part (a cache breakpoint, say) stay, so that they partition.
            rest.append(MARK if isinstance(part, str) else {**_fields(part), "text": MARK})
    return ("\n".join(texts), rest) if texts else None


def _text_of(part: object) -> str | None:
    text = _get(part, "text")
    kind = _get(part, "type")
    return text if isinstance(text, str) and (kind is None or kind in _TEXT_TYPES) else None


def _get(holder: object, name: str) -> Any:
    # The abstract class takes a while to recognise what nearly all are.
    return holder.get(name) if type(holder) is dict or isinstance(holder, Mapping) else getattr(holder, name, None)


def _fields(holder: object) -> dict[str, object]:
    """Return what a mapping or an object holds, by name; an object's type is part of it."""
    if type(holder) is dict or isinstance(holder, Mapping):
        return dict(holder)
    kind: Any = type(holder)
    if isinstance(holder, tuple):
        names = getattr(kind, "_fields", ())
    else:
        # A model that dumps itself may leave things out: all that it holds counts, in slots too.
        names = (*getattr(kind, "__struct_fields__", ()), *copyreg._slotnames(kind))  # type: ignore[attr-defined]  # noqa: SLF001  # as copy and pickle find them
    dumped = getattr(holder, "model_dump", None)
    fields = {
        **(dumped() if callable(dumped) else {}),
        **getattr(holder, "__dict__", {}),
        **{name: getattr(holder, name) for name in names if hasattr(holder, name)},
    }
    # What shows nothing of itself must be equal as a whole.
    return {**(fields or {"\ufdd0whole": holder}), "\ufdd0type": f"{kind.__module__}.{kind.__qualname__}"}
