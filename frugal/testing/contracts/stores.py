"""The contract of `Store`: what every store of answers promises."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from frugal.ports import Store, Stored
from frugal.testing.clock import FakeClock
from frugal.testing.contracts.promises import Contract, affirm, expect, promise

__all__ = ["StoreContract"]


class StoreContract(Contract):
    """Hold a store to what the port says; a subclass gives `make`.

    Any value may be lost, and none may come back as another. A store that outlives the process says so with
    `durable = True` on the contract, and is then opened twice in one directory.
    """

    durable = False
    """Whether what was kept is there for who opens the same directory next."""

    @promise
    def test_what_was_set_is_there(self, store: Store) -> None:
        """A value comes back as it was, with its expiry."""
        store.set("key", b"value", 4e9)
        expect(Stored(b"value", 4e9), store.get("key"), "what was set")

    @promise
    def test_what_was_not_set_is_not_there(self, store: Store) -> None:
        """A key that nobody set is a miss, whatever else is there."""
        expect(None, store.get("key"), "a key of an empty store")
        store.set("another", b"value", None)
        expect(None, store.get("key"), "a key that nobody set")

    @promise
    def test_an_empty_value_is_a_value(self, store: Store) -> None:
        """Nothing about a value makes it a miss."""
        store.set("key", b"", None)
        expect(Stored(b"", None), store.get("key"), "an empty value")

    @promise
    def test_a_value_ends_when_it_expires(self, store: Store, clock: FakeClock) -> None:
        """A value is there until just before its expiry, and not from then on."""
        store.set("key", b"value", clock.now() + 10)
        clock.advance(9.5)
        expect(b"value", _value(store, "key"), "before it expires")
        clock.advance(0.5)
        expect(None, store.get("key"), "once it has expired")
        affirm(not store.delete("key"), "deleting what has expired should say that it was not there")

    @promise
    def test_what_has_expired_when_it_is_set_is_not_there(self, store: Store, clock: FakeClock) -> None:
        """A value from the past does not hide behind being new, and takes the place of an older one."""
        store.set("key", b"older", None)
        store.set("key", b"value", clock.now() - 1)
        expect(None, store.get("key"), "what had expired when it was set")

    @promise
    def test_setting_again_replaces_value_expiry_and_tag(self, store: Store, clock: FakeClock) -> None:
        """The last `set` counts in all that it says."""
        store.set("key", b"one", clock.now() + 1, "a")
        store.set("key", b"two", None, "b")
        clock.advance(5)
        expect(Stored(b"two", None), store.get("key"), "after setting again")
        expect(0, store.clear("a"), "clearing the tag that it had")
        expect(1, store.clear("b"), "clearing the tag that it has")
        expect(None, store.get("key"), "after clearing")

    @promise
    def test_deleting_tells_whether_it_was_there(self, store: Store) -> None:
        """A second delete finds nothing."""
        store.set("key", b"value", None)
        affirm(store.delete("key"), "deleting what is there should say so")
        expect(None, store.get("key"), "what was deleted")
        affirm(not store.delete("key"), "deleting it again should say that it was not there")

    @promise
    def test_deleting_leaves_the_others(self, store: Store) -> None:
        """Only the named key goes."""
        store.set("one", b"1", None)
        store.set("two", b"2", None)
        store.delete("one")
        expect(Stored(b"2", None), store.get("two"), "another key")

    @promise
    def test_clearing_drops_everything_and_counts(self, store: Store) -> None:
        """All values go, tagged or not."""
        store.set("one", b"1", None, "tag")
        store.set("two", b"2", None)
        expect(2, store.clear(), "clearing two values")
        expect([None, None], [store.get("one"), store.get("two")], "after clearing")
        expect(0, store.clear(), "clearing an empty store")

    @promise
    def test_clearing_a_tag_takes_what_has_all_its_labels(self, store: Store) -> None:
        """A tag may be several labels, one a line; a label never matches part of another.

        frugal tags an answer with its function and its user, and drops a user's answers by the user alone.
        """
        store.set("a", b"1", None, "function ask\nuser ann")
        store.set("b", b"2", None, "function ask\nuser bob")
        store.set("c", b"3", None, "user ann")
        store.set("d", b"4", None, "user annabel")
        store.set("e", b"5", None)
        expect([0, 0], [store.clear("user"), store.clear("ann")], "clearing parts of labels")
        expect(1, store.clear("user ann\nfunction ask"), "clearing by two labels, in any order")
        expect(1, store.clear("user ann"), "clearing by one of several labels")
        expect(1, store.clear("function ask"), "clearing by another")
        expect([b"4", b"5"], [_value(store, "d"), _value(store, "e")], "the others")

    @promise
    def test_keys_are_told_apart_to_the_last_character(self, store: Store) -> None:
        """No key is a pattern, and no case is folded."""
        keys = ("a", "A", "a ", "%", "_", "", "ä", "a\x00b", "a\x00c")
        for key in keys:
            store.set(key, key.encode(), None)
        expect([key.encode() for key in keys], [_value(store, key) for key in keys], "keys that are alike")
        expect(None, store.get("b"), "a key like a pattern that is there")

    @promise
    def test_a_large_value_comes_back_whole(self, store: Store) -> None:
        """A megabyte is a value like any other."""
        value = bytes(range(256)) * 4096
        store.set("key", value, None)
        expect(value, _value(store, "key"), "a megabyte")

    @promise
    def test_threads_share_it(self, store: Store) -> None:
        """Whatever they do at once, each key has the value that was set for it, or none."""
        start = threading.Barrier(4)

        def work(number: int) -> None:
            start.wait()
            for i in range(100):
                key = f"{i % 20}"
                store.set(key, key.encode(), None)
                found = store.get(key)
                if found is not None:
                    expect(key.encode(), found.value, "what another thread set for the same key")
                if i % 7 == number:
                    store.delete(key)

        with ThreadPoolExecutor(4) as threads:
            for done in [threads.submit(work, number) for number in range(4)]:
                done.result()

    @promise
    def test_what_was_kept_outlives_who_kept_it(self, store: Store, clock: FakeClock, directory: Path) -> None:
        """A durable store has its values, expiries and tags when it is opened again."""
        if not self.durable:
            return
        store.set("kept", b"value", clock.now() + 100, "function ask\nuser ann")
        store.set("over", b"value", clock.now() + 1)
        self.close(store)
        clock.advance(10)
        again = self.make(clock, directory)
        try:
            expect(Stored(b"value", clock.now() + 90), again.get("kept"), "what was kept")
            expect(None, again.get("over"), "what expired meanwhile")
            expect(1, again.clear("user ann"), "clearing by a tag that was kept")
        finally:
            self.close(again)


def _value(store: Store, key: str) -> object:
    found = store.get(key)
    return None if found is None else found.value
