"""`cached`, its layers, and `invalidate`: pay once for the same question."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, overload

from frugal._core.call import Call
from frugal._core.keying import Keying
from frugal._core.pipeline import plan_of
from frugal._core.rehearsal import rehearsal
from frugal._middleware.cached import Cached
from frugal._values.spelling import NONE, spelt
from frugal.decorators.forgetting import clear_user, remember
from frugal.decorators.wiring import Decorator, decorate, ports
from frugal.ports import Codec

__all__ = ["Disk", "Memory", "cached", "disk", "home", "invalidate", "memory", "seconds"]

F = TypeVar("F", bound=Callable[..., Any])

Seconds = float | timedelta

MAX_BYTES = 2**30
"""How large a disk layer grows by default."""


def seconds(name: str, value: Seconds | None) -> float | None:
    """Return a duration in seconds.

    Raises:
        ValueError: it is not above 0.
        TypeError: it is not a number of seconds or a timedelta.
    """
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{name}={value!r}: give seconds or a timedelta.")
    if not value > 0:
        raise ValueError(f"{name}={value!r}: give more than 0 seconds.")
    return float(value)


def _life(ttl: float | None, usual: float | None) -> dict[str, Any]:
    """Return how long a layer keeps answers, where that is worth saying."""
    return {} if ttl == usual else {"ttl": NONE if ttl is None else ttl}


def home(*parts: str) -> Path:
    """Return a directory of frugal's: under `$FRUGAL_HOME`, else the platform's user-data directory."""
    from frugal.ledger.places import home as place  # noqa: PLC0415 the one place that knows

    return Path(place(*parts))


@dataclass(frozen=True, eq=False, repr=False)
class Memory:
    """Keep answers in memory; used bare, each decorated function has a store of its own.

    Args:
        max_items: how many answers at the most; the least recently used goes first.
        ttl: seconds that an answer lives here; `None` for ever.

    Returns:
        A layer of that size, one store for all functions that it is given to.

    Raises:
        ValueError: a bound is out of its range.

    >>> from frugal import cached, memory
    >>> @cached(layers=[memory(max_items=10_000, ttl=60)])
    ... async def ask(prompt): ...
    """

    max_items: int = 1000
    ttl: float | None = 300.0
    shared: bool = False
    stores: dict[None, Any] = field(default_factory=dict, repr=False)
    name: str = field(default="memory", repr=False)

    def __call__(self, *, max_items: int = 1000, ttl: Seconds | None = 300) -> Memory:
        """Return a layer of that size, one store for all functions that it is given to.

        Args:
            max_items: how many answers at the most; the least recently used goes first.
            ttl: seconds that an answer lives here; `None` for ever.

        Returns:
            The layer.

        Raises:
            ValueError: a bound is out of its range.
        """
        if isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 1:
            raise ValueError(f"max_items={max_items!r}: give a whole number of answers, 1 or more.")
        return Memory(max_items, seconds("ttl", ttl), shared=True)

    def __repr__(self) -> str:
        items = self.max_items if self.max_items != Memory.max_items else None
        return spelt("memory", max_items=items, **_life(self.ttl, Memory.ttl))

    def layer(self, codec: Codec) -> Any:
        """Return the mechanism's layer over a store."""
        from frugal._mechanisms.tiers import Layer  # noqa: PLC0415
        from frugal.stores import MemoryStore  # noqa: PLC0415

        store = self.stores.get(None) if self.shared else None
        if store is None:
            store = MemoryStore(self.max_items)
            if self.shared:
                self.stores[None] = store
        return Layer(name="memory", store=store, ttl=self.ttl)


