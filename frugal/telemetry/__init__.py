"""Telemetry: calls as OpenTelemetry spans and metrics, with their cost on the provider calls' spans only.

Law: a fault here never reaches a call, and no prompt, answer or argument is ever put on a span.
"""

from frugal.telemetry.otlp import export_otlp
from frugal.telemetry.spans import OpenTelemetry

__all__ = ["OpenTelemetry", "export_otlp"]
