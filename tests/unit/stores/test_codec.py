"""The codec: which types a row may name, what it never runs, and the SDKs' own classes."""

import dataclasses
import enum
import logging
import subprocess
import sys
import textwrap
import threading
import zlib
from contextlib import nullcontext
from typing import Any

import msgspec
import numpy as np
import pytest
from pydantic import BaseModel, Field, PrivateAttr

from frugal.errors import StoreCorruptedError, UnencodableValueError
from frugal.stores import SafeCodec, copy_of


class Part(BaseModel):
    text: str


class Answer(BaseModel):
    parts: list[Part] = Field(default_factory=list)
    note: "str | None" = None


@dataclasses.dataclass
class Report:
    answer: Answer
    count: int = 0

    def __post_init__(self):
        self.count += 1


@dataclasses.dataclass
class Finalised:
    path: str

    def __del__(self):
        """Stand for what removes a file, say."""


@dataclasses.dataclass
class FailingError(Exception):
    reason: str


class Strict(msgspec.Struct, forbid_unknown_fields=True):
    count: int = 0

    def __post_init__(self):
        self.count += 1


class Mood(enum.Enum):
    GOOD = "good"


REPORT = Report(Answer(parts=[Part(text="Hello")]))


def test_a_fresh_reader_does_not_know_the_type_and_says_so_once(caplog):
    """A name in a row is not enough: the row is a miss, and one line names the type and the fix."""
    row, reader = SafeCodec().dumps(REPORT), SafeCodec()
    with caplog.at_level(logging.WARNING, logger="frugal"):
        for _ in range(3):
            with pytest.raises(StoreCorruptedError, match="not known to this reader"):
                reader.loads(row)
    assert 1 == len(caplog.records)
    assert "Part" in caplog.text
    assert "types=[...]" in caplog.text


def test_a_reader_learns_what_it_encodes():
    """The first answer that the function returns in this process makes its type known."""
    row, reader = SafeCodec().dumps(REPORT), SafeCodec()
    reader.dumps(Report(Answer(parts=[Part(text="Bye")])))
    assert REPORT == reader.loads(row)


@pytest.mark.parametrize("types", [[Report], [list[Report] | None], [dict[str, tuple[Report, ...]]]])
def test_a_reader_knows_what_it_is_given_and_what_that_is_made_of(types):
    """Types and annotations allow what occurs in them, and in the fields of that."""
    assert REPORT == SafeCodec(types).loads(SafeCodec().dumps(REPORT))


def test_a_function_s_return_annotation_is_allowed():
    """Decorating an annotated function is enough for a fresh process."""

    async def ask(prompt: str) -> list[Report]:
        return []

    async def silent(prompt):
        return None

    async def wrong(prompt) -> "NoSuchType":  # noqa: F821
        return None

    row = SafeCodec().dumps([REPORT])
    assert [REPORT] == SafeCodec.for_function(ask).loads(row)
    for function in (silent, wrong, print):
        with pytest.raises(StoreCorruptedError):
            SafeCodec.for_function(function).loads(row)


def test_no_method_of_a_type_runs():
    """`__post_init__` would count again, and a validator would refuse."""
    codec = SafeCodec()
    assert 1 == codec.loads(codec.dumps(REPORT)).count
    assert 1 == codec.loads(codec.dumps(Strict())).count
    odd = Answer.model_construct(parts="not a list", unknown=1)
    assert odd == codec.loads(codec.dumps(odd))


def test_a_type_with_a_finaliser_is_refused():
    """What runs when an object is thrown away would run on what a row says."""
    value = Finalised("some/path")
    with pytest.raises(UnencodableValueError, match="finaliser"):
        SafeCodec().dumps(value)
    assert "some/path" == value.path


def test_a_class_that_has_changed_since_is_a_miss():
    """A row of an older class lacks a field, so it is not made into the new one."""

    def make(*fields):
        return dataclasses.make_dataclass("Changing", fields, namespace={"__module__": __name__})

    writer, reader = SafeCodec(), SafeCodec()
    row = writer.dumps(make("a")(1))
    reader.dumps(make("a", "b")(1, 2))
    with pytest.raises(StoreCorruptedError, match="has got the fields b since"):
        reader.loads(row)


