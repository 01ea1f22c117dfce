"""Metrics: what provider calls took, used and cost, and how decorated calls were answered."""

from __future__ import annotations

import os
from typing import Any

from opentelemetry import metrics

from frugal._values.facts import Spent
from frugal._values.record import Record
from frugal.telemetry import names
from frugal.telemetry.provider_call import identity, operation

__all__ = ["Instruments"]


_NAMED = bool(os.environ.get("OTEL_PYTHON_METER_PROVIDER"))


class Instruments:
    """Make the instruments once for each meter provider, and none while the process has not set one up."""

    __slots__ = ("_answers", "_cost", "_duration", "_provider", "_saved", "_tokens", "_watched")

    def __init__(self) -> None:
        self._provider: Any = None
        self._watched = False
        self._duration: Any = None
        self._tokens: Any = None
        self._cost: Any = None
        self._answers: Any = None
        self._saved: Any = None

    @property
    def are_unset(self) -> bool:
        """Whether no meter was set up, said cheaply: the API's own question looks into the environment each time."""
        return getattr(metrics._internal, "_METER_PROVIDER", metrics) is None and not _NAMED  # noqa: SLF001

    def _ready(self) -> bool:
        if self.are_unset:
            return False
        provider = metrics.get_meter_provider()
        if provider is not self._provider:
            self._provider = provider
            # The API's own stand-ins live in its packages; a real provider comes from an SDK.
            self._watched = not type(provider).__module__.startswith("opentelemetry.metrics")
            if self._watched:
                self._make(provider.get_meter("frugal"))
        return self._watched

    def _make(self, meter: Any) -> None:
        def histogram(name: tuple[str, str, str], buckets: tuple[float, ...] | None) -> Any:
            if buckets is None:
                return meter.create_histogram(name[0], unit=name[1], description=name[2])
            return meter.create_histogram(
                name[0], unit=name[1], description=name[2], explicit_bucket_boundaries_advisory=list(buckets)
            )

        self._duration = histogram(names.DURATION, names.DURATION_BUCKETS)
        self._tokens = histogram(names.TOKENS, names.TOKEN_BUCKETS)
        self._cost = histogram(names.COST_METRIC, None)
        requests, unit, text = names.CACHE_REQUESTS
        self._answers = meter.create_counter(requests, unit=unit, description=text)
        saved, unit, text = names.COST_SAVED
        self._saved = meter.create_counter(saved, unit=unit, description=text)

    def attempt(self, spent: Spent) -> None:
        """Measure one provider call, whether or not its span is sampled."""
        if not self._ready():
            return
        labels: dict[str, Any] = {names.OPERATION: operation(spent), **identity(spent)}
        self._duration.record(spent.latency, labels)
        if spent.usage.total_tokens:  # a call of which nothing is known used no zero tokens
            self._tokens.record(spent.usage.total_input_tokens, {**labels, names.TOKEN_TYPE: "input"})
            if labels[names.OPERATION] != names.EMBEDDINGS:
                self._tokens.record(spent.usage.total_output_tokens, {**labels, names.TOKEN_TYPE: "output"})
        if spent.cost.amount is not None:
            self._cost.record(float(spent.cost.amount), labels)

    def answered(self, record: Record) -> None:
        """Count one decorated call by how it was answered."""
        if not self._ready():
            return
        labels = {names.FUNCTION: record.function, names.OUTCOME: record.outcome}
        self._answers.add(1, labels)
        if record.saved.pico > 0:
            self._saved.add(float(record.saved), labels)
