"""The contract of `Store`: what every store promises, memory and disk alike."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from frugal.ports import Stored
from frugal.stores import DiskStore, MemoryStore
from frugal.testing import FakeClock


class StoreContract:
    """Hold a store to what the port says; a subclass gives `store` and `clock`."""

    def test_what_was_set_is_there(self, store):
        """A value comes back as it was, with its expiry."""
        store.set("key", b"value", 100.0)
        assert Stored(b"value", 100.0) == store.get("key")

    def test_what_was_not_set_is_not_there(self, store):
        """A key that nobody set is a miss."""
        assert store.get("key") is None

    def test_an_empty_value_is_a_value(self, store):
        """Nothing about a value makes it a miss."""
        store.set("key", b"", None)
        assert Stored(b"", None) == store.get("key")

    def test_a_value_ends_when_it_expires(self, store, clock):
        """A value is there until just before its expiry, and not from then on."""
        store.set("key", b"value", clock.now() + 10)
        clock.advance(9.5)
        assert store.get("key") is not None
        clock.advance(0.5)
        assert store.get("key") is None
        assert not store.delete("key")

    def test_what_has_expired_when_it_is_set_is_not_there(self, store, clock):
        """A value from the past does not hide behind being new, and takes the place of an older one."""
        store.set("key", b"older", None)
        store.set("key", b"value", clock.now() - 1)
        assert store.get("key") is None

    def test_setting_again_replaces_value_expiry_and_tag(self, store, clock):
        """The last `set` counts in all that it says."""
        store.set("key", b"one", clock.now() + 1, "a")
        store.set("key", b"two", None, "b")
        clock.advance(5)
        assert Stored(b"two", None) == store.get("key")
        assert 0 == store.clear("a")
        assert 1 == store.clear("b")
        assert store.get("key") is None

    def test_deleting_tells_whether_it_was_there(self, store):
        """A second delete finds nothing."""
        store.set("key", b"value", None)
        assert store.delete("key")
        assert store.get("key") is None
        assert not store.delete("key")

    def test_deleting_leaves_the_others(self, store):
        """Only the named key goes."""
        store.set("one", b"1", None)
        store.set("two", b"2", None)
        store.delete("one")
        assert Stored(b"2", None) == store.get("two")

    def test_clearing_drops_everything_and_counts(self, store):
        """All values go, tagged or not."""
        store.set("one", b"1", None, "tag")
        store.set("two", b"2", None)
        assert 2 == store.clear()
        assert store.get("one") is None
        assert store.get("two") is None
        assert 0 == store.clear()

    def test_clearing_a_tag_takes_what_has_all_its_labels(self, store):
        """A tag may be several labels, one a line; a label never matches part of another."""
        store.set("a", b"1", None, "function ask\nuser ann")
        store.set("b", b"2", None, "function ask\nuser bob")
        store.set("c", b"3", None, "user ann")
        store.set("d", b"4", None, "user annabel")
        store.set("e", b"5", None)
        assert 0 == store.clear("user")
        assert 0 == store.clear("ann")
        assert 1 == store.clear("user ann\nfunction ask")
        assert 1 == store.clear("user ann")
        assert 1 == store.clear("function ask")
        assert [b"4", b"5"] == [store.get(key).value for key in "de"]

    def test_keys_are_told_apart_to_the_last_character(self, store):
        """No key is a pattern, and no case is folded."""
        for key in ("a", "A", "a ", "%", "_", "", "ä", "a\x00b", "a\x00c"):
            store.set(key, key.encode(), None)
        assert b"a" == store.get("a").value
        assert b"a\x00b" == store.get("a\x00b").value
        assert b"" == store.get("").value
        assert store.get("b") is None

    def test_a_large_value_comes_back_whole(self, store):
        """A megabyte is a value like any other."""
        value = bytes(range(256)) * 4096
        store.set("key", value, None)
        assert value == store.get("key").value

    def test_threads_share_it(self, store):
        """Whatever they do at once, each key has the value that was set for it."""
        start = threading.Barrier(4)

        def work(name):
            start.wait()
            for i in range(100):
                key = f"{i % 20}"
                store.set(key, key.encode(), None)
                found = store.get(key)
                assert found is None or found.value == key.encode()
                if i % 7 == name:
                    store.delete(key)

        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(work, name) for name in range(4)]:
                done.result()


@pytest.fixture
def clock():
    return FakeClock(0)


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self, clock):
        return MemoryStore(clock=clock)


class TestDiskStore(StoreContract):
    @pytest.fixture
    def store(self, clock, tmp_path):
        store = DiskStore(tmp_path / "cache", clock=clock)
        yield store
        store.close()


class TestDiskStoreWritten(StoreContract):
    """The same, with everything written before it is read."""

    @pytest.fixture
    def store(self, clock, tmp_path):
        class Written(DiskStore):
            def get(self, key):
                self.flush()
                return super().get(key)

            def delete(self, key):
                self.flush()
                found = super().delete(key)
                self.flush()
                return found

            def clear(self, tag=None):
                self.flush()
                return super().clear(tag)

        store = Written(tmp_path / "cache", clock=clock)
        yield store
        store.close()
