"""Logs, as people and other tools write them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from frugal import Money, Usage, backtest, stack
from frugal.insight.backtesting import read_log
from frugal.insight.backtesting.presets import PRESETS, preset_of

Row = Callable[..., dict[str, Any]]


def only(log: Any, **given: Any) -> Any:
    """Return the one request of a log."""
    (request,) = read_log(log, **given).requests
    return request


# --------------------------------------------------------------------------- plain logs


@pytest.mark.parametrize("name", ["log.csv", "log.jsonl", "log.ndjson", "log.json", "log.csv.gz", "log.jsonl.gz"])
def test_a_file_is_read_by_its_suffix(tmp_path: Path, name: str) -> None:
    """Zipped or not; prompts with commas and lines in them survive."""
    rows = [{"time": "2026-01-15T12:00:00Z", "model": "gpt-4o", "input_tokens": 7, "prompt": 'a, "b"\nc' * 90_000}]
    if ".csv" in name:
        quoted = rows[0]["prompt"].replace('"', '""')  # type: ignore[attr-defined]
        text = f'time,model,input_tokens,prompt\n2026-01-15T12:00:00Z,gpt-4o,7,"{quoted}"\n'
    else:
        text = json.dumps(rows) if name == "log.json" else json.dumps(rows[0]) + "\n\n"
    place = tmp_path / name
    place.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else ("\ufeff" + text).encode())
    request = only(place)
    assert (request.time, request.usage.input_tokens, request.prompt) == (1_768_478_400.0, 7, rows[0]["prompt"])


def test_columns_may_have_any_name(row: Row) -> None:
    """`columns=` says which; one that is not there is an error."""
    log = [{"when": 0, "llm": "gpt-4o", "in": "100", "cached": "40", "out": "7"}]
    names = {"time": "when", "model": "llm", "input_tokens": "in", "cached_tokens": "cached", "output_tokens": "out"}
    assert only(log, columns=names).usage == Usage(input_tokens=60, cache_read_tokens=40, output_tokens=7)
    with pytest.raises(ValueError, match="no column 'who'"):
        read_log(log, columns={**names, "user": "who"})
    with pytest.raises(ValueError, match="'colour' is not known"):
        read_log(log, columns={"colour": "x"})


def test_what_a_row_says_is_kept() -> None:
    """Users, sessions, tags, streams, limits, messages; the order is that of time."""
    rows = [
        {"time": 60, "model": "b", "messages": '[{"role": "user", "content": "Hi"}]', "tags": '{"team": "x"}'},
        {"time": 0, "model": "a", "user_id": "ada", "session_id": "s", "stream": "true", "max_tokens": "50"},
    ]
    first, second = read_log(rows).requests
    assert (first.model, first.user, first.session, first.stream, first.max_tokens) == ("a", "ada", "s", True, 50)
    assert second.prompt == [{"role": "user", "content": "Hi"}]
    assert second.tags == {"team": "x"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": ""}, "no model"),
        ({"time": ""}, "no time"),
        ({"time": "yesterday"}, "'yesterday' is not a time"),
        ({"input_tokens": "many"}, "'many' is not a number"),
        ({"input_tokens": "1.5"}, "not a whole number"),
        ({"output_tokens": "-1"}, "0 or more"),
        ({"cached_tokens": "2000"}, "only 1000 were sent"),
        ({"cost": "free"}, "not an amount"),
        ({"stream": "perhaps"}, "neither yes nor no"),
        ({"latency": "nan"}, "0 or more"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_row(row: Row, wrong: dict[str, str], said: str) -> None:
    """And never a number of another kind."""
    with pytest.raises(ValueError, match="^row 2: .*" + said):
        read_log([row(0), row(1, **wrong)])


def test_files_that_are_no_logs_say_so(tmp_path: Path) -> None:
    """A suffix, a line, a document: each with the file's name."""
    for name, text, said in (
        ("log.txt", "", "suffix"),
        ("log.jsonl", '{"time": 0, "model": "m"}\nnot json\n', "line 2"),
        ("log.jsonl", "[1]\n", "line 1 is not a JSON object"),
        ("log.json", '{"rows": []}', "neither a JSON list"),
        ("log.csv.gz", "not zipped", "gzip"),
    ):
        place = tmp_path / name
        place.write_text(text)
        with pytest.raises((ValueError, OSError), match=said):
            read_log(place)
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="made of mappings"):
        read_log([1])  # type: ignore[list-item]  # that is what is tested


