"""Bodies under way: looking on changes nothing, and the end is told once."""

import asyncio
import contextlib
import gzip
import json
import zlib

import pytest

from frugal.providers.body import Passing, Whole, body_of, passing

BODY = json.dumps({"model": "gpt-4o", "choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}).encode()


class Bytes:
    """A byte stream as HTTP clients have them."""

    def __init__(self, chunks, error=None):
        self.chunks, self.error, self.closed, self.mark = iter(chunks), error, False, "mine"

    def __aiter__(self):
        return self

    async def __anext__(self):
        for chunk in self.chunks:
            return chunk
        raise self.error or StopAsyncIteration

    async def aclose(self):
        self.closed = True


class Http:
    __module__ = "httpx"  # by which a library's response is told from the SDK's round it
    is_stream_consumed = is_closed = False

    def __init__(self, stream, **headers):
        self.stream, self.headers = stream, {name.replace("_", "-"): value for name, value in headers.items()}


class Raw:
    """An SDK's raw response."""

    http_response: Http

    def __init__(self, http):
        self.http_response = http


def told(body):
    """Return the list that a body's end is noted in."""
    ends = []
    assert body.then(lambda how, error, reading: ends.append((how, error, reading)))
    return ends


async def test_a_body_read_to_its_end_says_what_it_said():
    """Its reader has every byte; the one who looks on has the figures."""
    http = Http(Bytes([BODY[:20], BODY[20:]]))
    body = passing(http)
    ends = told(body)
    assert BODY == b"".join([chunk async for chunk in http.stream])
    await http.stream.aclose()
    ((how, error, reading),) = ends
    assert ("end", None, 12) == (how, error, reading.usage.total_tokens)
    assert not body.then(lambda *_: None)


async def test_a_body_is_tapped_once():
    """Two who look on share one look."""
    http = Http(Bytes([BODY]))
    assert passing(http) is passing(http)
    assert isinstance(http.stream, Bytes)  # to whoever asks
    assert "mine" == http.stream.mark


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("gzip", gzip.compress(BODY, mtime=0)), ("deflate", zlib.compress(BODY)), ("identity", BODY)],
    ids=["gzip", "deflate", "identity"],
)
@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_an_encoded_body_is_understood_wherever_it_is_cut(encoding, data, size):
    """Byte by byte, or at once."""
    http = Http(Bytes([data[at : at + size] for at in range(0, len(data), size)]), content_encoding=encoding)
    body = passing(http)
    assert data == b"".join([chunk async for chunk in http.stream])
    assert 12 == body.reading().usage.total_tokens


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip"])
async def test_what_cannot_be_understood_says_nothing(encoding):
    """An encoding that is not known, and one that is a lie."""
    http = Http(Bytes([BODY]), content_encoding=encoding)
    body = passing(http)
    assert BODY == b"".join([chunk async for chunk in http.stream])
    assert body.reading() is None


async def test_a_long_body_is_looked_into_as_it_passes():
    """No more than some kilobytes of it are kept."""
    chunk = b'data: {"choices": [{"index": 0, "delta": {"content": "' + b"x" * 900 + b'"}}]}\n\n'
    http = Http(Bytes([chunk] * 500))
    body = passing(http)
    async for _ in http.stream:
        assert body._size <= 64 * 1024
    assert 450_000 == body.reading().text_bytes


async def test_one_closed_early_or_broken_or_thrown_away_says_so():
    """Once each, however often it is closed."""
    http = Http(Bytes([BODY] * 3))
    ends = told(passing(http))
    async with contextlib.aclosing(aiter(http.stream)) as reading:
        await anext(reading)
    await http.stream.aclose()
    await http.stream.aclose()
    assert ["closed"] == [how for how, *_ in ends]

    http = Http(Bytes([BODY], error=ConnectionError("cut")))
    ends = told(passing(http))
    with pytest.raises(ConnectionError):
        async for _ in http.stream:
            pass
    assert [("failed", "cut")] == [(how, str(error)) for how, error, _ in ends]

    http = Http(Bytes([BODY], error=asyncio.CancelledError()))
    ends = told(passing(http))
    with pytest.raises(asyncio.CancelledError):
        async for _ in http.stream:
            pass
    assert ["cancelled"] == [how for how, *_ in ends]

    http = Http(Bytes([BODY]))
    ends = told(passing(http))
    del http
    assert ["dropped"] == [how for how, *_ in ends]


async def test_a_faulty_listener_does_not_hurt_the_reader(caplog):
    """What goes wrong with the accounts is logged."""
    http = Http(Bytes([BODY]))

    def fails(*_):
        raise RuntimeError("no books")

    passing(http).then(fails)
    assert BODY == b"".join([chunk async for chunk in http.stream])
    assert "could not be accounted for" in caplog.text


def test_only_an_unread_raw_response_has_a_body():
    """Parsed responses, read ones and plain values have none."""
    assert isinstance(body_of(Raw(Http(Bytes([])))), Passing)
    read = Http(Bytes([]))
    read.is_stream_consumed = True
    for other in (Raw(read), "text", {"http_response": 1}, None, Raw(None)):
        assert body_of(other) is None


def test_a_whole_body_is_read_when_somebody_asks():
    """As text, as a response, or as nothing that a model says."""
    assert 12 == Whole(BODY.decode()).reading().usage.total_tokens
    assert 12 == Whole(json.loads(BODY)).reading().usage.total_tokens
    assert Whole("not json").reading() is None
    assert not Whole("").then(lambda *_: None)
