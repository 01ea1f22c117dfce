"""An outlet: what sends spans and metrics to one backend, and what happens when that backend is not there.

Law: a backend that is down or hangs costs the process one line in the log, nothing of its calls, and at its exit no
more than `PATIENCE` seconds.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["PATIENCE", "Outlet"]

PATIENCE = 3.0
"""Seconds that the exit of the process waits for what has not been sent yet."""

_PAUSE = 5.0
"""Seconds after a failure in which nothing is sent, so that a queue of batches does not wait for each in turn."""

_SENDERS = (
    "opentelemetry.exporter.otlp.common.http",
    "opentelemetry.exporter.otlp.proto.http.metric_exporter",
    "opentelemetry.exporter.otlp.proto.http.trace_exporter",
    "opentelemetry.exporter.otlp.proto.http",
    "urllib3.connectionpool",
)
"""The loggers of what sends: they tell each attempt, and the outlet tells an outage once."""

_ABSENT = frozenset({404, 405, 501})
"""What a backend answers that takes no metrics, as Jaeger and Langfuse."""

_log = logging.getLogger("frugal")
_heard: contextvars.ContextVar[list[logging.LogRecord] | None] = contextvars.ContextVar("frugal_heard", default=None)


class _Hush(logging.Filter):
    """Keep what an exporter of ours says for ourselves; everybody else's goes on."""

    def filter(self, record: logging.LogRecord) -> bool:
        heard = _heard.get()
        if heard is None:
            return True
        heard.append(record)
        return False


_hush = _Hush()


class Outlet:
    """Send to one backend.

    Args:
        address: where, as it is told in the log.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._down: set[str] = set()
        self._refuses: set[str] = set()
        self._paused: dict[str, float] = {}
        self._parts: list[Any] = []
        self._ending = threading.Event()
        self._ended = threading.Event()
        for name in _SENDERS:
            logging.getLogger(name).addFilter(_hush)  # the same one: added once

    def quieted(self, exporter: Any, what: str) -> Any:
        """Return an exporter that tells an outage once, and waits for no backend that has just failed it.

        Args:
            exporter: one of OpenTelemetry's.
            what: what it sends.
        """
        send = exporter.export

        def export(batch: Any, *args: Any, **kwargs: Any) -> Any:
            if what in self._refuses or time.monotonic() < self._paused.get(what, 0.0):
                return None  # nobody asks: the processors of OpenTelemetry do not look at what comes back
            heard: list[logging.LogRecord] = []
            token = _heard.set(heard)
            try:
                result = send(batch, *args, **kwargs)
            finally:
                _heard.reset(token)
            self._learn(what, getattr(result, "name", "FAILURE") == "SUCCESS", heard)
            return result

        exporter.export = export
        return exporter

    def _learn(self, what: str, sent: bool, heard: list[logging.LogRecord]) -> None:
        """Learn how a sending went."""
        if sent:
            if what in self._down:
                self._down.discard(what)
                if not self._down:
                    _log.info("frugal: %s answers again", self.address)
            return
        if what == "metrics" and any(code in _ABSENT for record in heard for code in _arguments(record)):
            self._refuses.add(what)
            _log.info("frugal: %s takes no metrics; spans are sent all the same", self.address)
            return
        self._paused[what] = time.monotonic() + _PAUSE
        told = bool(self._down)
        self._down.add(what)
        if not told and not self._ending.is_set():
            reason = heard[0].getMessage() if heard else "it did not answer in time"
            hint = " Port 4317 is that of gRPC; OTLP over HTTP has 4318." if ":4317" in self.address else ""
            _log.warning(
                "frugal: %s cannot be sent to %s (%s); the calls go on, and this is said once.%s",
                what, self.address, _short(reason), hint,
            )  # fmt: skip

    # ------------------------------------------------------------------ the end

    def keep(self, part: Any) -> None:
        """Take a processor or a reader, to be flushed and shut down with the outlet."""
        self._parts.append(part)

    def flush(self) -> None:
        """Send what is still waiting."""
        for part in self._parts:
            part.force_flush()

    def closes_at_exit(self) -> None:
        """Shut down when the process ends; call it once everything is kept."""
        # A thread that is there already, since none can be started any more at exit.
        self._begin()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._begin)
        atexit.register(self.close)

    def _begin(self) -> None:
        if not self._ended.is_set():
            self._ending, self._ended = threading.Event(), threading.Event()
            threading.Thread(target=self._end, name="frugal-telemetry", daemon=True).start()

    def _end(self) -> None:
        self._ending.wait()
        for part in self._parts:
            _shut(part.shutdown)
        self._ended.set()

    def close(self) -> None:
        """Send what is still waiting and stop; wait no longer than `PATIENCE` for it."""
        self._ending.set()
        self._ended.wait(PATIENCE)


def _shut(shutdown: Callable[[], Any]) -> None:
    token = _heard.set([])
    try:
        shutdown()
    except Exception as error:
        _log.debug("frugal: an exporter could not be shut down: %r", error)
    finally:
        _heard.reset(token)


def _arguments(record: logging.LogRecord) -> tuple[Any, ...]:
    return record.args if isinstance(record.args, tuple) else ()


def _short(reason: str) -> str:
    words = " ".join(reason.split())
    return words if len(words) <= 200 else words[:199] + "…"
