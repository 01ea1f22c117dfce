"""The decorators on the SDKs: what comes out of a cache or a flight is what came from the provider, types and all."""

import asyncio
import subprocess
import sys
import textwrap

import openai
import pytest
from faces import CHAT, FACES, GEMINI, MESSAGES, RESPONSES, opened
from loopback import Gate, Reply
from pydantic import BaseModel
from wires import Said

from frugal import (
    Money,
    Usage,
    batched,
    budgeted,
    by_complexity,
    cached,
    deduplicated,
    disk,
    instrument,
    memory,
    metered,
    rate_limited,
    routed,
    semantic_cached,
    stack,
)
from frugal.stores import SafeCodec

every_face = pytest.mark.parametrize("face", FACES, ids=repr)


async def embed(texts):
    """Embed every text alike."""
    return [[1.0, 0.0] for _ in texts]


def recommended(ledger, directory):
    """Return the recommended stack, but for batching."""
    return stack(
        metered(ledger=ledger),
        deduplicated,
        cached(layers=[memory, disk(directory)]),
        semantic_cached(embed=embed, directory=directory),
        budgeted(ledger=ledger, daily_usd=10),
        rate_limited(max_concurrency=4),
    )


def plain(answer):
    """Return an answer as plain data; the HTTP response that google-genai keeps beside it is another each time."""
    return answer.model_dump(exclude={"sdk_http_response"}, warnings=False)


@every_face
async def test_a_hit_is_the_sdks_own_object(face, server, ledger, tmp_path):
    """From memory and from disk: its class, its fields, its methods; a copy of its own, and at cost 0."""
    async with opened(face, server) as client:
        without = await face.ask(client)
        undo = instrument(client, face.path, recommended(ledger, tmp_path))
        answers = [await face.ask(client) for _ in range(2)]
        undo()
        instrument(client, face.path, recommended(ledger, tmp_path))
        answers.append(await face.ask(client))
    assert ["provider", "memory", "disk"] == [record.outcome for record in ledger.records]
    for answer in answers:
        assert type(without) is type(answer)
        assert plain(without) == plain(answer)
        assert without.model_dump_json(exclude={"sdk_http_response"}) == answer.model_dump_json(
            exclude={"sdk_http_response"}
        )
        assert server.said.text == face.text(answer)
    bought, *hits = ledger.records
    assert [Money(0)] * 2 == [hit.cost.amount for hit in hits]
    assert [bought.cost.amount] * 2 == [hit.saved for hit in hits]
    assert 0 == ledger.held


@every_face
async def test_a_stream_is_replayed_chunk_by_chunk(face, server, ledger, tmp_path):
    """From memory and from disk, equal to the first one, in the SDK's classes."""
    async with opened(face, server) as client:
        undo = instrument(client, face.streams, recommended(ledger, tmp_path))
        streams = [[chunk async for chunk in await face.stream(client)] for _ in range(2)]
        undo()
        instrument(client, face.streams, recommended(ledger, tmp_path))
        streams.append([chunk async for chunk in await face.stream(client)])
    assert ["provider", "memory", "disk"] == [record.outcome for record in ledger.records]
    assert 1 == len(server.seen)
    for stream in streams[1:]:
        assert [type(chunk) for chunk in streams[0]] == [type(chunk) for chunk in stream]
        assert [plain(chunk) for chunk in streams[0]] == [plain(chunk) for chunk in stream]


@every_face
async def test_followers_of_a_flight_get_the_sdks_own_objects(face, server, ledger):
    """Whoever asks while a request is under way gets a copy of its answer, at cost 0."""
    gate = Gate()
    server.plan(Reply(gate=gate))
    async with opened(face, server) as client:
        instrument(client, face.path, metered(ledger=ledger), deduplicated)
        tasks = [asyncio.create_task(face.ask(client)) for _ in range(3)]
        await server.got(1)
        gate.open()
        answers = await asyncio.gather(*tasks)
    assert [face.answer] * 3 == [type(answer) for answer in answers]
    assert 3 == len({id(answer) for answer in answers})
    assert [plain(answers[0])] * 3 == [plain(answer) for answer in answers]
    assert 1 == len(server.seen)
    assert {"provider": 1, "shared": 2} == {
        outcome: sum(record.outcome == outcome for record in ledger.records) for outcome in ("provider", "shared")
    }
    assert server.charged == ledger.cost.amount


