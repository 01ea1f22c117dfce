"""Read usage and model from recorded responses of 25 providers, and compare with genai-prices' extraction.

For each provider it prints how many bodies carry usage, how many of them were read, missed, and read otherwise than
genai-prices reads them; then every difference with its reason. Streams are read twice more with their bytes cut at
random, and must say the same. A difference without a reason, a body missed, or a cut that matters fails the run.

The recordings lie beside the repository (`../shared/data/payloads`); without them it says so and ends.
"""

from __future__ import annotations

import gzip
import json
import random
import re
import sys
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genai_prices.data_snapshot import get_snapshot

from frugal.ports import Reading
from frugal.providers import ShapeReader

DATA = Path(__file__).parents[1] / "../shared/data/payloads"

COUNTED = re.compile(r'"(?:[a-z_]*tokens|[a-zA-Z]*Tokens|[a-zA-Z]*TokenCount|token_count)"\s*:\s*[1-9]')
LIMITS = re.compile(r'"max[a-zA-Z_]*[tT]okens"\s*:\s*\d+|"tokens"\s*:\s*\[')

ORACLES = {
    "amazon-bedrock": [("aws", "default")],
    "anthropic": [("anthropic", "default")],
    "azure": [("azure", "responses"), ("azure", "chat")],
    "cohere": [("cohere", "default"), ("cohere", "embeddings")],
    "deepseek": [("deepseek", "chat")],
    "google": [("google", "default")],
    "groq": [("groq", "default")],
    "mistral": [("mistral", "default")],
    "moonshotai": [("moonshotai", "chat")],
    "open-responses": [("openai", "responses")],
    "openai": [("openai", "responses"), ("openai", "chat"), ("openai", "embeddings")],
    "openai-compatible": [("x-ai", "chat")],
    "openrouter": [("openrouter", "chat")],
    "perplexity": [("perplexity", "default")],
    "xai": [("x-ai", "responses"), ("x-ai", "chat")],
}
ANY = [("openai", "chat"), ("openai", "embeddings")]


@dataclass
class Payload:
    """One recorded body: its provider, its name, and its text; a stream's text is server-sent events or an array."""

    provider: str
    name: str
    body: str
    stream: bool


def payloads() -> Iterator[Payload]:
    """Yield every recorded body."""
    with tarfile.open(DATA / "vercel_ai_fixtures.tar.gz") as archive:
        for member in archive.getmembers():
            file = archive.extractfile(member)
            if file is None:
                continue
            body = file.read().decode()
            parts = member.name.split("/")
            if member.name.endswith(".chunks.txt"):  # one data object a line
                body = "".join(f"data: {line.strip()}\n\n" for line in body.splitlines() if line.strip())
            yield Payload(parts[1], parts[-1], body, not member.name.endswith(".json"))
    for path in sorted(DATA.glob("simonw_*.jsonl.gz")):
        with gzip.open(path, "rt") as lines:
            for number, line in enumerate(lines):
                kept = json.loads(line)
                host = kept["uri"].split("/")[2]
                provider = next(name for name in ("openai", "anthropic", "google") if name in host)
                body = kept["body"]
                if '"cost"' in body:
                    provider = "openrouter"
                stream = kept["stream"] or body.lstrip().startswith("[")
                yield Payload(provider, f"{path.name.split('.')[0]} {number}", body, stream)


def read(payload: Payload) -> Reading | None:
    """Read a body as a caller would."""
    reader = ShapeReader()
    if not payload.stream:
        return reader.read(json.loads(payload.body))
    stream = reader.stream()
    stream.feed(payload.body.encode())
    return stream.reading()


def read_cut(payload: Payload, chance: random.Random) -> Reading | None:
    """Read a stream whose bytes are cut anywhere."""
    stream = ShapeReader().stream()
    data = payload.body.encode()
    at = 0
    while at < len(data):
        step = chance.choice((1, 2, 3, 7, 40, 200, 4096))
        stream.feed(data[at : at + step])
        at += step
    return stream.reading()


def events(body: str) -> list[Any]:
    """Decode a stream's events, in the plainest way there is."""
    if body.lstrip().startswith("["):
        return list(json.loads(body))
    found = []
    for line in body.splitlines():
        try:
            found.append(json.loads(line.strip().removeprefix("data:")))
        except ValueError:
            continue
    return found


def last_body(payload: Payload) -> Any:
    """Return a body that the oracle can read: of a stream, what its events say in the end."""
    if not payload.stream:
        return json.loads(payload.body)
    merged: dict[str, Any] = {}
    for event in events(payload.body):
        inner = event.get("message") or event.get("response") or event.get("metadata") or event.get("delta") or {}
        for source in (inner if isinstance(inner, dict) else {}, event):
            for key in ("usage", "usageMetadata"):
                if source.get(key):
                    merged[key] = {**merged.get(key, {}), **source[key]}
            for key in ("model", "modelVersion"):
                if source.get(key):
                    merged[key] = source[key]
    return merged


