"""The pipeline: one wrapper round one function, however many decorators; the only place that imports wrapt.

Law: decorating never changes the function underneath nor another decoration of it; `stack()` is the identity,
stacking is associative, and a decorated function runs its rings outermost first. A pipeline commits its journal once.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, Protocol, TypeVar, cast

import wrapt

from frugal._core.ambient import current_scope, leave, serving
from frugal._core.call import Call, Function, new_id
from frugal._core.cover import covered
from frugal._core.entering import entered, enters, requested
from frugal._core.journal import Inner, Journal
from frugal._core.keying import digest_of
from frugal._core.meter import Meter
from frugal._core.order import check
from frugal._core.stream import Deferred, Ending, Stream, is_stream, tap
from frugal._values.clock import clock
from frugal._values.facts import Facts
from frugal.errors import NotAsyncError, StackError
from frugal.ports import Ticket

__all__ = ["NOTHING", "Mark", "Middleware", "Plan", "Proceed", "attach", "compose", "plain_methods", "plan_of"]

F = TypeVar("F", bound=Callable[..., Any])

NOTHING: Any = object()
"""What a ring's `at_once` says where it has no answer without waiting: any value at all may be an answer."""

Proceed = Callable[[Call], Awaitable[Any]]
"""What a ring calls to go on inwards; it may call it never, once or many times."""


class Middleware(Protocol):
    """A ring of the onion."""

    def __call__(self, call: Call, proceed: Proceed, /) -> Awaitable[Any]:
        """Answer the call, going on inwards as often as it likes."""
        ...


class Mark:
    """Something that stands in a stack without being a ring: its place cannot matter."""

    __slots__ = ()


def compose(stack: tuple[Any, ...], centre: Proceed) -> Proceed:
    """Fold the rings of `stack` around `centre`, first ring outermost."""
    proceed = centre
    for ring in reversed(stack):
        if not isinstance(ring, Mark):
            proceed = partial(ring, proceed=proceed) if _named(ring) else _enter(ring, proceed)
    return proceed


def _named(ring: Any) -> bool:
    """Say whether a ring takes its continuation by the name `proceed`."""
    return _takes_proceed(ring if inspect.isroutine(ring) else type(ring).__call__)


@lru_cache(maxsize=256)
def _takes_proceed(function: Any) -> bool:
    try:
        parameter = inspect.signature(function).parameters.get("proceed")
    except (TypeError, ValueError):
        return False
    return parameter is not None and parameter.kind is not inspect.Parameter.POSITIONAL_ONLY


def _enter(ring: Any, proceed: Proceed) -> Proceed:
    def entered(call: Call) -> Awaitable[Any]:
        return cast("Awaitable[Any]", ring(call, proceed))

    return entered


