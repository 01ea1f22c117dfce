"""Every name that telemetry uses, in one table.

The GenAI conventions are still in development and some of these will move; this is the one place to change. Cost has
no agreed name yet: `gen_ai.usage.cost` is what Langfuse and OpenLIT read, `operation.cost` what Logfire reads.
"""

from __future__ import annotations

from typing import Final

# Spans of provider calls (OpenTelemetry semantic conventions for generative AI).
OPERATION: Final = "gen_ai.operation.name"
PROVIDER: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_MODEL: Final = "gen_ai.response.model"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"
COST: Final = ("gen_ai.usage.cost", "operation.cost")
ERROR_TYPE: Final = "error.type"
ATTEMPTS: Final = "frugal.attempts"  # requests on the wire, an SDK's own retries among them
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105 a metric's attribute

CHAT: Final = "chat"
EMBEDDINGS: Final = "embeddings"

PROVIDERS: Final = {
    "aws": "aws.bedrock",
    "azure": "azure.ai.openai",
    "google": "gcp.gemini",
    "mistral": "mistral_ai",
    "x-ai": "x_ai",
}
"""What the conventions call a provider, where that is not what its prices are listed under."""

# Spans of decorated calls.
FUNCTION: Final = "frugal.function"
OUTCOME: Final = "frugal.outcome"
LAYER: Final = "frugal.layer"
SAVED: Final = "frugal.saved"
SIMILARITY: Final = "frugal.similarity"
ROUTE_MODEL: Final = "frugal.route.model"
ROUTE_REASON: Final = "frugal.route.reason"
BUDGET_LEFT: Final = "frugal.budget.left"
AGGREGATED_COST: Final = "frugal.aggregated.cost"
COST_STATUS: Final = "frugal.cost.status"
CALL_ID: Final = "frugal.call.id"
USER: Final = ("frugal.user", "user.id")
"""The second is what Langfuse and Phoenix group by, as of the next."""
RUN: Final = ("frugal.run", "session.id")
TAG: Final = "frugal.tag."

# Metrics: name, unit, description.
DURATION: Final = ("gen_ai.client.operation.duration", "s", "Duration of provider calls.")
TOKENS: Final = ("gen_ai.client.token.usage", "{token}", "Tokens of provider calls.")
COST_METRIC: Final = ("operation.cost", "{USD}", "Cost of provider calls.")
CACHE_REQUESTS: Final = ("frugal.cache.requests", "{request}", "Decorated calls by how they were answered.")
COST_SAVED: Final = ("frugal.cost.saved", "{USD}", "What hits and shared answers would have cost.")

TOKEN_BUCKETS: Final = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""Boundaries of the token histogram, as the conventions ask."""

DURATION_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
"""Boundaries of the duration histogram in seconds, as the conventions ask."""
