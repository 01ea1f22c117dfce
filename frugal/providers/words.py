"""Words: finish reasons and service tiers, as the providers spell them.

Law: a finish reason is passed on as the provider says it; only whether it means a whole answer is decided here,
and a word that nobody knows means a whole one. A tier is one of few names. In a request the normal one is
`None`; a response that says it served the normal one says `standard`, for it overrules what was asked.
"""

from __future__ import annotations

from typing import Any

from frugal.providers.nodes import look, word

__all__ = ["is_cut", "served_tier", "tier_of"]

_CUT = frozenset(
    """
    length max_tokens max_output_tokens model_length model_context_window_exceeded context_length_exceeded
    max_completion_tokens max_prompt_tokens error_limit incomplete budget_exceeded
    content_filter content_filtered guardrail_intervened refusal refused error_toxic
    safety recitation language other blocklist prohibited_content spii finish_reason_unspecified
    image_safety image_prohibited_content image_other image_recitation no_image model_armor
    block_reason_unspecified blocked jailbreak
    malformed_function_call malformed_response malformed_model_output malformed_tool_use unexpected_tool_call
    too_many_tool_calls missing_thought_signature
    error failed cancelled canceled user_cancel in_progress queued expired timeout
    pause_turn compaction insufficient_system_resource network_error sensitive abort
    """.split()
)
"""Finish reasons of an answer that was cut short, filtered, refused, or is not finished (all in lower case).

OpenAI: length, content_filter, max_output_tokens, incomplete, failed. Anthropic: max_tokens, refusal, pause_turn,
compaction, model_context_window_exceeded. Gemini: every reason but STOP. Bedrock: guardrail_intervened,
content_filtered. Cohere: MAX_TOKENS, ERROR, ERROR_TOXIC, ERROR_LIMIT, USER_CANCEL. Mistral: model_length, error.
DeepSeek: insufficient_system_resource. Z.ai: sensitive, network_error.
"""


def is_cut(finish: str | None) -> bool:
    """Whether an answer with this finish reason is not a whole one.

    >>> is_cut("MAX_TOKENS"), is_cut("end_turn"), is_cut(None)
    (True, False, False)
    """
    return finish is not None and finish.lower() in _CUT


_TIERS = {
    "auto": None,
    "default": None,
    "standard": None,
    "on_demand": None,
    "traffic_type_unspecified": None,
    "unspecified": None,
    "on_demand_priority": "priority",
    "on_demand_flex": "flex",
    "on_demand_offpeak": "flex",
    "provisioned_throughput": "provisioned",
}


def tier_of(value: Any) -> str | None:
    """Return a service tier by its one name; `None` for the normal one and for none at all.

    Args:
        value: a name (`"flex"`, `"standard"`), an enumeration's member, or Bedrock's `{"type": "flex"}`.

    >>> tier_of("default"), tier_of({"type": "flex"}), tier_of("ON_DEMAND_PRIORITY")
    (None, 'flex', 'priority')
    """
    name = _name(value)
    return None if name is None else _TIERS.get(name, name)


def _name(value: Any) -> str | None:
    name = word(value)
    if name is None:
        node = look(value) if value is not None else None
        name = word(node.get("type")) if node is not None else None
    return None if name is None else name.lower()


_UNSAID = frozenset(("auto", "unspecified", "traffic_type_unspecified"))


def served_tier(value: Any) -> str | None:
    """Return the tier that a response says it was served in; `None` when it does not say.

    >>> served_tier("default"), served_tier("flex"), served_tier(None)
    ('standard', 'flex', None)
    """
    tier = tier_of(value)
    if tier is not None or value is None:
        return tier
    name = _name(value)
    return None if name is None or name in _UNSAID else "standard"
