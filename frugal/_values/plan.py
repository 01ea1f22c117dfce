"""Plans: the models of a cascade as one line of a route reason, and back.

Law: what `told` writes, `planned` reads, whatever the names are; a reason that no cascade wrote has no plan.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

__all__ = ["planned", "told"]

_HEAD = "cascade: "
_THEN = " then "
_PLAIN = re.compile(r'[^";\s]+(?: (?!then )[^";\s]+)*')
_STEP = re.compile(rf'(?P<name>"(?:[^"\\]|\\.)*"|{_PLAIN.pattern})(?P<more>{_THEN})?')


def told(models: Sequence[str]) -> str:
    """Return the models in their order, as the beginning of a reason.

    >>> told(["small", "large"])
    'cascade: small then large'
    """
    names = (name if _PLAIN.fullmatch(name) else json.dumps(name) for name in models)
    return _HEAD + _THEN.join(names)


def planned(reason: str | None) -> tuple[str, ...]:
    """Return the models that a reason plans with; empty when it is no cascade's.

    >>> planned("cascade: small then large; refused: small")
    ('small', 'large')
    """
    if reason is None or not reason.startswith(_HEAD):
        return ()
    found: list[str] = []
    at = len(_HEAD)
    while True:
        step = _STEP.match(reason, at)
        if step is None:
            return ()
        name = step["name"]
        found.append(json.loads(name) if name.startswith('"') else name)
        at = step.end()
        if step["more"] is None:
            return tuple(found) if at == len(reason) or reason.startswith("; ", at) else ()
