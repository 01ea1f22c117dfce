"""Accounts: what is spent, what is held, and whether there is room for more.

Law: no hold is granted that takes spent + held over a limit, in any of the accounts that it stands in; a hold
stands in all of its accounts or in none; what leaves `held` is what entered it. Amounts have two units
(money in pico-dollars and tokens) that never mix. This knows nothing of windows, processes or disks:
whoever calls it says which accounts, and makes each call part of one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["Account", "Accounts", "Hold", "Holding", "Shelf", "Shortage", "Standing"]


@dataclass(slots=True)
class Account:
    """Keep what is spent and held of one limit in one window.

    Args:
        spent_pico: settled money, in pico-dollars.
        spent_tokens: settled tokens.
        held_pico: money held for calls under way, in pico-dollars.
        held_tokens: tokens held for them.
        holds: how many holds stand in it, those of nothing included.
    """

    spent_pico: int = 0
    spent_tokens: int = 0
    held_pico: int = 0
    held_tokens: int = 0
    holds: int = 0

    def lacks(self, pico: int, tokens: int, limit_pico: int | None, limit_tokens: int | None) -> str | None:
        """Return the unit that has no room for that much more, or `None`.

        A limit that is reached has no room, not even for nothing.

        >>> Account(spent_pico=9).lacks(1, 0, 10, None) is None
        True
        >>> Account(spent_pico=10).lacks(0, 0, 10, None)
        'usd'
        """
        if limit_pico is not None and (
            self.spent_pico >= limit_pico or self.spent_pico + self.held_pico + pico > limit_pico
        ):
            return "usd"
        if limit_tokens is not None and (
            self.spent_tokens >= limit_tokens or self.spent_tokens + self.held_tokens + tokens > limit_tokens
        ):
            return "tokens"
        return None


class Standing(NamedTuple):
    """Say in which account a hold stands, and under which limits it was granted."""

    account: str
    limit_pico: int | None
    limit_tokens: int | None


class Hold(Protocol):
    """What is held for one call, in every account that it stands in."""

    pico: int
    tokens: int

    @property
    def standings(self) -> Sequence[Standing]:
        """Where it stands."""
        ...


@dataclass(slots=True)
class Holding:
    """Keep a plain hold."""

    pico: int
    tokens: int
    standings: Sequence[Standing]


class Shortage(NamedTuple):
    """Say which of the standings (by its place) had no room, and in which unit."""

    place: int
    unit: str


class Shelf(Protocol):
    """Finds accounts by name."""

    def account(self, name: str) -> Account:
        """Return the account to change; a fresh one where there is none yet."""
        ...


class Accounts:
    """Reserve, grow, settle, release, presume and replace over accounts.

    Args:
        shelf: where the accounts are; what it returns is changed in place.

    >>> class Plain(dict):
    ...     def account(self, name):
    ...         return self.setdefault(name, Account())
    >>> accounts = Accounts(Plain())
    >>> first = Holding(6, 0, (Standing("day", 10, None),))
    >>> accounts.reserve(first)
    >>> accounts.reserve(Holding(6, 0, (Standing("day", 10, None),)))
    Shortage(place=0, unit='usd')
    """

    __slots__ = ("_shelf",)

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def reserve(self, hold: Hold, instead_of: Hold | None = None) -> Shortage | None:
        """Take a hold in all of its accounts.

        Args:
            hold: what to hold, and where.
            instead_of: a hold that stands and ends with this one; it stays when there is no room.

        Returns:
            `None` when it was taken, else the first standing that has no room; then nothing has changed.
        """
        if instead_of is not None:
            self.release(instead_of)
        for place, (name, limit_pico, limit_tokens) in enumerate(hold.standings):
            unit = self._shelf.account(name).lacks(hold.pico, hold.tokens, limit_pico, limit_tokens)
            if unit is not None:
                if instead_of is not None:
                    self._move(instead_of, 1)
                return Shortage(place, unit)
        self._move(hold, 1)
        return None

    def grow(self, hold: Hold, pico: int, tokens: int) -> bool:
        """Raise a hold to these totals in all of its accounts; false, and no change, where one has no room.

        A hold never shrinks: a total below what it holds leaves that unit as it is.
        """
        pico, tokens = max(pico, hold.pico), max(tokens, hold.tokens)
        more_pico, more_tokens = pico - hold.pico, tokens - hold.tokens
        if not more_pico and not more_tokens:
            return True
        for name, limit_pico, limit_tokens in hold.standings:
            if self._shelf.account(name).lacks(more_pico, more_tokens, limit_pico, limit_tokens):
                return False
        self._move(hold, -1)
        hold.pico, hold.tokens = pico, tokens
        self._move(hold, 1)
        return True

    def release(self, hold: Hold) -> None:
        """End a hold: what it held leaves every account that it stands in."""
        self._move(hold, -1)

    def spend(self, name: str, pico: int, tokens: int) -> None:
        """Add a settled amount to an account, whatever its limit; a negative one takes it back."""
        account = self._shelf.account(name)
        account.spent_pico += pico
        account.spent_tokens += tokens

    def _move(self, hold: Hold, sign: int) -> None:
        pico, tokens = sign * hold.pico, sign * hold.tokens
        # Two budgets of one scope share an account: the hold stands there once, or it would be counted twice.
        for name in {standing.account for standing in hold.standings}:
            account = self._shelf.account(name)
            account.held_pico += pico
            account.held_tokens += tokens
            account.holds += sign
