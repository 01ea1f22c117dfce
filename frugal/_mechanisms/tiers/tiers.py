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
from functools import partial
from itertools import takewhile
from math import inf
from typing import Any

from frugal._mechanisms.errands import Errands
from frugal._mechanisms.tiers.drops import Drops
from frugal._mechanisms.tiers.layer import LARGE, Found, Kept, Layer, earliest, is_large
from frugal._values.clock import clock as ambient
from frugal._values.threads import in_thread
from frugal.errors import UnencodableValueError
from frugal.ports import Clock, Stored

__all__ = ["Tiers"]

_log = logging.getLogger("frugal")
_MISS: Any = object()

OnFault = Callable[[str, str, Exception], None]
"""Told the layer's name, the operation and the error."""


class _Look:
    """How a layer is looked into: at once where that needs no waiting, else by errands."""

    __slots__ = ("errands", "layer", "nowait")

    def __init__(self, tiers: Tiers, layer: Layer) -> None:
        self.layer = layer
        self.nowait = layer.get_nowait or _blocked
        self.errands: Errands[Any] | None = Errands(partial(tiers._read, layer)) if layer.waits else None  # noqa: SLF001


def _blocked(key: str) -> Any:
    """Stand for the lookup of a store that may wait."""
    raise BlockingIOError(key)


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
        self._looks = tuple(_Look(self, layer) for layer in self.layers)
        self._near = tuple(takewhile(lambda look: look.layer.is_near, self._looks))
        self._logged: set[tuple[str, str, str]] = set()

    # ------------------------------------------------------------------ looking up

    async def get(self, key: str) -> Found | None:
        """Return the fresh value of the nearest layer that has one, and have the nearer layers learn it."""
        found, depth = self._look_nowait(key, self._looks)
        return found if found is not None or depth == len(self.layers) else await self._look(key, depth)

    def get_near(self, key: str) -> Found | None:
        """Return what `get` would, if it is among the objects of the nearest layers, where looking costs nothing."""
        return self._look_nowait(key, self._near)[0]

    async def get_stale(self, key: str) -> Found | None:
        """Return a value even if its time is over by up to `stale` seconds; changes nothing."""
        return await self._look(key, stale=True)

    def _look_nowait(self, key: str, looks: tuple[_Look, ...]) -> tuple[Found | None, int]:
        """Look where nothing needs to wait; return what was found, and the depth from which it could not be told."""
        ticket = self._drops.ticket()
        now = self._clock.now()
        for depth, look in enumerate(looks):
            layer = look.layer
            try:
                if look.errands is not None and look.errands.busy:
                    return None, depth  # others have gone to read there: this one goes along
                stored = look.nowait(key)
                if stored is None:
                    continue
                kept = layer.unpack(key, stored.value)
                fresh_until = self._fresh_until(layer, kept)
                if fresh_until <= now:
                    continue
                if layer.codec is not None:
                    if len(kept.value) > LARGE:
                        return None, depth
                    kept = layer.decode(key, kept)
                    value = kept.value
                else:
                    value = kept.value if self._copy is None else self._copied(layer, key, kept.value)
            except BlockingIOError:
                return None, depth
            except Exception as error:
                self._fault(layer, "get", error)
                continue
            if depth:
                self._teach(key, kept, fresh_until, self.layers[:depth], ticket)
            if value is not _MISS:
                return Found(value, layer.name, kept.made, fresh_until), depth
        return None, len(looks)

    async def _look(self, key: str, start: int = 0, *, stale: bool = False) -> Found | None:
        ticket = self._drops.ticket()
        for depth, look in enumerate(self._looks[start:], start):
            layer = look.layer
            kept = await self._fetch(look, key, stale=stale)
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

    async def _fetch(self, look: _Look, key: str, *, stale: bool) -> Kept | None:
        """Return what a layer has, decoded; `None` for a miss, a fault, or what is over."""
        layer = look.layer
        try:
            if look.errands is not None:
                read: Kept | None = await look.errands.do((key, stale))
                return read
            kept = self._usable(layer, key, layer.store.get(key), stale=stale)
            if kept is None or layer.codec is None:
                return kept
            if len(kept.value) > LARGE:
                return await in_thread(layer.decode, key, kept)
            return layer.decode(key, kept)
        except Exception as error:
            self._fault(layer, "get", error)
            return None

    def _read(self, layer: Layer, wanted: list[tuple[str, bool]]) -> list[Kept | Exception | None]:
        """Read many values of a layer, stale ones too where that is asked; in a thread."""
        get_many = getattr(layer.store, "get_many", None)
        found: Sequence[Any] = [_MISS] * len(wanted) if get_many is None else get_many([key for key, _ in wanted])
        return [self._read_one(layer, key, stored, stale) for (key, stale), stored in zip(wanted, found, strict=True)]

    def _read_one(self, layer: Layer, key: str, stored: Any, stale: bool) -> Kept | Exception | None:
        try:
            if isinstance(stored, Exception):
                return stored
            stored = layer.store.get(key) if stored is _MISS else stored
            kept = self._usable(layer, key, stored, stale=stale)
            return None if kept is None else layer.decode(key, kept)
        except Exception as error:
            return error

    def _usable(self, layer: Layer, key: str, stored: Stored | None, *, stale: bool) -> Kept | None:
        if stored is None:
            return None
        kept = layer.unpack(key, stored.value)
        limit = self._fresh_until(layer, kept) + (self._stale if stale else 0.0)
        return kept if limit > self._clock.now() else None

    def _fresh_until(self, layer: Layer, kept: Kept) -> float:
        # By the limits of now, too: they may have been others when the value was kept.
        until = kept.fresh_until
        if self._ttl is not None and kept.made + self._ttl < until:
            until = kept.made + self._ttl
        if layer.ttl is not None and kept.since + layer.ttl < until:
            until = kept.since + layer.ttl
        return until

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
        # A caller that is cancelled meanwhile leaves a thread behind, which ends what it began by itself.
        keep = partial(self._keep_now, layer, key, kept, ticket)
        in_thread = not layer.sets_at_once or (layer.codec is not None and is_large(kept.value))
        return await asyncio.to_thread(keep) if in_thread else keep()

    def _keep_now(self, layer: Layer, key: str, kept: Kept, ticket: int) -> bool:
        """Keep a value in one layer; return whether it stands there."""
        try:
            placed = self._placed(layer, kept)
            if layer.codec is None:
                data: Any = placed._replace(value=kept.value if self._copy is None else self._copy(kept.value))
            else:
                data = layer.pack(key, placed)
            return self._set(layer, key, data, placed, ticket)
        except Exception as error:
            self._fault(layer, "set", error)
            # An older value must not answer in the place of the one that could not be kept.
            self._drop(layer, "delete", key)
            return False

    def _set(self, layer: Layer, key: str, data: Any, placed: Kept, ticket: int) -> bool:
        """Set a value unless it has been dropped, also if that is while it is being set, by another thread."""
        if self._drops.void(key, ticket):
            return False
        layer.store.set(key, data, self._expiry(placed), placed.tag)
        if not self._drops.void(key, ticket):
            return True
        layer.store.delete(key)
        return False

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
            if value is _MISS:
                continue
            placed = self._placed(layer, kept._replace(value=value, fresh_until=fresh_until))
            try:
                self._set(layer, key, placed, placed, ticket)
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
