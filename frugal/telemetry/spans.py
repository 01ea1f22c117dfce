"""Spans and metrics through the OpenTelemetry API.

Law: cost stands on provider calls' spans only, so that any sum over spans is right; metrics do not depend on sampling;
with no provider set up, nothing is made at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanContext, SpanKind, Status, StatusCode

from frugal._values.cost import Cost
from frugal._values.facts import Facts, Held, Routed, Spent
from frugal._values.record import Record
from frugal.telemetry import names
from frugal.telemetry.instruments import Instruments
from frugal.telemetry.provider_call import attributes

__all__ = ["OpenTelemetry"]

_log = logging.getLogger("frugal")

F = TypeVar("F", bound=Callable[..., Any])


def _harmless(method: F) -> F:
    """Log what goes wrong in telemetry, once for each kind of fault, and let the call go on."""
    told: set[str] = set()

    @wraps(method)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except Exception as error:
            kind = type(error).__name__
            if kind not in told:
                told.add(kind)
                _log.warning("frugal: telemetry failed (%s); the calls go on without it", kind, exc_info=True)
            return None

    return guarded  # type: ignore[return-value]  # the same signature, or None


@dataclass(slots=True)
class _Call:
    """A decorated call under way.

    Args:
        span: its own.
        outside: the span that it was made in.
        inside: that of its provider call, once it makes one.
    """

    span: Span
    outside: SpanContext
    inside: Span | None = None


@dataclass(slots=True)
class _Attempt:
    """A provider call under way."""

    span: Span
    token: Any = None


def _unset() -> bool:
    """Say cheaply that no tracer was set up: the API's own question looks into the environment each time."""
    return getattr(trace, "_TRACER_PROVIDER", trace) is None and not _NAMED


