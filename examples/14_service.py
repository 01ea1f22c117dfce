"""Learn: a FastAPI service in which each user has a budget, and who has spent it is told when to come back (429)."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Header, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from httpx2 import ASGITransport, AsyncClient

from frugal import Budget, BudgetExceededError, budgeted, metered, scope
from frugal.testing import FakeModel

provider = FakeModel(answer="Forty-two, as far as anybody knows. " * 8)  # in the place of your client's `create`
app = FastAPI()
User = Annotated[str, Header(alias="X-User")]  # who they are is for your authentication to say


@metered(tags={"service": "answers"})
@budgeted(Budget(usd="0.00015", window="day", per="user"))
async def complete(question: str, *, stream: bool = False, model: str = "gpt-4o-mini", max_tokens: int = 100) -> Any:
    return await provider(question, model=model, stream=stream)


@app.exception_handler(BudgetExceededError)
async def spent(_request: Request, error: BudgetExceededError) -> Response:
    wait = 1 + max(0, int((error.resets_at - datetime.now(UTC)).total_seconds())) if error.resets_at else 60
    body = {"error": f"budget {error.budget!r} is spent", "resets_at": str(error.resets_at)}
    return JSONResponse(body, status_code=429, headers={"Retry-After": str(wait)})


@app.get("/ask")
async def ask(question: str, user: User) -> str:
    with scope(user=user):
        return str((await complete(question)).choices[0].message.content)


@app.get("/stream")
async def stream(question: str, user: User) -> Response:
    with scope(user=user):  # a refusal comes here, before a status is sent
        return Streamed(await complete(question, stream=True), media_type="text/plain")


class Streamed(StreamingResponse):
    async def stream_response(self, send: Any) -> None:
        chunks: Any = self.body_iterator
        async with chunks:  # closed, and so settled, when the client has left as well
            self.body_iterator = (chunk.choices[0].delta.content or "" async for chunk in chunks if chunk.choices)
            await super().stream_response(send)


async def main() -> None:
    async with AsyncClient(transport=ASGITransport(app), base_url="http://service") as client:
        for path, user in ("/ask", "ada"), ("/stream", "ada"), ("/ask", "ada"), ("/ask", "grace"):
            answer = await client.get(path, params={"question": "The answer?"}, headers={"X-User": user})
            print(user, path, answer.status_code, answer.headers.get("retry-after", ""), answer.text[:90])


if __name__ == "__main__":
    asyncio.run(main())
