"""Sending spans and metrics to Jaeger or any other OTLP backend, set up in one line."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry import metrics, trace

from frugal.errors import MissingExtraError
from frugal.telemetry.outlet import Outlet

__all__ = ["close", "export_otlp"]

DEFAULT_ENDPOINT = "http://localhost:4318"
"""Where a local Jaeger listens for OTLP over HTTP."""

_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT"
_SECONDS = 5.0  # that a backend has to answer, unless the environment says otherwise; calls never wait for it

_log = logging.getLogger("frugal")
_lock = threading.Lock()
_outlets: dict[Any, Outlet] = {}


def export_otlp(
    endpoint: str | None = None,
    *,
    service_name: str = "frugal",
    headers: Mapping[str, str] | None = None,
    metrics_every: float | None = 10,
) -> Callable[[], None]:
    """Send spans and metrics to an OTLP backend over HTTP.

    Providers that the process has set up already are kept and only given a further exporter; whoever sets one up
    later than this finds ours there already. A second call for the same backend changes nothing. A backend that is
    not there costs one line in the log: calls do not wait for it, and the exit of the process at most three seconds.

    Args:
        endpoint: the backend's base address; `/v1/traces` and `/v1/metrics` are appended. By default what
            `$OTEL_EXPORTER_OTLP_ENDPOINT` and its like say, else a local Jaeger at http://localhost:4318.
        service_name: the name under which the backend shows this process, where `$OTEL_SERVICE_NAME` is not set.
        headers: what is sent along, such as a key: `{"Authorization": "Bearer …"}`; those of
            `$OTEL_EXPORTER_OTLP_HEADERS` when `None`.
        metrics_every: seconds between two sendings of metrics; `None` sends none.

    Returns:
        A function that sends what is still waiting, and returns when it is sent or cannot be.

    Raises:
        MissingExtraError: the exporter is not installed.
        ValueError: the endpoint is not an http or https address, or the seconds are not above zero.

    >>> from frugal.telemetry import export_otlp
    >>> export_otlp("jaeger:4318")
    Traceback (most recent call last):
    ...
    ValueError: endpoint is 'jaeger:4318'; give a base address such as 'http://localhost:4318'.
    """
    if metrics_every is not None and not 0 < metrics_every < float("inf"):
        raise ValueError(f"metrics_every={metrics_every!r}: give seconds above zero, or None for no metrics.")
    base = _base(endpoint)
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("export_otlp()", "otlp") from None

    given = dict(headers) if headers is not None else None
    with _lock:
        tracing = _tracer_provider(service_name)
        place = (base, tuple(sorted((given or {}).items())), tracing)
        found = _outlets.get(place)
        if found is not None:
            return found.flush
        outlet = Outlet(base or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT)
        settings: dict[str, Any] = {"headers": given, "timeout": None if os.environ.get(_TIMEOUT) else _SECONDS}
        spans = OTLPSpanExporter(endpoint=base and f"{base}/v1/traces", **settings)
        _trace_to(tracing, outlet.quieted(spans, "spans"), outlet)
        if metrics_every is not None:
            numbers = OTLPMetricExporter(endpoint=base and f"{base}/v1/metrics", **settings)
            _measure_to(outlet.quieted(numbers, "metrics"), outlet, metrics_every, service_name)
        outlet.closes_at_exit()
        _outlets[place] = outlet
    return outlet.flush


def close() -> None:
    """Send what is still waiting to every backend and stop, as the exit of the process does."""
    with _lock:
        for outlet in _outlets.values():
            outlet.close()
        _outlets.clear()


def _base(endpoint: str | None) -> str | None:
    """Return the base address, or `None` where the environment or the exporters' own default says it."""
    if endpoint is None:
        return None
    base = endpoint.rstrip("/").removesuffix("/v1/traces").removesuffix("/v1/metrics")
    if not base.startswith(("http://", "https://")):
        raise ValueError(f"endpoint is {endpoint!r}; give a base address such as {DEFAULT_ENDPOINT!r}.")
    return base


def _resource(service_name: str) -> Any:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415 the SDK is heavy, and needed here

    return Resource.create({} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service_name})


def _tracer_provider(service_name: str) -> Any:
    """Return the process's tracer provider, which is ours where it had none."""
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 likewise

    found = trace.get_tracer_provider()
    if not isinstance(found, TracerProvider):
        # Its exit is the outlet's affair, which knows how long to wait.
        found = TracerProvider(resource=_resource(service_name), shutdown_on_exit=False)
        trace.set_tracer_provider(found)
    return found


def _trace_to(tracing: Any, exporter: Any, outlet: Outlet) -> None:
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 likewise

    processor = BatchSpanProcessor(exporter)
    tracing.add_span_processor(processor)
    outlet.keep(processor)


def _measure_to(exporter: Any, outlet: Outlet, every: float, service_name: str) -> None:
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 likewise
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415 likewise

    measuring: Any = metrics.get_meter_provider()
    is_theirs = isinstance(measuring, MeterProvider)
    if is_theirs and not hasattr(measuring, "add_metric_reader"):
        _log.warning(
            "frugal: metrics are not sent to %s: the process has a MeterProvider already, and this version of "
            "opentelemetry-sdk takes no further reader. Give it one for this backend, or call export_otlp() first.",
            outlet.address,
        )
        return
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=every * 1000)
    if is_theirs:
        measuring.add_metric_reader(reader)
    else:
        measuring = MeterProvider(metric_readers=[reader], resource=_resource(service_name), shutdown_on_exit=False)
        metrics.set_meter_provider(measuring)
    outlet.keep(reader)
