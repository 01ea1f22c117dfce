"""Media: how many tokens an image, a recording or a document of a request costs, without decoding it.

Law: `most` is not exceeded by any file that the provider takes, as far as its documentation says; `typical` is
for a file of ordinary size. Sources (read in November 2026): OpenAI, "Images and vision" (tiles of 512 pixels at
85 + 170, 2,833 + 5,667 for gpt-4o-mini; patches of 32 pixels, at most 1,536, times 1.62 to 2.46); Anthropic,
"Vision" (width times height over 750, at most 1,568, later models 4,784) and "PDF support" (1,500 to 3,000 tokens
of text a page, and an image of it); Google, "Understand and count tokens" (258 for each tile, video at 263 and
audio at 32 a second) and "Media resolution" (up to 2,240); Together, "Vision" (up to 6,404).
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from frugal.providers.nodes import Node, look, word

__all__ = ["Tokens", "image_tokens", "is_image", "media_tokens"]


class Tokens(NamedTuple):
    """A number of tokens that is only bounded: the most it can be, and what it is likely to be."""

    most: int
    typical: int


_IMAGES = tuple(
    (re.compile(pattern), Tokens(*high), Tokens(*low))
    for pattern, high, low in (
        (r"gpt-4o-mini", (48_169, 25_501), (2_833, 2_833)),
        (r"gpt-4\.1-(?:mini|nano)|gpt-5-(?:mini|nano)|o4-mini", (3_779, 1_659), (3_779, 415)),
        (r"gpt-4o|gpt-4\.1|gpt-4\.5|gpt-4-turbo|gpt-5(?:$|-)|o[13](?:$|-)", (1_445, 765), (85, 85)),
        (r"claude", (4_784, 1_334), (4_784, 1_334)),
        (r"gemini", (3_096, 1_120), (3_096, 280)),
    )
)
_ANY_IMAGE = Tokens(10_000, 1_600)

_SLOWEST, _USUAL_SOUND = 1_000, 16_000  # bytes a second of speech at 8 kbit/s, and of MP3 at 128 kbit/s
_USUAL_VIDEO = 125_000  # bytes a second at 1 Mbit/s
_SLOWEST_VIDEO = 16_000
_SOUND, _VIDEO = 32, 300  # tokens a second
_UNSEEN = {
    "audio": Tokens(_SOUND * 3_600, _SOUND * 60),
    "video": Tokens(_VIDEO * 3_600, _VIDEO * 60),
    "document": Tokens(200_000, 10_000),
}
"""What is only referred to: an hour and a minute; a whole context window and five pages."""
_WINDOW = 1_000_000
"""The largest context window: a document that fills more is refused, and costs nothing."""


def image_tokens(model: str | None, detail: str | None = None) -> Tokens:
    """Return what one image costs.

    Args:
        model: the model that is asked.
        detail: OpenAI's `"low"`, `"high"` or `"auto"`.

    >>> image_tokens("gpt-4o", "low")
    Tokens(most=85, typical=85)
    """
    for pattern, high, low in _IMAGES:
        if model is not None and pattern.search(model):
            return low if detail == "low" else high
    return _ANY_IMAGE


def _sized(kind: str, length: int | None) -> Tokens:
    if length is None:
        return _UNSEEN[kind]
    if kind == "audio":
        return Tokens(_SOUND * -(-length // _SLOWEST), _SOUND * -(-length // _USUAL_SOUND))
    if kind == "video":
        return Tokens(_VIDEO * -(-length // _SLOWEST_VIDEO), _VIDEO * -(-length // _USUAL_VIDEO))
    # Text is packed to a third, so a byte is less than a token; a page's image comes on top.
    return Tokens(min(2 * length + 4_784, _WINDOW), min(length // 30 + 1_000, _WINDOW))


def _length(data: Any) -> int | None:
    """Return the length of a file that is given as bytes or in base64, and `None` for a reference."""
    if isinstance(data, (bytes, bytearray, memoryview)):
        return len(data)
    if isinstance(data, str) and not data.startswith(("http:", "https:", "gs:", "s3:", "file-", "file:")):
        return (len(data) - data.find(",", 0, 128) - 1) * 3 // 4
    return None


def _kind(mime: str | None) -> str:
    family = (mime or "").partition("/")[0]
    return family if family in ("image", "audio", "video") else "document"


_BY_TYPE = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "input_audio": "audio",
    "audio": "audio",
    "audio_url": "audio",
    "document": "document",
    "document_url": "document",
    "file": "document",
    "input_file": "document",
    "video_url": "video",
    "video": "video",
}
_HOLDERS = ("image", "audio", "video", "document")  # Bedrock: {"image": {"format": ..., "source": {...}}}
_BLOBS = ("inline_data", "inlineData", "file_data", "fileData")
_DATA = (
    "data",
    "bytes",
    "file_data",
    "file_url",
    "url",
    "file_uri",
    "fileUri",
    "image_url",
    "input_audio",
    "source",
)


def _found(node: Node) -> tuple[str, Any] | None:
    """Return the kind of the media in a block and what holds its data, or `None` for a block of text."""
    if (kind := _BY_TYPE.get(word(node.get("type")) or "")) is not None:
        return kind, node.get("file") or node
    for name in _BLOBS:
        blob = look(node.get(name))
        if blob is not None:
            return _kind(word(blob.get("mime_type")) or word(blob.get("mimeType"))), blob
    if "mime_type" in node and "data" in node:
        return _kind(word(node.get("mime_type"))), node
    for name in _HOLDERS:
        holder = look(node.get(name))
        if holder is not None and "source" in holder:
            return name, holder
    return None


def _data(holder: Any) -> Any:
    """Return the data or the address that a block of media holds, however deep."""
    for _ in range(4):
        node = look(holder)
        if node is None:
            return holder
        holder = next((node.get(name) for name in _DATA if node.get(name) is not None), None)
    return None


def is_image(node: Node) -> bool:
    """Whether a block of a message is an image."""
    found = _found(node)
    return found is not None and found[0] == "image"


def media_tokens(node: Node, model: str | None) -> Tokens | None:
    """Return what a block of media costs, or `None` when the block is none.

    >>> media_tokens({"type": "image_url", "image_url": {"url": "https://…", "detail": "low"}}, "gpt-4o").most
    85
    """
    found = _found(node)
    if found is None:
        return None
    kind, holder = found
    if kind == "image":
        inner = look(node.get("image_url"))
        return image_tokens(model, word((inner if inner is not None else node).get("detail")))
    source = look(node.get("source"))
    if kind == "document" and source is not None and source.get("type") in ("text", "content"):
        return None  # Anthropic's documents of plain text are text
    return _sized(kind, _length(_data(holder)))