UNENCODABLE = {
    "a lock": (threading.Lock(), "lock", ""),
    "a function": ({"a": [print]}, "builtin_function_or_method", ".a[0]"),
    "a lambda": ((1, lambda: 1), "function", "[1]"),
    "an exception": (FailingError("reason"), "FailingError", ""),
    "objects": (np.array([object()]), "numpy array of object", ""),
    "records": ([np.zeros(1, "i4,i4")], "numpy array", "[0]"),
    "in a model": (Answer.model_construct(note={"x": object()}), "object", ".note.x"),
    "a class": (Answer, "ModelMetaclass", ""),
}


@pytest.mark.parametrize(("value", "kind", "where"), UNENCODABLE.values(), ids=UNENCODABLE)
def test_what_cannot_be_encoded_is_named_with_its_place(value, kind, where):
    """The error names the type and the path to it."""
    with pytest.raises(UnencodableValueError) as caught:
        SafeCodec().dumps(value)
    assert kind in caught.value.type_name
    assert caught.value.where.endswith(where)


def test_a_cycle_cannot_be_encoded():
    """A structure without an end is refused and not followed."""
    cycle: list[Any] = []
    cycle.append(cycle)
    twice: dict[str, Any] = {}
    twice["a"] = twice["b"] = (twice,)
    for value in (cycle, twice):
        with pytest.raises(UnencodableValueError, match="cyclic"):
            SafeCodec().dumps(value)
    assert copy_of(cycle)[0][0] is not cycle


def test_no_row_imports_or_runs_anything():
    """Rows that name a dangerous class of a module that is there are refused by the reader's own list."""
    codec = SafeCodec()
    names = [
        "subprocess:Popen",
        "os:system",
        "builtins:eval",
        "openai.types:os",
        "antigravity:x",
        "frugal.ports:Stored",
    ]
    for name in names:
        body = msgspec.msgpack.encode(msgspec.msgpack.Ext(40, msgspec.msgpack.encode([name, [{}, True, None, None]])))
        row = codec.dumps(None)[:5] + zlib.crc32(body).to_bytes(4, "little") + body
        with pytest.raises(StoreCorruptedError, match="not known"):
            codec.loads(row)
    assert "antigravity" not in sys.modules


# --------------------------------------------------------------------------- SDKs

COMPLETION = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "service_tier": "default",
    "choices": [{
        "index": 0, "finish_reason": "tool_calls", "logprobs": None, "surprise": {"new": [1, 2]},
        "message": {
            "role": "assistant", "content": None, "refusal": None,
            "tool_calls": [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
        },
    }],
    "usage": {
        "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1},
    },
}  # fmt: skip


def survives(value, types=()):
    """Hold the codec and the copy to giving back what the SDK gave, in a reader that never wrote it."""
    back = SafeCodec(types).loads(SafeCodec().dumps(value))
    for same in (back, copy_of(value)):
        assert type(value) is type(same)
        assert value == same
        assert repr(value) == repr(same)
        assert value.model_dump() == same.model_dump()
        assert value.model_dump(exclude_unset=True) == same.model_dump(exclude_unset=True)
    return back


def test_openai_responses_survive():
    """Chat completions with extras, a request id and a parsed model; embeddings; chunks; responses."""
    openai = pytest.importorskip("openai")
    from openai.types.chat import ChatCompletion, ChatCompletionChunk, ParsedChatCompletion

    completion = ChatCompletion.model_validate(COMPLETION)
    completion._request_id = "req_1"
    back = survives(completion)
    assert "req_1" == back._request_id
    assert completion.choices[0].message.tool_calls == back.choices[0].message.tool_calls
    assert {"new": [1, 2]} == back.choices[0].surprise
    survives(ChatCompletion.construct(**COMPLETION, unknown="field"))
    message = {"role": "assistant", "content": "x", "parsed": {"text": "hi"}}
    choices = [{**COMPLETION["choices"][0], "finish_reason": "stop", "message": message}]
    parsed = ParsedChatCompletion[Part].model_validate({**COMPLETION, "choices": choices})
    back = survives(parsed, [Part])
    assert Part(text="hi") == back.choices[0].message.parsed
    assert type(parsed.choices[0]) is type(back.choices[0])
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m",
             "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}  # fmt: skip
    survives(ChatCompletionChunk.model_validate(chunk))
    survives(openai.types.CreateEmbeddingResponse.model_validate(
        {"object": "list", "model": "e", "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
         "usage": {"prompt_tokens": 1, "total_tokens": 1}}))  # fmt: skip


