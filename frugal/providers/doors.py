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

from frugal.ports import Body, Exchange
from frugal.providers.body import Whole, passing
from frugal.providers.failures import status_of

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

_ONCE = "_async_request_once"
"""What google-genai calls for each request, whatever sends it."""

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
        What takes the watch off again; `None` when nothing was found that sends.
    """
    offs = []
    seen: set[int] = set()
    for sender, name in _doors(client):
        if id(sender) in seen:
            continue
        seen.add(id(sender))
        if not (once and getattr(vars(sender).get(name), "frugal_users", None)):
            offs.append(_put(sender, name, opens))
    if not seen:
        return None

    def off() -> None:
        while offs:
            offs.pop()()

    return off


def _doors(client: Any) -> Iterator[tuple[Any, str]]:
    """Give what sends for a client, and by which of its methods."""
    api = vars(client).get("_api_client") if hasattr(client, "__dict__") else None
    if api is not None and _is_aiohttps(api):
        yield api, _ONCE
        return
    for way in _WAYS:
        found = client
        for name in way:
            found = getattr(found, "__dict__", {}).get(name)
        kind = type(found)
        if inspect.iscoroutinefunction(getattr(kind, "send", None)) and hasattr(kind, "build_request"):
            yield found, "send"


def _is_aiohttps(api: Any) -> bool:
    """Say whether google-genai sends through aiohttp, past the httpx client that it has all the same."""
    try:
        return hasattr(api, _ONCE) and bool(api._use_aiohttp())  # noqa: SLF001 there is no public way to know
    except Exception:
        return False


# --- standing there ---------------------------------------------------------------------------------------------


def _put(sender: Any, name: str, opens: Opens) -> Callable[[], None]:
    """Stand before what sends."""
    door = vars(sender).get(name)
    users: list[Opens] | None = getattr(door, "frugal_users", None)
    if users is None:
        users = []
        _stand(sender, name, users)
    users.append(opens)
    return partial(_leave, ref(sender), name, users, opens)


def _stand(sender: Any, name: str, users: list[Opens]) -> None:
    before = vars(sender).get(name)
    itself = ref(sender)  # not the sender: it would hold itself, and wait for the garbage collector to be closed
    way_in = getattr(type(sender), name)
    asked, answered = (_asked, _answered) if name == "send" else (_asked_of_google, _answered_by_google)

    async def send(request: Any, *args: Any, **kwargs: Any) -> Any:
        onward = before if before is not None else partial(way_in, itself())
        wanted = users and str(request.method).upper() == "POST"
        exchange = users[-1](partial(asked, request)) if wanted else None
        if exchange is None:
            return await onward(request, *args, **kwargs)
        await exchange.before()
        try:
            response = await onward(request, *args, **kwargs)
        except BaseException as error:
            status = status_of(error) if isinstance(error, Exception) else None
            if status is None:
                exchange.failed(error)
            else:
                exchange.answered(status, None)
            raise
        exchange.answered(*answered(response))
        return response

    send.frugal_users, send.frugal_before = users, before  # type: ignore[attr-defined]  # functions have attributes
    setattr(sender, name, send)


def _leave(sender: Callable[[], Any], name: str, users: list[Opens], opens: Opens) -> None:
    if opens not in users:
        return
    users.remove(opens)
    client = sender()
    if users or client is None:
        return
    door = vars(client).get(name)
    if getattr(door, "frugal_users", None) is not users:
        return  # somebody stands before us; with no users left we only hand on
    if door.frugal_before is None:
        delattr(client, name)
    else:
        setattr(client, name, door.frugal_before)


# --- what is asked and answered ---------------------------------------------------------------------------------


def _asked(request: Any) -> Mapping[str, Any] | None:
    """Decode what an HTTP request asks for."""
    try:
        arguments = json.loads(request.content)
    except Exception:  # a form, a file, a stream: nothing that a model is asked with
        return None
    return _with_model(arguments, str(request.url))


def _asked_of_google(request: Any) -> Mapping[str, Any] | None:
    data = request.data
    return _with_model(dict(data), str(request.url)) if isinstance(data, Mapping) else None


def _with_model(arguments: Any, url: str) -> Mapping[str, Any] | None:
    if not isinstance(arguments, dict):
        return None
    if not isinstance(arguments.get("model"), str) and (named := _MODEL.search(url)):
        arguments["model"] = named[1]
    return arguments


def _answered(response: Any) -> tuple[int, Body]:
    return response.status_code, passing(response) or Whole(response)


def _answered_by_google(response: Any) -> tuple[int, Body | None]:
    body = response.response_stream
    return 200, Whole(body[0]) if isinstance(body, list) and body and isinstance(body[0], str) else None
