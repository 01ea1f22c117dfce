"""The journal of a call: an append-only list of facts, and the one mutable thing in the onion.

Law: each kind of fact has one writer (see `_values.facts`), and a journal is committed once, at the outermost exit of
its pipeline, or once the last provider call under way there has ended.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from frugal._values.cost import Cost
from frugal._values.facts import Held, Spent
from frugal.ports import Ticket

if TYPE_CHECKING:
    from frugal._core.wire import Wire

__all__ = ["Inner", "Journal"]


class _Process:
    """Tells this process from the one that it was forked from."""

    mark = object()


def _forked() -> None:
    _Process.mark = object()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)

T = TypeVar("T")

_NONE: list[Any] = []
"""Stands for the lists of those who collect nothing; thousands of calls wait at a time."""


class Journal:
    """Keep the facts of one call, in the order in which they became known."""

    __slots__ = ("collected", "committed", "facts", "home", "inner", "late", "open", "releases")

    def __init__(self, facts: Iterable[Any] = ()) -> None:
        self.facts: list[Any] = list(facts)
        self.home = _Process.mark
        self.committed = False
        self.inner: Inner | None = None  # the decorated calls made inside, while the function ran last
        # What decorated calls inside a batch's handler spent and held: it is split among the batch's callers.
        self.collected: tuple[Spent, ...] = ()
        self.releases: tuple[str, ...] = ()
        # Provider calls and abandoned branches under way, and what commits once the last of them has ended: a ring may
        # answer before them (it hedged, or wrapped a stream in one of its own), and a caller may leave before them.
        self.open = 0
        self.late: Callable[[], Ticket | None] | None = None

    @property
    def inherited(self) -> bool:
        """Whether it is the copy of a journal that the parent process will commit."""
        return self.home is not _Process.mark

    def ended(self) -> Ticket | None:
        """Say that one thing under way has ended; commit now if that is what was waited for."""
        self.open -= 1
        if self.open or self.late is None:
            return None
        late, self.late = self.late, None
        return late()

    def add(self, fact: Any) -> None:
        """Append a fact."""
        self.facts.append(fact)

    def of(self, kind: type[T]) -> list[T]:
        """Return the facts of one kind, oldest first."""
        return [fact for fact in self.facts if type(fact) is kind]

    def last(self, kind: type[T]) -> T | None:
        """Return the newest fact of one kind, or `None`."""
        for fact in reversed(self.facts):
            if type(fact) is kind:
                return fact
        return None

    @property
    def held(self) -> list[Held]:
        """The holds of this call."""
        return self.of(Held)


class Inner:
    """Add up the decorated calls that were made inside one run of a function."""

    __slots__ = ("collects", "costs", "llm_calls", "releases", "spent", "under_way", "whole", "wire")

    def __init__(self, *, collects: bool = False) -> None:
        self.collects = collects
        self.costs: list[Cost] = []
        self.llm_calls = 0
        # Whether the last of a model's answers came to its own end: what is made of half an answer is half of one.
        self.whole = True
        # Calls of a model that have begun here and will have records of their own.
        self.under_way = 0
        # What a batch's handler spent, to be split among the callers instead of being recorded on its own.
        self.spent: list[Spent] = [] if collects else _NONE
        self.releases: list[str] = [] if collects else _NONE
        # What an SDK's HTTP client sent meanwhile, where it is watched.
        self.wire: Wire | None = None

    def collect(self, spent: Iterable[Spent], releases: Iterable[str]) -> None:
        """Take over what a decorated call inside spent and held, where this one collects.

        Each list grows in one step, since such calls may be made in several threads.
        """
        assert self.spent is not _NONE  # noqa: S101 asked by the caller
        self.spent += list(spent)
        self.releases += list(releases)

    def add(self, cost: Cost, kind: str) -> None:
        """Count one inner call."""
        self.costs.append(cost)
        if kind != "tool":
            self.llm_calls += 1