@dataclass(frozen=True, eq=False)
class Plan:
    """Hold what a pipeline is made of.

    Args:
        function: the function at the centre.
        kind: `"coroutine"`, `"generator"` (an async one), `"entered"` (its request begins when what it gives is
            entered), or `"plain"` (what comes back decides).
        stack: rings and marks, outermost first.
        meter: prices and records the calls, or `None` where nothing in the stack meters.
        proceed: the composed rings.
        model_argument: which argument names the model.
        at_once: answers without waiting, or says `NOTHING`; `None` where the outermost ring cannot.
    """

    function: Function
    kind: str
    stack: tuple[Any, ...]
    meter: Meter | None
    proceed: Proceed
    model_argument: str = "model"
    at_once: Callable[[Call], Any] | None = None

    def model_of(self, arguments: dict[str, Any]) -> str | None:
        """Return the model that the arguments ask for."""
        value = arguments.get(self.model_argument)
        if value is None and self.meter is not None:
            value = self.meter.model_of(arguments)
        # A member of a string enumeration has a name, too; its text is what is sent.
        name = value if isinstance(value, str) else getattr(value, "name", None)
        return str.__str__(name) if isinstance(name, str) and name else None

    def key_of(self, call: Call) -> str:
        """Return the digest of everything that the function received."""
        return digest_of(call)

    def begin(
        self,
        target: Any,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        extras: Mapping[Any, Any] | None = None,
        dry: bool = False,
    ) -> Call:
        """Make the call of one use of the function; a dry one is shown to nobody."""
        parent = serving.get()
        around = current_scope()
        identity = new_id()
        run = around.run if around is not None else None
        if run is None:
            run = parent.facts.run if parent is not None else identity
        user = around.user if around is not None else None
        if user is None and parent is not None:
            user = parent.facts.user
        tags: Mapping[str, str] = self.meter.tags if self.meter is not None else {}
        if parent is not None:
            tags = {**parent.facts.tags, **tags}
        if around is not None and around.tags:
            tags = {**tags, **around.tags}
        call = Call.of(
            {
                "id": identity,
                "plan": self,
                "target": target,
                "instance": instance,
                "args": args,
                "kwargs": kwargs,
                "facts": Facts(user, run, tags),
                "started": clock.now(),
                "parent": parent,
                "journal": Journal(),
                "scope": around,
                "extras": extras or {},
                "memo": {},
            }
        )
        return call if self.meter is None or dry else self.meter.open(call)

    async def run(
        self,
        target: Any,
        instance: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        extras: Mapping[Any, Any] | None = None,
    ) -> Any:
        """Carry one call through the rings and commit its journal at the outermost exit."""
        call = self.begin(target, instance, args, kwargs, extras=extras)
        meter = self.meter
        try:
            response = NOTHING if self.at_once is None else self.at_once(call)
            if response is NOTHING:
                response = await self.proceed(call)
        except BaseException as error:
            if meter is not None:
                ticket = meter.commit(call, error)
                # A cancelled caller waits for no disk.
                if ticket is not None and not ticket.done and isinstance(error, Exception):
                    await ticket.wait()
            raise
        if isinstance_stream(response):
            return tap(response, _Commit(call)) if meter is not None else response
        if meter is not None:
            ticket = meter.commit(call, None)
            if ticket is not None and not ticket.done:
                await ticket.wait()
        return response


def isinstance_stream(response: Any) -> bool:
    """Say whether a response is our proxy; `isinstance` would ask the object that it stands for."""
    return type(response) is Stream


class _Commit:
    """The outermost tap: commits the journal when the stream has ended."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call = call

    def chunk(self, chunk: Any, /) -> None:
        """Let it pass."""

    def end(self, ending: Ending, /) -> Ticket | None:
        meter = self.call.plan.meter
        assert meter is not None  # noqa: S101 only metered plans tap
        ticket = meter.commit(self.call, ending.error)
        return ticket if ending.how in {"end", "closed", "failed"} else None


async def invoke(call: Call) -> Any:
    """Run the function at the centre: the innermost step, and the only one that spends."""
    meter = call.plan.meter
    await covered(call)
    parent = call.parent
    outside = parent.inner if parent is not None else None
    if meter is None:  # nothing is recorded here, so what happens inside counts for the call around
        inner = outside if outside is not None else Inner()
    else:
        inner = Inner(collects=outside is not None and outside.collects)
        _ = call.arguments  # bound once, for this call and for what is served
    served = call._with(inner=inner)  # noqa: SLF001 the core's own
    call.journal.inner = inner
    attempt = None if meter is None else meter.attempt(served)
    token = serving.set(served)
    awaited = True
    try:
        response = served.target(*served.args, **served.kwargs)
        if inspect.isawaitable(response):
            response = await response
        else:
            awaited = False
    except BaseException as error:
        if attempt is not None:
            attempt.failed(error)
        raise
    finally:
        leave(token)
        if attempt is not None:
            attempt.leave()
    if is_stream(response):
        stream = response if isinstance_stream(response) else Stream.around(response, served)
        return stream if attempt is None else tap(stream, attempt)
    if not awaited:
        if attempt is not None:
            await attempt.answered(response)
        raise NotAsyncError(call.function)
    if attempt is not None:
        await attempt.answered(response)
    return response


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
            running: Any = plan.run(wrapped, instance, args, kwargs)
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
    outermost = next((ring for ring in told if not isinstance(ring, Mark)), None)
    at_once = getattr(outermost, "at_once", None)
    return Plan(identity, kind, told, meter, compose(told, invoke), argument or "model", at_once)
