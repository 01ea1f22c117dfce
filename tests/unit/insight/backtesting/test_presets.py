"""The exports of other tools, with the fields that their sources name."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from frugal import Money, Usage, backtest, stack
from frugal.insight.backtesting import read_log
from frugal.insight.backtesting.presets import PRESETS, preset_of

Row = dict[str, Any]
AT = 1_768_478_400.25
CHAT = [{"role": "user", "content": "Hi"}]


def only(log: Any, **given: Any) -> Any:
    """Return the one request of a log."""
    (request,) = read_log(log, **given).requests
    return request


LITELLM: Row = {
    "request_id": "chatcmpl-1",
    "call_type": "acompletion",
    "api_key": "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b",
    "spend": 4.2e-05,
    "total_tokens": 120,
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "startTime": "2026-01-15T12:00:00.250000Z",
    "endTime": "2026-01-15 12:00:02.250+00",
    "request_duration_ms": 2000,
    "completionStartTime": "2026-01-15T12:00:01Z",
    "model": "gpt-4o-mini",
    "model_id": "",
    "model_group": "cheap",
    "custom_llm_provider": "openai",
    "api_base": "https://api.openai.com",
    "user": "proxy",
    "metadata": {
        "user_api_key_alias": "prod",
        "usage_object": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        },
    },
    "cache_hit": "False",
    "cache_key": "Cache OFF",
    "request_tags": ["search", "User-Agent: python"],
    "team_id": None,
    "end_user": "ada",
    "messages": CHAT,
    "response": {"id": "chatcmpl-1", "choices": [{"message": {"role": "assistant", "content": "Hello."}}]},
    "session_id": "s-1",
    "status": "success",
    "proxy_server_request": {"model": "cheap", "messages": CHAT, "temperature": 0.5, "metadata": {"trace": "x"}},
}
LANGFUSE: Row = {
    "id": "o-1",
    "trace_id": "t-1",
    "project_id": "p-1",
    "environment": "default",
    "type": "GENERATION",
    "parent_observation_id": "",
    "start_time": "2026-01-15 12:00:00.250000",
    "end_time": "2026-01-15 12:00:02.250000",
    "name": "openai-chat",
    "level": "DEFAULT",
    "status_message": "",
    "provided_model_name": "gpt-4o-mini",
    "model_parameters": '{"temperature": 0.5, "max_tokens": 50}',
    "usage_details": {"input": 36, "input_cached_tokens": 64, "output": 20, "total": 120},
    "cost_details": {"input": 0.00003, "output": 0.000012, "total": 0.000042},
    "total_cost": 0.000042,
    "completion_start_time": None,
    "latency": 2000.0,  # milliseconds: the integration was made before April 2026
    "user_id": "ada",
    "session_id": "s-1",
    "tags": ["search"],
    "input": json.dumps(CHAT),
    "output": '{"role": "assistant", "content": "Hello."}',
}
HELICONE: Row = {
    "response_id": "r-1",
    "response_created_at": "2026-01-15T12:00:02.250Z",
    "response_status": 200,
    "request_id": "q-1",
    "request_created_at": "2026-01-15T12:00:00.250Z",
    "request_body": {"model": "gpt-4o-mini", "messages": CHAT, "temperature": 0.5},
    "response_body": {"choices": [{"message": {"content": "Hello."}}]},
    "request_user_id": "ada",
    "request_properties": {"Helicone-Session-Id": "s-1", "team": "x"},
    "request_model": "gpt-4o-mini",
    "provider": "OPENAI",
    "prompt_tokens": 36,
    "prompt_cache_read_tokens": 64,
    "prompt_cache_write_tokens": 0,
    "completion_tokens": 20,
    "total_tokens": 56,
    "delay_ms": 2000,
    "cost": 4.2e-05,
    "cache_reference_id": "00000000-0000-0000-0000-000000000000",
    "cache_enabled": False,
}
EXPORTS = pytest.mark.parametrize(
    ("name", "row"), [("litellm", LITELLM), ("langfuse", LANGFUSE), ("helicone", HELICONE)], ids=lambda it: str(it)[:8]
)


def cell(value: Any) -> str:
    """Return a value as tools write it into a CSV."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


