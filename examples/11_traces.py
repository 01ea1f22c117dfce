"""Learn: calls as traces, with their cost: Jaeger in one container, and one line here.

    docker run --rm -p 16686:16686 -p 4318:4318 cr.jaegertracing.io/jaegertracing/jaeger:2.21.0

Where no Jaeger listens, the same spans are drawn in the terminal.
"""

import asyncio
import socket

from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from frugal import cached, cascade, memory, metered, routed
from frugal.telemetry import export_otlp
from frugal.testing import FakeModel

provider = FakeModel()


@metered
@cached(layers=[memory])
@routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: "mini" not in answer.model))
async def think(prompt: str, *, model: str = "gpt-4o") -> object:
    return await provider(prompt=prompt, model=model)


@metered
async def agent(question: str) -> None:
    await think(question)
    await think(question)


def draw(spans: tuple[ReadableSpan, ...], inside: int = 0, indent: str = "") -> None:
    for span in sorted(spans, key=lambda span: span.start_time or 0):
        if (span.parent.span_id if span.parent else 0) == inside and span.attributes and span.context:
            cost = span.attributes.get("operation.cost")
            told = "" if cost is None else f"${cost:.8f}"
            print(f"{indent}{span.name:<{30 - len(indent)}} {span.attributes['frugal.outcome']!s:<10} {told}".rstrip())
            draw(spans, span.context.span_id, indent + "  ")


if __name__ == "__main__":
    with socket.socket() as door:
        is_there = door.connect_ex(("localhost", 4318)) == 0
    if is_there:
        export_otlp()  # the one line
        asyncio.run(agent("Plan my walk in Oslo"))
        print("sent: look for service 'frugal' at http://localhost:16686")
    else:
        seen = InMemorySpanExporter()
        trace.set_tracer_provider(TracerProvider())
        trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(seen))  # type: ignore[attr-defined]  # the SDK's
        asyncio.run(agent("Plan my walk in Oslo"))
        draw(seen.get_finished_spans())
