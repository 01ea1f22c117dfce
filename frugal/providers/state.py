"""The state of a stream: what its events have said so far.

Law: usage in a stream is cumulative, so later figures replace earlier ones field by field. Only when one response
has ended and another begins in the same stream (a proxy that joins the steps of an agent) are they added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from frugal._values.money import Money
from frugal.ports import Reading
from frugal.providers.bodies import Body
from frugal.providers.counts import KEYS
from frugal.providers.figures import BESIDE, Figures, figures
from frugal.providers.nodes import Node
from frugal.providers.words import is_cut, served_tier

__all__ = ["StreamState"]


@dataclass(slots=True)
class StreamState:
    """Gather what the events of one stream say.

    `usage` and the fields after it are of the response that is under way; `earlier` adds up those that ended.
    `counting` says that the figures are those of a beginning, and the end has yet to tell its own.
    """

    usage: dict[str, Any] | None = None
    model: str | None = None
    provider: str | None = None
    finish: str | None = None
    tier: Any = None
    note: str = ""
    cut: bool = False
    zeros: bool = False
    ended: bool = False
    text_bytes: int = 0
    seen: bool = False
    counting: bool = False
    earlier: list[Figures] = field(default_factory=list)

    def begin(self) -> None:
        """Begin a response; what ended before it is kept and added."""
        if self.ended and self.usage is not None:
            self.earlier.append(figures(self.usage, zeros=self.zeros))
        self.usage = self.finish = None
        self.ended = False

    def take_usage(self, usage: Node | None, *, zeros: bool = False) -> None:
        """Take later figures over earlier ones; what the later ones leave out stays."""
        if usage is None:
            return
        if isinstance(usage, Mapping):
            later = {name: value for name, value in usage.items() if value is not None}
        else:
            asked = ((name, usage.get(name)) for name in (*KEYS, *BESIDE))
            later = {name: value for name, value in asked if value is not None}
        if later:
            self.usage = {**self.usage, **later} if self.usage else later
        self.zeros = zeros

    def take(self, body: Body) -> None:
        """Take what a chunk or an event says, in the shape of a whole body."""
        self.seen = True
        self.model = body.model or self.model
        self.provider = body.provider or self.provider
        self.finish = body.finish or self.finish
        self.tier = body.tier if body.tier is not None else self.tier
        self.cut = self.cut or body.refused or any(map(is_cut, body.finishes))
        self.note = body.note or self.note
        self.take_usage(body.usage, zeros=body.zeros)

    def reading(self) -> Reading:
        """Return what is known so far."""
        last = figures(self.usage, zeros=self.zeros) if self.usage is not None else Figures()
        every = [*self.earlier, last] if self.usage is not None else self.earlier
        usages = [one.usage for one in every if one.usage is not None]
        notes = [*(note for one in every for note in one.notes), *([self.note] if self.note else [])]
        whole = self.finish is not None and not self.cut and not is_cut(self.finish)
        return Reading(
            # A response whose figures cannot be trusted makes the sum untrustworthy too.
            usage=sum(usages[1:], usages[0]) if usages and len(usages) == len(every) else None,
            model=last.model or self.model,
            provider=self.provider,
            stated=_added([one.stated for one in every]),
            tier=last.tier or served_tier(self.tier),
            finish=self.finish,
            complete=whole,
            problem="; ".join(notes),
            text_bytes=self.text_bytes,
            partial=self.counting and self.usage is not None,
        )


def _added(stated: list[Money | None]) -> Money | None:
    known = [money for money in stated if money is not None]
    return sum(known[1:], known[0]) if known and len(known) == len(stated) else None
