"""`deduplicated`: let calls that are in flight together share one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from frugal._core.keying import Keying
from frugal._mechanisms.flight import Flight
from frugal._middleware.deduplicated import Deduplicated
from frugal._values.spelling import spelt
from frugal.decorators.wiring import Decorator, decorate

__all__ = ["deduplicated"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def deduplicated(function: F, /) -> F: ...


@overload
def deduplicated(
    *,
    key: Callable[..., Any] | None = None,
    ignore: tuple[str, ...] = (),
    per: str | None = None,
    linger: float = 0,
    copy: bool = True,
) -> Decorator: ...


def deduplicated(
    function: Any = None,
    /,
    *,
    key: Callable[..., Any] | None = None,
    ignore: tuple[str, ...] = (),
    per: str | None = None,
    linger: float = 0,
    copy: bool = True,
) -> Any:
    """Answer identical calls that are made at the same time from one flight.

    Args:
        function: the async function, when used bare.
        key: a function of the call's arguments; its value tells calls apart in place of the arguments.
        ignore: names of arguments that do not tell calls apart.
        per: share only within one `"user"`, `"model"`, `"function"` or `"tag:<name>"`.
        linger: seconds for which an answer is still shared after it has come.
        copy: give each follower a copy of its own.

    Returns:
        The function, or a decorator.

    Raises:
        ValueError: `linger` is negative, or `per` is unknown.
        TypeError: `key` or `ignore` is not what it should be.

    A decorated function raises `UnkeyableCallError` for an argument that has no canonical form.

    >>> import asyncio
    >>> from frugal import deduplicated
    >>> asked = []
    >>> @deduplicated
    ... async def ask(prompt):
    ...     asked.append(prompt)
    ...     await asyncio.sleep(0)
    ...     return prompt.upper()
    >>> async def main():
    ...     return await asyncio.gather(ask("hi"), ask("hi"), ask("hi"))
    >>> asyncio.run(main()), len(asked)
    (['HI', 'HI', 'HI'], 1)
    """
    keying = Keying(key, ignore, per)
    if isinstance(linger, bool) or not isinstance(linger, (int, float)) or not linger >= 0:
        raise ValueError(f"linger={linger!r}: give seconds, 0 or more.")
    said = spelt("deduplicated", key=key, ignore=keying.ignore or None, per=per, linger=linger or None,
                 copy=None if copy else copy)  # fmt: skip

    def make() -> Deduplicated:
        from frugal.stores import copy_of  # noqa: PLC0415 the codec behind it is heavy

        return Deduplicated(Flight(linger=linger), keying, copy_of if copy else None, linger, said)

    return decorate(function, make, said)