def oracle(payload: Payload) -> tuple[dict[str, int], str | None] | None:
    """Return what genai-prices extracts: totals that include their parts."""
    body = last_body(payload)
    for provider, flavor in ORACLES.get(payload.provider, ANY):
        try:
            source = get_snapshot().find_provider(None, provider, None)
            model, usage = source.extract_usage(body, api_flavor=flavor)
        except (ValueError, LookupError, TypeError):
            continue
        counts = {
            "input": usage.input_tokens,
            "cache read": usage.cache_read_tokens,
            "cache write": usage.cache_write_tokens,
            "output": usage.output_tokens,
            "reasoning": getattr(usage, "output_reasoning_tokens", None),
        }
        return {name: int(count or 0) for name, count in counts.items()}, model
    return None


def ours(reading: Reading) -> dict[str, int]:
    """Return a reading in the oracle's terms."""
    usage = reading.usage
    assert usage is not None
    return {
        "input": usage.total_input_tokens,
        "cache read": usage.cache_read_tokens,
        "cache write": usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        "output": usage.total_output_tokens,
        "reasoning": usage.reasoning_tokens,
    }


def reason(payload: Payload, theirs: dict[str, int] | None) -> str | None:
    """Say why a reading differs from the oracle's; `None` when nobody knows."""
    body = payload.body
    starts = len(re.findall(r'"type":\s*"(?:message_start|response\.created)"', body))
    table = (
        (
            '"type":"compaction"' in body.replace(" ", ""),
            "a compaction is billed beside the totals; the oracle leaves it out",
        ),
        (starts > 1, f"{starts} responses in one recording are added; the oracle has the last"),
        ("serverContent" in body, "the turns of a Live session are added; the oracle has the last"),
        (
            payload.provider == "moonshotai",
            "Moonshot's cached_tokens at the top: the oracle has no such key",
        ),
        ("total_input_tokens" in body, "Gemini's Interactions: the oracle has no such flavour"),
        ("statistics" in body, "Vertex embeddings count by prediction: the oracle has no such flavour"),
        ('"usage"' in body and payload.provider in ("voyage", "togetherai"), "a rerank or embedding with a total only"),
        (theirs is None and "mbed" in payload.name + body[:40], "an embedding without an output: the oracle wants one"),
    )
    return next((why for holds, why in table if holds), None)


def judge(payload: Payload, row: Counter[str], chance: random.Random) -> tuple[bool, str | None]:
    """Read a body and count it; return whether all is well, and what to say about it."""
    reading = read(payload)
    row["bodies"] += 1
    row["streams"] += payload.stream
    row["model"] += reading is not None and reading.model is not None
    if payload.stream and any(read_cut(payload, chance) != reading for _ in range(2)):
        row["cut"] += 1
        return False, "reads otherwise when its bytes are cut"
    if reading is None or reading.usage is None:
        if COUNTED.search(LIMITS.sub("", payload.body)) is None:
            return True, None
        why = no_usage(payload)
        row["missing"] += why is None
        return why is not None, why or "missed"
    row["carry"] += 1
    row["read"] += 1
    found, mine = oracle(payload), ours(reading)
    if found is not None and found[0] == mine:
        row["equal"] += 1
        return True, None
    why = reason(payload, found[0] if found else None)
    row["wrong"] += why is None
    row["differ" if found else "alone"] += 1
    theirs = found[0] if found else {}
    shown = {name: (count, theirs[name]) for name, count in mine.items() if name in theirs and theirs[name] != count}
    return why is not None, f"{why or 'for no known reason'} {shown or ''}".strip()


def main() -> int:
    """Print the table and the differences; return 1 when one of them has no reason."""
    if not DATA.is_dir():
        print(f"no recordings at {DATA}: nothing to read")
        return 0
    rows: dict[str, Counter[str]] = {}
    differences: list[str] = []
    faults: list[str] = []
    chance = random.Random(7)
    for payload in payloads():
        row = rows.setdefault(payload.provider, Counter())
        verdict, line = judge(payload, row, chance)
        if line is not None:
            (differences if verdict else faults).append(f"{payload.provider}/{payload.name}: {line}")
    show(rows)
    print("\nDifferences, ours before the oracle's:")
    print("\n".join(f"  {line}" for line in differences))
    print("\nWithout a reason:" if faults else "\nNothing is missed, and nothing differs without a reason.")
    print("\n".join(f"  {line}" for line in faults))
    return 1 if faults else 0


def no_usage(payload: Payload) -> str | None:
    """Say why a body with token counts in it has no usage to read."""
    if payload.body.lstrip().startswith("[") and "parent_tool_use_id" in payload.body:
        return "a log of an agent's messages, not a response"
    if payload.name.startswith("parallel-tool-call-wrapper.1.chunks"):
        return "the recording's last line, which has the usage, is not JSON"
    return None


def show(rows: dict[str, Counter[str]]) -> None:
    """Print the table."""
    heads = ("bodies", "streams", "carry", "read", "missing", "wrong", "equal", "differ", "alone", "model", "cut")
    print(f"{'provider':20}" + "".join(f"{head:>9}" for head in heads))
    total: Counter[str] = Counter()
    for provider in sorted(rows):
        total += rows[provider]
        print(f"{provider:20}" + "".join(f"{rows[provider][head]:>9}" for head in heads))
    print(f"{'all':20}" + "".join(f"{total[head]:>9}" for head in heads))
    print(
        "carry: bodies with usage · wrong: differs from genai-prices without a reason · differ: with one · "
        "alone: genai-prices extracts nothing · model: names its model · cut: reads otherwise when cut"
    )


if __name__ == "__main__":
    sys.exit(main())
