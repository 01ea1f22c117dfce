"""The key of a call: what a cache or a flight tells calls apart by.

Law: deny by default. Everything that the function received is in the key unless the user left it out by name; a key
function's value is joined to the function's identity, never in its place.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from frugal._core.call import Call
from frugal._values.budget import check_per, subject_of
from frugal._values.key import digest_call
from frugal.errors import UnkeyableCallError

__all__ = ["Keying", "digest_of"]


def digest_of(call: Call) -> str:
    """Return the digest of everything that the function received.

    Raises:
        UnkeyableCallError: an argument has no canonical form.
    """
    found: str | None = call.memo.get("key")
    if found is None:
        found = call.memo["key"] = _digest(call, call.arguments)
    return found


def _digest(call: Call, parts: Mapping[str, Any], ignore: tuple[str, ...] = ()) -> str:
    try:
        return digest_call(call.plan.function.identity, parts, ignore)
    except UnkeyableCallError as error:  # which names the function as its user does
        raise UnkeyableCallError(call.function, error.argument, error.type_name) from None


@dataclass(frozen=True, slots=True)
class Keying:
    """Say how a ring tells calls apart.

    Args:
        key: the user's key function of the arguments, sync or async, or `None`.
        ignore: names of arguments to leave out.
        per: whose partition, as in `Budget`.
    """

    key: Callable[..., Any] | None = None
    ignore: tuple[str, ...] = ()
    per: str | None = None
    _is_default: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if isinstance(self.ignore, str):  # type: ignore[unreachable]  # a user may pass one all the same
            raise TypeError(f"ignore={self.ignore!r}: give a tuple of names, ({self.ignore!r},).")
        if self.key is not None and not callable(self.key):
            raise TypeError(f"key={self.key!r}: give a function of the call's arguments.")
        object.__setattr__(self, "ignore", tuple(self.ignore))
        object.__setattr__(self, "_is_default", self.key is None and not self.ignore and self.per is None)
        check_per(self.per)

    async def of(self, call: Call) -> str:
        """Return the call's key.

        Raises:
            UnkeyableCallError: an argument has no canonical form.
        """
        found = self.at_once(call)
        if found is None:
            found = call.memo[self] = _digest(call, await self.parts(call), self.ignore)
        return found

    def at_once(self, call: Call) -> str | None:
        """Return the call's key where it takes no waiting: by default, or when it has been computed before.

        Raises:
            UnkeyableCallError: an argument has no canonical form.
        """
        return digest_of(call) if self._is_default else call.memo.get(self)

    async def parts(self, call: Call) -> dict[str, Any]:
        """Return what the key is made of, before it is digested."""
        if self.key is None:
            parts = call.arguments
        else:
            args = call.args if call.instance is None or not call.plan.function.takes_self else (
                call.instance, *call.args)  # fmt: skip
            value = self.key(*args, **call.kwargs)
            parts = {"key()": await value if inspect.isawaitable(value) else value}
        if self.per is not None:
            subject = subject_of(self.per, user=call.user, model=call.model, function=call.function, tags=call.tags)
            # `None` and an empty name are two users.
            named = call.user if self.per == "user" else subject
            parts = {**parts, f"per {self.per}": named}
        return parts
