"""Bodies that providers really sent, through the real SDKs: the record says what the body says."""

import gzip
import json

import pytest
from faces import CHAT, GEMINI, MESSAGES, RESPONSES, opened
from loopback import Reply

from frugal import instrument, metered
from frugal.providers import ShapeStream, read
from frugal.testing import MemoryLedger

PLACES = {
    "/chat/completions": CHAT,
    "/responses": RESPONSES,
    "/messages": MESSAGES,
    ":streamGenerateContent": GEMINI,
}


def recorded(data_dir, name):
    """Return the recorded exchanges of one file that one of the SDKs' methods here can ask for."""
    with gzip.open(data_dir / "payloads" / f"{name}.jsonl.gz", "rt") as lines:
        exchanges = [json.loads(line) for line in lines]
    found = [(face, one) for one in exchanges for end, face in PLACES.items() if one["uri"].endswith(end)]
    assert found
    return found


def said(one):
    """Return what our reader finds in a body as it was sent."""
    if not one["body"].lstrip().startswith(("data:", "event:")):
        whole = json.loads(one["body"])
        if isinstance(whole, dict):
            return read(whole)
    stream = ShapeStream()
    stream.feed(one["body"].encode())
    return stream.reading()


def reply(face, one):
    """Return the reply that sends a body again."""
    if face is GEMINI:  # recorded as an array; the SDK asks for events
        chunks = json.loads(one["body"])
        return Reply(events=[f"data: {json.dumps(chunk)}\r\n\r\n".encode() for chunk in chunks])
    return Reply(events=[one["body"].encode()]) if one["stream"] else Reply(body=one["body"].encode())


async def asked(face, client, one):
    """Ask as it was asked, and read the answer."""
    if face is GEMINI:
        async for _ in await face.stream(client):
            pass
        return
    more = {"model": one["request_model"], "stream": bool(one["stream"])}
    response = await face.method(client)(**face.request("Hello"), **more)
    if one["stream"]:
        async for _ in response:
            pass


@pytest.mark.filterwarnings("ignore:The model:DeprecationWarning")  # the recorded requests name old models
@pytest.mark.parametrize("name", ["simonw_llm", "simonw_llm_anthropic", "simonw_llm_gemini"])
async def test_what_a_provider_sent_is_what_is_recorded(name, data_dir, server):
    """Through the SDK's own parsing and classes, not a token is lost or counted twice."""
    checked = 0
    for face, one in recorded(data_dir, name):
        ledger = MemoryLedger()
        server.plan(reply(face, one))
        async with opened(face, server) as client:
            instrument(client, face.path if face is not GEMINI else face.streams, metered(ledger=ledger))
            await asked(face, client, one)
        (record,), expected = ledger.records, said(one)
        if expected is None or expected.usage is None:
            assert "estimated" == record.cost.status
            continue
        checked += 1
        assert expected.usage == record.usage, one["uri"]
        assert (expected.model or record.model) == record.model
        assert 1 == record.attempts
    assert checked > 8
