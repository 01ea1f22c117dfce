"""Logs, as people and other tools write them."""

import csv
import gzip
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from frugal import Usage, backtest, stack
from frugal.insight.backtesting import read_log

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
    with pytest.raises(ValueError, match="column 'who': columns= names it for user"):
        read_log(log, columns={**names, "user": "who"})
    with pytest.raises(ValueError, match="'colour' is not known"):
        read_log(log, columns={"colour": "x"})


def test_what_a_row_says_is_kept() -> None:
    """Users, sessions, tags, streams, limits, messages; the order is that of time."""
    rows = [
        {"time": 60, "model": "b", "messages": '[{"role": "user", "content": "Hi"}]', "tags": '{"team": "x"}'},
        {"time": 0, "model": "a", "user_id": "ada", "session_id": "s", "stream": "true", "max_tokens": "50"},
    ]
    first, second = read_log([{**row, "input_tokens": 7} for row in rows]).requests
    assert (first.model, first.user, first.session, first.stream, first.max_tokens) == ("a", "ada", "s", True, 50)
    assert second.prompt == [{"role": "user", "content": "Hi"}]
    assert second.tags == {"team": "x"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"model": ""}, "column 'model': it is empty or not there"),
        ({"time": ""}, "column 'time': it is empty or not there"),
        ({"time": "yesterday"}, "column 'time': 'yesterday' is not a time"),
        ({"time": "20260115"}, "column 'time': '20260115' may be a date or a count of seconds"),
        ({"time": "-5"}, "column 'time': '-5' is not a time between"),
        ({"time": "1e300"}, "column 'time': '1e300' is not a time between"),
        ({"time": True}, "column 'time': True is not a time"),
        ({"input_tokens": "many"}, "column 'input_tokens': 'many' is not a number"),
        ({"input_tokens": "1.5"}, "column 'input_tokens': '1.5' is not a whole number"),
        ({"input_tokens": "1,500"}, "column 'input_tokens': '1,500' is not a number"),
        ({"input_tokens": True}, "column 'input_tokens': True is not a number of 0 or more"),
        ({"input_tokens": 10**400}, "column 'input_tokens': it is absurdly large"),
        ({"input_tokens": "99999999999999"}, "column 'input_tokens': 1e.14 is more than any request has"),
        ({"output_tokens": "-1"}, "column 'output_tokens': '-1' is not a number of 0 or more"),
        ({"output_tokens": float("nan")}, "column 'output_tokens': nan is not a number of 0 or more"),
        ({"output_tokens": "inf"}, "column 'output_tokens': 'inf' is not a number of 0 or more"),
        ({"cached_tokens": "2000"}, "2,000 input tokens were read .* only 1,000 were sent"),
        ({"reasoning_tokens": "101"}, "101 output tokens are reasoning .* only 100 in all"),
        ({"cost": "free"}, "column 'cost': 'free' is not an amount"),
        ({"cost": "0,015"}, "column 'cost': '0,015' .* write it with a point"),
        ({"cost": "-1"}, "column 'cost': '-1' is less than nothing"),
        ({"cost": "NaN"}, "column 'cost': 'NaN' is not an amount"),
        ({"stream": "perhaps"}, "column 'stream': 'perhaps' is neither yes nor no"),
        ({"latency": "nan"}, "column 'latency': 'nan' is not a number of 0 or more"),
        ({"user": float("nan")}, "column 'user': nan is no text"),
        ({"max_tokens": "lots"}, "column 'max_tokens': 'lots' is not a number"),
    ],
)
def test_what_cannot_be_read_is_an_error_with_its_row_and_column(row: Row, wrong: dict[str, Any], said: str) -> None:
    """And never a number of another kind."""
    with pytest.raises(ValueError, match="^row 2, .*" + said):
        read_log([row(0), row(1, **wrong)])


def test_rows_that_say_neither_tokens_nor_cost_are_counted_and_not_free(row: Row) -> None:
    """Nobody knows what they cost; where no row says it, the columns are to be named."""
    empty = row(1, input_tokens="", output_tokens="")
    log = read_log([row(0), empty, {**empty, "cost": "0.5"}])
    assert len(log) == 2
    found = backtest(log, stack())
    assert "1 row left out: neither tokens nor a cost in the log, so nobody knows what they cost" in found.not_judged
    with pytest.raises(ValueError, match="none of its 2 rows says what it used"):
        read_log([{"time": 0, "model": "m", "tokens_in": 5}, {"time": 1, "model": "m", "tokens_in": 6}])


def test_a_log_without_outputs_says_that_their_cost_is_that_of_the_input(row: Row) -> None:
    """As a log of embeddings has none; it is said, since another log may have them under another name."""
    log = read_log([{"time": 0, "model": "text-embedding-3-small", "input_tokens": 1000}])
    assert any("1 request with no output_tokens in the log" in note for note in backtest(log, stack()).not_judged)
    assert read_log([row(0)]).remarks == {}


def test_words_of_failure_are_failures_and_other_words_are_not(row: Row) -> None:
    """A status is a code or a word."""
    said = ["200", "ok", "429", "Error", "timeout", 503, ""]
    log = read_log([row(at, status=status) for at, status in enumerate(said)])
    assert [None, None, 429, 500, 500, 503, None] == [request.failed for request in log.requests]


@pytest.mark.parametrize(
    "time",
    [
        "2026-01-15T12:00:00Z", "2026-01-15 12:00:00", "2026-01-15T13:00:00+01:00", "2026-01-15 12:00:00.000+00",
        1768478400, "1768478400.0", 1768478400000, "1768478400000000", 1768478400 * 10**9, "1.7684784e9",
        datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 1, 15, 12),
    ],
)  # fmt: skip
def test_a_time_is_read_in_whatever_unit_it_stands(row: Row, time: Any) -> None:
    """ISO 8601, with a zone or in UTC, and seconds to nanoseconds since 1970."""
    assert only([row(time=time)]).time == 1_768_478_400.0


