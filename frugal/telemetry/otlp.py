"""Sending spans and metrics to Jaeger or any other OTLP backend, set up in one line."""

from __future__ import annotations

import os
from collections.abc import Callable

from opentelemetry import metrics, trace

from frugal.errors import MissingExtraError

__all__ = ["export_otlp"]

DEFAULT_ENDPOINT = "http://localhost:4318"
"""Where a local Jaeger listens for OTLP over HTTP."""


def export_otlp(
    endpoint: str | None = None, *, service_name: str = "frugal", metrics_every: float = 10
) -> Callable[[], None]:
    """Send spans and metrics to an OTLP backend over HTTP.

    Providers that the process has set up already are kept and only given a further exporter.

    Args:
        endpoint: the backend's base address; `/v1/traces` and `/v1/metrics` are appended. By default
            `$OTEL_EXPORTER_OTLP_ENDPOINT`, else a local Jaeger at http://localhost:4318.
        service_name: the name under which the backend shows this process, where `$OTEL_SERVICE_NAME` is not set.
        metrics_every: seconds between two sendings of metrics.

    Returns:
        A function that sends what is still waiting.

    Raises:
        MissingExtraError: the exporter is not installed.
        ValueError: the endpoint is not an http or https address.
    """
    base = (endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise ValueError(f"endpoint is {base!r}; give a base address such as {DEFAULT_ENDPOINT!r}.")
    base = base.removesuffix("/v1/traces").removesuffix("/v1/metrics")
    try:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("export_otlp()", "otlp") from None
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 the SDK is heavy, and only needed here
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    resource = Resource.create({} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: service_name})
    tracing = trace.get_tracer_provider()
    if not isinstance(tracing, TracerProvider):
        tracing = TracerProvider(resource=resource)
        trace.set_tracer_provider(tracing)
    tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{base}/v1/traces")))
    measuring = metrics.get_meter_provider()
    if not isinstance(measuring, MeterProvider):
        reader = PeriodicExportingMetricReader(
            OTLPMetricExporter(endpoint=f"{base}/v1/metrics"), export_interval_millis=metrics_every * 1000
        )
        measuring = MeterProvider(metric_readers=[reader], resource=resource)
        metrics.set_meter_provider(measuring)

    def flush() -> None:
        """Send what is still waiting."""
        tracing.force_flush()
        measuring.force_flush()

    return flush
