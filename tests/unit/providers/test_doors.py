"""Doors: a watch on one client's own HTTP client, put on and taken off."""

import pytest

from frugal.providers import retries_of, watch
from frugal.providers.doors import _asked


class Http:
    """An HTTP client by its shape."""

    def __init__(self):
        self.sent = []

    def build_request(self):
        """What it is known by."""

    async def send(self, request, **options):
        """Send a request."""
        self.sent.append((request, options))
        if isinstance(request.answer, BaseException):
            raise request.answer
        return request.answer


class Answer:
    status_code, stream, is_stream_consumed, is_closed = 200, None, True, True


class Request:
    def __init__(self, method="POST", answer=None, content=b'{"messages": []}', url="http://x/models/m-1:generate"):
        self.method, self.content, self.url, self.answer = method, content, url, answer or Answer()


class Note:
    """An exchange that notes what it is told."""

    def __init__(self, noted):
        self.noted = noted

    async def before(self):
        self.noted.append("before")

    def answered(self, status, body):
        self.noted.append(status)

    def failed(self, error):
        self.noted.append(type(error).__name__)


def watching(target):
    """Return what is noted of a client, and what takes the watch off."""
    noted = []
    return noted, watch(target, lambda request: Note(noted))


def around(http, *names):
    """Return an object that has an HTTP client at the end of a path."""
    for name in reversed(names):
        http = _holder(name, http)
    return http


def _holder(name, value):
    holder = type("Sdk", (), {})()
    vars(holder)[name] = value
    return holder


@pytest.mark.parametrize(
    "path",
    [
        (), ("_client",), ("_client", "_client"), ("_api_client", "_async_httpx_client"),
        ("sdk_configuration", "async_client"), ("_client_wrapper", "httpx_client", "httpx_client"),
        ("aclient_session",),
    ],
    ids=".".join,
)  # fmt: skip
async def test_the_http_client_is_found_where_sdks_keep_it(path):
    """And its requests are told of: sent, answered, failed."""
    http = Http()
    noted, off = watching(around(http, *path))
    answer = Answer()
    assert answer is await http.send(Request(answer=answer), stream=True)
    assert {"stream": True} == http.sent[0][1]
    with pytest.raises(TimeoutError):
        await http.send(Request(answer=TimeoutError()))
    assert ["before", 200, "before", "TimeoutError"] == noted
    off()
    assert "send" not in vars(http)
    await http.send(Request())
    assert 4 == len(noted)


async def test_only_what_asks_a_model_is_told_of():
    """Looking something up is no attempt, nor is a message to another service over the same HTTP client."""
    noted, _ = watching(http := Http())
    await http.send(Request("GET"))
    await http.send(Request(content=b'{"text": "the \\"model\\" has answered"}', url="https://hooks.example.com/x"))
    assert [] == noted
    for asking in (
        Request(content=b'{"model":"m-1"}', url="http://x/chat"),
        Request(content=b"{}", url="http://x/models/m-1:generateContent"),
        Request(content=b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nm-1', url="http://x/audio"),
    ):
        noted.clear()
        await http.send(asking)
        assert ["before", 200] == noted


async def test_two_watches_are_one_until_both_are_off():
    """Nothing is told twice, and the last one leaves no trace."""
    http = Http()
    noted, off = watching(http)
    again, off_again = watching(http)
    await http.send(Request())
    assert 2 == len(noted) + len(again)
    off()
    off()
    await http.send(Request())
    assert 4 == len(noted) + len(again)
    off_again()
    assert "send" not in vars(http)


async def test_what_stood_there_before_stands_there_after():
    """Somebody's own `send` is handed on to, and is put back."""
    http, mine = Http(), []

    async def own(request, **_):
        mine.append(request)
        return Answer()

    http.send = own
    noted, off = watching(http)
    await http.send(Request())
    off()
    assert own is http.send
    assert (1, 2) == (len(mine), len(noted))


async def test_what_was_put_on_top_since_is_left_there():
    """Taken off under somebody else's wrapper, a watch only hands on."""
    http = Http()
    noted, off = watching(http)
    ours = http.send

    async def theirs(request, **options):
        return await ours(request, **options)

    http.send = theirs
    off()
    assert theirs is http.send
    await http.send(Request())
    assert [] == noted


def test_where_there_is_nothing_to_watch_there_is_no_watch():
    """A sync client, a number, an object without one."""

    class Sync:
        def build_request(self):
            """Make a request."""

        def send(self, request):
            """Send it."""

    for other in (Sync(), 3, object(), _holder("_client", Sync())):
        assert watch(other, lambda request: None) is None


@pytest.mark.parametrize(
    ("request_", "model"),
    [
        (Request(), "m-1"),
        (Request(content=b'{"model": "m-2"}'), "m-2"),
        (Request(url="https://x/openai/deployments/d-1/chat?api-version=1"), "d-1"),
        (Request(url="https://x/chat"), None),
    ],
)
def test_the_model_is_the_bodys_or_the_addresss(request_, model):
    """Gemini, Azure and Bedrock name it in the path."""
    assert model == _asked(request_).get("model")


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b"--boundary"])
def test_what_is_no_json_object_asks_for_nothing_readable(content):
    """A form, a file, a list."""
    assert _asked(Request(content=content)) is None


class Headers(dict):
    pass


def _sent(number):
    return type("Sent", (), {"headers": Headers({"x-stainless-retry-count": number})})()


@pytest.mark.parametrize(
    ("source", "retries"),
    [
        (type("Raw", (), {"retries_taken": 2})(), 2),
        (type("Raw", (), {"retries_taken": -1})(), 0),
        (type("Stream", (), {"response": type("R", (), {"request": _sent("1")})()})(), 1),
        (type("Error", (Exception,), {"request": _sent("2")})(), 2),
        (type("Error", (Exception,), {"request": _sent("many")})(), 0),
        ({"retries_taken": 2}, 0),
        ("text", 0),
        (None, 0),
    ],
)
def test_the_retries_that_an_sdk_counts_are_read(source, retries):
    """From its raw responses, its streams and its errors; from nothing else."""
    assert retries == retries_of(source)
