"""Accounts: clients that ask somebody else, or on somebody else's behalf, never share an answer."""

import asyncio

import openai
import pytest
from faces import CHAT, GEMINI, MESSAGES, opened
from faces import Impatient as Transport
from google.genai import types
from httpx2 import AsyncClient

from frugal import cached, disk, instrument, metered, semantic_cached
from frugal.stores import DiskStore

OTHERS = [
    (CHAT, {"api_key": "sk-2"}),
    (CHAT, {"organization": "org-2"}),
    (CHAT, {"project": "proj-2"}),
    (CHAT, {"default_headers": {"x-provider": "another"}}),
    (CHAT, {"default_query": {"version": "2"}}),
    (MESSAGES, {"api_key": "sk-2"}),
    (MESSAGES, {"api_key": None, "auth_token": "t-2"}),
    (MESSAGES, {"default_headers": {"anthropic-beta": "another"}}),
    (GEMINI, {"api_key": "sk-2"}),
]
SAME = [
    (CHAT, {}),
    (CHAT, {"timeout": 7, "retries": 1}),
    (MESSAGES, {"timeout": 7, "retries": 1}),
    (GEMINI, {"retries": 1}),
]
named = {"ids": lambda one: repr(one) if hasattr(one, "path") else ",".join(one) or "alike"}


async def asked_twice(face, server, one, other, **cache):
    """Ask the same through two clients with one cache on disk; return how many requests were sent."""
    for options in (one, other):
        async with opened(face, server, **options) as client:
            instrument(client, face.path, cached(**cache))
            await face.ask(client)
    return len(server.seen)


@pytest.mark.parametrize(("face", "options"), OTHERS, **named)
async def test_another_account_gets_its_own_answer(face, options, server, ledger, tmp_path):
    """Another key, organisation, project, or header of one's own is another account."""
    assert 2 == await asked_twice(face, server, {}, options, layers=[disk(tmp_path)])


@pytest.mark.parametrize(("face", "options"), SAME, **named)
async def test_another_client_of_the_same_account_shares(face, options, server, ledger, tmp_path):
    """Time limits and retries change nothing of an answer, and a new process has new clients."""
    assert 1 == await asked_twice(face, server, {}, options, layers=[disk(tmp_path)])


@pytest.mark.parametrize("face", [CHAT, MESSAGES, GEMINI], ids=repr)
async def test_another_address_is_another_provider(face, server, ledger, tmp_path):
    """The same request to another base address has another answer."""
    other = server.url.replace("127.0.0.1", "localhost") + ("/v1" if face is CHAT else "")
    assert 2 == await asked_twice(face, server, {}, {"base_url": other}, layers=[disk(tmp_path)])


@pytest.mark.parametrize(
    "other", [{"azure_deployment": "two"}, {"api_version": "2025-01-01"}, {"api_key": "k-2"}], ids=",".join
)
async def test_azure_deployments_and_versions_are_told_apart(other, server, ledger, tmp_path):
    """Two deployments are two models, whatever the request says."""
    for options in ({}, other):
        given = {"azure_deployment": "one", "api_version": "2024-10-21", "api_key": "k-1", **options}
        http = AsyncClient(transport=Transport(server))
        async with openai.AsyncAzureOpenAI(azure_endpoint=server.url, http_client=http, **given) as client:
            instrument(client, CHAT.path, cached(layers=[disk(tmp_path)]))
            await CHAT.ask(client)
    assert 2 == len(server.seen)
    assert server.seen[0].path != server.seen[1].path or other == {"api_key": "k-2"}


def asking(client, ledger, directory):
    """Return a function that closes over a client."""

    @metered(ledger=ledger)
    @cached(layers=[disk(directory)])
    async def ask(question):
        return CHAT.text(await client.chat.completions.create(model=CHAT.model, **CHAT.request(question)))

    return ask


async def test_a_function_round_a_client_is_told_apart_by_its_account(server, ledger, tmp_path):
    """A closure over a client is as much its account's as the client's own method."""
    for options in ({}, {"api_key": "sk-2"}, {}):
        async with opened(CHAT, server, **options) as client:
            await asking(client, ledger, tmp_path)("What was lost?")
    assert ["provider", "provider", "disk"] == [record.outcome for record in ledger.records]


client = None


async def test_a_function_that_uses_a_client_of_its_module_is_told_apart_by_its_account(
    server, ledger, tmp_path, monkeypatch
):
    """The usual way: one client for a module, whose address comes from the environment."""
    for options in ({}, {"base_url": server.url.replace("127.0.0.1", "localhost") + "/v1"}, {}):
        async with opened(CHAT, server, **options) as found:
            monkeypatch.setitem(globals(), "client", found)

            @metered(ledger=ledger)
            @cached(layers=[disk(tmp_path)])
            async def ask(question):
                return CHAT.text(await client.chat.completions.create(model=CHAT.model, **CHAT.request(question)))

            await ask("What was lost?")
    assert ["provider", "provider", "disk"] == [record.outcome for record in ledger.records]


async def test_answers_by_meaning_are_told_apart_too(server, ledger, tmp_path):
    """The account is part of what must be equal."""

    async def embed(texts):
        return [[1.0, 0.0] for _ in texts]

    for options in ({}, {"api_key": "sk-2"}, {}):
        async with opened(CHAT, server, **options) as found:
            instrument(found, CHAT.path, metered(ledger=ledger), semantic_cached(embed=embed, directory=tmp_path))
            await CHAT.ask(found, "What was lost?")
            await asyncio.sleep(0)
    assert ["provider", "provider", "semantic"] == [record.outcome for record in ledger.records]


async def test_no_key_stands_in_a_cache_in_the_clear(server, ledger, tmp_path):
    """A key is digested with the rest; nobody finds it on the disk."""
    secret = "sk-" + "s3cr3t" * 4
    await asked_twice(CHAT, server, {"api_key": secret}, {"api_key": secret}, layers=[disk(tmp_path)])
    assert DiskStore(tmp_path).flush(), "what is kept is written behind the calls"
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(secret.encode() in path.read_bytes() for path in files)


def test_headers_that_an_sdk_makes_itself_are_no_part_of_an_account():
    """They carry its version, and an update must not empty every cache."""
    options = types.HttpOptions(headers={"user-agent": "google-genai-sdk/9"})
    from frugal._core.account import account_of

    one, other = (type("Client", (), {"_http_options": made})() for made in (options, types.HttpOptions()))
    assert account_of(one) == account_of(other)
