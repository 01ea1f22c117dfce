"""Parts: the pieces of text in an answer, by shape.

Law: every text that the model wrote is in exactly one part, of one kind: `text`, `tool` (a call's arguments as
JSON), `thought`, or `refusal`. `text_of` gives the answer; the size of all parts together is what an estimate of
the output tokens goes by, since thoughts and calls are billed too.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from frugal.providers.nodes import Node, entries, look, text

__all__ = [
    "Part",
    "Parts",
    "bedrock",
    "chat",
    "cohere",
    "gemini",
    "interaction",
    "message",
    "plain",
    "responses",
]

Part: TypeAlias = tuple[str, str]
"""The kind and the text."""

Parts: TypeAlias = Callable[[Node], Iterator[Part]]
"""Yields the parts of one shape's body."""


def _json(value: Any) -> str:
    """Return the arguments of a call as text."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (TypeError, ValueError, RecursionError):
        return ""


def _call(call: Any) -> Iterator[Part]:
    """Yield the arguments of a call in OpenAI's shape."""
    node = look(call)
    if node is None:
        return
    for key in ("function", "custom"):
        if (inner := look(node.get(key))) is not None:
            yield "tool", _json(inner.get("arguments") or inner.get("input"))


def _written(content: Any) -> Iterator[Part]:
    """Yield a content that is a string, or a list of `{type, text}`."""
    if isinstance(content, str):
        yield "text", content
        return
    for block in map(look, entries(content)):
        if block is None:
            continue
        thinking = block.get("thinking")
        if thinking is not None:  # Mistral nests the thoughts once more, Cohere does not
            for _, inner in _written(thinking):
                yield "thought", inner
        elif block.get("type") == "refusal":
            yield "refusal", text(block.get("refusal"))
        else:
            yield "text", text(block.get("text"))


def chat(body: Node) -> Iterator[Part]:
    """Yield the parts of OpenAI's chat shape: whole answers, chunks, and legacy completions."""
    for choice in map(look, entries(body.get("choices"))):
        if choice is None:
            continue
        said = look(choice.get("message")) if choice.get("delta") is None else look(choice.get("delta"))
        if said is None:
            yield "text", text(choice.get("text"))
            continue
        yield from _written(said.get("content"))
        for key in ("reasoning_content", "reasoning"):  # DeepSeek and xAI; Groq and OpenRouter
            if isinstance(thought := said.get(key), str):
                yield "thought", thought
                break
        if refusal := said.get("refusal"):
            yield "refusal", text(refusal)
        for call in entries(said.get("tool_calls")):
            yield from _call(call)
        if (called := look(said.get("function_call"))) is not None:
            yield "tool", _json(called.get("arguments"))
        if (audio := look(said.get("audio"))) is not None:
            yield "text", text(audio.get("transcript"))


_ITEM_INPUTS = ("arguments", "input", "code", "action")


def responses(body: Node) -> Iterator[Part]:
    """Yield the parts of OpenAI's Responses."""
    for item in map(look, entries(body.get("output"))):
        if item is None:
            continue
        if item.get("type") == "reasoning":
            for key in ("content", "summary"):
                for _, inner in _written(item.get(key)):
                    yield "thought", inner
        elif item.get("content") is not None:
            yield from _written(item.get("content"))
        else:
            yield from (("tool", _json(item.get(key))) for key in _ITEM_INPUTS if item.get(key) is not None)


def message(body: Node) -> Iterator[Part]:
    """Yield the parts of an Anthropic message."""
    for block in map(look, entries(body.get("content"))):
        if block is None:
            continue
        match block.get("type"):
            case "text":
                yield "text", text(block.get("text"))
            case "thinking":
                yield "thought", text(block.get("thinking"))
            case "compaction":
                yield "thought", text(block.get("content"))
            case "tool_use" | "server_tool_use" | "mcp_tool_use":
                yield "tool", _json(block.get("input"))


def gemini(body: Node) -> Iterator[Part]:
    """Yield the parts of Gemini's candidates, snake_case or camelCase."""
    for candidate in map(look, entries(body.get("candidates"))):
        content = look(candidate.get("content")) if candidate is not None else None
        for part in map(look, entries(content.get("parts")) if content is not None else ()):
            if part is None:
                continue
            if isinstance(said := part.get("text"), str):
                yield ("thought" if part.get("thought") is True else "text"), said
            called = look(part.get("functionCall") or part.get("function_call"))
            if called is not None:
                yield (
                    "tool",
                    _json(called.get("args") or called.get("partialArgs") or called.get("partial_args")),
                )
            code = look(part.get("executableCode") or part.get("executable_code"))
            if code is not None:
                yield "tool", text(code.get("code"))


def bedrock(body: Node) -> Iterator[Part]:
    """Yield the parts of a Bedrock Converse answer."""
    output = look(body.get("output"))
    said = look(output.get("message")) if output is not None else None
    for block in map(look, entries(said.get("content")) if said is not None else ()):
        if block is None:
            continue
        if (called := look(block.get("toolUse"))) is not None:
            yield "tool", _json(called.get("input"))
        elif (thought := look(block.get("reasoningContent"))) is not None:
            inner = look(thought.get("reasoningText"))
            yield "thought", text(inner.get("text")) if inner is not None else ""
        else:
            yield "text", text(block.get("text"))


def cohere(body: Node) -> Iterator[Part]:
    """Yield the parts of a Cohere answer, version 2 (`message`) or 1 (`text`)."""
    said = look(body.get("message"))
    if said is None:
        yield "text", text(body.get("text"))
        return
    yield "thought", text(said.get("tool_plan"))
    yield from _written(said.get("content"))
    for call in entries(said.get("tool_calls")):
        yield from _call(call)


def interaction(body: Node) -> Iterator[Part]:
    """Yield the parts of a Gemini interaction."""
    for step in map(look, entries(body.get("steps") or body.get("outputs"))):
        if step is None:
            continue
        if step.get("type") == "function_call":
            yield "tool", _json(step.get("arguments"))
        elif step.get("content") is not None:
            yield from _written(step.get("content"))
        else:
            yield "text", text(step.get("text"))


def plain(body: Node) -> Iterator[Part]:
    """Yield the text of a body that has just one, such as a transcription."""
    yield "text", text(body.get("text"))
