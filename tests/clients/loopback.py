"""A provider on loopback: an HTTP server that speaks the providers' wire formats, fails on demand, and keeps books.

Law: `charged` is what a provider would bill for what it was sent, whatever its client made of the answers; nothing
here sleeps, and a stream goes on only when its gate lets it.
"""

import asyncio
import collections
import concurrent.futures
import gzip
import json
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import wires

from frugal import Money, Usage
from frugal.prices import default_prices


class Gate:
    """Holds a stream before each of its events until it is opened."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open = 0
        self._at = 0
        self._waiting: list[concurrent.futures.Future[None]] = []
        self._watching: list[tuple[int, concurrent.futures.Future[None]]] = []

    def open(self, events: int = 1_000_000) -> None:
        """Let so many more events go out."""
        with self._lock:
            self._open += events
            ready, self._waiting = self._waiting, []
        for waiter in ready:
            waiter.set_result(None)

    async def reached(self, event: int) -> None:
        """Return once the server stands before that event, counted from 0."""
        with self._lock:
            if self._at > event:
                return
            watcher: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._watching.append((event, watcher))
        await asyncio.wrap_future(watcher)

    async def wait(self) -> None:
        """Wait before the next event; called by the server."""
        with self._lock:
            self._at += 1
            ready = [watcher for event, watcher in self._watching if event < self._at]
            self._watching = [(event, watcher) for event, watcher in self._watching if event >= self._at]
        for watcher in ready:
            watcher.set_result(None)
        while True:
            with self._lock:
                if self._open:
                    self._open -= 1
                    return
                waiter: concurrent.futures.Future[None] = concurrent.futures.Future()
                self._waiting.append(waiter)
            await asyncio.wrap_future(waiter)


@dataclass
class Reply:
    """How to answer one request.

    Args:
        status: the HTTP status.
        body: JSON or bytes in the place of what the format says; an error body for an error status.
        said: what the model says.
        events: events in the place of what the format says.
        headers: further headers.
        gate: holds a stream before each event, and another answer before its beginning.
        hang: send nothing, and wait until the client gives up.
        drop: close the connection without a byte.
        cut: close the connection after so many events of a stream, or in the middle of a body.
        zipped: compress with gzip.
        billed: whether what was not delivered is billed all the same.
    """

    status: int = 200
    body: Any = None
    said: wires.Said | None = None
    events: list[bytes] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    gate: Gate | None = None
    hang: bool = False
    drop: bool = False
    cut: int | None = None
    zipped: bool = False
    billed: bool = True


@dataclass
class Seen:
    """One request that the server got, and what it billed for it."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any
    model: str = ""
    billed: Usage | None = None
    status: int | None = None


