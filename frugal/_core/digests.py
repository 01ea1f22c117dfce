"""Digests for analysis: what a record keeps of a request so that advice can be computed, and no text of it.

Law: a digest tells equal from different and nothing else; what has no canonical form has none, and never stops a call.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from frugal._core.keying import digest_of
from frugal._values.key import canonical, digest
from frugal._values.query import LONGEST, last_user_turn
from frugal.errors import UnkeyableCallError

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["digests_of", "last_turn"]

_log = logging.getLogger("frugal")

_LEAST = 1_000
"""Bytes of a prefix from which it is worth a provider's prompt cache; shorter ones are not digested."""

_RECENT = 2_048
_recent: dict[str, Mapping[str, str]] = {}
"""By key: a request that comes again, as one that a cache answers does, has the same digests."""

_TURN = "last user turn"

_APART = re.compile(r"[\W_]+")
"""What is no letter or digit, as `str.isalnum` has it, in runs."""

_PLAIN = bytes(ord(chr(code).lower()) if chr(code).isalnum() else 32 for code in range(128)) + bytes(128)
"""The same for ASCII, with capitals as small letters: by table, it takes a twentieth of the time."""


def digests_of(call: Call) -> tuple[str | None, Mapping[str, str]]:
    """Return the digest of the whole request as it was made, `None` where it has none, and further digests.

    `prefix` is what stands before the conversation (system prompt and tools); `near` is the last user turn without
    case, spacing and punctuation, with all the rest: two calls that share it asked the same in nearly the same words.
    """
    call = call.asked
    found: tuple[str | None, Mapping[str, str]] | None = call.memo.get("digests")
    if found is None:
        key = _key_of(call)
        further = None if key is None else _recent.get(key)
        if further is None:
            further = {**_prefix(call.arguments), **_near(call)}
            if key is not None:
                if len(_recent) >= _RECENT:
                    _recent.clear()
                _recent[key] = further
        found = call.memo["digests"] = (key, further)
    return found


def last_turn(call: Call) -> tuple[str, dict[str, object]] | None:
    """Return the last user turn's text and all the rest of a call's request, or `None`; looked for once."""
    memo = call.memo
    if _TURN not in memo:
        memo[_TURN] = last_user_turn(call.arguments)
    taken: tuple[str, dict[str, object]] | None = memo[_TURN]
    return taken


def _key_of(call: Call) -> str | None:
    try:
        return digest_of(call)
    except UnkeyableCallError:
        return None
    except Exception:
        _log.debug("frugal: a call of %s has no key", call.function, exc_info=True)
        return None


def _prefix(arguments: Mapping[str, Any]) -> dict[str, str]:
    get = arguments.get
    parts = [get("system"), get("instructions"), get("tools")]
    messages = arguments.get("messages")
    if isinstance(messages, list) and messages:
        first = messages[0]
        plain = type(first) is dict or isinstance(first, Mapping)
        role = first.get("role") if plain else getattr(first, "role", None)
        parts.append(first if role in {"system", "developer"} else None)
    if not [part for part in parts if part is not None]:
        return {}
    try:
        form = canonical(parts)
    except Exception:  # a client among the tools, say: then there is no prefix to speak of
        return {}
    # Four bytes make about a token of text.
    return {"prefix": digest(form), "prefix_tokens": str(len(form) // 4)} if len(form) >= _LEAST else {}


def _near(call: Call) -> dict[str, str]:
    taken = last_turn(call)
    if taken is None or len(taken[0]) > LONGEST:
        return {}
    text = taken[0]
    if text.isascii():
        said = b" ".join(text.encode().translate(_PLAIN).split())
    else:
        said = _APART.sub(" ", text.casefold()).strip(" ").encode("utf-8", "surrogatepass")
    try:
        rest = canonical(taken[1])
    except Exception:  # no canonical form: then nothing can be said of what is near
        return {}
    return {"near": digest(call.function.encode(), rest, said)}
