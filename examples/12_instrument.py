"""Learn: how to put all of it on the SDK client that you have, here against a provider of our own on this machine."""

import asyncio
import json
from asyncio import StreamReader, StreamWriter

from openai import AsyncOpenAI

from frugal import budgeted, cached, deduplicated, instrument, memory, metered, scope

requests: list[str] = []


async def serve(reader: StreamReader, writer: StreamWriter) -> None:
    """Answer like OpenAI, and refuse the first request with 503, so that the SDK asks again by itself."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    model = json.loads(await reader.readexactly(length))["model"]
    choice = {"index": 0, "message": {"role": "assistant", "content": "Paris."}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 14, "completion_tokens": 3, "total_tokens": 17}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage}
    status = "200 OK" if requests else "503 Busy\r\nretry-after-ms: 1"
    requests.append(model)
    headers = "content-type: application/json\r\nconnection: close"
    writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n{json.dumps(body)}".encode())
    writer.close()
    await writer.wait_closed()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, AsyncOpenAI(api_key="none", base_url=address) as client:
        rings = (metered, deduplicated, cached(layers=[memory]), budgeted(daily_usd=50))
        instrument(client, "chat.completions.create", *rings)
        with scope(user="ada") as run:
            answers = [
                await client.chat.completions.create(
                    model="gpt-4o-mini", messages=[{"role": "user", "content": "What is the capital of France?"}]
                )
                for _ in range(3)
            ]
    print(f"{type(answers[2]).__name__}: {answers[2].choices[0].message.content}")
    for call in run.calls:
        print(f"{call.outcome:<9} {call.cost.amount}")
    print(f"three calls were {len(requests)} requests: one that was refused, and the SDK's own second try")


asyncio.run(main())