@dataclass(frozen=True, eq=False, repr=False)
class Disk:
    """Keep answers on disk, shared by every process that names the directory.

    Args:
        directory: where; `cache` in frugal's home when `None`.
        ttl: seconds that an answer lives here; `None` for ever.
        max_bytes: how large it may grow; what was used longest ago goes first.

    Returns:
        A layer in that directory.

    Raises:
        ValueError: a bound is out of its range.

    >>> from frugal import cached, disk, memory
    >>> @cached(layers=[memory, disk(ttl=7 * 86_400, max_bytes=100_000_000)])
    ... async def ask(prompt): ...
    """

    directory: str | None = None
    ttl: float | None = 3600.0
    max_bytes: int = MAX_BYTES
    name: str = field(default="disk", repr=False)

    def __call__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        ttl: Seconds | None = 3600,
        max_bytes: int = MAX_BYTES,
    ) -> Disk:
        """Return a layer in that directory.

        Args:
            directory: where; `cache` in frugal's home when `None`.
            ttl: seconds that an answer lives here; `None` for ever.
            max_bytes: how large it may grow; what was used longest ago goes first.

        Raises:
            ValueError: a bound is out of its range.
        """
        if isinstance(max_bytes, bool) or not isinstance(max_bytes, int) or max_bytes < 2**16:
            raise ValueError(f"max_bytes={max_bytes!r}: give a whole number of bytes, 65,536 or more.")
        place = None if directory is None else os.path.expanduser(os.fspath(directory))  # noqa: PTH111 it may be text
        return Disk(place, seconds("ttl", ttl), max_bytes)

    def __repr__(self) -> str:
        most = self.max_bytes if self.max_bytes != MAX_BYTES else None
        return spelt("disk", self.directory, **_life(self.ttl, Disk.ttl), max_bytes=most)

    def layer(self, codec: Codec) -> Any:
        """Return the mechanism's layer over a store."""
        from frugal._mechanisms.tiers import Layer  # noqa: PLC0415
        from frugal.stores import DiskStore  # noqa: PLC0415

        place = self.directory if self.directory is not None else home("cache")
        store = DiskStore(place, max_bytes=self.max_bytes)
        return Layer(name="disk", store=store, ttl=self.ttl, codec=codec, waits=True)


memory = Memory()
"""The layer in memory: `layers=[memory]`, or `memory(max_items=…, ttl=…)`."""

disk = Disk()
"""The layer on disk: `layers=[disk]`, or `disk(directory, ttl=…, max_bytes=…)`."""


@overload
def cached(function: F, /) -> F: ...


@overload
def cached(
    *,
    layers: Sequence[Any] = ...,
    ttl: Seconds | None = None,
    key: Callable[..., Any] | None = None,
    ignore: Sequence[str] = (),
    per: str | None = None,
    cache_if: Callable[[Any], Any] | None = None,
    codec: Codec | None = None,
    copy: bool = True,
    stale_if_error: Seconds | None = None,
) -> Decorator: ...


def cached(
    function: Any = None,
    /,
    *,
    layers: Sequence[Any] = (memory, disk),
    ttl: Seconds | None = None,
    key: Callable[..., Any] | None = None,
    ignore: Sequence[str] = (),
    per: str | None = None,
    cache_if: Callable[[Any], Any] | None = None,
    codec: Codec | None = None,
    copy: bool = True,
    stale_if_error: Seconds | None = None,
) -> Any:
    """Answer a call from the answer to an equal one.

    Everything that the function receives is in the key, so two calls that differ in anything are two questions.
    Errors, answers cut short or refused, and streams not read to their end are never kept. A fault of a layer is a
    miss, never an error.

    Args:
        function: the async function, when used bare.
        layers: where answers are kept, nearest first: `memory`, `disk`, or any `Store`.
        ttl: seconds that an answer lives at the most, whatever the layers say.
        key: a function of the call's arguments; its value tells calls apart in place of the arguments.
        ignore: names of arguments that do not tell calls apart.
        per: keep apart each `"user"`, `"model"`, `"function"` or `"tag:<name>"`.
        cache_if: says of an answer whether to keep it (of a stream: of the list of its chunks).
        codec: turns answers into bytes for layers that keep bytes; by default one that never runs anything.
        copy: give each caller a copy of its own; without it, callers share what memory holds.
        stale_if_error: seconds beyond its time that an answer is still served when the function fails.

    Returns:
        The function, or a decorator.

    Raises:
        ValueError: a duration or `per` is out of its range, or there are no layers.
        TypeError: an argument is not what it should be.

    A decorated function raises `UnkeyableCallError` for an argument that has no canonical form.

    >>> import asyncio
    >>> from frugal import cached, memory
    >>> asked = []
    >>> @cached(layers=[memory])
    ... async def ask(prompt):
    ...     asked.append(prompt)
    ...     return prompt.upper()
    >>> asyncio.run(ask("hi")), asyncio.run(ask("hi")), len(asked)
    ('HI', 'HI', 1)
    """
    if isinstance(layers, (Memory, Disk, str)) or not isinstance(layers, Iterable):
        raise TypeError(f"layers={layers!r}: give a list of layers, such as layers=[memory, disk].")
    chosen = tuple(layers)
    if not chosen:
        raise ValueError("cached(layers=[]): name a layer, such as memory.")
    for one in chosen:
        if not hasattr(one, "layer") and not all(hasattr(one, name) for name in ("get", "set", "delete", "clear")):
            raise TypeError(
                f"layers: {one!r} is neither memory, disk nor a Store with get, set, delete and clear. "
                "Import the layers and give them as they are: layers=[memory, disk]."
            )
    if cache_if is not None and not callable(cache_if):
        raise TypeError(f"cache_if={cache_if!r}: give a function of the response.")
    keying = Keying(key, ignore if isinstance(ignore, str) else tuple(ignore), per)  # type: ignore[arg-type]  # checked
    whole, stale = seconds("ttl", ttl), seconds("stale_if_error", stale_if_error)
    said = spelt("cached", layers=chosen, ttl=whole, key=key, ignore=keying.ignore or None, per=per,
                 cache_if=cache_if, copy=None if copy else copy, stale_if_error=stale)  # fmt: skip

    def make() -> Cached:
        from frugal.stores import copy_of  # noqa: PLC0415 the codec is heavy

        copying = copy_of if copy else None
        around = rehearsal.get()
        standing = chosen if around is None else tuple(around.layer(one) for one in chosen)

        def build(call: Call) -> Any:
            return _tiers(call, standing, codec, whole, stale or 0.0, copying)

        return Cached(build, ports(), said, keying, cache_if, copying, stale is not None)

    return decorate(function, make, said)