def test_seconds_since_a_session_began_are_said_to_be_that() -> None:
    """All sessions begin together, at `start`."""
    rows = [{"session": "a", "seconds": 5, "model": "m"}, {"session": "b", "seconds": 3, "model": "m"}]
    log = read_log(rows, start=1000.0)
    assert [request.time for request in log.requests] == [1003.0, 1005.0]
    assert "only within sessions" in log.notes[0]


def test_a_repeat_is_equal_to_the_last_request_of_its_size() -> None:
    """Where the log has none of its size, nobody knows what it repeats."""
    rows = [
        {"time": at, "session": "s", "model": "m", "input_tokens": size, "repeat": repeat}
        for at, (size, repeat) in enumerate([(5, 0), (6, 0), (5, 1), (7, 1)])
    ]
    first, second, third, fourth = (request.identity for request in read_log(rows).requests)
    assert first == third != second
    assert fourth is None


def test_a_preset_that_is_not_there_names_those_that_are() -> None:
    """And columns are not for presets."""
    with pytest.raises(ValueError, match="litellm, langfuse, helicone, openai"):
        read_log([], preset="wandb")
    with pytest.raises(ValueError, match="columns= is for plain logs"):
        read_log([], preset="litellm", columns={"time": "t"})


# --------------------------------------------------------------------------- presets

LITELLM = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "spend": 4.2e-05,
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "startTime": "2026-01-15T12:00:00.250000Z",
    "endTime": "2026-01-15 12:00:02.250+00:00",
    "model": "gpt-4o-mini",
    "custom_llm_provider": "openai",
    "user": "proxy",
    "end_user": "ada",
    "session_id": "s-1",
    "cache_hit": "False",
    "request_tags": '["search"]',
    "messages": [{"role": "user", "content": "Hi"}],
    "response": {"choices": [{"message": {"content": "Hello."}}]},
    "metadata": '{"usage_object": {"prompt_tokens_details": {"cached_tokens": 64}}}',
    "status": "success",
}
LANGFUSE = {
    "id": "o-1",
    "trace_id": "t-1",
    "type": "GENERATION",
    "start_time": "2026-01-15 12:00:00.250000",
    "end_time": "2026-01-15 12:00:02.250000",
    "provided_model_name": "gpt-4o-mini",
    "model_parameters": '{"temperature": 0.5, "max_tokens": 50}',
    "usage_details": {"input": 36, "input_cached_tokens": 64, "output": 20, "total": 120},
    "total_cost": "0.000042",
    "latency": 2.0,
    "user_id": "ada",
    "session_id": "s-1",
    "input": '[{"role": "user", "content": "Hi"}]',
    "output": '{"role": "assistant", "content": "Hello."}',
}
HELICONE = {
    "response_id": "r-1",
    "response_status": 200,
    "request_created_at": "2026-01-15T12:00:00.250Z",
    "request_body": {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}], "temperature": 0.5},
    "response_body": {"choices": [{"message": {"content": "Hello."}}]},
    "request_user_id": "ada",
    "request_properties": {"Helicone-Session-Id": "s-1", "team": "x"},
    "model": "gpt-4o-mini",
    "provider": "OPENAI",
    "prompt_tokens": 36,
    "prompt_cache_read_tokens": 64,
    "completion_tokens": 20,
    "total_tokens": 120,
    "delay_ms": 2000,
    "costUSD": 4.2e-05,
}


