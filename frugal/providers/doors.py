"""Doors: where an SDK's client sends its requests, and a watch put there.

Law: a watch changes nothing that is sent, answered or raised. It stands on one client's own HTTP client, never on a
class or a module; several watches on one door are one, and the last that is taken off leaves the door as it was. It
tells of requests that ask for something to be made (POST), and of no others.
"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Protocol
from weakref import ref

from frugal.ports import Exchange
from frugal.providers.body import Whole, passing

__all__ = ["Opens", "watch"]

_WAYS: tuple[tuple[str, ...], ...] = (
    (),
    ("_client",),  # OpenAI, Anthropic, Groq, Together, Cerebras: whatever Stainless makes
    ("_api_client", "_async_httpx_client"),  # google-genai
    ("sdk_configuration", "async_client"),  # Mistral: whatever Speakeasy makes
    ("_client_wrapper", "httpx_client", "httpx_client"),  # Cohere: whatever Fern makes
    ("_client", "_client"),  # a resource of one of the first
    ("aclient_session",),  # LiteLLM's module
    ("http_client",),
)
"""How HTTP clients are found from an SDK's client, or from one of its resources."""

_MODEL = re.compile(r"/(?:models|deployments|model)/([^/:?]+)")


class Opens(Protocol):
    """Begins an exchange for a request; `None` where nobody wants to know of it."""

    def __call__(self, request: Callable[[], Mapping[str, Any] | None], /) -> Exchange | None:
        """Return the exchange."""
        ...


def watch(client: Any, opens: Opens, *, once: bool = False) -> Callable[[], None] | None:
    """Watch what an SDK's client sends.

    Args:
        client: the client, one of its resources, or an HTTP client itself.
        opens: begins an exchange.
        once: leave alone what is watched already.

    Returns:
        What takes the watch off again; `None` when no HTTP client was found.
    """
    offs = []
    seen: set[int] = set()
    for way in _WAYS:
        for http in _at(client, way):
            if id(http) in seen:
                continue
            seen.add(id(http))
            if not (once and getattr(vars(http).get("send"), "frugal_users", None)):
                offs.append(_put(http, opens))
    if not seen:
        return None

    def off() -> None:
        while offs:
            offs.pop()()

    return off


def _at(client: Any, way: tuple[str, ...]) -> Iterator[Any]:
    found = client
    for name in way:
        found = getattr(found, "__dict__", {}).get(name)
        if found is None:
            return
    kind = type(found)
    if inspect.iscoroutinefunction(getattr(kind, "send", None)) and hasattr(kind, "build_request"):
        yield found


def _put(http: Any, opens: Opens) -> Callable[[], None]:
    """Stand before an HTTP client's `send`."""
    door = vars(http).get("send")
    users: list[Opens] | None = getattr(door, "frugal_users", None)
    if users is None:
        users = []
        _stand(http, users)
    users.append(opens)
    return partial(_leave, ref(http), users, opens)


def _stand(http: Any, users: list[Opens]) -> None:
    before = vars(http).get("send")
    itself = ref(http)  # not the client: it would hold itself, and wait for the garbage collector to be closed
    way_in = type(http).send

    async def send(request: Any, *args: Any, **kwargs: Any) -> Any:
        onward = before if before is not None else partial(way_in, itself())
        exchange = users[-1](partial(_asked, request)) if users and request.method == "POST" else None
        if exchange is None:
            return await onward(request, *args, **kwargs)
        await exchange.before()
        try:
            response = await onward(request, *args, **kwargs)
        except BaseException as error:
            exchange.failed(error)
            raise
        exchange.answered(response.status_code, passing(response) or Whole(response))
        return response

    send.frugal_users, send.frugal_before = users, before  # type: ignore[attr-defined]  # functions have attributes
    http.send = send


def _leave(http: Any, users: list[Opens], opens: Opens) -> None:
    if opens not in users:
        return
    users.remove(opens)
    client = http()
    if users or client is None:
        return
    door = vars(client).get("send")
    if getattr(door, "frugal_users", None) is not users:
        return  # somebody stands before us; with no users left we only hand on
    if door.frugal_before is None:
        del client.send
    else:
        client.send = door.frugal_before


def _asked(request: Any) -> Mapping[str, Any] | None:
    """Decode what a request asks for."""
    try:
        arguments = json.loads(request.content)
    except Exception:  # a form, a file, a stream: nothing that a model is asked with
        return None
    if not isinstance(arguments, dict):
        return None
    if not isinstance(arguments.get("model"), str) and (named := _MODEL.search(str(request.url))):
        arguments["model"] = named[1]
    return arguments
