"""`explain` and `explain_call`: what a decorated function is made of, and what it would do with a call."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from frugal._core.call import Call
from frugal._core.pipeline import plan_of
from frugal._core.ring import Mark
from frugal._values.key import diff, parts
from frugal._values.money import ZERO, Money
from frugal._values.routing import Candidate

__all__ = ["CallExplanation", "Explanation", "explain", "explain_call"]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Show the stack of a decorated function.

    Args:
        function: its qualified name.
        rings: the names of its decorators, outermost first.
        details: how each of them is set up, in the same order.
    """

    function: str
    rings: tuple[str, ...]
    details: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{'  ' * depth}{detail}" for depth, detail in enumerate(self.details)]
        return "\n".join([*lines, f"{'  ' * len(lines)}{self.function}"])


@dataclass(frozen=True, slots=True)
class CallExplanation:
    """Show what a decorated function would do with a call, without calling the model.

    Args:
        key: the digest of everything that it would receive.
        key_parts: the digest of each part, by name.
        rings: what each ring would do, outermost first.
        route: the model that would be asked.
        reason: why.
        held: what budgets would hold; nothing where a cache would answer.
        candidates: every model that a router looked at, with what excluded it, its cost and its score.
    """

    key: str
    key_parts: dict[str, str]
    rings: list[str]
    route: str | None
    reason: str
    held: Money = ZERO
    candidates: tuple[Candidate, ...] = field(default=())

    def diff(self, other: CallExplanation) -> list[str]:
        """Return the names of the parts in which two calls differ: why one misses the other's answer."""
        return diff(self.key_parts, other.key_parts)

    def __str__(self) -> str:
        lines = [f"key    {self.key}", *(f"       {name} {digest[:12]}" for name, digest in self.key_parts.items())]
        lines += [f"ring   {line}" for line in self.rings]
        lines += [f"model  {_told(candidate)}" for candidate in self.candidates]
        return "\n".join([*lines, f"route  {self.route}: {self.reason}", f"held   {self.held}"])


def _told(candidate: Candidate) -> str:
    """Say in a line how a model stood in a decision."""
    facts = [] if candidate.excluded is None else [f"excluded: {candidate.excluded}"]
    facts += [] if candidate.cost is None else [f"would cost {candidate.cost}"]
    facts += [] if candidate.score is None else [f"score {candidate.score:.3g}"]
    facts += [f"not known: {', '.join(candidate.unknown)}"] if candidate.unknown else []
    return f"{candidate.model}: {'; '.join(facts) or 'may be asked'}"


def explain(function: Any) -> Explanation:
    """Return the stack of a decorated function as plain data.

    Args:
        function: a decorated function.

    Returns:
        Its explanation; `str()` of it reads as the stack is written.

    Raises:
        TypeError: the function is not decorated.

    >>> from frugal import deduplicated, explain, metered
    >>> @metered
    ... @deduplicated
    ... async def ask(prompt): return prompt
    >>> explain(ask).rings
    ('metered', 'deduplicated')
    """
    plan = plan_of(function)
    if plan is None:
        raise TypeError(f"explain() takes a decorated function, not {function!r}.")
    names = tuple(getattr(ring, "name", None) or repr(ring) for ring in plan.stack)
    return Explanation(plan.function.name, names, tuple(f"@{ring!r}" for ring in plan.stack))


async def explain_call(function: Any, /, *args: Any, **kwargs: Any) -> CallExplanation:
    """Return what a decorated function would do with a call; the model is never asked, and nothing is written.

    Args:
        function: a decorated function.
        args: the call's arguments.
        kwargs: the call's arguments.

    Returns:
        The key and its parts, what each ring would do, the route with its reason, and what would be held.

    Raises:
        TypeError: the function is not decorated.
        UnkeyableCallError: an argument has no canonical form.

    >>> import asyncio
    >>> from frugal import by_complexity, explain_call, routed
    >>> @routed(by_complexity(simple=["gpt-4o-mini"], complex=["gpt-4o"]))
    ... async def ask(prompt, *, model="gpt-4o"): ...
    >>> asyncio.run(explain_call(ask, "Translate to French: good morning")).route
    'gpt-4o-mini'
    """
    plan = plan_of(function)
    if plan is None:
        raise TypeError(f"explain_call() takes a decorated function, not {function!r}.")
    instance = getattr(function, "_self_instance", None)
    call = plan.begin(function.__wrapped__, instance, args, kwargs, dry=True)
    found = _Dry(call)
    for ring in plan.stack:
        if isinstance(ring, Mark):
            found.rings.append(f"{ring!r}: would record the call")
            continue
        foresee = getattr(ring, "foresee", None)
        if foresee is None:
            found.say(repr(ring), "would run")
        else:
            await foresee(found)
    call = found.call
    return CallExplanation(
        call.key,
        parts(call.plan.function.identity, found.first.arguments),
        found.rings,
        call.model,
        found.reason,
        found.held,
        found.candidates,
    )


class _Dry:
    """A dry run on its way through the rings; each says what it would do and may change the call."""

    __slots__ = ("answered", "call", "candidates", "first", "held", "reason", "rings")

    def __init__(self, call: Call) -> None:
        self.first = call
        self.call = call
        self.rings: list[str] = []
        self.reason = "as asked for"
        self.held = ZERO
        self.candidates: tuple[Any, ...] = ()
        self.answered = False

    def say(self, ring: str, words: str) -> None:
        """Add what a ring would do, or that it is not reached because a cache outside it would answer."""
        self.rings.append(f"{ring}: {f'not reached, else {words}' if self.answered else words}")

    def hold(self, amount: Money) -> None:
        """Add what a budget would hold; nothing is held for a hit."""
        if not self.answered:
            self.held = self.held + amount

    def answer(self) -> None:
        """Say that the call would go no further inwards."""
        self.answered = True
