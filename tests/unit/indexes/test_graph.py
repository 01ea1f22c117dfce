"""The approximate index."""

import importlib

import numpy as np
import pytest

from frugal.errors import MissingExtraError
from frugal.indexes import GraphIndex


def test_it_says_what_to_install_where_usearch_is_absent(monkeypatch):
    """The error names the extra."""
    monkeypatch.setattr(importlib, "import_module", lambda name: (_ for _ in ()).throw(ImportError(name)))
    with pytest.raises(MissingExtraError, match=r"frugal\[ann\]"):
        GraphIndex(4)


def test_it_finds_adds_replaces_and_removes():
    """The port's promises hold, to the precision of float16."""
    pytest.importorskip("usearch")
    rows = np.random.default_rng(0).standard_normal((300, 16)).astype(np.float32)
    index = GraphIndex(16)
    assert [] == index.search(rows[0], 1)
    for id, row in enumerate(rows):
        index.add(id, row)
    assert 300 == len(index)
    found = index.search(rows[7], 5)
    assert 7 == found[0][0]
    assert found[0][1] == pytest.approx(1.0, abs=2e-3)
    assert all(-1.0 <= value <= 1.0 for _, value in found)
    index.add(7, rows[8])
    assert {7, 8} == {id for id, _ in index.search(rows[8], 2)}
    index.remove(7)
    index.remove(7)
    assert 299 == len(index)
    assert 7 not in {id for id, _ in index.search(rows[8], 10)}
    with pytest.raises(ValueError, match="numbers"):
        index.search([1.0], 1)
    assert [] == index.search(rows[0], 0)
