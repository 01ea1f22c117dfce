"""The SDKs, each behind one face: how it is opened on the loopback server, asked, streamed and read.

Law: what a test says of one face it can say of all; whatever is particular to one SDK is tested beside it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
from google import genai
from google.genai import types as gemini_types
from loopback import Loopback

HELLO = "Say hello to the ledger, please, and tell it that nothing is lost."


class Impatient(httpx2.AsyncHTTPTransport):
    """Send over the network, and time out at once where the server is told to hang: nobody waits for a clock."""

    def __init__(self, server: Loopback) -> None:
        super().__init__(verify=False)
        self.server = server

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request; one that nobody will answer has timed out once it has arrived."""
        if not (self.server.planned and self.server.planned[0].hang):
            return await super().handle_async_request(request)
        arrived = len(self.server.seen) + 1
        sending = asyncio.ensure_future(super().handle_async_request(request))
        await self.server.got(arrived)
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        raise httpx2.ReadTimeout("nobody answered", request=request)


@dataclass(frozen=True, eq=False)
class Face:
    """One way of asking one SDK.

    Args:
        name: for the test's id.
        model: a model with a price.
        path: the method's path from the client.
        streams: the path of the method that streams.
        open: makes a client; `(server, retries, **options)`.
        close: closes it.
        request: the arguments of a question, without the model.
        streaming: further arguments that make it stream, with figures.
        text: the text of an answer.
        piece: the text of a chunk.
        answer: the class of an answer.
        chunk: the class, or classes, of a chunk.
        status_error: what the SDK raises for an error status.
        broken: what it raises where the connection breaks.
    """

    name: str
    model: str
    path: str
    streams: str
    open: Callable[..., Any]
    close: Callable[[Any], Any]
    request: Callable[[str], dict[str, Any]]
    streaming: dict[str, Any]
    text: Callable[[Any], str]
    piece: Callable[[Any], str]
    answer: type
    status_error: type[Exception]
    broken: tuple[type[Exception], ...]

    def method(self, client: Any, path: str | None = None) -> Any:
        """Return the method that answers, as it is now."""
        for name in (path or self.path).split("."):
            client = getattr(client, name)
        return client

    async def ask(self, client: Any, text: str = HELLO, **more: Any) -> Any:
        """Ask for a whole answer."""
        return await self.method(client)(**{"model": self.model, **self.request(text), **more})

    async def stream(self, client: Any, text: str = HELLO, **more: Any) -> Any:
        """Ask for a stream."""
        asked = {"model": self.model, **self.request(text), **self.streaming, **more}
        return await self.method(client, self.streams)(**asked)

    def __repr__(self) -> str:
        return self.name


def _openai(server: Loopback, retries: int = 0, **options: Any) -> openai.AsyncOpenAI:
    http = options.pop("http_client", None) or httpx2.AsyncClient(transport=Impatient(server))
    given = {"api_key": "sk-1", "base_url": f"{server.url}/v1", "max_retries": retries, **options}
    return openai.AsyncOpenAI(http_client=http, **given)


def _anthropic(server: Loopback, retries: int = 0, **options: Any) -> anthropic.AsyncAnthropic:
    http = options.pop("http_client", None) or httpx2.AsyncClient(transport=Impatient(server))
    given = {"api_key": "sk-1", "base_url": server.url, "max_retries": retries, **options}
    return anthropic.AsyncAnthropic(http_client=http, **given)


def _gemini(server: Loopback, retries: int = 0, **options: Any) -> genai.Client:
    again = gemini_types.HttpRetryOptions(attempts=retries + 1, initial_delay=0.001, max_delay=0.001, jitter=0.0)
    http = gemini_types.HttpOptions(
        base_url=options.pop("base_url", server.url),
        retry_options=again if retries else None,
        async_client_args={"transport": Impatient(server)},
        client_args={"verify": False},
    )
    return genai.Client(**{"api_key": "sk-1", "http_options": http, **options})


async def _close(client: Any) -> None:
    await client.close()


async def _close_gemini(client: Any) -> None:
    await client.aio.aclose()
    client.close()


def _messages(text: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text}]}


CHAT = Face(
    "chat",
    "gpt-4o-mini",
    "chat.completions.create",
    "chat.completions.create",
    _openai,
    _close,
    _messages,
    {"stream": True, "stream_options": {"include_usage": True}},
    lambda answer: answer.choices[0].message.content,
    lambda chunk: (chunk.choices[0].delta.content or "") if chunk.choices else "",
    openai.types.chat.ChatCompletion,
    openai.APIStatusError,
    (openai.APIConnectionError,),
)
RESPONSES = Face(
    "responses",
    "gpt-4.1",
    "responses.create",
    "responses.create",
    _openai,
    _close,
    lambda text: {"input": text},
    {"stream": True},
    lambda answer: answer.output_text,
    lambda event: event.delta if event.type == "response.output_text.delta" else "",
    openai.types.responses.Response,
    openai.APIStatusError,
    (openai.APIConnectionError,),
)
MESSAGES = Face(
    "messages",
    "claude-sonnet-4-6",
    "messages.create",
    "messages.create",
    _anthropic,
    _close,
    lambda text: {**_messages(text), "max_tokens": 400},
    {"stream": True},
    lambda answer: answer.content[0].text,
    lambda event: getattr(event.delta, "text", "") if event.type == "content_block_delta" else "",
    anthropic.types.Message,
    anthropic.APIStatusError,
    (anthropic.APIConnectionError,),
)
GEMINI = Face(
    "gemini",
    "gemini-2.5-flash",
    "aio.models.generate_content",
    "aio.models.generate_content_stream",
    _gemini,
    _close_gemini,
    lambda text: {"contents": text},
    {},
    lambda answer: answer.text,
    lambda chunk: chunk.text or "",
    gemini_types.GenerateContentResponse,
    genai.errors.APIError,
    (httpx2.TransportError,),
)
FACES = (CHAT, RESPONSES, MESSAGES, GEMINI)


@contextlib.asynccontextmanager
async def opened(face: Face, server: Loopback, retries: int = 0, **options: Any) -> AsyncIterator[Any]:
    """Open a client on the server, and close it."""
    client = face.open(server, retries, **options)
    try:
        yield client
    finally:
        await face.close(client)
        for _ in range(100):  # the SDKs leave generators to the loop to close
            await asyncio.sleep(0)