HEAD = b"time,model,input_tokens,output_tokens\n"
LINE = b"1768478400,gpt-4o,10,1\n"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("log.txt", b"", "its suffix is none of .csv"),
        ("log", b"", "its suffix is none of .csv"),
        ("log.jsonl", b'{"time": 0, "model": "m"}\nnot json\n', "line 2, it is not JSON"),
        ("log.jsonl", b'{"time": 0, "model": "m", "input_tokens": 1}\n[1]\n', "line 2, it is list"),
        (
            "log.jsonl",
            b'{"time": 0, "model": "m", "input_tokens": 1, "input_tokens": 9}\n',
            "stands twice in one object",
        ),
        ("log.jsonl", b"[" * 100_000, "line 1, it is not JSON (it is nested too deeply)"),
        ("log.jsonl", b'{"time": 0, "model": "m", "input_tokens": NaN}\n', "line 1, column 'input_tokens': nan"),
        ("log.json", b'{"rows": []}', "neither a JSON list"),
        ("log.json", b'[{"time": 0}', "it is not JSON"),
        ("log.csv.gz", b"not zipped", "it is not a whole gzip file"),
        ("log.csv.gz", gzip.compress(HEAD + LINE * 999, mtime=0)[:-20], "it is not a whole gzip file"),
        ("log.csv.gz", gzip.compress(HEAD, mtime=0)[:10] + b"\xff" * 40, "it is not a whole gzip file"),
        ("log.csv", HEAD + b"1768478400,gpt-4o,10\n", "row 1 (line 2), it has 3 cells, and the header has 4"),
        ("log.csv", HEAD + LINE + b"1768478400,gpt-4o,10,1,1\n", "row 2 (line 3), it has 5 cells"),
        ("log.csv", HEAD + LINE + b'1768478400,"gpt-4o,10,1\n' + LINE, "it is not CSV (unexpected end of data)"),
        ("log.csv", HEAD.replace(b",", b";") + LINE.replace(b",", b";"), "separate columns by commas"),
        ("log.csv", b"time,time,model\n1,2,m\n", "column 'time': it stands twice in the header"),
        ("log.csv", (HEAD + LINE).decode().encode("utf-16"), "it is not UTF-8"),
        ("log.csv", HEAD + LINE + b"1768478400,gpt-\xff,10,1\n", "it is not UTF-8"),
        ("log.csv", HEAD + LINE + b"\n\n" + b"x,gpt-4o,10,1\n", "row 2 (line 5), column 'time': 'x' is not a time"),
    ],
)
def test_a_hostile_file_is_an_error_of_one_line_with_its_place(
    tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    """Cut off, ragged, in another encoding, or no log at all: never a log with fewer or other rows."""
    place = tmp_path / name
    place.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        read_log(place)
    assert str(caught.value).startswith(f"{str(place)!r} cannot be replayed: ")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path) -> None:
    """And what is no mapping is no row."""
    with pytest.raises(FileNotFoundError):
        read_log(tmp_path / "absent.csv")
    with pytest.raises(ValueError, match="made of mappings"):
        read_log([1])  # type: ignore[list-item]  # that is what is tested


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_line_ends_marks_and_quotes_of_any_kind_are_the_same_log(tmp_path: Path, end: bytes) -> None:
    """Mixed ones too, with a byte order mark, spaces in the header and empty lines between."""
    place = tmp_path / "log.csv"
    rows = [b'1768478400,"gpt, 4o",10,1', b'1768478401,"a\r\nb",20,2']
    place.write_bytes(
        b"\xef\xbb\xbf" + HEAD.replace(b",", b", ")[:-1] + end + rows[0] + end + b"\r\n" + rows[1] + b"\n"
    )
    assert [("gpt, 4o", 10), ("a\r\nb", 20)] == [
        (request.model, request.usage.input_tokens) for request in read_log(place).requests
    ]
    lines = tmp_path / "log.jsonl"
    lines.write_bytes(
        b'{"time": 1, "model": "a", "input_tokens": 1}' + end + b'{"time": 0, "model": "b", "cost": 1}\r\n'
    )
    assert ["b", "a"] == [request.model for request in read_log(lines).requests]


def test_cells_may_be_as_long_as_prompts_while_another_log_is_read(tmp_path: Path) -> None:
    """The limit of csv is the process's: the first reader that ends must not take it away from the others."""
    place = tmp_path / "log.csv"
    place.write_text("time,model,input_tokens,prompt\n0,m,1,a\n1,m,1," + "b" * 200_000 + "\n")
    before = csv.field_size_limit()
    inner: list[Any] = []

    def other() -> None:
        if not inner:
            inner.append(None)
            inner[0] = read_log(place)

    outer = read_log(place, on_row=other)
    assert [1, 200_000] == [len(request.prompt or "") for request in outer.requests]
    assert outer == inner[0]
    assert csv.field_size_limit() == before


def test_equal_times_keep_the_order_of_the_log(row: Row) -> None:
    """And unsorted ones are sorted."""
    log = read_log([row(5, user="c"), row(0, user="a"), row(5, user="d"), row(0, user="b")])
    assert "abcd" == "".join(request.user or "" for request in log.requests)


def test_seconds_since_a_session_began_are_said_to_be_that() -> None:
    """All sessions begin together, at `start`."""
    rows = [{"session": name, "seconds": at, "model": "m", "cost": 0} for name, at in (("a", 5), ("b", 3))]
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
