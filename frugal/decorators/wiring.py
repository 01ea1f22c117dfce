"""Wiring: which adapters stand behind the ports where the user names none.

Law: nothing is created, opened or looked up until a decorated function is first called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol, TypeVar

from frugal._core.meter import Metering, Ports
from frugal._core.pipeline import attach
from frugal._core.rehearsal import rehearsal
from frugal.decorators.pricing import default_prices
from frugal.ports import Embedder, LedgerStore, Prices, UsageReader

__all__ = ["Attach", "Decorator", "decorate", "metering", "ports"]

F = TypeVar("F", bound=Callable[..., Any])


class Decorator(Protocol):
    """Turns an async function into one of the same type."""

    def __call__(self, function: F, /) -> F:
        """Return `function` with one more ring."""
        ...


class Attach:
    """A decorator as a value: it makes a fresh ring for each function, so two functions never share a store."""

    __slots__ = ("_make", "_words")

    def __init__(self, make: Callable[[], Any], words: str) -> None:
        self._make = make
        self._words = words

    def __call__(self, function: F, /) -> F:
        """Return `function` with one more ring."""
        ring, around = self._make(), rehearsal.get()
        return attach(ring if around is None else around.ring(ring), function)

    def __repr__(self) -> str:
        return self._words


def decorate(function: Any, make: Callable[[], Any], words: str) -> Any:
    """Serve a decorator both bare and called."""
    decorator = Attach(make, words)
    if function is None:
        return decorator
    return decorator(function)


def ports() -> Ports:
    """Return the default adapters; those of the rehearsal inside one."""
    around = rehearsal.get()
    return _default_ports() if around is None else around.ports


@cache
def _default_ports() -> Ports:
    from frugal.providers import (  # noqa: PLC0415 only once something is decorated
        RequestShapes,
        ShapeReader,
        retries_of,
        usage_of_error,
    )
    from frugal.telemetry.spans import OpenTelemetry  # noqa: PLC0415

    reader, requests = ShapeReader(), RequestShapes()
    return Ports(_ledger, default_prices, reader, requests, OpenTelemetry(), usage_of_error, retries_of)


def _ledger() -> LedgerStore:
    home = os.environ.get("FRUGAL_HOME")
    found = _homes.get(home)
    if found is None:
        from frugal.decorators import forgetting  # noqa: PLC0415
        from frugal.ledger import default_ledger  # noqa: PLC0415

        assert forgetting.Ledger.default_prices is not None  # noqa: S101 importing it wires the ledger
        found = _homes[home] = default_ledger()
    return found


_homes: dict[str | None, LedgerStore] = {}
"""The default ledger by what the environment says: resolving a path for every call would cost more than the call."""


def metering(
    *,
    ledger: Any = None,
    prices: Any = None,
    read: Any = None,
    tags: Mapping[str, object] | None = None,
) -> Metering:
    """Validate what a decorator says about metering.

    Raises:
        TypeError: an argument is not what it should be.
    """
    if ledger is not None and not all(hasattr(ledger, name) for name in ("commit", "reserve")):
        raise TypeError(f"ledger={ledger!r}: give a Ledger, such as Ledger({str(ledger)!r}).")
    reader = read if hasattr(read, "read") and hasattr(read, "stream") else None
    if read is not None and reader is None and not callable(read):
        raise TypeError(f"read={read!r}: give a function of the response that returns a Usage, a Cost or None, or a "
                        "UsageReader.")  # fmt: skip
    if tags is not None and not isinstance(tags, Mapping):
        raise TypeError(f"tags={tags!r}: give a mapping of names to text.")
    return Metering(
        ports(),
        ledger,
        priced(prices),
        read if reader is None else None,
        {str(name): str(value) for name, value in (tags or {}).items()},
        _before_ours(reader),
    )


def _before_ours(reader: Any) -> UsageReader | None:
    """Return a user's reader with ours behind it, for all that it does not know."""
    if reader is None:
        return None
    from frugal.providers import Chained  # noqa: PLC0415 only once something is decorated

    return Chained(reader, ports().reader)


def priced(prices: Any) -> Prices | None:
    """Accept a price table or a plain mapping of models to prices."""
    if prices is None:
        return None
    if isinstance(prices, Mapping):
        from frugal.prices import PriceTable  # noqa: PLC0415

        return PriceTable(prices)
    if not hasattr(prices, "cost"):
        raise TypeError(f"prices={prices!r}: give a PriceTable or a mapping of models to ModelPrice.")
    found: Prices = prices
    return found


def ledger_of(ledger: LedgerStore | None) -> LedgerStore:
    """Return the ledger given, or the default one."""
    return ledger if ledger is not None else ports().ledger()


def embedder_of(embed: Any) -> Embedder:
    """Return the embedder of a user's function, or WordLlama where none is given.

    Raises:
        MissingExtraError: none is given and WordLlama is not installed.
        TypeError: `embed` cannot be called.
    """
    from frugal import embedders  # noqa: PLC0415 numpy is heavy

    if embed is None:
        return embedders.WordLlamaEmbedder()
    if hasattr(embed, "embed") and hasattr(embed, "identity"):
        return embed  # type: ignore[no-any-return]  # it has what the port asks for
    return embedders.FunctionEmbedder(embed)
