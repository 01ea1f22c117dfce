"""LiteLLM: `acompletion` as a function to decorate, its own classes, and the retries of the SDK under it."""

import asyncio
import contextlib
import warnings

import httpx
import openai
import pytest
from faces import HELLO
from loopback import Reply

from frugal import NotAsyncError, cached, deduplicated, disk, instrument, memory, metered
from frugal.providers import read
from frugal.stores import SafeCodec

ASKED = {"model": "openai/gpt-4o-mini", "messages": [{"role": "user", "content": HELLO}]}
BODY = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4o-mini",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12},
}


# What pydantic says of LiteLLM's own types, when they are first used.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Items? .* on TypedDict class:UserWarning"),
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecatedSince211"),
]


@pytest.fixture
def litellm(monkeypatch):
    """Import it without a look at the network, and put up with what its import warns of."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("litellm", reason="litellm is not installed")


@pytest.fixture
async def at(litellm, server, monkeypatch):
    """Send what LiteLLM asks of OpenAI to the server, by an HTTP client of one's own."""
    session = httpx.AsyncClient(verify=False)
    monkeypatch.setattr(litellm, "aclient_session", session)
    monkeypatch.setattr(litellm, "in_memory_llm_clients_cache", type(litellm.in_memory_llm_clients_cache)())
    yield {**ASKED, "api_base": f"{server.url}/v1", "api_key": "k", "max_retries": 0}
    await session.aclose()
    others = asyncio.all_tasks() - {asyncio.current_task()}  # it logs behind its caller
    for task in others:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def put(litellm):
    """Put decorators on `acompletion`, for one test."""
    undos = []

    def put(*decorators):
        undos.append(instrument(litellm, "acompletion", *decorators))
        return undos[-1]

    yield put
    for undo in undos:
        undo()


async def test_an_answer_and_its_hits_are_litellms_own(litellm, at, put, server, ledger, tmp_path):
    """Exact, and from memory and disk the same class with the same fields."""
    for layers in ([memory, disk(tmp_path)], [disk(tmp_path)]):
        undo = put(metered(ledger=ledger), deduplicated, cached(layers=layers))
        answers = [await litellm.acompletion(**at) for _ in range(2)]
        undo()
        assert [litellm.ModelResponse] * 2 == [type(answer) for answer in answers]
        assert [server.said.text] * 2 == [answer.choices[0].message.content for answer in answers]
    assert ["provider", "memory", "disk", "disk"] == [record.outcome for record in ledger.records]
    assert ("exact", server.charged) == (ledger.records[0].cost.status, ledger.cost.amount)


async def test_a_stream_and_its_replay_are_equal_chunk_by_chunk(litellm, at, put, server, ledger):
    """Its own chunks, with the figures at the end."""
    put(metered(ledger=ledger), cached(layers=[memory]))
    streams = []
    for _ in range(2):
        stream = await litellm.acompletion(**at, stream=True, stream_options={"include_usage": True})
        streams.append([chunk async for chunk in stream])
    assert [type(chunk) for chunk in streams[0]] == [type(chunk) for chunk in streams[1]]
    assert [chunk.model_dump() for chunk in streams[0]] == [chunk.model_dump() for chunk in streams[1]]
    assert ["provider", "memory"] == [record.outcome for record in ledger.records]
    assert server.charged == ledger.cost.amount


async def test_the_retries_of_the_sdk_under_it_are_attempts(litellm, at, put, server, ledger):
    """By its HTTP client, `litellm.aclient_session`, or by a client that it is given and that is watched."""
    put(metered(ledger=ledger))
    server.plan(Reply(status=429), Reply(status=500))
    await litellm.acompletion(**{**at, "max_retries": 2})
    client = openai.AsyncOpenAI(api_key="k", base_url=at["api_base"], max_retries=2,
                                http_client=httpx.AsyncClient(verify=False))  # fmt: skip
    instrument(client)
    server.plan(Reply(status=429), Reply(status=500))
    await litellm.acompletion(**{**at, "max_retries": 2}, client=client)
    await client.close()
    assert [3, 3] == [record.attempts for record in ledger.records]
    assert ["exact"] * 2 == [record.cost.status for record in ledger.records]
    assert server.charged == ledger.cost.amount


async def test_an_error_of_litellm_passes_unchanged(litellm, at, put, server, ledger):
    """Its own class, and a refused request costs nothing."""
    put(metered(ledger=ledger))
    server.plan(Reply(status=429))
    with pytest.raises(litellm.RateLimitError):
        await litellm.acompletion(**at)
    (record,) = ledger.records
    assert ("failed", "exact", 0) == (record.outcome, record.cost.status, record.cost.amount.pico)


def test_its_sync_function_is_refused(litellm):
    """The async one is named."""
    with pytest.raises(NotAsyncError, match="acompletion"):
        instrument(litellm, "completion", metered)


def test_its_response_is_read_and_survives_a_cache(litellm):
    """Its own class in OpenAI's shape, with what it hides in private attributes."""
    response = litellm.ModelResponse(**BODY)
    response._hidden_params = {"response_cost": 0.1}
    assert 12 == read(response).usage.total_tokens
    codec = SafeCodec()
    back = codec.loads(codec.dumps(response))
    assert type(response) is type(back)
    assert {"response_cost": 0.1} == back._hidden_params