@every_face
async def test_a_stream_is_shared_by_those_who_read_it_together(face, server, ledger):
    """One request, two readers, equal chunks; the stream passes for the SDK's own."""
    gate = Gate()
    server.plan(Reply(gate=gate))
    async with opened(face, server) as client:
        kind = type(await face.stream(client)) if face is not GEMINI else object
        server.seen.clear()
        instrument(client, face.streams, metered(ledger=ledger), deduplicated)

        async def consume():
            stream = await face.stream(client)
            assert isinstance(stream, kind)
            return [plain(chunk) async for chunk in stream]

        server.plan(Reply(gate=gate))
        tasks = [asyncio.create_task(consume()) for _ in range(2)]
        await server.got(1)
        gate.open()
        one, other = await asyncio.gather(*tasks)
    assert one == other
    assert 1 == len(server.seen)
    assert server.charged == ledger.cost.amount


CUT = [(CHAT, "length"), (CHAT, "content_filter"), (RESPONSES, "max_output_tokens"), (MESSAGES, "max_tokens"),
       (MESSAGES, "refusal"), (GEMINI, "MAX_TOKENS"), (GEMINI, "SAFETY")]  # fmt: skip


@pytest.mark.parametrize(("face", "finish"), CUT, ids=lambda one: repr(one) if one in FACES else one)
@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_half_an_answer_is_not_kept(face, finish, streamed, server, ledger, tmp_path):
    """An answer that was cut short, filtered or refused would be wrong for ever."""
    server.said = Said(finish=finish)
    async with opened(face, server) as client:
        instrument(client, face.streams if streamed else face.path, recommended(ledger, tmp_path))
        for _ in range(2):
            if streamed:
                async for _ in await face.stream(client):
                    pass
            else:
                await face.ask(client)
    assert 2 == len(server.seen)


async def test_a_refusal_in_words_is_not_kept(server, ledger):
    """OpenAI says so beside the content."""
    server.said = Said(text="", refusal="I cannot help with that.")
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, cached(layers=[memory]))
        await CHAT.ask(client)
        await CHAT.ask(client)
    assert 2 == len(server.seen)


@every_face
async def test_a_stream_that_was_not_read_to_its_end_is_not_kept(face, server, ledger, tmp_path):
    """Half a stream is no answer."""
    async with opened(face, server) as client:
        instrument(client, face.streams, recommended(ledger, tmp_path))
        for _ in range(2):
            stream = await face.stream(client)
            await anext(stream)
            await stream.aclose()
            del stream
    assert 2 == len(server.seen)
    assert 0 == ledger.held


@every_face
async def test_a_route_names_the_model_that_is_asked(face, server, ledger):
    """The router fills the SDK's own argument, and its reason is on the record."""
    async with opened(face, server) as client:
        one = [face.model]
        router = by_complexity(simple=one, medium=one, complex=one)
        instrument(client, face.path, metered(ledger=ledger), routed(router, override=True))
        await face.ask(client, model="some-model")
    (record,) = ledger.records
    assert face.model == server.seen[0].model
    assert record.route_reason
    assert server.charged == record.cost.amount


class Verdict(BaseModel):
    """What a structured answer is parsed into."""

    lost: int


async def test_a_parsed_answer_is_parsed_on_a_hit_too(server, ledger, tmp_path):
    """Structured output comes back as the user's own class, from memory and from disk."""
    server.said = Said(text='{"lost": 0}')
    async with opened(CHAT, server) as client:
        for path, asked, parsed in (
            (
                "chat.completions.parse",
                {"model": "gpt-4o-mini", "response_format": Verdict, **CHAT.request("Was anything lost?")},
                lambda answer: answer.choices[0].message.parsed,
            ),
            (
                "responses.parse",
                {"model": "gpt-4.1", "text_format": Verdict, "input": "Was anything lost?"},
                lambda answer: answer.output_parsed,
            ),
        ):
            for layers in ([memory, disk(tmp_path)], [disk(tmp_path)]):
                codec = SafeCodec(types=[Verdict])  # a class that no file may name of its own accord
                undo = instrument(client, path, metered(ledger=ledger), cached(layers=layers, codec=codec))
                answers = [await CHAT.method(client, path)(**asked) for _ in range(2)]
                undo()
                assert [Verdict(lost=0)] * 2 == [parsed(answer) for answer in answers]
                assert type(answers[0]) is type(answers[1])
    assert ["provider", "memory", "disk", "disk"] * 2 == [record.outcome for record in ledger.records]
    assert server.charged == ledger.cost.amount


