"""A backend for traces on loopback: a real OTLP/HTTP receiver, which keeps the bytes and decodes them."""

import gzip
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.util._once import Once

from frugal.telemetry import export_otlp


def plain(value: Any) -> Any:
    """Return an attribute's value as Python's own."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(each) for each in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes(pairs: Any) -> dict[str, Any]:
    """Return attributes as a mapping."""
    return {pair.key: plain(pair.value) for pair in pairs}


@dataclass(frozen=True)
class Seen:
    """A span as the backend has it."""

    name: str
    kind: int
    trace: bytes
    id: bytes
    parent: bytes
    attributes: dict[str, Any]
    events: dict[str, dict[str, Any]]
    status: int
    message: str
    service: str
    links: tuple[bytes, ...] = ()

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]


@dataclass
class Backend:
    """What arrived."""

    address: str
    answer: int = 200
    hangs: threading.Event | None = None
    raw: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def bytes(self) -> bytes:
        """Everything, for a look for what must not be in it."""
        return b"\n".join(body for _, body, _ in self.raw)

    @property
    def paths(self) -> set[str]:
        return {path for path, _, _ in self.raw}

    @property
    def spans(self) -> list[Seen]:
        found = []
        for path, body, _ in list(self.raw):
            if path.endswith("/v1/traces"):
                for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                    service = attributes(resource.resource.attributes).get("service.name", "")
                    for scope in resource.scope_spans:
                        found += [_seen(span, service) for span in scope.spans]
        return found

    def named(self, name: str) -> Seen:
        """Return the one span of that name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found

    def under(self, span: Seen) -> list[Seen]:
        """Return a span's children."""
        return [each for each in self.spans if each.parent == span.id]

    def labels(self, point: Any) -> dict[str, Any]:
        """Return the attributes of a metric's point."""
        return attributes(point.attributes)

    @property
    def points(self) -> dict[str, list[Any]]:
        """The newest points of each metric."""
        found: dict[str, list[Any]] = {}
        for path, body, _ in list(self.raw):
            if path.endswith("/v1/metrics"):
                for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    for scope in resource.scope_metrics:
                        for metric in scope.metrics:
                            found[metric.name] = list(getattr(metric, metric.WhichOneof("data")).data_points)
        return found


def _seen(span: Any, service: str) -> Seen:
    return Seen(
        name=span.name,
        kind=span.kind,
        trace=span.trace_id,
        id=span.span_id,
        parent=span.parent_span_id,
        attributes=attributes(span.attributes),
        events={event.name: attributes(event.attributes) for event in span.events},
        status=span.status.code,
        message=span.status.message,
        service=service,
        links=tuple(link.span_id for link in span.links),
    )


@pytest.fixture
def backend() -> Iterator[Backend]:
    """Return a backend that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            found.raw.append((self.path, body, {name.lower(): value for name, value in self.headers.items()}))
            found.arrived.set()
            if found.hangs is not None:
                found.hangs.wait(30)
            self.send_response(found.answer)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Backend(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield found
    if found.hangs is not None:
        found.hangs.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Let the process begin without providers, and put back what was there; OpenTelemetry sets them once."""
    from frugal.telemetry import otlp

    before = (trace._TRACER_PROVIDER, metrics._internal._METER_PROVIDER)
    _set(None, None)
    yield
    otlp.close()
    _set(*before)


def _set(tracing: Any, measuring: Any) -> None:
    trace._TRACER_PROVIDER, trace._TRACER_PROVIDER_SET_ONCE = tracing, Once()
    metrics._internal._METER_PROVIDER, metrics._internal._METER_PROVIDER_SET_ONCE = measuring, Once()
    trace._TRACER_PROVIDER_SET_ONCE._done = tracing is not None
    metrics._internal._METER_PROVIDER_SET_ONCE._done = measuring is not None


@pytest.fixture
def flush(backend: Backend, fresh: None) -> Callable[[], None]:
    """Send everything to the backend from now on; return what sends what is still waiting."""
    return export_otlp(backend.address, service_name="the desk", metrics_every=3600)