def _tiers(call: Call, layers: tuple[Any, ...], codec: Codec | None, ttl: float | None, stale: float, copy: Any) -> Any:
    """Make a function's layers, at its first call."""
    from frugal._mechanisms.tiers import Layer, Tiers  # noqa: PLC0415

    chosen = codec if codec is not None else _codec(call)

    def own(one: Any) -> Any:
        if hasattr(one, "layer"):
            return one.layer(chosen)
        # A user's own store: where it says that it keeps bytes it is given bytes.
        name = getattr(one, "name", None)
        durable = bool(getattr(one, "durable", False))
        return Layer(name=name if name in {"memory", "disk"} else "disk" if durable else "memory", store=one,
                     codec=chosen if durable else None, waits=durable)  # fmt: skip

    def independent(answer: Any) -> Any:
        value = answer[0]
        return answer if type(value) is str else (copy(value), *answer[1:])

    made = [own(one) for one in layers]
    for layer in made:
        remember(layer.store, clear_user, getattr(layer.store, "directory", None))
    return Tiers(
        made, ttl=ttl, stale=stale, copy=independent if copy is not None else None, on_fault=_fault(call)
    )  # fmt: skip


def _fault(call: Call) -> Callable[[str, str, Exception], None]:
    meter = call.plan.meter

    def told(layer: str, operation: str, error: Exception) -> None:
        if meter is not None:
            from frugal._core.ambient import serving  # noqa: PLC0415

            current = serving.get()
            span = current.span if current is not None else None
            meter.telemetry.event(
                span, "frugal.cache.fault", {"layer": layer, "operation": operation, "error": type(error).__name__}
            )

    return told


def _codec(call: Call) -> Codec:
    """Return a codec that knows the types that the function says it returns."""
    from frugal.stores import SafeCodec  # noqa: PLC0415

    codec = SafeCodec.for_function(call.plan.function.function)
    shapes = sys.modules.get("frugal.testing.shapes")
    if shapes is None:
        return codec
    return SafeCodec((*codec.given, *shapes.RESPONSES))  # what the offline provider answers in is ours


async def invalidate(function: Any, /, *args: Any, **kwargs: Any) -> bool:
    """Drop the kept answer of one call from every layer and every cache of a decorated function.

    Args:
        function: a decorated function.
        args: the call's arguments.
        kwargs: the call's arguments.

    Returns:
        Whether there was one.

    Raises:
        TypeError: the function is not decorated with a cache.
        UnkeyableCallError: an argument has no canonical form.

    >>> import asyncio
    >>> from frugal import cached, invalidate, memory
    >>> @cached(layers=[memory])
    ... async def ask(prompt): return prompt.upper()
    >>> async def main():
    ...     await ask("hi")
    ...     return await invalidate(ask, "hi"), await invalidate(ask, "hi")
    >>> asyncio.run(main())
    (True, False)
    """
    plan = plan_of(function)
    rings = [ring for ring in plan.stack if hasattr(ring, "drop")] if plan is not None else []
    if plan is None or not rings:
        raise TypeError(f"invalidate() takes a function decorated with a cache, not {function!r}.")
    call = plan.begin(function.__wrapped__, getattr(function, "_self_instance", None), args, kwargs, dry=True)
    return any([await ring.drop(call) for ring in rings])
