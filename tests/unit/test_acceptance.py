"""What users of other tools suffer from, as tests; `docs/explanation/proof.md` names those that stand elsewhere."""

import asyncio
import re
import types
from datetime import UTC, datetime
from pathlib import Path

import diskcache
import pytest
from openai.types.chat import ChatCompletionChunk

from frugal import (
    Budget,
    Ledger,
    UnknownPriceError,
    batched,
    budgeted,
    cached,
    disk,
    explain_call,
    memory,
    metered,
    scope,
)
from frugal.testing import FakeClock, FakeModel, MemoryLedger, record, recorded, virtual

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "proof.md"

# --------------------------------------------------------------------------- keys

PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
OTHER_PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgp="}}
REQUEST = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "What is this?"}, PICTURE]},
    ],
    "model": "gpt-4o",
    "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    "tool_choice": "auto",
    "system": "Be kind.",
    "image": b"\x89PNG\r\n",
    "extra_body": {"num_ctx": 4096},
    "base_url": "https://api.example.com/v1",
    "seed": 7,
    "response_format": {"type": "text"},
    "temperature": 0,
    "reasoning_effort": "low",
}
CHANGES = {
    "system turn": {"messages": [{"role": "system", "content": "Be verbose."}, REQUEST["messages"][1]]},
    "one byte of a picture": {
        "messages": [
            REQUEST["messages"][0],
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}, OTHER_PICTURE]},
        ]
    },
    "model": {"model": "gpt-4o-mini"},
    "tools": {"tools": []},
    "tool_choice": {"tool_choice": "none"},
    "system": {"system": "Be cruel."},
    "image bytes": {"image": b"\x89PNG\r\r"},
    "extra_body": {"extra_body": {"num_ctx": 8192}},
    "base_url": {"base_url": "https://api.example.org/v1"},
    "seed": {"seed": 8},
    "response_format": {"response_format": {"type": "json_object"}},
    "temperature": {"temperature": 0.0001},
    "reasoning_effort": {"reasoning_effort": "high"},
    "an argument more": {"top_p": 1},
    "an argument less": {"seed": None},
}  # fmt: skip


def asking(ledger, **said):
    """Return a cached function that takes whatever an SDK takes."""
    provider = FakeModel()

    @metered(ledger=ledger)
    @cached(layers=[memory], **said)
    async def ask(messages, **request):
        return await provider(messages, **request)

    return ask


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_changing_any_one_thing_of_a_request_changes_its_key(change):
    """Deny by default: whatever the function received tells its calls apart."""
    ledger = MemoryLedger()
    ask = asking(ledger)
    await ask(**REQUEST)
    await ask(**{**REQUEST, **change})
    assert ["provider", "provider"] == [one.outcome for one in ledger.records]
    one, other = await explain_call(ask, **REQUEST), await explain_call(ask, **{**REQUEST, **change})
    assert one.key != other.key
    assert {name.partition("[")[0].partition(".")[0] for name in one.diff(other)} == set(change)


async def test_who_asks_is_in_the_key_where_it_is_said_to_be():
    """`per="user"` is part of the key, and not of the text that is compared."""
    ledger = MemoryLedger()
    ask = asking(ledger, per="user")
    for user in ("ann", "bob", "ann"):
        with scope(user=user):
            await ask(**REQUEST)
    assert ["provider", "provider", "memory"] == [one.outcome for one in ledger.records]


async def test_the_order_in_which_arguments_are_named_is_not_in_the_key():
    """Nor is that of the keys of a mapping within them."""
    ledger = MemoryLedger()
    ask = asking(ledger)
    await ask(**REQUEST)
    turned = {name: REQUEST[name] for name in reversed(REQUEST)}
    turned["tools"] = [{"function": {"parameters": {"type": "object"}, "name": "look"}, "type": "function"}]
    await ask(**turned)
    assert ["provider", "memory"] == [one.outcome for one in ledger.records]


async def test_another_clients_address_is_another_function():
    """A method of an SDK's client is told apart by where the client asks."""

    class Completions:
        def __init__(self, base_url):
            self._client = types.SimpleNamespace(base_url=base_url)
            self.base_url = base_url

        async def create(self, messages, *, model):
            return await FakeModel()(messages, model=model)

    keys = [
        (await explain_call(cached(Completions(url).create), [], model="gpt-4o")).key
        for url in ("https://one.example", "https://two.example", "https://one.example")
    ]
    assert keys[0] == keys[2] != keys[1]


# --------------------------------------------------------------------------- streams


