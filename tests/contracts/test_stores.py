"""The contract of `Store`, held by memory and disk alike."""

import threading

import pytest

from frugal.stores import DiskStore, MemoryStore
from frugal.testing import StoreContract


class TestMemoryStore(StoreContract):
    def make(self, clock, directory):
        return MemoryStore(clock=clock)


class TestDiskStore(StoreContract):
    durable = True

    def make(self, clock, directory):
        return DiskStore(directory / "cache", clock=clock)


class Written(DiskStore):
    """A store on disk whose every write has been made before anything else is done."""

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


class TestDiskStoreWritten(StoreContract):
    """The same, with everything written before it is read."""

    durable = True

    def make(self, clock, directory):
        return Written(directory / "cache", clock=clock)


# --------------------------------------------------------------------------- stores that break a promise


class Right(MemoryStore):
    """A store that keeps every promise; what is broken is one method of it."""


class Forgetful(Right):
    def get(self, key):
        return None


class Generous(Right):
    def get(self, key):
        return super().get(key) or super().get(next(iter(self._kept), ""))


class Falsy(Right):
    def get(self, key):
        found = super().get(key)
        return found if found is not None and found.value else None


class Immortal(Right):
    def set(self, key, value, expires, tag=None):
        super().set(key, value, None, tag)


class Keeping(Right):
    def set(self, key, value, expires, tag=None):
        if expires is None or expires > self._clock.now():
            super().set(key, value, expires, tag)


class First(Right):
    def set(self, key, value, expires, tag=None):
        if super().get(key) is None:
            super().set(key, value, expires, tag)


class Silent(Right):
    def delete(self, key):
        super().delete(key)
        return True


class Sweeping(Right):
    def delete(self, key):
        return super().clear() > 0


class Half(Right):
    def clear(self, tag=None):
        return super().clear(tag) if tag is not None else super().clear("tag")


class Loose(Right):
    def clear(self, tag=None):
        if tag is None:
            return super().clear()
        found = [key for key, kept in self._kept.items() if kept.tag is not None and tag in kept.tag]
        return sum(self.delete(key) for key in found)


class Folding(Right):
    def get(self, key):
        return super().get(key.lower())

    def set(self, key, value, expires, tag=None):
        super().set(key.lower(), value, expires, tag)


class Small(Right):
    def set(self, key, value, expires, tag=None):
        super().set(key, value[: 64 * 1024], expires, tag)


class Bound(Right):
    """A store that belongs to the thread that made it, as a connection to SQLite does."""

    def get(self, key):
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("made in another thread")
        return super().get(key)


def contract_of(store, **said):
    """Return the contract of a store that takes its clock."""
    return type(
        f"{store.__name__}Contract", (StoreContract,), {"make": lambda self, clock, _: store(clock=clock), **said}
    )


BROKEN = [
    (Forgetful, "test_what_was_set_is_there"),
    (Generous, "test_what_was_not_set_is_not_there"),
    (Falsy, "test_an_empty_value_is_a_value"),
    (Immortal, "test_a_value_ends_when_it_expires"),
    (Keeping, "test_what_has_expired_when_it_is_set_is_not_there"),
    (First, "test_setting_again_replaces_value_expiry_and_tag"),
    (Silent, "test_deleting_tells_whether_it_was_there"),
    (Sweeping, "test_deleting_leaves_the_others"),
    (Half, "test_clearing_drops_everything_and_counts"),
    (Loose, "test_clearing_a_tag_takes_what_has_all_its_labels"),
    (Folding, "test_keys_are_told_apart_to_the_last_character"),
    (Small, "test_a_large_value_comes_back_whole"),
    (Bound, "test_threads_share_it"),
]


@pytest.mark.parametrize(("store", "promise"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_a_store_that_breaks_a_promise_is_caught(store, promise):
    """For each promise there is a store that does not keep it."""
    assert promise in contract_of(store).broken()


def test_a_store_that_forgets_at_its_end_is_caught():
    """One that says it is durable is opened twice."""
    assert ["test_what_was_kept_outlives_who_kept_it"] == list(contract_of(Right, durable=True).broken())


def test_every_promise_can_be_broken():
    """A contract that cannot fail promises nothing."""
    broken = {promise for _, promise in BROKEN} | {"test_what_was_kept_outlives_who_kept_it"}
    assert set(StoreContract.promises()) == broken
    assert {} == contract_of(Right).broken()
