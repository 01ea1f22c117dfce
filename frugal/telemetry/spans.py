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
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from frugal._values.cost import Cost
from frugal._values.facts import Facts, Held, Routed, Spent
from frugal._values.record import Record
from frugal.telemetry import names
from frugal.telemetry.instruments import Instruments

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
class _Attempt:
    """A provider call under way."""

    span: Span | None
    token: Any = None


def _unset() -> bool:
    """Say cheaply that no tracer was set up: the API's own question looks into the environment each time."""
    return getattr(trace, "_TRACER_PROVIDER", trace) is None and not _NAMED


_NAMED = bool(os.environ.get("OTEL_PYTHON_TRACER_PROVIDER"))


class OpenTelemetry:
    """Show calls through whichever OpenTelemetry providers the process has set up."""

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

    @_harmless
    def begin_call(self, function: str, facts: Facts, parent: Any) -> Span | None:
        """Begin the span of a decorated call, inside whatever span is current."""
        tracer = self._tracing()
        if tracer is None:
            return None
        span = tracer.start_span(function.rpartition(".")[2], kind=SpanKind.INTERNAL)
        if span.is_recording():
            span.set_attribute(names.FUNCTION, function)
            for name, value in ((names.USER, facts.user), (names.RUN, facts.run)):
                if value is not None:
                    span.set_attribute(name, value)
            for tag, value in facts.tags.items():
                span.set_attribute(names.TAG + tag, value)
        return span

    @_harmless
    def begin_attempt(self, span: Any, function: str, model: str | None) -> _Attempt | None:
        """Begin the span of one provider call and make it current, so that the SDK's own spans stand under it."""
        tracer = self._tracing()
        if tracer is None or span is None:
            return None
        child = tracer.start_span(
            f"chat {model}" if model else function.rpartition(".")[2],
            context=trace.set_span_in_context(span),
            kind=SpanKind.CLIENT if model else SpanKind.INTERNAL,
        )
        return _Attempt(child, context.attach(trace.set_span_in_context(child)))

    @_harmless
    def leave_attempt(self, attempt: _Attempt | None) -> None:
        """Stop being current."""
        if attempt is not None and attempt.token is not None:
            token, attempt.token = attempt.token, None
            context.detach(token)

    @_harmless
    def end_attempt(self, attempt: _Attempt | None, spent: Spent) -> None:
        """End the span of a provider call and measure it."""
        if spent.kind == "llm" and spent.rolled_up is None:
            self._instruments.attempt(spent)
        span = attempt.span if attempt is not None else None
        if span is None:
            return
        if span.is_recording():
            span.set_attributes(_of_attempt(spent))
            if spent.rolled_up is not None:
                span.update_name(spent.outcome)
                _put_cost(span, names.AGGREGATED_COST, spent.rolled_up)
            if spent.outcome == "failed":
                span.set_status(Status(StatusCode.ERROR, spent.error))
        span.end()

    @_harmless
    def end_call(self, span: Any, records: Sequence[Record], journal: Any, error: BaseException | None) -> None:
        """End the span of a decorated call and count how it was answered."""
        for record in records:
            self._instruments.answered(record)
        if span is None:
            return
        if span.is_recording():
            span.set_attributes(_of_call(records, journal))
            if error is not None:
                span.set_attribute(names.ERROR_TYPE, type(error).__name__)
                # The message may quote the user's text, so only the kind of error is shown.
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
        span.end()

    @_harmless
    def event(self, span: Any, name: str, attributes: Mapping[str, Any]) -> None:
        """Add an event to a call's span."""
        if span is not None:
            span.add_event(name, attributes=dict(attributes))

    def __repr__(self) -> str:
        return "OpenTelemetry()"


def _of_attempt(spent: Spent) -> dict[str, Any]:
    usage = spent.usage
    found: dict[str, Any] = {names.REQUEST_STREAM: spent.streamed, names.OUTCOME: spent.outcome}
    if spent.attempts != 1:
        found[names.ATTEMPTS] = spent.attempts
    if spent.kind == "llm" and spent.rolled_up is None:
        embeds = usage.total_output_tokens == 0 and usage.total_input_tokens > 0 and spent.finish is None
        found |= {
            names.OPERATION: "embeddings" if embeds and "embed" in (spent.model or "") else "chat",
            names.INPUT_TOKENS: usage.total_input_tokens,
            names.OUTPUT_TOKENS: usage.total_output_tokens,
            names.CACHE_READ_TOKENS: usage.cache_read_tokens,
            names.CACHE_WRITE_TOKENS: usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
            names.REASONING_TOKENS: usage.reasoning_tokens,
            names.COST_STATUS: spent.cost.status,
        }
        if spent.cost.amount is not None:  # an unknown cost is absent, never 0
            found |= dict.fromkeys(names.COST, float(spent.cost.amount))
    for name, value in (
        (names.PROVIDER, spent.provider),
        (names.REQUEST_MODEL, spent.model_requested),
        (names.RESPONSE_MODEL, spent.model),
        (names.ERROR_TYPE, spent.error),
    ):
        if value is not None:
            found[name] = value
    if spent.finish is not None:
        found[names.FINISH_REASONS] = [spent.finish]
    return found


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