class Loopback:
    """Serve on a port of its own, from a thread with a loop of its own.

    `said` answers what no reply was planned for.
    """

    def __init__(self) -> None:
        self.said = wires.Said()
        self.seen: list[Seen] = []
        self.planned: collections.deque[Reply] = collections.deque()
        self._lock = threading.Lock()
        self._watching: list[tuple[int, concurrent.futures.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._started.wait()

    # ------------------------------------------------------------------ what a test says and asks

    def plan(self, *replies: Reply) -> None:
        """Answer the next requests so, in this order."""
        self.planned.extend(replies)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def charged(self) -> Money:
        """What it bills for all requests so far."""
        prices, now = default_prices(), time.time()
        total = Money(0)
        for seen in list(self.seen):
            if seen.billed is not None:
                cost = prices.cost(seen.model, seen.billed, at=now)
                assert cost.amount is not None, seen.model
                total += cost.amount
        return total

    async def got(self, requests: int) -> None:
        """Return once it has got that many requests."""
        with self._lock:
            if len(self.seen) >= requests:
                return
            watcher: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._watching.append((requests, watcher))
        await asyncio.wrap_future(watcher)

    def close(self) -> None:
        """Stop serving."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # ------------------------------------------------------------------ the server's own thread

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self._port = self._server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()

    async def _stop(self) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the server closes
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        raw = await reader.readexactly(int(headers.get("content-length", 0)))
        seen = Seen(method, path, headers, json.loads(raw) if raw else None)
        with self._lock:
            reply = self.planned.popleft() if self.planned else Reply()
            self.seen.append(seen)
            ready = [watcher for count, watcher in self._watching if count <= len(self.seen)]
            self._watching = [(count, watcher) for count, watcher in self._watching if count > len(self.seen)]
        for watcher in ready:
            watcher.set_result(None)
        return await self._reply(reply, seen, reader, writer)

    async def _reply(
        self, reply: Reply, seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        answers, seen.model = _format(seen.path, seen.body or {})
        said = replace(reply.said or self.said, model=seen.model)
        streamed = "stream" in seen.path or bool((seen.body or {}).get("stream"))
        if reply.status < 400 and reply.body is None and answers is not None:
            seen.billed = said.usage if reply.billed else Usage()
            if "embed" in seen.path.lower():
                seen.billed = Usage(input_tokens=seen.billed.total_input_tokens)
        if reply.drop:
            return False
        if reply.hang:
            await reader.read()  # the client gives up, and says no more
            return False
        seen.status = reply.status
        if reply.status < 400 and reply.body is None and streamed:
            events = reply.events if reply.events is not None else answers[1](said, seen.body or {})
            return await self._stream(reply, seen, said, events, writer)
        if reply.gate is not None:
            await reply.gate.wait()
        body = reply.body
        if body is None:
            body = _error(reply.status) if reply.status >= 400 else answers[0](said, seen.body or {})
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        extra = {"content-encoding": "gzip"} if reply.zipped else {}
        data = gzip.compress(data) if reply.zipped else data
        _head(writer, reply, {"content-type": "application/json", "content-length": str(len(data)), **extra})
        writer.write(data if reply.cut is None else data[: len(data) // 2])
        await writer.drain()
        return reply.cut is None

    async def _stream(
        self, reply: Reply, seen: Seen, said: wires.Said, events: Iterable[bytes], writer: asyncio.StreamWriter
    ) -> bool:
        packer = _packer(zipped=reply.zipped)
        extra = {"content-encoding": "gzip"} if reply.zipped else {}
        _head(writer, reply, {"content-type": "text/event-stream", "transfer-encoding": "chunked", **extra})
        whole = seen.billed
        try:
            for number, event in enumerate(events):
                if reply.gate is not None:
                    await writer.drain()
                    await reply.gate.wait()
                if number == reply.cut:
                    return False
                if not reply.billed and whole is not None:
                    seen.billed = said.after(number + 1)
                data = packer(event)
                writer.write(b"%x\r\n%b\r\n" % (len(data), data))
                await writer.drain()
        except ConnectionError:
            return False
        if not reply.billed and whole is not None:
            seen.billed = said.usage
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        return True


def _packer(*, zipped: bool) -> Callable[[bytes], bytes]:
    if not zipped:
        return bytes
    squeezer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return lambda event: squeezer.compress(event) + squeezer.flush(zlib.Z_SYNC_FLUSH)


def _head(writer: asyncio.StreamWriter, reply: Reply, headers: dict[str, str]) -> None:
    lines = [
        f"HTTP/1.1 {reply.status} -",
        *(f"{name}: {value}" for name, value in {**headers, **reply.headers}.items()),
    ]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())


def _error(status: int) -> dict[str, Any]:
    return {"type": "error", "error": {"type": "error", "code": status, "status": "ERROR", "message": "told to fail"}}


_FORMATS: tuple[tuple[str, Any, Any], ...] = (
    ("/chat/completions", wires.chat, wires.chat_events),
    ("/responses", wires.response, wires.response_events),
    ("/embeddings", wires.embeddings, None),
    ("/messages", wires.message, wires.message_events),
    (":generateContent", wires.gemini, None),
    (":streamGenerateContent", None, wires.gemini_events),
    (":batchEmbedContents", wires.gemini_embeddings, None),
)


def _format(path: str, body: dict[str, Any]) -> tuple[tuple[Any, Any] | None, str]:
    """Return what answers on a path, whole and streamed, and which model is asked."""
    plain = path.partition("?")[0]
    for end, whole, streamed in _FORMATS:
        if plain.endswith(end):
            model = body.get("model") or plain.rpartition("/")[2].partition(":")[0]
            return (whole, streamed), model
    return None, ""
