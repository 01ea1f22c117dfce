"""Layers: what stands on one method of a live object, put on and taken off in any order.

Law: whatever the order, what is left behaves as if only what is left had been put on; with nothing left, the method is
the very one it was. Nothing here keeps an object alive, and what somebody else has put on top is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary, ref

from frugal._core.pipeline import attach, plain_methods, plan_of

__all__ = ["Put", "following", "put", "reference", "same_rings"]

_log = logging.getLogger("frugal")

_ABSENT = object()

_SITE = "_self_frugal_site"
"""Where a function keeps its site; a name that wrapt keeps to the wrapper itself."""

Put = Callable[[Any], Any]
"""Makes a function of another: a stack of decorators."""


def reference(thing: Any) -> Callable[[], Any]:
    """Return what gives a thing while it is alive, without keeping it so where that can be helped."""
    try:
        return ref(thing)
    except TypeError:  # it cannot be referred to weakly
        return lambda: thing


@dataclass(eq=False)
class _Layer:
    """One stack, and the function that it made of what is below."""

    decorate: Put
    function: Any = None


@dataclass(eq=False)
class _Site:
    """One method of one object, and the layers on it, innermost first."""

    owner: Callable[[], Any]
    name: str
    own: Any
    layers: list[_Layer] = field(default_factory=list)

    def original(self, owner: Any) -> Any:
        """Put the method back as it was, and return it."""
        _restore(owner, self.name, self.own)
        return self.own if isinstance(owner, type) and self.own is not _ABSENT else getattr(owner, self.name)

    def build(self, owner: Any, layer: _Layer) -> None:
        """Have a layer made of what is below it."""
        at = self.layers.index(layer)
        below = self.layers[at - 1].function if at else self.original(owner)
        with plain_methods():
            layer.function = layer.decorate(below)
        setattr(layer.function, _SITE, self)
        _set(owner, self.name, layer.function)

    def remove(self, owner: Any, layer: _Layer) -> None:
        """Take a layer off; those above it are made anew of what is below."""
        at = self.layers.index(layer)
        above = self.layers[at + 1 :]
        del self.layers[at]
        if not self.layers:
            self.original(owner)
            return
        _set(owner, self.name, self.layers[at - 1].function if at else self.original(owner))
        for upper in above:
            self.build(owner, upper)


def _site_of(owner: Any, name: str) -> _Site:
    """Return the site whose last layer still stands there, or a new one.

    A function that stands on a method keeps its site; so nobody else keeps the object alive.
    """
    current = vars(owner).get(name, _ABSENT) if hasattr(owner, "__dict__") else _ABSENT
    site = getattr(current, _SITE, None)
    if isinstance(site, _Site) and site.owner() is owner and site.layers and site.layers[-1].function is current:
        return site
    return _Site(reference(owner), name, current)


def put(owner: Any, name: str, decorate: Put) -> tuple[Any, Callable[[], None]]:
    """Put a stack on a method.

    Args:
        owner: the object, or a class.
        name: the method's name.
        decorate: the stack.

    Returns:
        The function that now stands there, and what takes it off again.

    Raises:
        NotAsyncError: what is there can be seen not to be async.
    """
    site = _site_of(owner, name)
    layer = _Layer(decorate)
    site.layers.append(layer)
    try:
        site.build(owner, layer)
    except BaseException:
        site.remove(owner, layer)
        raise
    return layer.function, partial(_off, site.owner, name, reference(layer))


def _off(owner_of: Callable[[], Any], name: str, layer_of: Callable[[], Any]) -> None:
    """Take a stack off again; nothing happens where that was done, or where the object is gone."""
    owner, layer = owner_of(), layer_of()
    if owner is None or layer is None:
        return
    current = vars(owner).get(name)
    site = getattr(current, _SITE, None)
    if not isinstance(site, _Site) or site.layers[-1].function is not current:
        _log.warning("frugal: something else was put on %s.%s since; take that off first", _named(owner), name)
    elif layer in site.layers:
        site.remove(owner, layer)


def same_rings(function: Any) -> Put | None:
    """Return what puts the very rings of a decorated function on another one; `None` if they are not all ours.

    So a copy of a client shares its caches, its limits and its flights with the client that it was made from.
    """
    plan = plan_of(function)
    if plan is None:
        return None

    def again(other: Any) -> Any:
        for ring in reversed(plan.stack):
            other = attach(ring, other)
        return other

    return again


def following(target: Any, names: tuple[str, ...], follow: Callable[[Any], Callable[[], None]]) -> Callable[[], None]:
    """Have the copies that an object makes of itself followed.

    Args:
        target: the object.
        names: its methods that return a copy of it.
        follow: does to a copy what was done to the object, and returns what undoes it.

    Returns:
        What ends it, for the copies too.
    """
    copies: WeakKeyDictionary[Any, Callable[[], None]] = WeakKeyDictionary()

    def decorate(method: Any) -> Any:
        def copied(*args: Any, **kwargs: Any) -> Any:
            other = method(*args, **kwargs)
            if type(other) is type(target_of()):
                undo = follow(other)
                with suppress(TypeError):  # it cannot be remembered weakly, and so not be undone from here
                    copies[other] = undo
            return other

        return copied

    target_of = reference(target)
    offs = [put(target, name, decorate)[1] for name in names]

    def end() -> None:
        """Follow no more."""
        for off in offs:
            off()
        for undo in list(copies.values()):
            undo()
        copies.clear()

    return end


def _named(owner: Any) -> str:
    return owner.__name__ if hasattr(owner, "__name__") else type(owner).__name__


def _restore(owner: Any, name: str, own: Any) -> None:
    if own is not _ABSENT:
        _set(owner, name, own)
    elif name in getattr(owner, "__dict__", ()):
        try:
            object.__delattr__(owner, name)
        except (AttributeError, TypeError):
            delattr(owner, name)


def _set(owner: Any, name: str, value: Any) -> None:
    try:
        setattr(owner, name, value)
    except (AttributeError, TypeError, ValueError):
        object.__setattr__(owner, name, value)  # frozen models guard their attributes