@EXPORTS
@pytest.mark.parametrize("form", ["mappings", "jsonl", "json", "csv"])
def test_an_export_is_known_by_its_columns_and_says_the_same(tmp_path: Path, name: str, row: Row, form: str) -> None:
    """The same request, as three tools write it down, in each of their formats."""
    assert name == preset_of(row)
    log: Any = tmp_path / f"log.{form}"
    if form == "csv":
        with log.open("w", newline="") as file:
            csv.writer(file).writerows([row.keys(), map(cell, row.values())])
    elif form == "mappings":
        log = [row]
    else:
        log.write_text(json.dumps(row) + "\n" if form == "jsonl" else json.dumps([row], indent=2))
    request = only(log)
    assert request.time == AT
    assert (request.model, request.user, request.session, request.latency) == ("gpt-4o-mini", "ada", "s-1", 2.0)
    assert request.usage == Usage(input_tokens=36, cache_read_tokens=64, output_tokens=20)
    assert request.cost is not None
    assert request.cost.amount == Money(42_000_000)
    assert (request.prompt, request.answer) == (CHAT, "Hello.")
    assert request.parameters == {"temperature": 0.5}
    assert request.failed is None
    assert backtest(log, stack()).cost.amount == Money(42_000_000)


@EXPORTS
def test_nothing_but_the_columns_that_are_needed_is_enough(name: str, row: Row) -> None:
    """Without prompts, answers, users and labels, as many projects keep their logs."""
    less = {
        column: value
        for column, value in row.items()
        if "body" not in column and column not in {"messages", "response", "input", "output", "proxy_server_request"}
    }
    request = only([less])
    assert (request.prompt, request.answer, request.usage.total_tokens) == (None, None, 120)


@EXPORTS
def test_what_is_wrong_in_an_export_is_said_with_row_and_column(name: str, row: Row) -> None:
    """As in any log."""
    wrong = {
        "litellm": ("prompt_tokens", "startTime", "spend"),
        "langfuse": ("total_cost", "start_time", "total_cost"),
        "helicone": ("prompt_tokens", "request_created_at", "cost"),
    }[name]
    for column in wrong:
        with pytest.raises(ValueError, match=f"^row 2, column '{column}': 'many'"):
            read_log([row, {**row, column: "many"}])
    with pytest.raises(ValueError, match=r"^row 1, column 'time': it is empty or not there"):
        read_log([{**row, wrong[1]: None}], preset=name)


@EXPORTS
def test_a_cost_of_nothing_for_tokens_is_priced_and_said(name: str, row: Row) -> None:
    """Tools write 0 where they know no price; a wrong total would follow from it."""
    column = {"litellm": "spend", "langfuse": "total_cost", "helicone": "cost"}[name]
    log = read_log([{**row, column: 0}])
    assert log.requests[0].cost is None
    found = backtest(log, stack())
    assert found.cost.known.pico > 0
    assert any(note.startswith("1 request with a cost of $0 in the log") for note in found.not_judged)


def test_litellms_own_hits_would_have_cost_something() -> None:
    """A hit that cost nothing is priced by the table; a failure costs nothing; tools are no requests."""
    hit = read_log([{**LITELLM, "cache_hit": "True", "spend": 0}])
    assert (hit.requests[0].cost, hit.remarks) == (None, {})
    failed = only([{**LITELLM, "status": "failure", "model": "", "model_group": "", "spend": 0}])
    assert (failed.failed, failed.model) == (500, "unknown")
    log = read_log([LITELLM, {**LITELLM, "call_type": "call_mcp_tool"}, {**LITELLM, "call_type": "aretrieve_batch"}])
    assert (len(log), list(log.left_out.values())) == (1, [2])


