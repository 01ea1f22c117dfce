"""Recorded responses of 25 providers: all that carry usage are read, and agree with genai-prices or say why not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def benchmark():
    """Load the benchmark, which is a script."""
    spec = importlib.util.spec_from_file_location("read_payloads", ROOT / "benchmarks/read_payloads.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["read_payloads"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["read_payloads"]


def test_recorded_responses_are_read_as_they_are_billed(benchmark, capsys):
    """No body is missed, no difference lacks a reason, and no cut of a stream matters."""
    if not benchmark.DATA.is_dir():
        pytest.skip(f"the recordings are not at {benchmark.DATA}")
    assert benchmark.main() == 0
    lines = capsys.readouterr().out.splitlines()
    heads, total = lines[0].split()[1:], next(line for line in lines if line.startswith("all ")).split()[1:]
    counts = dict(zip(heads, map(int, total), strict=True))
    assert counts["read"] == counts["carry"] == 338
    assert (counts["missing"], counts["wrong"], counts["cut"]) == (0, 0, 0)


def test_without_the_recordings_the_benchmark_says_so(benchmark, capsys, monkeypatch):
    """A clone of the repository has none."""
    monkeypatch.setattr(benchmark, "DATA", Path("/nowhere"))
    assert benchmark.main() == 0
    assert capsys.readouterr().out == "no recordings at /nowhere: nothing to read\n"
