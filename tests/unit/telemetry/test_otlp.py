"""Sending: one line sets it up, and a backend that is not there costs the process nothing but a line in the log."""

import asyncio
import logging
import os
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import metrics, trace

from frugal import Ledger, metered
from frugal.errors import MissingExtraError
from frugal.telemetry import export_otlp
from frugal.telemetry import outlet as outlets
from frugal.testing import FakeModel

NOBODY = "http://127.0.0.1:9"  # the port of "discard", where nobody listens


@pytest.fixture
def ask(tmp_path: Path) -> Any:
    """Return a decorated function, and make its ledger last as long."""
    provider = FakeModel()
    with Ledger(tmp_path / "ledger") as ledger:

        @metered(ledger=ledger)
        async def ask(prompt: str, *, model: str = "gpt-4o") -> Any:
            return await provider(prompt=prompt, model=model)

        yield ask


def called(ask: Callable[..., Any]) -> None:
    asyncio.run(ask("x"))


@pytest.mark.parametrize("end", ["", "/", "/v1/traces", "/v1/metrics/"])
def test_a_base_address_is_enough_and_a_whole_one_is_understood(backend, fresh, ask, end):
    """The paths of both signals are appended once."""
    flush = export_otlp(backend.address + end)
    called(ask)
    flush()
    assert backend.paths == {"/v1/traces", "/v1/metrics"}


def test_a_path_in_the_address_stays(backend, fresh, ask):
    """As that of Langfuse, whose endpoint is below /api/public/otel; and a key is sent along."""
    flush = export_otlp(f"{backend.address}/api/public/otel", headers={"Authorization": "Basic a2V5"})
    called(ask)
    flush()
    assert backend.paths == {"/api/public/otel/v1/traces", "/api/public/otel/v1/metrics"}
    assert {"Basic a2V5"} == {headers["authorization"] for _, _, headers in backend.raw}


def test_the_environment_says_where_as_everywhere_in_opentelemetry(backend, fresh, ask, monkeypatch):
    """Address, headers and name, without an argument."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", backend.address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api_key=secret")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from outside")
    flush = export_otlp()
    called(ask)
    flush()
    assert backend.paths == {"/v1/traces", "/v1/metrics"}
    assert {"secret"} == {headers["api_key"] for _, _, headers in backend.raw}
    assert {"from outside"} == {span.service for span in backend.spans}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"endpoint": "localhost:4318"}, "http://localhost:4318"),
        ({"endpoint": "grpc://x:4317"}, "http://localhost:4318"),
        ({"metrics_every": 0}, "above zero"),
        ({"metrics_every": float("inf")}, "above zero"),
    ],
)
def test_what_cannot_be_is_said_at_once(fresh, arguments, said):
    """With what to give instead, and nothing set up."""
    with pytest.raises(ValueError, match=said):
        export_otlp(**arguments)
    assert trace._TRACER_PROVIDER is None


def test_without_the_extra_the_error_says_what_to_install(fresh, monkeypatch):
    """It names the extra."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(MissingExtraError, match=r"frugal\[otlp\]"):
        export_otlp()


def test_called_twice_every_span_arrives_once(backend, fresh, ask):
    """As where a module that sets it up is imported under two names."""
    export_otlp(backend.address)
    flush = export_otlp(f"{backend.address}/")
    called(ask)
    flush()
    assert ["ask", "chat gpt-4o"] == sorted(span.name for span in backend.spans)


def test_a_tracer_provider_of_the_users_is_kept_and_given_an_exporter_more(backend, fresh, ask):
    """Their own exporter goes on, their resource stays, and their spans come too."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    theirs, own = TracerProvider(resource=Resource.create({"service.name": "theirs"})), InMemorySpanExporter()
    theirs.add_span_processor(SimpleSpanProcessor(own))
    trace.set_tracer_provider(theirs)
    flush = export_otlp(backend.address, service_name="ours")
    assert trace.get_tracer_provider() is theirs
    called(ask)
    flush()
    assert {"theirs"} == {span.service for span in backend.spans}
    assert sorted(span.name for span in backend.spans) == sorted(span.name for span in own.get_finished_spans())


def test_a_meter_provider_of_the_users_is_kept_and_given_a_reader_more(backend, fresh, ask, caplog):
    """Or, where its version takes none, one line says that metrics are not sent there."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    own = InMemoryMetricReader()
    theirs = MeterProvider(metric_readers=[own])
    metrics.set_meter_provider(theirs)
    with caplog.at_level(logging.WARNING, "frugal"):
        flush = export_otlp(backend.address)
    assert metrics.get_meter_provider() is theirs
    called(ask)
    flush()
    assert own.get_metrics_data() is not None
    if hasattr(theirs, "add_metric_reader"):
        assert "operation.cost" in backend.points
        assert [] == caplog.records
    else:
        assert "export_otlp() first" in caplog.text