def test_litellms_details_are_inside_its_counts() -> None:
    """Reads and writes of Anthropic's cache are in `prompt_tokens`, reasoning in `completion_tokens`."""
    used = {
        "cache_read_input_tokens": 50,
        "cache_creation_input_tokens": 30,
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    request = only([{**LITELLM, "metadata": {"usage_object": used}}])
    assert request.usage == Usage(20, 50, 30, output_tokens=15, reasoning_tokens=5)
    with pytest.raises(ValueError, match=r"^row 1, 150 input tokens were read .* only 100 were sent in all"):
        read_log([{**LITELLM, "metadata": {"usage_object": {"cache_read_input_tokens": 150}}}])
    with pytest.raises(ValueError, match=r"^row 1, column 'metadata.usage_object.cache_read_input_tokens': 'x' is not"):
        read_log([{**LITELLM, "metadata": {"usage_object": {"cache_read_input_tokens": "x"}}}])


def test_langfuse_counts_that_are_not_disjoint_are_taken_apart() -> None:
    """Their sum is above the total, so the parts lie inside."""
    details = {"input": 100, "input_cached_tokens": 64, "output": 20, "output_reasoning_tokens": 8, "total": 120}
    request = only([{**LANGFUSE, "usage_details": details}])
    assert request.usage == Usage(input_tokens=36, cache_read_tokens=64, output_tokens=12, reasoning_tokens=8)
    claude = {"input": 3, "cache_read_input_tokens": 64, "cache_creation_input_tokens": 5, "output": 20}
    request = only([{**LANGFUSE, "usage_details": claude}])
    assert request.usage == Usage(3, 64, 5, output_tokens=20)
    with pytest.raises(ValueError, match="row 1, 64 input tokens were read"):
        read_log([{**LANGFUSE, "usage_details": {"input": 36, "input_cached_tokens": 64, "total": 60}}])


def test_what_langfuse_does_not_count_in_tokens_is_left_out() -> None:
    """Spans, characters, and totals whose parts nobody knows."""
    log = read_log(
        [
            LANGFUSE,
            {**LANGFUSE, "type": "SPAN"},
            {**LANGFUSE, "usage_details": None, "usage": {"input": 5, "output": 2, "total": 7, "unit": "CHARACTERS"}},
            {**LANGFUSE, "usage_details": {"total": 500}},
        ]
    )
    assert (len(log), list(log.left_out.values())) == (1, [1, 1, 1])


def test_langfuses_interface_writes_other_names() -> None:
    """CamelCase, with the counts in `usage` or in columns of their own."""
    row = {
        "id": "obs-1",
        "traceId": "trace-1",
        "name": "openai-chat",
        "type": "GENERATION",
        "model": "gpt-4o-mini",
        "startTime": "2026-01-15T12:00:00.250Z",
        "endTime": "2026-01-15T12:00:01.846Z",
        "input": CHAT,
        "output": {"role": "assistant", "content": "Hello."},
        "usage": {"input": 412, "output": 87, "total": 499, "unit": "TOKENS"},
        "totalCost": 0.000114,
        "level": "DEFAULT",
        "metadata": {"tier": "pro"},
        "tags": ["prod"],
    }
    for log in ([row], [{name: cell(value) for name, value in row.items()}]):
        assert preset_of(log[0]) == "langfuse"
        request = only(log)
        assert request.usage == Usage(input_tokens=412, output_tokens=87)
        assert (request.session, request.latency) == ("trace-1", pytest.approx(1.596))
    own = {"startTime": "2026-01-15T12:00:00Z", "model": "gpt-4o", "promptTokens": 10, "completionTokens": 2}
    assert only([own]).usage == Usage(input_tokens=10, output_tokens=2)


def test_helicones_counts_have_no_cached_tokens_in_them() -> None:
    """Its total is the sum of two of them and tells nothing; what the response says itself goes first."""
    claude = {**HELICONE, "prompt_tokens": 100, "prompt_cache_read_tokens": 64, "total_tokens": 120}
    assert only([claude]).usage == Usage(100, 64, output_tokens=20)
    said = {
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}],
        "usage": {
            "prompt_tokens": 100, "completion_tokens": 30, "total_tokens": 130,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 10},
        },
    }  # fmt: skip
    request = only([{**HELICONE, "response_body": said}])
    assert request.usage == Usage(36, 64, output_tokens=20, reasoning_tokens=10)
    assert request.tags == {"team": "x"}


def test_helicones_failures_and_hits_cost_what_they_cost() -> None:
    """A status below zero is an answer that never came; a hit of its cache would have cost something."""
    assert only([{**HELICONE, "response_status": 429, "cost": None}]).failed == 429
    assert only([{**HELICONE, "response_status": "-3", "cost": None}]).failed == 500
    hit = read_log([{**HELICONE, "cache_reference_id": "6f6b7c1e-1111-4222-8333-444444444444", "cost": 0}])
    assert (hit.requests[0].cost, hit.remarks) == (None, {})


