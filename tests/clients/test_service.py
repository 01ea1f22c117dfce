"""The example service, asked as its server would ask it: budgets per user, 429, streams, and clients that leave."""

import asyncio
import contextlib
import importlib.util
from datetime import UTC, datetime
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient
from starlette.requests import ClientDisconnect

from frugal import Budget, Ledger, usd

EXAMPLE = Path(__file__).parents[2] / "examples" / "14_service.py"
LIMIT = Budget(usd="0.00015", window="day", per="user")


@pytest.fixture
def service():
    """Return the example as a module of its own, with its own provider and budgets."""
    spec = importlib.util.spec_from_file_location("service_under_test", EXAMPLE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def client(service):
    async with AsyncClient(transport=ASGITransport(service.app), base_url="http://service") as client:
        yield client


async def get(client, path, user, question="The answer?"):
    return await client.get(path, params={"question": question}, headers={"X-User": user})


def asked(path, version):
    """Return what a server of that ASGI version says of a request of Ada's."""
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": version}, "http_version": "1.1", "method": "GET",
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"question=The+answer%3F",
        "root_path": "", "headers": [(b"x-user", b"ada")], "client": ("127.0.0.1", 1), "server": ("service", 80),
    }  # fmt: skip


async def records(**of):
    async with Ledger() as ledger:
        await ledger.flush()
        return list(ledger.records(**of))


async def test_whoever_has_spent_it_gets_429_with_the_time_of_the_reset(service, client):
    """In the header for machines, in the body for people; and nothing was sent to the provider."""
    while (answer := await get(client, "/ask", "ada")).status_code == 200:
        assert len(service.provider.calls) < 10
    asked = len(service.provider.calls)
    for path in ("/ask", "/stream"):
        answer = await get(client, path, "ada")
        assert answer.status_code == 429
        resets_at = datetime.fromisoformat(answer.json()["resets_at"])
        wait = int(answer.headers["retry-after"])
        assert resets_at.hour == resets_at.minute == 0
        assert 0 <= wait - (resets_at - datetime.now(UTC)).total_seconds() <= 2
    assert len(service.provider.calls) == asked


async def test_one_user_who_has_spent_it_takes_nothing_from_another(client):
    """The budget is per user."""
    while (await get(client, "/ask", "ada")).status_code == 200:
        pass
    assert (await get(client, "/ask", "grace")).status_code == 200


async def test_many_requests_at_once_spend_no_more_than_the_limit(service, client):
    """Money is held before a question is sent, so those that are under way count."""
    answers = await asyncio.gather(*(get(client, "/ask", "ada", f"Question {n}?") for n in range(20)))
    assert {answer.status_code for answer in answers} == {200, 429}
    assert service.provider.charged <= LIMIT.usd


async def test_a_stream_arrives_whole_and_is_charged_to_its_user(service, client):
    """The scope was left before the first chunk was sent; the facts are those at the call."""
    answer = await get(client, "/stream", "ada")
    assert answer.text == "Forty-two, as far as anybody knows. " * 8
    (record,) = await records(user="ada")
    assert (record.outcome, record.cost.status, record.tags) == ("provider", "exact", {"service": "answers"})
    assert record.cost.amount == service.provider.charged


async def test_an_answer_without_a_stream_is_made_and_charged_though_its_client_has_left(service):
    """Nobody tells such an endpoint; what was made is paid for, and recorded so."""
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message["type"])

    await service.app(asked("/ask", "2.4"), receive, send)
    (record,) = await records(user="ada")
    assert record.cost.amount == service.provider.charged
    assert "http.response.start" in sent


@pytest.mark.parametrize(("version", "outcome"), [("2.3", "cancelled"), ("2.4", "failed")])
async def test_a_client_who_leaves_pays_for_what_was_made_and_nothing_stays_held(service, version, outcome):
    """Servers say it in two ways: the response's task is cancelled, or what it sends raises `OSError`."""
    received = asyncio.Event()
    body = []

    async def receive():
        if version == "2.4":
            await asyncio.Event().wait()
        await received.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        if not message.get("body"):
            return
        body.append(message["body"])
        received.set()
        if version == "2.4":
            raise OSError("the client has left")
        await asyncio.Event().wait()  # a client that takes no more, until the server hears that it has left

    with contextlib.suppress(ClientDisconnect):
        await service.app(asked("/stream", version), receive, send)
    assert len(body) == 1
    while not (found := await records(user="ada")):  # a caller who was cancelled waits for no disk
        await asyncio.sleep(0)
    (record,) = found
    assert record.outcome == outcome
    assert record.cost.status == "estimated"
    assert record.cost.low <= service.provider.charged <= record.cost.high
    async with Ledger() as ledger:
        standing = await asyncio.to_thread(ledger.budget_status, LIMIT, user="ada")
    assert standing.usd.held == usd(0)
    assert standing.usd.used == record.cost.amount
