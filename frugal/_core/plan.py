"""The plan of a pipeline: how one call is begun, carried through the rings, run at the centre, and committed.

Law: the innermost step is the only one that spends; a journal is committed once, at the outermost exit.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from frugal._core.ambient import current_scope, leave, serving
from frugal._core.call import Call, begun
from frugal._core.cover import covered
from frugal._core.function import Function
from frugal._core.journal import Inner, Journal
from frugal._core.keying import digest_of
from frugal._core.meter import Meter
from frugal._core.names import new_id
from frugal._core.ring import NOTHING, Proceed
from frugal._core.stream import Ending, Stream, is_stream, tap
from frugal._values.clock import clock
from frugal._values.facts import Facts
from frugal.errors import NotAsyncError
from frugal.ports import Ticket

__all__ = ["Plan", "invoke", "isinstance_stream"]


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
        inside: the same without the outermost.
        model_argument: which argument names the model.
        at_once: answers without waiting, or says `NOTHING`; `None` where the outermost ring cannot.
        short: carries a use of the function in the place of `run`, without a `Call` of its own; `None` where the
            outermost ring cannot, or somebody meters.
    """

    function: Function
    kind: str
    stack: tuple[Any, ...]
    meter: Meter | None
    proceed: Proceed
    inside: Proceed
    model_argument: str = "model"
    at_once: Callable[[Call], Any] | None = None
    short: Callable[[Plan, Any, Any, tuple[Any, ...], dict[str, Any]], Coroutine[Any, Any, Any]] | None = None

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
        facts = Facts(user, run, tags)
        call = begun(
            identity, self, target, instance, args, kwargs, facts, clock.now(), parent, Journal(), around, extras or {}
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
