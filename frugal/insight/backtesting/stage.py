"""The stage: what a stack that is tried out finds around it, in the place of the world.

Law: every ring is the real one, made as in production. Replaced is only what it would touch outside: ledgers, stores
and rows are scratch ones, telemetry is silent, warnings are noted rather than sent, and a router is asked only where
the log has what it would need.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from frugal._core.call import Call
from frugal._core.meter import Metering, Ports
from frugal._core.ring import Proceed
from frugal._middleware.budgeted import Budgeted
from frugal._middleware.metered import Metered
from frugal._middleware.routed import RoutedRing
from frugal._middleware.semantic_cached import Matcher, SemanticCached
from frugal._values.clock import clock
from frugal._values.facts import Routed
from frugal._values.record import BudgetStatus
from frugal.decorators.caching import Disk, Memory
from frugal.insight.backtesting.books import Books
from frugal.insight.backtesting.counting import Tally
from frugal.insight.backtesting.hours import VirtualLoop
from frugal.insight.backtesting.logged import Logged
from frugal.insight.backtesting.playing import playing
from frugal.insight.backtesting.provider import Provider
from frugal.insight.backtesting.scratch import ENDLESS, Scratch, Stores, apart
from frugal.insight.backtesting.silence import SilentTelemetry
from frugal.ports import Prices
from frugal.routers.adaptive import Adaptive
from frugal.routers.cascade import CascadeRouter

__all__ = ["Stage", "routable"]


def routable(router: Any) -> bool:
    """Say whether a log with prompts can tell what a router would do.

    A cascade judges answers that were never given, and an adaptive router learns from outcomes that never happened.
    """
    return not isinstance(router, (CascadeRouter, Adaptive))


class Stage:
    """Stand in the place of the world; satisfies `frugal._core.rehearsal.Rehearsal`.

    Args:
        prices: prices that go before the stack's own; the stack's, or else the default ones, when `None`.
        default: gives the default prices.
        respond: makes the answers; OpenAI's shape when `None`.
        tally: what is told of records and of budgets near their limit.
    """

    def __init__(
        self,
        prices: Prices | None,
        default: Callable[[], Prices],
        respond: Callable[[Logged], Any] | None,
        tally: Tally,
    ) -> None:
        self._given = prices
        self._default = default
        self._stores = Stores()
        self.loop: VirtualLoop | None = None
        self.rings: list[Any] = []
        self._tally = tally
        self.books = Books(tally.take)
        self.provider = Provider(_Late(self), respond)
        self.named: Prices | None = None
        self.ports = Ports(
            ledger=lambda: self.books,
            prices=lambda: self.prices,
            reader=self.provider,
            requests=self.provider,
            telemetry=SilentTelemetry(),
            of_error=self.provider.of_error,
        )

    @property
    def prices(self) -> Prices:
        """What prices the requests: what was given, else what the stack names, else the default."""
        return self._given or self.named or self._default()

    # ------------------------------------------------------------------ as a rehearsal

    def ring(self, ring: Any) -> Any:
        """Return what is attached in the place of a ring or a mark."""
        found = self._instead(ring)
        self.rings.append(found)
        return found

    def _instead(self, ring: Any) -> Any:
        if isinstance(ring, Metered):
            return replace(ring, metering=self._metering(ring.metering))
        if isinstance(ring, Budgeted):
            return replace(
                ring,
                metering=self._metering(ring.metering),
                on_warning=self._warn,
                on_exceeded="raise" if callable(ring.on_exceeded) else ring.on_exceeded,
            )
        if isinstance(ring, RoutedRing):
            router = apart(ring.router) if inspect.isroutine(ring.router) else ring.router
            return Rerouted(replace(ring, override=True, router=router), pins=not ring.override)
        if isinstance(ring, SemanticCached):
            return replace(ring, make=self._asking(ring.make))
        return ring

    def layer(self, layer: Any) -> Any:
        """Return a scratch layer in the place of one."""
        if isinstance(layer, Memory):
            key = layer if layer.shared else None
            return Scratch(self._stores, "memory", layer.ttl, layer.max_items, key)
        if isinstance(layer, Disk):
            return Scratch(self._stores, "disk", layer.ttl, ENDLESS, ("disk", layer.directory))
        name = getattr(layer, "name", "disk" if getattr(layer, "durable", False) else "memory")
        return Scratch(self._stores, name if name in {"memory", "disk"} else "disk", None, ENDLESS, ("own", id(layer)))

    def rows(self, directory: Any) -> Any:
        """Return scratch rows in the place of a directory's."""
        from frugal.indexes.rows import MemoryRows  # noqa: PLC0415 numpy is heavy, and few stacks want it

        return MemoryRows(clock)

    # ------------------------------------------------------------------ the parts

    def _metering(self, said: Metering) -> Metering:
        if self.named is None:
            self.named = said.prices
        # The ledger that it names is there for no more than to be told from another one: see `Meter.ledger`.
        return Metering(self.ports, said.ledger, self._given or said.prices, self.provider.stated, said.tags)

    def _warn(self, status: BudgetStatus) -> None:
        self._tally.warn(status, clock.now())

    def _asking(self, make: Callable[[Call], Matcher]) -> Callable[[Call], Matcher]:
        """Let time pass as it does outside while an embedder is asked, which is the user's own."""

        def made(call: Call) -> Matcher:
            matcher = make(call)
            ask = apart(matcher.embed)

            async def embed(text: str) -> Any:
                assert self.loop is not None  # noqa: S101 calls are made on it
                with self.loop.asking_outside():
                    return await ask(text)

            return replace(matcher, embed=embed)

        return made


class _Late:
    """The stage's prices, which are known once the stack has been made."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage.prices, name)


@dataclass(frozen=True, eq=False)
class Rerouted:
    """A router's ring that is asked where the log has what it needs, and else keeps the logged model.

    Args:
        ring: the ring, which routes every call that it is given.
        pins: whether it leaves models alone that callers chose.
    """

    ring: RoutedRing
    pins: bool
    name: str = "routed"

    @property
    def argument(self) -> str:
        """The argument that names the model."""
        return self.ring.argument

    def joined(self, stack: tuple[Any, ...]) -> Rerouted:
        """Learn which budgets stand in the stack."""
        return replace(self, ring=self.ring.joined(stack))

    def judges(self, logged: Logged) -> bool:
        """Say whether the log tells what would be done with a request."""
        return logged.prompt is not None and routable(self.ring.router)

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        now = playing.get()
        if now is None or (self.judges(now.logged) and not (self.pins and now.logged.pinned)):
            return await self.ring(call, proceed)
        call.journal.add(Routed(call.model or "", "pinned"))
        return await proceed(call)

    def __repr__(self) -> str:
        return repr(self.ring)