def test_no_metrics_are_sent_where_none_are_wanted(backend, fresh, ask):
    """For backends that take traces alone."""
    flush = export_otlp(backend.address, metrics_every=None)
    called(ask)
    flush()
    assert backend.paths == {"/v1/traces"}


def test_a_backend_that_is_down_is_told_once_and_no_call_is_hurt(fresh, ask, caplog):
    """Neither each span, nor each signal, nor each attempt has a line; only ours is left of all who would have one."""
    flush = export_otlp(NOBODY)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            called(ask)
            flush()
    (line,) = caplog.records
    assert line.name == "frugal"
    assert NOBODY in line.getMessage()
    assert "said once" in line.getMessage()


def test_a_backend_that_comes_back_is_told_too(backend, fresh, ask, caplog, monkeypatch):
    """Then it can go down again, and is told again."""
    monkeypatch.setattr(outlets, "_PAUSE", 0.0)
    flush = export_otlp(backend.address, metrics_every=None)
    with caplog.at_level(logging.INFO, "frugal"):
        for answer in (400, 400, 200, 400):
            backend.answer = answer
            called(ask)
            flush()
    assert ["WARNING", "INFO", "WARNING"] == [record.levelname for record in caplog.records]
    assert "400" in caplog.records[0].getMessage()


def test_a_backend_that_takes_no_metrics_is_no_trouble(backend, fresh, ask, caplog, monkeypatch):
    """Jaeger and Langfuse answer 404 to metrics: they get no more of them, and all spans."""
    monkeypatch.setattr(outlets, "_PAUSE", 0.0)
    flush = export_otlp(backend.address)
    backend.answer = 404
    metrics.get_meter_provider().force_flush()
    called(ask)
    metrics.get_meter_provider().force_flush()
    backend.answer = 200
    with caplog.at_level(logging.WARNING):
        called(ask)
        flush()
    asked = [path for path, _, _ in backend.raw]
    assert asked.count("/v1/metrics") == 1
    assert "/v1/traces" in asked
    assert [] == caplog.records


def test_the_exporters_of_others_say_what_they_said_before(fresh, caplog):
    """Only what is sent by us is hushed."""
    export_otlp(NOBODY)
    theirs = logging.getLogger("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    with caplog.at_level(logging.WARNING):
        theirs.error("theirs failed")
    assert "theirs failed" in caplog.text


def test_a_wrong_port_has_a_hint(fresh, ask, caplog):
    """The port of gRPC is the usual slip."""
    flush = export_otlp("http://127.0.0.1:43170")
    called(ask)
    with caplog.at_level(logging.WARNING, "frugal"):
        flush()
    assert "OTLP over HTTP has 4318" in caplog.text


SCRIPT = """
import asyncio, os, sys, time
from frugal import metered
from frugal.telemetry import export_otlp
from frugal.testing import FakeModel

flush = export_otlp(sys.argv[1])
provider = FakeModel()

@metered
async def ask(prompt, *, model="gpt-4o"):
    return await provider(prompt=prompt, model=model)

async def main(prompt="x"):
    asyncio.get_running_loop().slow_callback_duration = 60  # of which Python's development mode has something to say
    await ask(prompt)

asyncio.run(main())
"""


def run(script: str, address: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error::RuntimeWarning", "-c", script, address],
        env={**os.environ, "FRUGAL_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_not_sent_yet_is_sent_when_the_process_ends(backend, tmp_path):
    """A script needs no flush."""
    process = run(SCRIPT, backend.address, tmp_path)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (0, "")
    assert ["ask", "chat gpt-4o"] == sorted(span.name for span in backend.spans)
    assert "operation.cost" in backend.points


def test_a_backend_that_hangs_holds_up_no_exit(backend, tmp_path):
    """The process waits three seconds for it, and not the ten of each request that its exporters would."""
    backend.hangs = threading.Event()
    process = run(SCRIPT + "\nprint('done', flush=True)\n", backend.address, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "done\n"
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert time.monotonic() - began < outlets.PATIENCE + 5  # a busy machine takes its time to end a process
    assert backend.raw


def test_a_child_after_a_fork_sends_its_own_and_ends_as_well(backend, tmp_path):
    """Its threads are its own, and nothing of the parent's is sent twice."""
    forked = SCRIPT + textwrap.dedent("""
        child = os.fork()
        if not child:
            asyncio.run(main("from the child"))
            sys.exit()
        assert os.waitpid(child, 0)[1] == 0
    """)
    process = run(forked, backend.address, tmp_path)
    _, said = process.communicate(timeout=90)
    assert (process.returncode, said) == (0, "")
    assert ["ask", "ask", "chat gpt-4o", "chat gpt-4o"] == sorted(span.name for span in backend.spans)
    assert len({span.id for span in backend.spans}) == 4