_NAMED = bool(os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"))


class OpenTelemetry:
    """Show calls through whichever OpenTelemetry providers the process has set up.

    It stands behind every metered function; nobody has to make one.

    >>> OpenTelemetry().begin_call("app.ask", None, None) is None  # no tracer is set up, so nobody watches
    True
    """

    __slots__ = ("_instruments", "_tracer", "_tracer_provider")

    def __init__(self) -> None:
        self._tracer_provider: Any = None
        self._tracer: trace.Tracer | None = None
        self._instruments = Instruments()

    def _tracing(self) -> trace.Tracer | None:
        """Return the tracer, or `None` when the process has set none up."""
        if _unset():
            return None
        provider = trace.get_tracer_provider()
        if provider is not self._tracer_provider:
            self._tracer_provider = provider
            watched = not isinstance(provider, (trace.ProxyTracerProvider, trace.NoOpTracerProvider))
            self._tracer = provider.get_tracer("frugal") if watched else None
        return self._tracer

    def begin_call(self, function: str, facts: Facts, parent: _Call | None) -> _Call | None:
        """Begin the span of a decorated call, inside whatever span is current, or else inside its parent's."""
        return None if _unset() else self._begin_call(function, facts, parent)

    @_harmless
    def _begin_call(self, function: str, facts: Facts, parent: _Call | None) -> _Call | None:
        tracer = self._tracing()
        if tracer is None:
            return None
        around = trace.get_current_span().get_span_context()
        where = None
        if parent is not None and (not around.is_valid or around == parent.outside):
            # In a generator's body, or in a thread: what was current in the parent's function is not here.
            inside = parent.inside or parent.span
            where, around = trace.set_span_in_context(inside), inside.get_span_context()
        span = tracer.start_span(function.rpartition(".")[2], context=where, kind=SpanKind.INTERNAL)
        if span.is_recording():
            span.set_attribute(names.FUNCTION, function)
            for known, value in ((names.USER, facts.user), (names.RUN, facts.run)):
                if value is not None:
                    span.set_attributes(dict.fromkeys(known, value))
            for tag, value in facts.tags.items():
                span.set_attribute(names.TAG + tag, value)
        return _Call(span, around)

    def begin_attempt(self, call: _Call | None, function: str, model: str | None) -> _Attempt | None:
        """Begin the span of one provider call and make it current, so that the SDK's own spans stand under it."""
        return None if call is None else self._begin_attempt(call, function, model)

    @_harmless
    def _begin_attempt(self, call: _Call, function: str, model: str | None) -> _Attempt | None:
        tracer = self._tracing()
        if tracer is None:
            return None
        call.inside = tracer.start_span(
            f"{names.CHAT} {model}" if model else function.rpartition(".")[2],
            context=trace.set_span_in_context(call.span),
            kind=SpanKind.CLIENT if model else SpanKind.INTERNAL,
        )
        return _Attempt(call.inside, context.attach(trace.set_span_in_context(call.inside)))

    @_harmless
    def leave_attempt(self, attempt: _Attempt) -> None:
        """Stop being current."""
        if attempt.token is not None:
            token, attempt.token = attempt.token, None
            context.detach(token)

    def end_attempt(self, attempt: _Attempt | None, spent: Spent) -> None:
        """End the span of a provider call and measure it."""
        if attempt is not None or not self._instruments.are_unset:
            self._end_attempt(attempt, spent)

    @_harmless
    def _end_attempt(self, attempt: _Attempt | None, spent: Spent) -> None:
        if spent.kind == "llm" and spent.rolled_up is None:
            self._instruments.attempt(spent)
        if attempt is None:
            return
        span = attempt.span
        if span.is_recording():
            found = attributes(spent)
            span.set_attributes(found)
            if found.get(names.OPERATION) == names.EMBEDDINGS and spent.model_requested:
                span.update_name(f"{names.EMBEDDINGS} {spent.model_requested}")
            if spent.rolled_up is not None:
                span.update_name(spent.outcome)
                _put_cost(span, names.AGGREGATED_COST, spent.rolled_up)
            if spent.outcome == "failed":
                span.set_status(Status(StatusCode.ERROR, spent.error))
        span.end()

    def end_call(
        self, call: _Call | None, records: Sequence[Record], journal: Any, error: BaseException | None
    ) -> None:
        """End the span of a decorated call and count how it was answered."""
        if call is not None or not self._instruments.are_unset:
            self._end_call(call, records, journal, error)

    @_harmless
    def _end_call(
        self, call: _Call | None, records: Sequence[Record], journal: Any, error: BaseException | None
    ) -> None:
        for record in records:
            self._instruments.answered(record)
        if call is None:
            return
        span = call.span
        if span.is_recording():
            span.set_attributes(_of_call(records, journal))
            if error is not None:
                span.set_attribute(names.ERROR_TYPE, type(error).__name__)
                # The message may quote the user's text, so only the kind of error is shown.
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end()

    @_harmless
    def event(self, call: _Call | None, name: str, attributes: Mapping[str, Any]) -> None:
        """Add an event to a call's span."""
        if call is not None:
            call.span.add_event(name, attributes=dict(attributes))

    def __repr__(self) -> str:
        return "OpenTelemetry()"


def _of_call(records: Sequence[Record], journal: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if records:
        answer = records[-1]
        found[names.OUTCOME] = answer.outcome
        found[names.CALL_ID] = answer.call
        total = Cost.total(r.rolled_up if r.rolled_up is not None else r.cost for r in records)
        found[names.COST_STATUS] = total.status
        if total.amount is not None:
            found[names.AGGREGATED_COST] = float(total.amount)
        if answer.saved:
            found[names.SAVED] = float(answer.saved)
        if answer.outcome in {"memory", "disk", "semantic"}:
            found[names.LAYER] = answer.outcome
        if answer.similarity is not None:
            found[names.SIMILARITY] = answer.similarity
    routed = journal.last(Routed)
    if routed is not None:
        found[names.ROUTE_MODEL] = routed.model
        found[names.ROUTE_REASON] = routed.reason
    held = journal.last(Held)
    if held is not None and held.left is not None:
        found[names.BUDGET_LEFT] = float(held.left)
    return found


def _put_cost(span: Span, name: str, cost: Cost) -> None:
    if cost.amount is not None:
        span.set_attribute(name, float(cost.amount))
