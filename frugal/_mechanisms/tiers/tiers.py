"""Layers of stores, read in order: near and quick first, far and lasting last.

Law: a value that is returned was put under that key, is fresh (or was asked for as stale), and was not dropped in the
meantime: a put that began before a `delete` or a `clear` keeps nothing. A nearer layer that learns a value from a
farther one keeps it no longer than that one. A fault of a layer is a miss there and an event, never an error. Nothing
that may wait runs on the loop's thread, nor the coding of what is large. Knows nothing of calls or answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from math import inf
from typing import Any

from frugal._mechanisms.tiers.drops import Drops
from frugal._mechanisms.tiers.layer import LARGE, Found, Kept, Layer, earliest, is_large
from frugal._values.clock import clock as ambient
from frugal.errors import UnencodableValueError
from frugal.ports import Clock, Stored

__all__ = ["Tiers"]

_log = logging.getLogger("frugal")
_MISS: Any = object()

OnFault = Callable[[str, str, Exception], None]
"""Told the layer's name, the operation and the error."""


class Tiers:
    """Keep values in layers.

    Args:
        layers: nearest first.
        ttl: seconds that a value lives in any layer at the most; `None` leaves it to the layers.
        stale: seconds that a value is kept beyond its time, for `get_stale`.
        copy: makes independent copies, for layers that keep objects; `None` shares them.
        on_fault: told of every fault of a layer; the first of each kind is logged as well.
        clock: tells the time.

    Raises:
        ValueError: `ttl` is not above 0, or `stale` is negative.

    >>> from frugal.stores import MemoryStore
    >>> async def main():
    ...     tiers = Tiers([Layer(name="memory", store=MemoryStore(), ttl=300)])
    ...     await tiers.put("key", "an answer")
    ...     return (await tiers.get("key")).value
    >>> asyncio.run(main())
    'an answer'
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        *,
        ttl: float | None = None,
        stale: float = 0.0,
        copy: Callable[[Any], Any] | None = None,
        on_fault: OnFault | None = None,
        clock: Clock = ambient,
    ) -> None:
        if ttl is not None and not ttl > 0:
            raise ValueError(f"ttl={ttl!r}: give seconds above 0, or None.")
        if not stale >= 0:
            raise ValueError(f"stale={stale!r}: give seconds, 0 or more.")
        self.layers = tuple(layers)
        self.on_fault = on_fault
        self._ttl = ttl
        self._stale = stale
        self._copy = copy
        self._clock = clock
        self._drops = Drops()
        self._logged: set[tuple[str, str, str]] = set()

    # ------------------------------------------------------------------ looking up

    async def get(self, key: str) -> Found | None:
        """Return the fresh value of the nearest layer that has one, and have the nearer layers learn it."""
        return await self._look(key, stale=False)

    async def get_stale(self, key: str) -> Found | None:
        """Return a value even if its time is over by up to `stale` seconds; changes nothing."""
        return await self._look(key, stale=True)

    async def _look(self, key: str, *, stale: bool) -> Found | None:
        ticket = self._drops.ticket()
        for depth, layer in enumerate(self.layers):
            kept = await self._fetch(layer, key, stale=stale)
            if kept is None:
                continue
            fresh_until = self._fresh_until(layer, kept)
            if depth and not stale:
                self._teach(key, kept, fresh_until, self.layers[:depth], ticket)
            value = kept.value
            if layer.codec is None and self._copy is not None:
                value = self._copied(layer, key, value)
                if value is _MISS:
                    continue
            return Found(value, layer.name, kept.made, fresh_until, fresh_until <= self._clock.now())
        return None

    async def _fetch(self, layer: Layer, key: str, *, stale: bool) -> Kept | None:
        """Return what a layer has, decoded; `None` for a miss, a fault, or what is over."""
        try:
            get_nowait = layer.get_nowait
            if get_nowait is not None:
                try:
                    stored = get_nowait(key)
                except BlockingIOError:
                    return await asyncio.to_thread(self._read, layer, key, stale=stale)
            elif layer.waits:
                return await asyncio.to_thread(self._read, layer, key, stale=stale)
            else:
                stored = layer.store.get(key)
            kept = self._usable(layer, key, stored, stale=stale)
            if kept is None or layer.codec is None:
                return kept
            if len(kept.value) > LARGE:
                return await asyncio.to_thread(layer.decode, key, kept)
            return layer.decode(key, kept)
        except Exception as error:
            self._fault(layer, "get", error)
            return None

    def _read(self, layer: Layer, key: str, *, stale: bool) -> Kept | None:
        kept = self._usable(layer, key, layer.store.get(key), stale=stale)
        return None if kept is None else layer.decode(key, kept)

    def _usable(self, layer: Layer, key: str, stored: Stored | None, *, stale: bool) -> Kept | None:
        if stored is None:
            return None
        kept = layer.unpack(key, stored.value)
        limit = self._fresh_until(layer, kept) + (self._stale if stale else 0.0)
        return kept if limit > self._clock.now() else None

    def _fresh_until(self, layer: Layer, kept: Kept) -> float:
        # By the limits of now, too: they may have been others when the value was kept.
        return earliest(kept.fresh_until, _after(kept.made, self._ttl), _after(kept.since, layer.ttl))

    def _copied(self, layer: Layer, key: str, value: Any) -> Any:
        if self._copy is None:
            return value
        try:
            return self._copy(value)
        except Exception as error:
            self._fault(layer, "copy", error)
            return _MISS

    # ------------------------------------------------------------------ keeping

    def ticket(self) -> int:
        """Return a ticket for a `put` that is still to come: a drop between the two makes it void."""
        return self._drops.ticket()

    async def put(self, key: str, value: Any, *, tag: str | None = None, ticket: int | None = None) -> bool:
        """Keep a value in every layer.

        Args:
            key: a text.
            value: what to keep; the caller goes on using it.
            tag: finds it again for `clear`; may be several labels, one a line.
            ticket: from before the value was begun, so that what was dropped since is not kept again.

        Returns:
            Whether a layer keeps it.
        """
        ticket = self._drops.ticket() if ticket is None else ticket
        now = self._clock.now()
        kept = Kept(value, now, now, inf, tag)
        done = False
        for layer in self.layers:
            done = await self._keep(layer, key, kept, ticket) or done
        return done

    async def _keep(self, layer: Layer, key: str, kept: Kept, ticket: int) -> bool:
        try:
            placed = self._placed(layer, kept)
            if layer.codec is None:
                data: Any = placed._replace(value=kept.value if self._copy is None else self._copy(kept.value))
            elif is_large(kept.value):
                data = await asyncio.to_thread(layer.pack, key, placed)
            else:
                data = layer.pack(key, placed)
            if self._drops.void(key, ticket):
                return False
            if layer.sets_at_once:
                layer.store.set(key, data, self._expiry(placed), kept.tag)
            else:
                await asyncio.to_thread(layer.store.set, key, data, self._expiry(placed), kept.tag)
                if self._drops.void(key, ticket):
                    await asyncio.to_thread(layer.store.delete, key)
                    return False
        except Exception as error:
            self._fault(layer, "set", error)
            # An older value must not answer in the place of the one that could not be kept.
            if layer.waits:
                await asyncio.to_thread(self._drop, layer, "delete", key)
            else:
                self._drop(layer, "delete", key)
            return False
        return True

    def _placed(self, layer: Layer, kept: Kept) -> Kept:
        now = self._clock.now()
        until = earliest(kept.fresh_until, _after(kept.made, self._ttl), _after(now, layer.ttl))
        return kept._replace(since=now, fresh_until=until)

    def _expiry(self, placed: Kept) -> float | None:
        return None if placed.fresh_until == inf else placed.fresh_until + self._stale

    def _teach(self, key: str, kept: Kept, fresh_until: float, nearer: Sequence[Layer], ticket: int) -> None:
        """Have nearer layers learn a value, where that needs no waiting."""
        for layer in nearer:
            if not layer.sets_at_once or layer.codec is not None:
                continue
            value = self._copied(layer, key, kept.value)
            if value is _MISS or self._drops.void(key, ticket):
                continue
            placed = self._placed(layer, kept._replace(value=value, fresh_until=fresh_until))
            try:
                layer.store.set(key, placed, self._expiry(placed), kept.tag)
            except Exception as error:
                self._fault(layer, "set", error)

    # ------------------------------------------------------------------ dropping

    async def delete(self, key: str) -> bool:
        """Drop a value from every layer, and from every `put` that is under way; return whether one had it."""
        return any(await self._everywhere("delete", key, key))

    async def clear(self, tag: str | None = None) -> int:
        """Drop all values, or those with all the labels of `tag`; return how many the layer with most had."""
        return max(await self._everywhere("clear", tag, None), default=0)

    async def _everywhere(self, operation: str, argument: Any, key: str | None) -> list[Any]:
        self._drops.begin(key)
        found = [self._drop(layer, operation, argument) for layer in self.layers if not layer.waits]
        waiting = [asyncio.to_thread(self._drop, layer, operation, argument) for layer in self.layers if layer.waits]
        if not waiting:
            self._drops.end(key)
            return found
        rest = asyncio.gather(*waiting)
        rest.add_done_callback(lambda _: self._drops.end(key))
        return found + await asyncio.shield(rest)  # a caller that is cancelled now has dropped it all the same

    def _drop(self, layer: Layer, operation: str, argument: Any) -> Any:
        try:
            return getattr(layer.store, operation)(argument)
        except Exception as error:
            self._fault(layer, operation, error)
            return 0

    # ------------------------------------------------------------------ faults

    def _fault(self, layer: Layer, operation: str, error: Exception) -> None:
        what = error.type_name if isinstance(error, UnencodableValueError) else type(error).__name__
        if (layer.name, operation, what) not in self._logged:
            self._logged.add((layer.name, operation, what))
            _log.warning("cache layer %s, %s: %s", layer.name, operation, error)
        if self.on_fault is not None:
            self.on_fault(layer.name, operation, error)


def _after(start: float, seconds: float | None) -> float | None:
    return None if seconds is None else start + seconds
