"""Texts: the answer of a response, as one string.

Law: the text is what the model said to the user: neither its thoughts nor a refusal. Where it said nothing and
called tools, the calls' JSON stands for it.
"""

from __future__ import annotations

import logging
from typing import Any

from frugal.providers.reader import opened

__all__ = ["text_of"]

_log = logging.getLogger("frugal")


def text_of(response: Any) -> str | None:
    """Return the text of an answer, or `None` when it has none or its shape is not known.

    Args:
        response: what the model gave, as an SDK object, a mapping, an SDK's raw response, or already a string.

    >>> text_of({"choices": [{"message": {"content": "Paris."}}]})
    'Paris.'
    """
    if isinstance(response, str):
        return response
    try:
        opening = opened(response)
        if opening is None:
            return None
        node, shape, _ = opening
        parts = list(shape.parts(node))
    except Exception:
        _log.warning("the text of a %s could not be read", type(response).__name__, exc_info=True)
        return None
    said = "".join(part for kind, part in parts if kind == "text")
    return said or "\n".join(part for kind, part in parts if kind == "tool" and part) or None