@pytest.mark.parametrize("row", [LITELLM, LANGFUSE, HELICONE], ids=["litellm", "langfuse", "helicone"])
def test_an_export_is_known_by_its_columns_and_says_the_same(row: dict[str, Any]) -> None:
    """The same request, as three tools write it down; in a CSV each cell is a text."""
    cells = {name: cell if isinstance(cell, str) else json.dumps(cell) for name, cell in row.items()}
    for log in ([row], [cells]):
        request = only(log)
        assert request.time == 1_768_478_400.25
        assert (request.model, request.user, request.session, request.latency) == ("gpt-4o-mini", "ada", "s-1", 2.0)
        assert request.usage == Usage(input_tokens=36, cache_read_tokens=64, output_tokens=20)
        assert request.cost is not None
        assert request.cost.amount == Money(42_000_000)
        assert (request.prompt, request.answer) == ([{"role": "user", "content": "Hi"}], "Hello.")
        assert request.failed is None
        assert backtest(log, stack()).cost.amount == Money(42_000_000)


def test_litellms_own_hits_would_have_cost_something() -> None:
    """A hit that cost nothing is priced by the table; a failure costs nothing."""
    assert only([{**LITELLM, "cache_hit": "True", "spend": 0}]).cost is None
    failed = only([{**LITELLM, "status": "failure", "model": "", "spend": 0}])
    assert (failed.failed, failed.model) == (500, "unknown")


def test_langfuse_counts_that_are_not_disjoint_are_taken_apart() -> None:
    """Their sum is above the total, so the parts lie inside; spans are no requests."""
    details = {"input": 100, "input_cached_tokens": 64, "output": 20, "output_reasoning_tokens": 8, "total": 120}
    request = only([{**LANGFUSE, "usage_details": details}])
    assert request.usage == Usage(input_tokens=36, cache_read_tokens=64, output_tokens=12, reasoning_tokens=8)
    claude = {"input": 3, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 5, "output": 20}
    request = only([{**LANGFUSE, "usage_details": claude}])
    assert request.usage == Usage(3, 64, 5, output_tokens=20)
    log = read_log([LANGFUSE, {**LANGFUSE, "type": "SPAN"}])
    assert (len(log), log.left_out) == (1, {"observations that are no generations": 1})


def test_langfuses_interface_writes_other_names() -> None:
    """CamelCase, and counts in columns of their own."""
    row = {
        "startTime": "2026-01-15T12:00:00Z",
        "model": "gpt-4o",
        "promptTokens": 10,
        "completionTokens": 2,
        "type": "",
    }
    assert only([row]).usage == Usage(input_tokens=10, output_tokens=2)


def test_helicones_counts_are_whole_where_they_add_up_to_the_total() -> None:
    """Cached tokens are inside the prompt's then."""
    request = only([{**HELICONE, "prompt_tokens": 100}])
    assert request.usage == Usage(input_tokens=36, cache_read_tokens=64, output_tokens=20)
    assert request.parameters == {"temperature": 0.5}
    assert request.tags == {"team": "x"}
    assert only([{**HELICONE, "response_status": 429, "costUSD": None}]).failed == 429


@pytest.mark.parametrize("flat", [False, True])
def test_openais_sums_become_so_many_requests(flat: bool) -> None:
    """Spread over the bucket, their tokens adding up exactly; said to be a sketch."""
    result = {
        "num_model_requests": 3,
        "input_tokens": 100,
        "input_cached_tokens": 10,
        "output_tokens": 7,
        "model": "gpt-4o",
    }
    bucket = {"start_time": 1_768_478_400, "end_time": 1_768_482_000}
    log = read_log([{**bucket, **result} if flat else {**bucket, "results": [result]}])
    assert [request.time - 1_768_478_400 for request in log.requests] == [0, 1200, 2400]
    assert sum((request.usage for request in log.requests), Usage()) == Usage(90, 10, output_tokens=7)
    assert "spread evenly" in log.notes[0]
    with pytest.raises(ValueError, match="num_model_requests"):
        read_log([{"x": 1}], preset="openai")


def test_every_preset_is_told_from_the_others() -> None:
    """No log has the signs of two."""
    for name, preset in PRESETS.items():
        for sign in preset.signs:
            assert preset_of(sign) == name
    assert preset_of(["time", "model", "input_tokens"]) is None
