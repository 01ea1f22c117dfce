"""google-genai over aiohttp, which it prefers where that is installed: what it sends is seen all the same."""

import pytest
from faces import GEMINI
from google import genai
from google.genai import types
from loopback import Reply

from frugal import instrument, metered

pytest.importorskip("aiohttp", reason="aiohttp is not installed")


@pytest.fixture
async def client(server):
    """Open a client that sends through aiohttp."""
    again = types.HttpRetryOptions(attempts=3, initial_delay=0.001, max_delay=0.001, jitter=0.0)
    options = types.HttpOptions(base_url=server.url, retry_options=again, client_args={"verify": False})
    opened = genai.Client(api_key="sk-1", http_options=options)
    assert opened._api_client._use_aiohttp()
    yield opened
    await opened.aio.aclose()
    opened.close()


@pytest.mark.filterwarnings("ignore:Inheritance class:DeprecationWarning")  # google-genai's own
async def test_what_is_sent_is_seen(client, server, ledger):
    """Retries are attempts, lost requests are inside the bounds, text is exact, and undoing leaves no trace."""
    undo = instrument(client, GEMINI.path, metered(ledger=ledger))
    server.plan(Reply(status=429), Reply(status=500))
    await GEMINI.ask(client)
    undo()
    assert "_async_request_once" not in vars(client._api_client)
    instrument(client)

    @metered(ledger=ledger)
    async def ask(question):
        return GEMINI.text(await GEMINI.ask(client, question))

    await ask("What was lost?")
    refused, text = ledger.records
    assert (3, "exact") == (refused.attempts, refused.cost.status)
    assert (1, "exact", server.said.usage) == (text.attempts, text.cost.status, text.usage)
    assert server.charged == ledger.cost.amount
    server.plan(Reply(drop=True))
    await ask("And what was found?")
    lost = ledger.records[-1]
    assert (2, "estimated") == (lost.attempts, lost.cost.status)
    assert ledger.cost.low <= server.charged <= ledger.cost.high
