"""Laws of the usage readers, whatever the figures and wherever the bytes are cut."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from frugal._values.usage import BUCKETS, Usage
from frugal.providers import ShapeReader, estimate_input, estimate_text, read
from frugal.providers.counts import KEYS

COUNT = st.integers(0, 10**6)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**4000),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
MARKS = (
    "choices message delta usage usageMetadata usage_metadata candidates content output stopReason type object role "
    "stop_reason meta billed_units predictions embeddings statistics ResponseMetadata response event_type cost "
    "iterations finish_reason model status cost_in_usd_ticks x_groq data chunk metadata promptFeedback"
).split()
NAMES = st.sampled_from([*MARKS, *KEYS])
WORDS = st.sampled_from(["message", "response", "interaction", "stop", "message_start", "message_delta", "text"])
SHAPED = st.recursive(
    ANYTHING | WORDS | COUNT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=6),
    max_leaves=25,
)


@st.composite
def part(draw, total):
    """Draw a part of a total."""
    return draw(st.integers(0, total))


@given(st.data(), COUNT, COUNT)
def test_inclusive_totals_are_kept_to_the_token(data, prompt, completion):
    """OpenAI's totals hold their parts: the buckets add up to the totals."""
    cached = data.draw(part(prompt))
    audio = data.draw(part(prompt - cached))
    reasoning = data.draw(part(completion))
    usage = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": audio},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
    found = read({"choices": [], "usage": usage}).usage
    assert (found.total_input_tokens, found.total_output_tokens) == (prompt, completion)
    assert (found.cache_read_tokens, found.input_audio_tokens, found.reasoning_tokens) == (cached, audio, reasoning)


@given(COUNT, COUNT, COUNT, COUNT, COUNT)
def test_exclusive_counts_are_kept_to_the_token(fresh, cached, five, hour, output):
    """Anthropic's counts are the buckets."""
    usage = {
        "input_tokens": fresh,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": five + hour,
        "cache_creation": {"ephemeral_5m_input_tokens": five, "ephemeral_1h_input_tokens": hour},
        "output_tokens": output,
    }
    found = read({"type": "message", "role": "assistant", "content": [], "usage": usage}).usage
    assert found == Usage(fresh, cached, five, hour, 0, 0, output, 0, 0)


@given(COUNT, COUNT, COUNT)
def test_reasoning_is_counted_once_whether_inside_or_apart(prompt, visible, reasoning):
    """The total says which: both conventions give the same usage."""
    details = {"completion_tokens_details": {"reasoning_tokens": reasoning}}
    total = {"prompt_tokens": prompt, "total_tokens": prompt + visible + reasoning}
    inside = {"choices": [], "usage": {**total, "completion_tokens": visible + reasoning, **details}}
    apart = {"choices": [], "usage": {**total, "completion_tokens": visible, **details}}
    assert read(inside).usage == read(apart).usage == Usage(prompt, 0, 0, 0, 0, 0, visible, reasoning, 0)


@given(SHAPED)
def test_nothing_makes_a_reader_raise_or_count_wrong(body):
    """Whatever a response holds, a reading has whole counts or none, and says what was wrong."""
    for reading in (read(body), _streamed([body, body])):
        if reading is None:
            continue
        if reading.usage is not None:
            assert all(type(getattr(reading.usage, name)) is int for name in BUCKETS)
            assert all(getattr(reading.usage, name) >= 0 for name in BUCKETS)
        assert reading.stated is None or reading.stated.pico >= 0
        assert len(reading.problem) < 1_000


@given(
    st.sampled_from(["prompt_tokens", "completion_tokens"]),
    st.integers(max_value=-1) | st.floats(allow_nan=True).filter(lambda x: not x.is_integer() or x < 0)
    | st.text() | st.booleans() | st.lists(COUNT) | st.integers(min_value=10**12 + 1),
)  # fmt: skip
def test_a_bad_count_is_never_a_number(name, bad):
    """There is no usage then, and the reading says why."""
    usage = {"prompt_tokens": 10, "completion_tokens": 5, name: bad}
    reading = read({"choices": [], "usage": usage})
    assert reading.usage is None
    assert reading.problem


def _streamed(events):
    stream = ShapeReader().stream()
    for event in events:
        stream.feed(event)
    return stream.reading()


CHAT_EVENTS = st.lists(
    st.builds(
        lambda text, finish, usage: {
            "model": "gpt-4o",
            "choices": [{"delta": {"content": text}, "finish_reason": finish}],
            "usage": usage,
        },
        st.text(max_size=12),
        st.none() | st.just("stop"),
        st.none() | st.fixed_dictionaries({"prompt_tokens": COUNT, "completion_tokens": COUNT}),
    ),
    min_size=1,
    max_size=6,
)


@given(CHAT_EVENTS, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans(), st.data())
def test_a_stream_says_the_same_wherever_its_bytes_are_cut(events, end, ascii_only, data):
    """In the middle of a character, of a line end, of a name."""
    lines = (json.dumps(event, ensure_ascii=ascii_only) for event in events)
    body = "".join(f"event: x{end}data: {line}{end}{end}" for line in lines).encode("utf-8", "surrogatepass")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert _streamed(pieces) == _streamed(events)


@given(CHAT_EVENTS, st.data())
def test_an_array_says_the_same_wherever_its_bytes_are_cut(events, data):
    """Gemini streams a JSON array unless it is asked for events."""
    body = json.dumps(events, indent=data.draw(st.sampled_from([None, 2]))).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert _streamed(pieces) == _streamed(events)


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_no_bytes_make_a_stream_raise(pieces):
    """Half an event, no event, no text."""
    _streamed([b"data: ", *pieces])
    _streamed(pieces)
    _streamed([piece.decode("latin-1") for piece in pieces])


@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=4), max_leaves=12))
def test_the_bound_of_a_request_is_never_below_its_text(prompt):
    """A token is at least one byte."""

    def size(value):
        if isinstance(value, str):
            return len(value.encode("utf-8", "surrogatepass"))
        return sum(map(size, value))

    estimate = estimate_input({"prompt": prompt})
    assert estimate.most >= size(prompt)
    assert 0 <= estimate.typical <= estimate.most


@given(st.text())
def test_a_typical_text_is_within_its_bound(text):
    """And nothing only for nothing."""
    estimate = estimate_text(text)
    assert 0 <= estimate.typical <= estimate.most
    assert (estimate.typical == 0) == (text == "")
