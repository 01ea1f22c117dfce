"""Names: how one model is written in different places, from the most to the least literal.

Law: a route (`bedrock/`, `models/`, `us.anthropic.`) is taken off only when it is a known one, and a
version (`-2024-08-06`, `-v1:0`, `-latest`) only when nothing is listed under the full name. The rest of a
name is never searched for parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

__all__ = ["LONGEST", "hosted", "spellings"]

LONGEST = 256
"""Characters of a model's name beyond which it is not one."""

_SAID = {
    "anthropic": "anthropic_text",
    "aws": "bedrock bedrock_converse aws.bedrock sagemaker",
    "azure": "azure_ai azure_openai azure.ai.openai azure.ai.inference az.ai.openai az.ai.inference",
    "cohere": "cohere_chat",
    "fireworks": "fireworks_ai",
    "google": "gcp.gemini gcp.gen_ai gcp.vertex_ai gemini google_genai google_vertexai vertex_ai vertexai "
    "vertex vertex_ai_beta google-vertex google-gla",
    "mistral": "mistral_ai mistralai",
    "moonshotai": "moonshot moonshot_ai",
    "openai": "text-completion-openai openai_responses openai-chat openai-responses",
    "openrouter": "open_router",
    "together": "together_ai togetherai together-ai",
    "voyageai": "voyage voyage_ai",
    "x-ai": "xai x_ai",
    "zai": "z-ai z.ai",
    "zhipuai": "zhipu",
}
ALIASES = {alias: provider for provider, said in _SAID.items() for alias in said.split()}
"""Providers by the names that SDKs, gateways and telemetry conventions give them."""

GATEWAYS = frozenset(
    {"litellm", "litellm_proxy", "proxy", "gateway", "custom_openai", "openai_like", "openai-compatible"}
)
"""Names that say nothing about who serves."""

_SHAPES = frozenset({"openai", "openrouter"})
"""Providers whose API others speak or resell: their name does not exclude another server."""

_ARN = re.compile(r"arn:aws[a-z-]*:bedrock:[^/]*/(.+)")
_RESOURCE = re.compile(r"(?:projects/[^/]+/locations/[^/]+/)?publishers/([^/]+)/models/([^/]+)")
_BEDROCK = re.compile(
    r"(?:(?:us|us-gov|eu|apac|ap|jp|au|ca|sa|in|me|af|global)\.)?"
    r"(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|writer|nvidia|google|moonshotai"
    r"|zai|minimax)"
    r"\.[a-z]"
)
_BEDROCK_PATH = re.compile(r"(?:(?:converse|invoke|[a-z]{2}(?:-[a-z]+)+-\d)/)+")
_BEDROCK_HEAD = re.compile(r"^(?:[a-z-]+\.)?[a-z0-9]+\.(?=[a-z])")
_REVISION = re.compile(r"-v\d+:\d+$|(?<=\d{8})-v\d+$")
_COMPACT = re.compile(r"(?<=[-@])(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|@|$)")
_DATE = re.compile(r"[-@](?:20\d\d-\d\d-\d\d|20\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01]))$")
_LATEST = re.compile(r"(?:-|@|:)(?:latest|default)$")


def spellings(name: str) -> Iterator[str]:
    """Yield a name, and then the names of its family.

    >>> list(spellings("gpt-4.1-20990101"))
    ['gpt-4.1-20990101', 'gpt-4.1-2099-01-01', 'gpt-4.1']
    """
    yield name
    dashed = _COMPACT.sub(r"\1-\2-\3", name)
    if dashed != name:
        yield dashed
    bare = _REVISION.sub("", name)
    if bare != name:
        yield bare
    family = _DATE.sub("", bare)
    if family != bare:
        yield family
    plain = _LATEST.sub("", family)
    if plain != family:
        yield plain


def hosted(model: str, provider: str | None, known: Callable[[str], str | None]) -> Iterator[tuple[str | None, str]]:
    """Yield who may serve the model and what it is called there; `None` is whoever makes it.

    Args:
        model: the name, lower case.
        provider: who served, if somebody said so.
        known: a provider's id by one of its names.
    """
    host: str | None = None
    server = (provider or "").strip().lower()
    if server and server not in GATEWAYS:
        host = known(server)
        if host is None:
            return  # served by somebody whose prices are not known
    found = _ARN.fullmatch(model)
    if found:
        host, model = host or "aws", found[1].rpartition("/")[2]
    resource = _RESOURCE.fullmatch(model)
    if resource:
        host, model = host or "google", resource[2]
    yield from _routes(model.removeprefix("models/"), host, known)


def _routes(model: str, host: str | None, known: Callable[[str], str | None]) -> Iterator[tuple[str | None, str]]:
    if "/" not in model and _BEDROCK.match(model):
        yield host or "aws", model
        if host in {None, "aws"}:
            yield None, _BEDROCK_HEAD.sub("", model)
        return
    if host is not None:
        yield host, model
    prefix, slash, rest = model.partition("/")
    if slash and rest and prefix in GATEWAYS:
        yield from _routes(rest, host, known)
        return
    route = known(prefix) if slash and rest else None
    if route is None:
        if host is None or (host in _SHAPES and not slash):
            yield None, model
        return
    if route == "aws":
        rest = _BEDROCK_PATH.sub("", rest, count=1)
    if host is None or host in _SHAPES or host == route:
        yield route, model
        yield from _routes(rest, route, known)
    else:
        yield host, rest
