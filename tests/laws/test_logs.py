"""Laws of reading logs: whatever stands in one, it is read as it is meant or refused in one line with its place."""

import csv
import gzip
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugal import Usage
from frugal.insight.backtesting import Log, read_log
from frugal.insight.backtesting.presets.plain import NAMES

COLUMNS = sorted({column for known in NAMES.values() for column in known})
PRESETS = {
    "litellm": [
        "startTime", "endTime", "spend", "prompt_tokens", "completion_tokens", "model", "model_group", "status",
        "metadata", "messages", "response", "request_tags", "cache_hit", "call_type", "request_duration_ms",
        "proxy_server_request", "session_id", "end_user", "user",
    ],
    "langfuse": [
        "start_time", "startTime", "end_time", "type", "usage_details", "usage", "total_cost", "cost_details", "level",
        "provided_model_name", "model", "model_parameters", "input", "output", "tags", "promptTokens", "session_id",
    ],
    "helicone": [
        "request_created_at", "response_status", "request_body", "response_body", "request_properties", "model",
        "prompt_tokens", "completion_tokens", "prompt_cache_read_tokens", "delay_ms", "cost", "cache_reference_id",
    ],
    "openai": [
        "start_time", "end_time", "results", "object", "num_model_requests", "input_tokens", "output_tokens",
        "input_cached_tokens", "input_audio_tokens", "model", "batch", "service_tier", "project_id",
    ],
    "frugal": [
        "id", "call", "time", "kind", "outcome", "function", "model_requested", "model", "cost_pico", "cost_status",
        "cost_by_bucket", "saved_pico", "source_id", "latency", "input_tokens", "output_tokens", "user", "run", "tags",
    ],
}  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**6),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([
        "2026-01-15T12:00:00Z", "1768478400", "20260115", "1e3", "-1", "nan", "1,5", "0.5", "gpt-4o", "[]", "{", "{}",
        '{"a": 1}', "GENERATION", "provider", "memory", "failure", "ERROR", "exact", "unpriced",
        "organization.usage.completions.result",
    ]),
)  # fmt: skip
CELLS = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["input", "output", "total", "usage_object", "model", "messages", "unit", "object", "a"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=5,
)


def rows(columns: list[str]) -> st.SearchStrategy[list[dict[str, Any]]]:
    """Return logs of these columns, with anything in their cells."""
    return st.lists(st.dictionaries(st.sampled_from(columns), CELLS, max_size=12), max_size=4)


def attempt(log: Any, **given: Any) -> tuple[Log | None, str]:
    """Read a log, or return why it was refused."""
    try:
        return read_log(log, **given), ""
    except ValueError as error:
        return None, str(error)


def read(log: Any, **given: Any) -> None:
    """Read a log; what cannot be read is one line that says where."""
    found, said = attempt(log, **given)
    if found is None:
        assert "\n" not in said
        assert re.match(r"(row|line|entry|call) |none of its ", said), said
        return
    for request in found.requests:
        assert isinstance(request.usage, Usage)
        assert 0 <= request.time < 253_402_300_800
        assert request.latency is None or 0 <= request.latency < float("inf")
        assert request.cost is None or request.cost.known.pico >= 0
        assert isinstance(request.model, str)


@given(log=rows(COLUMNS))
@settings(max_examples=150, deadline=None)
def test_a_plain_log_of_anything_is_read_or_refused_with_its_row(log: list[dict[str, Any]]) -> None:
    """No cell ends in another error, or in a request that cannot be."""
    read(log, columns={})


@pytest.mark.parametrize("preset", PRESETS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_an_export_of_anything_is_read_or_refused_with_its_row(preset: str, data: st.DataObject) -> None:
    """Likewise, whatever a tool writes into its fields."""
    read(data.draw(rows(PRESETS[preset])), preset=preset)


@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.json", "log.csv.gz", "log.jsonl.gz"])
def test_a_file_of_anything_is_read_or_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    """With the file's name, and never with another error."""
    place = tmp_path / name
    place.write_bytes(content if not name.endswith(".gz") or len(content) % 2 else gzip.compress(content))
    found, said = attempt(place)
    assert found is not None or said.startswith(f"{str(place)!r} cannot be replayed: ")
    assert "\n" not in said


ROWS = st.lists(
    st.fixed_dictionaries(
        {
            # In a table, eight digits from 19 or 20 on may be a date, and are refused.
            "time": st.integers(0, 10**9).filter(lambda time: not 19_000_000 <= time < 21_000_000),
            "input_tokens": st.integers(0, 10**6),
            "output_tokens": st.integers(0, 10**6),
        },
        optional={
            "model": st.text(min_size=1, max_size=5).filter(str.strip),
            "prompt": st.text(max_size=20),
            "user": st.text(max_size=5),
            "latency": st.floats(0, 1e6),
            "stream": st.booleans(),
        },
    ),
    min_size=1,
    max_size=5,
)


@given(log=ROWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_log_says_the_same_in_every_form(tmp_path: Path, log: list[dict[str, Any]]) -> None:
    """As mappings, as JSON Lines, as JSON and as CSV with its quotes and line ends."""
    whole = [{"model": "m", "prompt": "", "user": "", "latency": "", "stream": "", **row} for row in log]
    wanted = read_log(whole).requests
    table = io.StringIO()
    writer = csv.DictWriter(table, list(whole[0]))
    writer.writeheader()
    writer.writerows(whole)
    forms = {
        "log.jsonl": "\n".join(map(json.dumps, whole)),
        "log.json": json.dumps(whole),
        "log.csv": table.getvalue(),
    }
    for name, content in forms.items():
        place = tmp_path / name
        place.write_bytes(content.encode("utf-8", "surrogatepass"))
        assert wanted == read_log(place).requests
