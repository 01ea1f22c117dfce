"""The store in memory: its bound, its recency, and its lock across a fork."""

import os

import pytest

from frugal.ports import Stored
from frugal.stores import MemoryStore
from frugal.testing import FakeClock, virtual


def test_the_least_recently_used_leaves_first():
    """Reading is using."""
    store = MemoryStore(2)
    store.set("a", 1, None)
    store.set("b", 2, None)
    store.get("a")
    store.set("c", 3, None)
    assert store.get("b") is None
    assert [1, 3] == [store.get(key).value for key in "ac"]


def test_setting_a_key_again_evicts_nobody():
    """An overwrite is not a new entry."""
    store = MemoryStore(2)
    for value in range(5):
        store.set("a", value, None)
        store.set("b", value, None)
    assert 2 == len(store)
    assert [4, 4] == [store.get(key).value for key in "ab"]


def test_none_and_false_are_values():
    """A miss is `None`, and a kept `None` is not."""
    store = MemoryStore()
    for value in (None, False, 0, "", [], {}):
        store.set("key", value, None)
        assert Stored(value, None) == store.get("key")


def test_it_keeps_the_very_object():
    """Copies are for whoever shares values, who knows whether they are needed."""
    value = ["mutable"]
    store = MemoryStore()
    store.set("key", value, None)
    assert store.get("key").value is value


def test_clearing_a_tag_does_not_count_as_using():
    """Looking for a tag leaves recency as it was."""
    store = MemoryStore(2)
    store.set("a", 1, None)
    store.set("b", 2, None)
    store.get("a")
    store.clear("tag")
    store.set("c", 3, None)
    assert store.get("b") is None


def test_the_ambient_clock_decides():
    """Without a clock of its own, it asks the one in place."""
    with virtual(FakeClock(0)) as clock:
        store = MemoryStore()
        store.set("key", 1, 10)
        clock.advance(10)
        assert store.get("key") is None
    assert 0 == len(store)


@pytest.mark.parametrize("max_items", [0, -1, 1.5, True, None])
def test_a_bound_that_is_none_is_refused(max_items):
    """The message says what to give."""
    with pytest.raises(ValueError, match="max_items"):
        MemoryStore(max_items)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_child_forked_while_another_thread_has_the_lock_can_use_it():
    """A fork copies a held lock that nobody will ever release."""
    store = MemoryStore()
    store.set("key", 1, None)
    store._lock.acquire()
    child = os.fork()
    if not child:
        store.set("other", 2, None)
        os._exit(0 if store.get("other") and store.get("key") is None else 1)
    store._lock.release()
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert Stored(1, None) == store.get("key")
