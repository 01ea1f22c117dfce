"""Embeddings on live clients: as the SDKs ask for them, packed or not, bought once and at their own price."""

import openai
import pytest
from faces import CHAT, GEMINI, opened
from google.genai import types as gemini_types
from wires import Said

from frugal import Money, Usage, budgeted, cached, deduplicated, disk, instrument, memory, metered


def rings(ledger, tmp_path):
    """Return the recommended rings for embeddings."""
    return [
        metered(ledger=ledger),
        deduplicated,
        cached(layers=[memory, disk(tmp_path)]),
        budgeted(ledger=ledger, daily_usd=1),
    ]


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}, {"dimensions": 3}], ids=["packed", "plain", "cut"])
@pytest.mark.parametrize("texts", ["one text", ["one", "two"]], ids=["one", "two"])
async def test_vectors_are_bought_once_and_are_the_sdks_own_objects(asked, texts, server, ledger, tmp_path):
    """The SDK asks for base64 by itself and unpacks it; from memory and from disk the vectors are the same numbers."""
    server.said = Said(usage=Usage(input_tokens=7))
    request = {"model": "text-embedding-3-small", "input": texts, **asked}
    async with opened(CHAT, server) as client:
        without = await client.embeddings.create(**request)
        undo = instrument(client, "embeddings.create", *rings(ledger, tmp_path))
        answers = [await client.embeddings.create(**request) for _ in range(2)]
        undo()
        instrument(client, "embeddings.create", *rings(ledger, tmp_path))
        answers.append(await client.embeddings.create(**request))
        sent = [seen.body.get("encoding_format") for seen in server.seen]
    assert [asked.get("encoding_format", "base64")] * 2 == sent
    assert ["provider", "memory", "disk"] == [record.outcome for record in ledger.records]
    for answer in answers:
        assert isinstance(answer, openai.types.CreateEmbeddingResponse)
        assert without == answer
        assert all(isinstance(number, float) for one in answer.data for number in one.embedding)
    bought, *hits = ledger.records
    assert ("exact", server.charged) == (bought.cost.status, bought.cost.amount * 2)
    assert 7 == bought.usage.total_tokens
    assert [Money(0)] * 2 == [hit.cost.amount for hit in hits]
    assert [bought.cost.amount] * 2 == [hit.saved for hit in hits]
    assert 0 == ledger.held


async def test_vectors_without_figures_are_estimated_and_kept(server, ledger, tmp_path):
    """Gemini's API says nothing of what an embedding used: the record is bounded, and says that it is a guess."""
    server.said = Said(usage=Usage(input_tokens=7))
    request = {"model": "gemini-embedding-001", "contents": ["a text of a few words", "and another"]}
    async with opened(GEMINI, server) as client:
        instrument(client, "aio.models.embed_content", *rings(ledger, tmp_path))
        answers = [await client.aio.models.embed_content(**request) for _ in range(2)]
    assert 1 == len(server.seen)
    for answer in answers:
        assert isinstance(answer, gemini_types.EmbedContentResponse)
        assert [[0.0, 0.25], [1.0, 0.25]] == [one.values for one in answer.embeddings]
    bought, hit = ledger.records
    assert ("provider", "memory") == (bought.outcome, hit.outcome)
    assert "estimated" == bought.cost.status
    assert bought.cost.low <= server.charged <= bought.cost.high
    assert 0 == bought.usage.total_output_tokens
    assert 0 == ledger.held
