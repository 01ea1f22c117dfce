"""An attribute that is computed when it is first asked for, without a lock.

Law: computed at most once for each object and thread that asks at the same time, then a plain attribute. Until Python
3.12, `functools.cached_property` takes a lock for each first look, at a microsecond each, and every call has three.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

__all__ = ["lazy"]

T = TypeVar("T")


class lazy(Generic[T]):  # noqa: N801 it is used as a decorator, like `property`
    """Compute an attribute of an object with a `__dict__` at its first use, and keep it there."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> lazy[T] | T:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value