def chunks():
    """Return a stream as OpenAI's SDK has it: reasoning, text, a tool call in pieces, the end, and the usage."""
    deltas = [
        {"role": "assistant", "reasoning_content": "Let me look "},
        {"reasoning_content": "it up."},
        {"content": "One "},
        {"content": "moment."},
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"city": "Pa'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": 'ris"}'}}]},
    ]
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o"}
    bodies = [{**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    bodies.append({**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
    usage = {
        "prompt_tokens": 20, "completion_tokens": 30, "total_tokens": 50,
        "completion_tokens_details": {"reasoning_tokens": 10}, "prompt_tokens_details": {"cached_tokens": 5},
    }  # fmt: skip
    bodies.append({**common, "choices": [], "usage": usage})
    return [ChatCompletionChunk.model_validate(body) for body in bodies]


@pytest.mark.parametrize("layer", [memory, disk], ids=["memory", "disk"])
async def test_a_replayed_stream_is_the_first_one_to_the_last_byte(layer):
    """Content, tool calls in their pieces, reasoning and usage: dumped, the two are the same text."""
    ledger = MemoryLedger()

    @metered(ledger=ledger)
    @cached(layers=[layer])
    async def ask(messages, *, model="gpt-4o", stream=True):
        for chunk in chunks():
            yield chunk

    first = [chunk async for chunk in ask("weather?")]
    again = [chunk async for chunk in ask("weather?")]
    assert [chunk.model_dump_json() for chunk in first] == [chunk.model_dump_json() for chunk in again]
    assert [type(chunk) for chunk in first] == [type(chunk) for chunk in again]
    assert [ours is not theirs for ours, theirs in zip(first, again, strict=True)] == [True] * len(first)
    paid, hit = ledger.records
    assert (20, 30) == (paid.usage.total_input_tokens, paid.usage.total_output_tokens)
    assert (0, paid.cost.amount) == (hit.cost.amount.pico, hit.saved)


# --------------------------------------------------------------------------- batches


async def test_a_batch_that_is_too_large_is_halved_until_it_fits():
    """What no count of ours could foresee: the provider says that it was too much, and everybody is served."""
    sizes = []

    @batched(max_size=50, max_wait=0, split=True)
    async def embed(texts):
        sizes.append(len(texts))
        if len(texts) > 6:
            raise ValueError("maximum context length is exceeded")
        return [len(text) for text in texts]

    texts = ["x" * number for number in range(40)]
    assert list(range(40)) == await embed.many(texts)
    assert 40 == sum(size for size in sizes if size <= 6)
    assert 40 == sizes[0]


# --------------------------------------------------------------------------- the ledger


async def test_no_eviction_of_diskcache_touches_a_ledger(tmp_path):
    """It is money: neither its own settings nor another program that opens the directory may cull it."""
    with recorded(tmp_path / "ledger", [record(cost="0.01", id=f"call-{number}") for number in range(500)]) as ledger:
        total = ledger.totals()
    with diskcache.Cache(str(tmp_path / "ledger")) as other:
        assert "none" == other.eviction_policy
        assert other.volume() < other.size_limit
        assert (0, 0) == (other.cull(), other.expire())
        assert 2**62 == other.size_limit
    with Ledger(tmp_path / "ledger") as again:
        assert total == again.totals()
        assert 500 == len(list(again.records()))
        assert again.audit().ok


@pytest.mark.parametrize(
    ("zone", "at", "resets_at"),
    [
        # Clocks go forward in March, so the month has an hour less, and begins and ends at local midnight.
        ("America/New_York", datetime(2026, 3, 20, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 1, 4, 59, tzinfo=UTC), datetime(2026, 3, 1, 5, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 10, 31, 23, tzinfo=UTC), datetime(2026, 11, 30, 23, tzinfo=UTC)),
        ("Asia/Taipei", datetime(2028, 2, 29, 15, 59, tzinfo=UTC), datetime(2028, 2, 29, 16, tzinfo=UTC)),
        ("Asia/Taipei", datetime(2028, 2, 28, 16, tzinfo=UTC), datetime(2028, 2, 29, 16, tzinfo=UTC)),
    ],
)
def test_a_month_is_a_month_of_its_own_zone(tmp_path, zone, at, resets_at):
    """Across daylight saving and the 29th of February, what was spent in it counts, and it ends when it ends."""
    budget = Budget(usd=10, window="month", timezone=zone)
    clock = FakeClock(at)
    with recorded(tmp_path / "ledger", [record(cost="4", at=at)], clock=clock) as ledger:
        status = ledger.budget_status(budget)
        assert ("$4.0000", resets_at) == (str(status.usd.used), status.resets_at)
        clock.advance(resets_at.timestamp() - clock.now() - 1)
        assert "$4.0000" == str(ledger.budget_status(budget).usd.used)
        clock.advance(1)
        assert "$0.0000" == str(ledger.budget_status(budget).usd.used)


async def test_an_unknown_model_is_unpriced_and_a_budget_of_dollars_refuses_it(tmp_path):
    """Never $0: the sum says that it is a part, and what has no price can be limited by its tokens."""
    provider = FakeModel()
    with virtual(FakeClock()), Ledger(tmp_path / "ledger") as ledger:

        @metered(ledger=ledger)
        async def ask(prompt, *, model="nobodys-model-1", max_tokens=10):
            return await provider(prompt, model=model)

        await ask("hello")
        await ask("hello", model="gpt-4o-mini")
        with pytest.raises(UnknownPriceError, match="nobodys-model-1"):
            await budgeted(daily_usd=5, ledger=ledger)(ask)("hello")
        await budgeted(daily_tokens=100, ledger=ledger)(ask)("hello")
        await ledger.flush()
        total = await asyncio.to_thread(ledger.totals)
    assert ("mixed", 2) == (total.cost.status, total.cost.unpriced_calls)
    assert provider.charged == total.cost.amount


# --------------------------------------------------------------------------- the page


def test_the_page_names_tests_that_are_there():
    """Each line of the page has at least one test, and each that it names is to be found."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) >= 17
    for row in rows:
        named = re.findall(r"`((?:tests|benchmarks)/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for path, name in named:
            assert (ROOT / path).is_file(), path
            assert not name or f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), (path, name)
