"""The index that moves from exact to graph when it has grown."""

import threading

import numpy as np
import pytest

from frugal.indexes import AutoIndex, GraphIndex
from frugal.indexes import auto as module

ROWS = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)


def grown(limit):
    """Give an index with 100 vectors and a limit."""
    index = AutoIndex(limit=limit)
    for id in range(100):
        index.add(id, ROWS[id])
    return index


def test_it_stays_exact_while_it_is_small():
    """Below the limit nothing is due, and moving does nothing."""
    index = grown(limit=100)
    assert not index.due
    index.move()
    assert ("exact", 100) == (index.kind, len(index))
    assert [] == AutoIndex().search(ROWS[0], 3)
    assert not AutoIndex().due


def test_it_moves_to_the_graph_and_forgets_nothing():
    """After the move all is found, and adding and removing go on."""
    pytest.importorskip("usearch")
    index = grown(limit=50)
    assert index.due
    index.move()
    assert ("graph", 100, False) == (index.kind, len(index), index.due)
    index.add(200, ROWS[200])
    index.remove(3)
    assert 100 == len(index)
    assert all(id == index.search(ROWS[id], 1)[0][0] for id in (0, 50, 99, 200))
    index.move()
    assert "graph" == index.kind


def test_what_happens_during_the_move_happens_to_both(monkeypatch):
    """Entries added, replaced and removed while the graph is built are in it as they should be."""
    pytest.importorskip("usearch")
    index = grown(limit=50)
    building, go_on = threading.Event(), threading.Event()

    class Slow(GraphIndex):
        __slots__ = ()

        def add(self, id, vector):
            building.set()
            assert go_on.wait(10)
            super().add(id, vector)

    monkeypatch.setattr(module, "GraphIndex", Slow)
    mover = threading.Thread(target=index.move)
    mover.start()
    assert building.wait(10)
    assert not index.due
    index.add(300, ROWS[300])
    index.add(5, ROWS[305])
    index.remove(7)
    assert ("exact", 300) == (index.kind, index.search(ROWS[300], 1)[0][0])
    go_on.set()
    mover.join(10)
    assert ("graph", 100) == (index.kind, len(index))
    assert 300 == index.search(ROWS[300], 1)[0][0]
    assert 5 == index.search(ROWS[305], 1)[0][0]
    assert 7 not in {id for id, _ in index.search(ROWS[7], 100)}


def test_a_failing_graph_leaves_the_exact_index(monkeypatch, caplog):
    """Where usearch fails the answers stay right, and it is said once."""

    class Broken:
        @staticmethod
        def available():
            return True

        def __init__(self, dims):
            raise RuntimeError("no")

    monkeypatch.setattr(module, "GraphIndex", Broken)
    index = grown(limit=50)
    index.move()
    index.move()
    assert ("exact", False, 1) == (index.kind, index.due, len(caplog.records))
    assert 9 == index.search(ROWS[9], 1)[0][0]


def test_without_usearch_nothing_is_ever_due(monkeypatch):
    """The exact index is all there is."""
    monkeypatch.setattr(module.GraphIndex, "available", staticmethod(lambda: False))
    assert not grown(limit=1).due