def test_helicones_csv_doubles_the_quotes_of_json_twice(tmp_path: Path) -> None:
    """As its export tool writes it: once itself, and once more as a cell."""
    columns = (
        "response_id", "response_created_at", "response_status", "request_created_at", "request_body",
        "request_properties", "request_user_id", "model", "prompt_tokens", "completion_tokens", "latency", "cost",
    )  # fmt: skip
    body = json.dumps({**HELICONE["request_body"], "stop": ["", '"']}).replace('"', '""')
    values = {**HELICONE, "model": "gpt-4o-mini", "request_body": body, "latency": ""}
    place = tmp_path / "output.csv"
    with place.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([columns, [cell(values[name]) for name in columns]])
    request = only(place)
    assert (request.prompt, request.parameters) == (CHAT, {"temperature": 0.5, "stop": ["", '"']})


RESULT: Row = {
    "object": "organization.usage.completions.result",
    "input_tokens": 100,
    "output_tokens": 7,
    "num_model_requests": 3,
    "input_cached_tokens": 10,
    "project_id": "proj_1",
    "user_id": None,
    "api_key_id": None,
    "model": "gpt-4o",
    "batch": False,
    "service_tier": "default",
}
BUCKET: Row = {"object": "bucket", "start_time": 1_768_478_400, "end_time": 1_768_482_000}


@pytest.mark.parametrize("flat", [False, True])
def test_openais_sums_become_so_many_requests(flat: bool) -> None:
    """Spread over the bucket, their tokens adding up exactly; said to be a sketch."""
    log = read_log([{**RESULT, **BUCKET, "object": RESULT["object"]} if flat else {**BUCKET, "results": [RESULT]}])
    assert [request.time - 1_768_478_400 for request in log.requests] == [0, 1200, 2400]
    assert sum((request.usage for request in log.requests), Usage()) == Usage(90, 10, output_tokens=7)
    assert {"project": "proj_1"} == log.requests[0].tags
    assert "spread evenly" in log.notes[0]


def test_openais_page_says_that_it_is_one_of_several(tmp_path: Path) -> None:
    """What the others hold is not in the figures; results that are not counted in tokens are left out."""
    images = {"object": "organization.usage.images.result", "images": 4, "num_model_requests": 4, "model": "dall-e-3"}
    page = {
        "object": "page",
        "data": [{**BUCKET, "results": [RESULT, images]}, {**BUCKET, "results": [{**RESULT, "num_model_requests": 0}]}],
        "has_more": True,
        "next_page": "page_AAAAAGdGxdEiJdKOAAAAAGcqsYA=",
    }
    place = tmp_path / "usage.json"
    place.write_text(json.dumps(page))
    log = read_log(place)
    assert len(log) == 3
    assert {"buckets of images, which are not counted in tokens": 1, "buckets without requests": 1} == log.left_out
    assert any("one page of several" in note for note in log.notes)


def test_openais_audio_and_images_are_inside_its_counts() -> None:
    """Tokens of another price are counted apart, and batches at half the price."""
    parts = {"input_audio_tokens": 20, "input_image_tokens": 5, "input_cache_write_tokens": 3, "output_audio_tokens": 4}
    log = read_log([{**BUCKET, "results": [{**RESULT, **parts, "num_model_requests": 1, "batch": True}]}])
    assert log.requests[0].usage == Usage(62, 10, 3, 0, 20, 5, 3, 0, 4)
    assert log.requests[0].tier == "batch"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": None}, "ask for the usage with group_by=model"),
        ({"num_model_requests": None}, "it has no start_time, num_model_requests or input_tokens"),
        ({"input_tokens": None}, "it has no start_time, num_model_requests or input_tokens"),
        ({"input_cached_tokens": 500}, "500 input tokens were read"),
        ({"num_model_requests": 10**9}, "1,000,000,000 in one bucket"),
    ],
)
def test_buckets_that_cannot_be_read_say_what_to_ask_for(wrong: Row, said: str) -> None:
    """One line, with the row."""
    with pytest.raises(ValueError, match="^row 1, .*" + said):
        read_log([{**BUCKET, "results": [{**RESULT, **wrong}]}])
    with pytest.raises(ValueError, match="its entry 1 is no object"):
        read_log([{**BUCKET, "results": [5]}], preset="openai")


def test_every_preset_is_told_from_the_others() -> None:
    """No log has the signs of two."""
    for name, preset in PRESETS.items():
        for sign in preset.signs:
            assert preset_of(sign) == name
    assert preset_of(["time", "model", "input_tokens"]) is None
