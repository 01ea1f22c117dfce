"""The pipeline: one wrapper round one function, however many decorators; the only place that imports wrapt.

Law: decorating never changes the function underneath nor another decoration of it; `stack()` is the identity,
stacking is associative, and a decorated function runs its rings outermost first. A pipeline commits its journal once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from functools import partial
from typing import Any, TypeVar, cast

import wrapt

from frugal._core.deferred import Deferred
from frugal._core.entering import entered, enters, requested
from frugal._core.function import Function
from frugal._core.meter import Meter
from frugal._core.order import check
from frugal._core.plan import Plan, invoke
from frugal._core.ring import Mark, compose
from frugal.errors import NotAsyncError, StackError

__all__ = ["attach", "plain_methods", "plan_of"]

F = TypeVar("F", bound=Callable[..., Any])


class _Bound(wrapt.BoundFunctionWrapper[..., Any]):
    """A pipeline bound to an object."""

    @property
    def many(self) -> Any:
        """Answer many items at once, where the pipeline is batched."""
        return self._self_parent._self_many(self.__wrapped__, self._self_instance)  # noqa: SLF001

    # As a bound method is: bound to a copy of its object, or found by its name on it.
    def __copy__(self) -> _Bound:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return getattr(deepcopy(self.__self__, memo), self.__name__)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return getattr, (self.__self__, self.__name__)


class Pipeline(wrapt.FunctionWrapper[..., Any]):
    """The one wrapper round a decorated function."""

    __bound_function_wrapper__ = _Bound

    def __init__(self, function: Any, plan: Plan) -> None:
        super().__init__(function, self._self_carry)
        self._self_plan = plan

    def _self_carry(self, wrapped: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        plan = self._self_plan
        if plan.kind == "coroutine":
            short = plan.short
            running: Any = plan.run(wrapped, instance, args, kwargs) if short is None else (
                short(plan, wrapped, instance, args, kwargs))  # fmt: skip
            # What "was never awaited", and what a task shows, is the user's function rather than ours.
            running.__qualname__ = plan.function.name
            return running
        if plan.kind == "entered":
            return entered(wrapped, args, kwargs, partial(plan.run, requested(wrapped), instance, args, kwargs))
        return Deferred(partial(plan.run, wrapped, instance, args, kwargs))

    def _self_many(self, wrapped: Any, instance: Any) -> Any:
        many = next((ring.many for ring in self._self_plan.stack if hasattr(ring, "many")), None)
        if many is None:
            raise AttributeError(f"{self._self_plan.function.name} has no .many: it is not batched.")
        return partial(many, self._self_plan, wrapped, instance)

    @property
    def many(self) -> Any:
        """Answer many items at once, where the pipeline is batched."""
        return self._self_many(self.__wrapped__, None)

    # As a function is: its own copy, and by its name to another process, where its module decorates it again.
    def __copy__(self) -> Pipeline:
        return self

    def __deepcopy__(self, memo: Any) -> Pipeline:
        return self

    def __reduce_ex__(self, protocol: Any) -> str:
        return str(self.__qualname__)

    def __repr__(self) -> str:
        rings = " ".join(f"@{getattr(ring, 'name', None) or repr(ring)}" for ring in self._self_plan.stack)
        return f"<{rings} {self._self_plan.function.name}>"


def plan_of(function: Any) -> Plan | None:
    """Return the plan of a decorated function, or `None` when it is not one of ours."""
    if isinstance(function, (Pipeline, _Bound)):
        pipeline = function if isinstance(function, Pipeline) else function._self_parent  # noqa: SLF001
        return cast("Plan", pipeline._self_plan)  # noqa: SLF001
    return None


def _kind(function: Any, *, plain: bool) -> str:
    """Say how a function is async; raise where it can be seen that it is not."""
    seen = getattr(function, "__func__", function)
    while True:
        unwrapped = inspect.unwrap(seen)
        unwrapped = getattr(unwrapped, "__func__", unwrapped)
        if isinstance(unwrapped, partial):
            unwrapped = unwrapped.func
        if unwrapped is seen:
            break
        seen = unwrapped
    candidates = [seen]
    if not inspect.isroutine(seen) and not inspect.isclass(seen):
        candidates.append(getattr(type(seen), "__call__", None))  # noqa: B004 the method is inspected
    for candidate in candidates:
        if inspect.iscoroutinefunction(candidate):
            return "coroutine"
        if inspect.isasyncgenfunction(candidate):
            return "generator"
    if plain:
        return "entered" if enters(seen) else "plain"
    if inspect.isfunction(seen) or inspect.isclass(seen) or inspect.isbuiltin(seen):
        raise NotAsyncError(getattr(seen, "__qualname__", repr(seen)))
    return "coroutine"  # a callable object: its first result tells


_accepts_plain: ContextVar[bool] = ContextVar("frugal_accepts_plain", default=False)


@contextmanager
def plain_methods() -> Iterator[None]:
    """Accept plain functions inside, whose result is awaitable, an async iterator or a context manager.

    SDK clients have such methods; a user's own function that is not async is more likely a mistake.
    """
    token = _accepts_plain.set(True)
    try:
        yield
    finally:
        _accepts_plain.reset(token)


def attach(ring: Any, function: F) -> F:
    """Return `function` with `ring` outermost, never changing `function`.

    Args:
        ring: a middleware or a mark.
        function: the function, or one of ours, whose innermost function gets a new pipeline.

    Raises:
        NotAsyncError: the function is not async.
        TypeError: it is not a function at all.
        StackError: the stack cannot work in this order, or its parts contradict each other.
    """
    given: Any = function  # whatever the types say
    if not callable(given) and not isinstance(given, classmethod):
        name = getattr(ring, "name", None) or type(ring).__name__.lower()
        raise TypeError(
            f"@{name} was given {given!r} where the function stands; it takes its arguments by name, in "
            f"parentheses, and then decorates an async function."
        )
    plan = plan_of(function)
    if isinstance(function, Pipeline) and plan is not None:
        wrapped, identity, stack, kind = function.__wrapped__, plan.function, (ring, *plan.stack), plan.kind
    else:
        kind = _kind(function, plain=_accepts_plain.get())
        wrapped, identity, stack = function, Function(function), (ring,)
    return cast("F", Pipeline(wrapped, build(identity, stack, kind)))


def build(identity: Function, stack: tuple[Any, ...], kind: str) -> Plan:
    """Make the plan of a stack round a function; what a ring must know of its neighbours it learns here."""
    check(stack, identity.name)
    meter = Meter.of(stack)
    argument = next((ring.argument for ring in stack if getattr(ring, "argument", None)), "")
    if argument and not identity.accepts(argument):
        raise StackError(
            f"@routed chooses the argument {argument!r}, which {identity.name} does not take. Add it, as in "
            f'`*, {argument}="gpt-4o"`, and hand it to the provider; or name another with routed(..., argument=).'
        )
    told = tuple(ring.joined(stack) if hasattr(ring, "joined") else ring for ring in stack)
    rings = tuple(ring for ring in told if not isinstance(ring, Mark))
    at_once = getattr(rings[0], "at_once", None) if rings else None
    short = getattr(rings[0], "short", None) if rings and meter is None else None
    proceed, inside = compose(rings, invoke), compose(rings[1:], invoke)
    return Plan(identity, kind, told, meter, proceed, inside, argument or "model", at_once, short)
