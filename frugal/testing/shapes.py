"""The shapes that the offline provider answers in: OpenAI's and Anthropic's, plain and streamed.

Plain dataclasses with the providers' own field names; they can be read by attribute or by key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

from frugal._values.usage import Usage

__all__ = ["Shape", "shape_named"]


class _Keyed:
    """Let a dataclass be read like the provider's JSON too."""

    def __getitem__(self, name: str) -> Any:
        try:
            return getattr(self, name)
        except AttributeError:
            raise KeyError(name) from None

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default."""
        return getattr(self, name, default)

    def keys(self) -> list[str]:
        """Return the names of the fields."""
        return [item.name for item in fields(self)]  # type: ignore[arg-type]  # every subclass is a dataclass


# --------------------------------------------------------------------------- OpenAI's chat completions


@dataclass
class PromptTokensDetails(_Keyed):
    cached_tokens: int = 0
    audio_tokens: int = 0


@dataclass
class CompletionTokensDetails(_Keyed):
    reasoning_tokens: int = 0
    audio_tokens: int = 0


@dataclass
class CompletionUsage(_Keyed):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails


@dataclass
class ChatMessage(_Keyed):
    content: str | None
    role: str = "assistant"
    refusal: str | None = None
    tool_calls: list[Any] | None = None


@dataclass
class Choice(_Keyed):
    index: int
    message: ChatMessage
    finish_reason: str = "stop"


@dataclass
class ChatCompletion(_Keyed):
    id: str
    model: str
    choices: list[Choice]
    usage: CompletionUsage | None
    created: int = 0
    object: str = "chat.completion"


@dataclass
class Delta(_Keyed):
    content: str | None = None
    role: str | None = None


@dataclass
class ChunkChoice(_Keyed):
    index: int
    delta: Delta
    finish_reason: str | None = None


@dataclass
class ChatCompletionChunk(_Keyed):
    id: str
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None = None
    created: int = 0
    object: str = "chat.completion.chunk"


# --------------------------------------------------------------------------- Anthropic's messages


@dataclass
class CacheCreation(_Keyed):
    ephemeral_5m_input_tokens: int = 0
    ephemeral_1h_input_tokens: int = 0


@dataclass
class MessageUsage(_Keyed):
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0
    cache_creation: CacheCreation = field(default_factory=CacheCreation)


@dataclass
class TextBlock(_Keyed):
    text: str
    type: str = "text"


@dataclass
class Message(_Keyed):
    id: str
    model: str
    content: list[TextBlock]
    usage: MessageUsage
    stop_reason: str | None = "end_turn"
    role: str = "assistant"
    type: str = "message"


@dataclass
class MessageStart(_Keyed):
    message: Message
    type: str = "message_start"


@dataclass
class TextDelta(_Keyed):
    text: str
    type: str = "text_delta"


@dataclass
class ContentBlockDelta(_Keyed):
    delta: TextDelta
    index: int = 0
    type: str = "content_block_delta"


@dataclass
class StopDelta(_Keyed):
    stop_reason: str
    stop_sequence: str | None = None


@dataclass
class DeltaUsage(_Keyed):
    output_tokens: int


@dataclass
class MessageDelta(_Keyed):
    delta: StopDelta
    usage: DeltaUsage
    type: str = "message_delta"


@dataclass
class MessageStop(_Keyed):
    type: str = "message_stop"


class Shape(Protocol):
    """Puts an answer into a provider's form."""

    @property
    def name(self) -> str:
        """What `FakeModel(shape=)` calls it."""
        ...

    def response(self, number: int, model: str, answer: str, usage: Usage, finish: str | None) -> Any:
        """Return a plain answer."""
        ...

    def stream(
        self, number: int, model: str, pieces: Sequence[str], usage: Usage | None, finish: str | None
    ) -> Iterator[Any]:
        """Yield the events of a streamed answer; without `usage` they do not say what was used."""
        ...


class _OpenAI:
    name = "openai"

    def _usage(self, usage: Usage) -> CompletionUsage:
        prompt, completion = usage.total_input_tokens, usage.total_output_tokens
        return CompletionUsage(
            prompt,
            completion,
            prompt + completion,
            PromptTokensDetails(usage.cache_read_tokens, usage.input_audio_tokens),
            CompletionTokensDetails(usage.reasoning_tokens, usage.output_audio_tokens),
        )

    def response(self, number: int, model: str, answer: str, usage: Usage, finish: str | None) -> Any:
        choice = Choice(0, ChatMessage(answer), finish or "stop")
        return ChatCompletion(f"chatcmpl-{number}", model, [choice], self._usage(usage))

    def stream(
        self, number: int, model: str, pieces: Sequence[str], usage: Usage | None, finish: str | None
    ) -> Iterator[Any]:
        name = f"chatcmpl-{number}"
        for piece in pieces:
            yield ChatCompletionChunk(name, model, [ChunkChoice(0, Delta(piece, "assistant"))])
        yield ChatCompletionChunk(name, model, [ChunkChoice(0, Delta(), finish or "stop")])
        if usage is not None:
            yield ChatCompletionChunk(name, model, [], self._usage(usage))


class _Anthropic:
    name = "anthropic"

    def _usage(self, usage: Usage, output: int) -> MessageUsage:
        return MessageUsage(
            usage.input_tokens,
            output,
            usage.cache_read_tokens,
            usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
            CacheCreation(usage.cache_write_5m_tokens, usage.cache_write_1h_tokens),
        )

    def response(self, number: int, model: str, answer: str, usage: Usage, finish: str | None) -> Any:
        counted = self._usage(usage, usage.total_output_tokens)
        return Message(f"msg_{number}", model, [TextBlock(answer)], counted, finish or "end_turn")

    def stream(
        self, number: int, model: str, pieces: Sequence[str], usage: Usage | None, finish: str | None
    ) -> Iterator[Any]:
        counted = self._usage(usage or Usage(), 1 if usage else 0)
        yield MessageStart(Message(f"msg_{number}", model, [], counted, None))
        for piece in pieces:
            yield ContentBlockDelta(TextDelta(piece))
        if usage is not None:
            yield MessageDelta(StopDelta(finish or "end_turn"), DeltaUsage(usage.total_output_tokens))
        yield MessageStop()


def shape_named(name: str) -> Shape:
    """Return the shape of that name.

    Raises:
        ValueError: there is none.
    """
    shapes: dict[str, Shape] = {"openai": _OpenAI(), "anthropic": _Anthropic()}
    if name not in shapes:
        raise ValueError(f"shape is {name!r}; it is one of {', '.join(shapes)}.")
    return shapes[name]


RESPONSES = (
    PromptTokensDetails, CompletionTokensDetails, CompletionUsage, ChatMessage, Choice, ChatCompletion, Delta,
    ChunkChoice, ChatCompletionChunk, CacheCreation, MessageUsage, TextBlock, Message, MessageStart, TextDelta,
    ContentBlockDelta, StopDelta, DeltaUsage, MessageDelta, MessageStop,
)  # fmt: skip
"""Every class that the offline provider answers in."""
