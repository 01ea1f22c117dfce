"""Failures: what an exception says about the request that failed.

Law: nothing is guessed. A status is one that the exception carries, in any SDK's spelling; a usage is one that
the provider sent along (a parsed completion that was cut carries its whole, billed completion).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from frugal.ports import Reading
from frugal.providers.nodes import Attributes, look
from frugal.providers.reader import read

__all__ = ["status_of", "usage_of_error"]

_GRPC = {
    "CANCELLED": 499,
    "UNKNOWN": 500,
    "INVALID_ARGUMENT": 400,
    "DEADLINE_EXCEEDED": 504,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "PERMISSION_DENIED": 403,
    "RESOURCE_EXHAUSTED": 429,
    "FAILED_PRECONDITION": 400,
    "ABORTED": 409,
    "OUT_OF_RANGE": 400,
    "UNIMPLEMENTED": 501,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DATA_LOSS": 500,
    "UNAUTHENTICATED": 401,
}
"""HTTP statuses of gRPC's codes, as google.rpc.Code states them."""

_CAUSES = 5
_LOWEST, _HIGHEST = 100, 599


def _status(value: Any) -> int | None:
    """Return an HTTP status: a number, or gRPC's code by its name."""
    if isinstance(value, str):
        return _GRPC.get(value.upper()) or (int(value) if value.isdecimal() and len(value) == 3 else None)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return int(value) if _LOWEST <= value <= _HIGHEST else None
    name = Attributes(value).get("name")  # a member of grpc.StatusCode
    return _GRPC.get(name) if isinstance(name, str) else None


def _statuses(exception: BaseException) -> Iterator[Any]:
    node = Attributes(exception)
    yield node.get("status_code")  # OpenAI, Anthropic, Cohere, Mistral, LiteLLM
    response = node.get("response")
    inner = look(response)
    if inner is not None:
        yield inner.get("status_code")  # httpx, requests
        yield inner.get("status")  # aiohttp
        made = look(inner.get("ResponseMetadata"))  # botocore's ClientError
        if made is not None:
            yield made.get("HTTPStatusCode")
    for name in ("status", "http_status", "code"):  # aiohttp; older SDKs; google-genai
        value = node.get(name)
        if name == "code" and callable(value) and type(exception).__module__.startswith(("grpc", "google.api_core")):
            value = value()
        yield value


def status_of(exception: BaseException) -> int | None:
    """Return the HTTP status that an exception stands for, or `None` when it says none.

    A wrapped exception (`raise ... from error`) is asked after the one that wraps it.

    >>> class Busy(Exception):
    ...     status_code = 429
    >>> status_of(Busy()), status_of(ValueError())
    (429, None)
    """
    current: BaseException | None = exception
    for _ in range(_CAUSES):
        if current is None:
            break
        try:
            for value in _statuses(current):
                if value is not None and (status := _status(value)) is not None:
                    return status
        except Exception:  # noqa: S110  An exception that cannot be looked into says no status.
            pass
        current = current.__cause__
    return None


_CARRIED = ("completion", "last_completion", "raw_response", "response", "body", "details", "response_json")
"""Where exceptions carry a response: OpenAI's LengthFinishReasonError, Instructor, the SDKs' status errors."""


def usage_of_error(exception: BaseException) -> Reading | None:
    """Return what an exception says about usage, or `None` when it carries none.

    >>> class Cut(Exception):
    ...     completion = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    >>> usage_of_error(Cut()).usage.output_tokens
    4
    """
    current: BaseException | None = exception
    for _ in range(_CAUSES):
        if current is None:
            break
        node = Attributes(current)
        for name in _CARRIED:
            carried = node.get(name)
            if carried is not None and (reading := read(carried)) is not None and reading.usage is not None:
                return reading
        current = current.__cause__
    return None