def test_anthropic_responses_survive():
    """Messages with thinking and tools, and the events of a stream."""
    pytest.importorskip("anthropic")
    from anthropic.types import Message, RawContentBlockDeltaEvent

    survives(Message.model_validate({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "tool_use",
        "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 3},
        "content": [{"type": "text", "text": "hi"}, {"type": "tool_use", "id": "1", "name": "f", "input": {"a": [1]}}],
    }))  # fmt: skip
    survives(RawContentBlockDeltaEvent.model_validate(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}))  # fmt: skip


def test_gemini_responses_survive():
    """Responses with bytes, enums, and an enum's value that the SDK does not know."""
    pytest.importorskip("google.genai")
    from google.genai import types

    for reason in ("STOP", "A_REASON_OF_TOMORROW"):
        with nullcontext() if reason == "STOP" else pytest.warns(UserWarning, match=reason):
            response = types.GenerateContentResponse.model_validate({
                "candidates": [{"content": {"role": "model", "parts": [{"text": "hi"}, {"inline_data": {
                    "data": b"\x00\xff", "mime_type": "image/png"}}]}, "finish_reason": reason}],
                "usage_metadata": {"prompt_token_count": 1}, "create_time": "2026-01-01T00:00:00Z",
            })  # fmt: skip
            back = survives(response)
            assert reason == back.candidates[0].finish_reason.value
            assert type(response.create_time.tzinfo) is type(back.create_time.tzinfo)


def test_a_row_of_an_sdk_is_read_in_a_fresh_process(tmp_path):
    """A hit in a new process needs nothing but the SDK's import."""
    pytest.importorskip("openai")
    from openai.types.chat import ChatCompletion

    (tmp_path / "row").write_bytes(SafeCodec().dumps(ChatCompletion.model_validate(COMPLETION)))
    code = """
        import sys, pathlib
        from frugal.stores import SafeCodec
        from frugal.errors import StoreCorruptedError
        row = pathlib.Path(sys.argv[1]).read_bytes()
        try:
            SafeCodec().loads(row)
        except StoreCorruptedError:
            assert "openai" not in sys.modules
        import openai
        print(type(SafeCodec().loads(row)).__name__)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), tmp_path / "row"], capture_output=True, text=True, check=True
    )
    assert "ChatCompletion\n" == done.stdout


class Busy(BaseModel):
    _lock: object = PrivateAttr(default_factory=threading.Lock)


class OwnCopy(BaseModel):
    count: int = 0

    def __deepcopy__(self, memo=None):
        return OwnCopy(count=self.count + 1)


def test_copies_follow_a_type_s_own_way():
    """A type that says how it is copied is asked."""
    assert 1 == copy_of(OwnCopy()).count


def test_what_cannot_be_copied_is_said():
    """A lock or a client cannot be an answer of which everybody gets their own."""
    for value in (threading.Lock(), [threading.Lock()], Busy()):
        with pytest.raises(UnencodableValueError, match="lock"):
            copy_of(value)


def test_enums_classes_and_frozen_values_are_shared():
    """What cannot change is not copied."""

    @dataclasses.dataclass(frozen=True, slots=True)
    class Frozen:
        mood: Mood
        names: tuple[str, ...]
        more: Any = None

    value = Frozen(Mood.GOOD, ("a", "b"))
    assert copy_of(value) is value
    assert copy_of(Mood.GOOD) is Mood.GOOD
    assert copy_of(Frozen) is Frozen
    changeable = Frozen(Mood.GOOD, (), [1])
    assert copy_of(changeable) == changeable
    assert copy_of(changeable).more is not changeable.more
