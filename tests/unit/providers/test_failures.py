"""Exceptions: the status they stand for and the usage they carry, in every SDK's shape."""

from __future__ import annotations

from types import SimpleNamespace

import anthropic
import openai
import pytest
from google.genai import errors
from openai.types.chat import ChatCompletion

from frugal._values.usage import Usage
from frugal.providers import status_of, usage_of_error


class GrpcError(Exception):
    """An exception as grpc makes them."""

    __module__ = "grpc.aio"

    def __init__(self, name):
        self._name = name

    def code(self):
        """Return the status, as grpc does."""
        return SimpleNamespace(name=self._name, value=(8, "resource exhausted"))


def made(**fields):
    """Make an exception with attributes."""
    error = Exception("made")
    for name, value in fields.items():
        setattr(error, name, value)
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (made(status_code=429), 429),
        (made(response=SimpleNamespace(status_code=503)), 503),
        (made(response={"ResponseMetadata": {"HTTPStatusCode": 400}, "Error": {"Code": "ValidationException"}}), 400),
        (made(status=404), 404),
        (made(http_status=401), 401),
        (made(code=500), 500),
        (made(code="429"), 429),
        (GrpcError("RESOURCE_EXHAUSTED"), 429),
        (GrpcError("DEADLINE_EXCEEDED"), 504),
        (made(status="RESOURCE_EXHAUSTED", code=429), 429),
        (made(code="rate_limit_exceeded"), None),
        (made(status_code="boom"), None),
        (made(status_code=True), None),
        (made(code=7), None),
        (made(code=lambda: 429), None),
        (ValueError("x"), None),
        (TimeoutError(), None),
    ],
)
def test_a_status_is_read_from_where_the_exception_keeps_it(error, status):
    """Nothing is guessed."""
    assert status_of(error) == status


def test_the_sdks_own_errors_are_read():
    """Of OpenAI, Anthropic and google-genai."""
    httpx = pytest.importorskip("httpx2")
    response = httpx.Response(429, json={"error": {}}, request=httpx.Request("POST", "https://a.b"))
    assert status_of(openai.RateLimitError("no", response=response, body=None)) == 429
    assert status_of(anthropic.RateLimitError("no", response=response, body=None)) == 429
    assert status_of(errors.ClientError(429, {"error": {"code": 429, "status": "RESOURCE_EXHAUSTED"}})) == 429
    assert status_of(openai.APIConnectionError(request=response.request)) is None


def test_the_cause_is_asked_after_the_error():
    """A wrapped error keeps its status; one that was merely being handled does not count."""
    wrapped = RuntimeError("wrapped")
    wrapped.__cause__ = made(status_code=429)
    assert status_of(wrapped) == 429
    handled = RuntimeError("handled")
    handled.__context__ = made(status_code=429)
    assert status_of(handled) is None
    circle = RuntimeError("circle")
    circle.__cause__ = circle
    assert status_of(circle) is None


def test_a_completion_that_an_error_carries_is_read():
    """A parsed completion that was cut is billed, and raises."""
    completion = ChatCompletion.model_validate(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "gpt-4o",
            "choices": [],
            "usage": {"prompt_tokens": 9, "completion_tokens": 100, "total_tokens": 109},
        }
    )
    error = openai.LengthFinishReasonError(completion=completion)
    assert usage_of_error(error).usage == Usage(input_tokens=9, output_tokens=100)
    outer = RuntimeError("outer")
    outer.__cause__ = error
    assert usage_of_error(outer).model == "gpt-4o"


@pytest.mark.parametrize("error", [ValueError("x"), made(body={"error": "no"}), made(response=None), made(body="text")])
def test_an_error_without_usage_has_none(error):
    """As nearly all of them."""
    assert usage_of_error(error) is None
