"""Digests for analysis: what a record keeps of a request so that advice can be computed, and no text of it.

Law: a digest tells equal from different and nothing else; what has no canonical form has none, and never stops a call.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from frugal._core.keying import digest_of
from frugal._values.key import canonical, digest
from frugal.errors import UnkeyableCallError

if TYPE_CHECKING:
    from frugal._core.call import Call

__all__ = ["digests_of", "key_of"]

_log = logging.getLogger("frugal")

_LEAST = 1_000
"""Bytes of a prefix from which it is worth a provider's prompt cache; shorter ones are not digested."""


def key_of(call: Call) -> str | None:
    """Return the digest of the whole request; `None` where it has none."""
    try:
        return digest_of(call)
    except UnkeyableCallError:
        return None
    except Exception:
        _log.debug("frugal: a call of %s has no key", call.function, exc_info=True)
        return None


def digests_of(call: Call) -> Mapping[str, str]:
    """Return further digests: `prefix`, of what stands before the conversation (system prompt and tools)."""
    memo = call.memo
    found = memo.get("digests")
    if found is None:
        found = memo["digests"] = _prefix(call.arguments)
    return found


def _prefix(arguments: Mapping[str, Any]) -> dict[str, str]:
    parts = [arguments.get(name) for name in ("system", "instructions", "tools")]
    messages = arguments.get("messages")
    if isinstance(messages, list) and messages:
        first = messages[0]
        role = first.get("role") if isinstance(first, Mapping) else getattr(first, "role", None)
        parts.append(first if role in {"system", "developer"} else None)
    if all(part is None for part in parts):
        return {}
    try:
        form = canonical(parts)
    except Exception:  # a client among the tools, say: then there is no prefix to speak of
        return {}
    # Four bytes make about a token of text.
    return {"prefix": digest(form), "prefix_tokens": str(len(form) // 4)} if len(form) >= _LEAST else {}