async def test_embeddings_are_batched_and_each_pays_its_share(server, ledger):
    """Single texts become one request; the shares add up to what it cost."""
    server.said = Said(usage=Usage(input_tokens=7))
    async with opened(CHAT, server) as client:

        @metered(ledger=ledger)
        @cached(layers=[memory])
        @budgeted(ledger=ledger, daily_usd=1)
        @batched(max_size=10)
        async def vector(texts, *, model="text-embedding-3-small"):
            response = await create(input=texts, model=model)
            return [one.embedding for one in response.data]

        create = client.embeddings.create
        instrument(client)
        vectors = await vector.many(["one", "two", "three"])
        assert vectors == await vector.many(["one", "two", "three"])
    assert 1 == len(server.seen)
    bought = [record for record in ledger.records if record.outcome == "batched"]
    assert 3 == len(bought)
    assert ["exact"] * 3 == [record.cost.status for record in bought]
    assert server.charged == ledger.cost.amount


async def test_a_raw_response_is_whole_and_never_shared(server, ledger, tmp_path):
    """Headers, bytes and `parse()` are there; it holds a connection, so no two callers get one."""
    async with opened(CHAT, server) as client:
        instrument(client, CHAT.path, metered(ledger=ledger), deduplicated, cached(layers=[memory, disk(tmp_path)]))
        asked = {"model": CHAT.model, **CHAT.request("Hello")}
        raws = [await client.chat.completions.with_raw_response.create(**asked) for _ in range(2)]
    for raw in raws:
        assert isinstance(raw, openai._legacy_response.LegacyAPIResponse)
        assert "application/json" == raw.headers["content-type"]
        assert server.said.text == raw.parse().choices[0].message.content
        assert 200 == raw.status_code
    assert 2 == len(server.seen)
    assert server.charged == ledger.cost.amount


FRESH = """
    import asyncio, sys
    from frugal import cached, disk, instrument
    url, directory = sys.argv[1:]
    HELLO = {hello!r}
    messages = [{{"role": "user", "content": HELLO}}]

    def of(client, path):
        instrument(client, path, cached(layers=[disk(directory)]))
        for name in path.split("."):
            client = getattr(client, name)
        return client

    async def main():
        import anthropic, openai
        from google import genai
        chat = openai.AsyncOpenAI(api_key="sk-1", base_url=url + "/v1", max_retries=0)
        claude = anthropic.AsyncAnthropic(api_key="sk-1", base_url=url, max_retries=0)
        gemini = genai.Client(api_key="sk-1", http_options={{"base_url": url}})
        answers = [
            await of(chat, "chat.completions.create")(model="gpt-4o-mini", messages=messages),
            await of(chat, "responses.create")(model="gpt-4.1", input=HELLO),
            await of(claude, "messages.create")(model="claude-sonnet-4-6", messages=messages, max_tokens=400),
            await of(gemini, "aio.models.generate_content")(model="gemini-2.5-flash", contents=HELLO),
        ]
        streamed = [chunk async for chunk in await of(chat, "chat.completions.create")(
            model="gpt-4o-mini", messages=messages, stream=True, stream_options={{"include_usage": True}})]
        print([type(answer).__name__ for answer in answers], len(streamed), type(streamed[0]).__name__)
        print(answers[0].choices[0].message.content == answers[1].output_text == answers[2].content[0].text
              == answers[3].text)
        await chat.close(); await claude.close(); await gemini.aio.aclose(); gemini.close()

    asyncio.run(main())
"""


async def test_answers_outlive_the_process(server, tmp_path, repository):
    """A process that has never seen these classes finds them on disk, as what they were; nothing is asked again."""
    for face in FACES:
        async with opened(face, server) as client:
            instrument(client, face.path, cached(layers=[disk(tmp_path)]))
            await face.ask(client)
            if face is CHAT:
                chunks = [chunk async for chunk in await face.stream(client)]
    asked = len(server.seen)
    from faces import HELLO

    script = textwrap.dedent(FRESH).format(hello=HELLO)
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", script, server.url, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=repository,
    )
    assert 0 == done.returncode, done.stderr
    names, same = done.stdout.splitlines()
    kinds = ["ChatCompletion", "Response", "Message", "GenerateContentResponse"]
    assert f"{kinds} {len(chunks)} ChatCompletionChunk" == names
    assert "True" == same
    assert asked == len(server.seen)
