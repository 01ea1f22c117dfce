"""Names: how what users wrote is shown, and how a function is called.

Law: every sign that cannot be seen is spelt out, and two names that differ are shown as two.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from frugal._values.visible import visible
from frugal.insight.wording import short

__all__ = ["functions", "named"]


def named(text: str) -> str:
    r"""Return a name as it is shown; an absent one too.

    >>> named(""), named("a\u202eb")
    ('(none)', 'a\\u202eb')
    """
    return visible(text) if text else "(none)"


def functions(names: Sequence[str]) -> dict[str, str]:
    """Return functions by their last name, where that tells them apart, else by their whole one.

    >>> functions(["app.ask", "app.agents.ask", "app.plan"])
    {'app.ask': 'app.ask', 'app.agents.ask': 'app.agents.ask', 'app.plan': 'plan'}
    """
    seen = Counter(short(name) for name in names)
    return {name: named(short(name) if name and seen[short(name)] == 1 else name) for name in names}
