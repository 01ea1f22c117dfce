"""Entries found by meaning, kept in rows: partitions, twins, time, eviction, other processes, damage."""

import threading

import numpy as np
import pytest

from frugal.indexes import AutoIndex, Collection, ExactIndex, MemoryRows


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.time = 1_700_000_000.0

    def now(self):
        """Return the time set."""
        return self.time

    async def sleep(self, seconds):
        """Never called."""
        raise AssertionError


def vector(angle):
    """Give a unit vector at an angle in degrees."""
    return [np.cos(np.radians(angle)), np.sin(np.radians(angle))]


@pytest.fixture
def clock():
    """A clock to set."""
    return Clock()


@pytest.fixture
def rows(clock):
    """Rows that several collections share."""
    return MemoryRows(clock)


def opened(rows, clock, **changes):
    """Open a collection over *rows*, as one process does."""
    return Collection("f", "embedder/2", rows=rows, clock=clock, **changes).open()


def put(collection, angle, text, partition="p", **changes):
    """Add an entry whose answer is its text."""
    fields = {"answer": text.encode(), "answer_class": text, **changes}
    return collection.add(partition, text, vector(angle), **fields)


def test_an_entry_is_found_by_its_neighbourhood_and_fetched_whole(rows, clock):
    """The nearest first, with what the policy needs; text and answer come from the row."""
    collection = opened(rows, clock)
    near, far = put(collection, 0, "near", user="ann", source="call-1", saved=5), put(collection, 60, "far")
    found = collection.near("p", vector(10), 5)
    assert [near, far] == [each.id for each in found]
    assert found[0].similarity == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert ("near", 0, 0) == found[0][2:]
    entry = collection.fetch(near)
    assert ("near", b"near", "ann", "call-1", 5) == (entry.text, entry.answer, entry.user, entry.source, entry.saved)
    assert [near] == [each.id for each in collection.near("p", vector(10), 1)]


def test_partitions_never_see_each_other(rows, clock):
    """The very same vector in another partition is not found, now or after reopening."""
    collection = opened(rows, clock)
    put(collection, 0, "secret", partition="ann")
    for each in (collection, opened(rows, clock)):
        assert [] == each.near("bob", vector(0), 5)
        assert 1 == len(each.near("ann", vector(0), 5))


def test_the_same_text_replaces_its_entry_and_a_near_one_does_not(rows, clock):
    """One text has one answer in a partition, the newest."""
    collection = opened(rows, clock)
    put(collection, 0, "text", answer=b"old")
    put(collection, 0, "another text")
    newest = put(collection, 0, "text", answer=b"new")
    assert 2 == len(collection)
    assert b"new" == collection.fetch(newest).answer
    assert 2 == len(opened(rows, clock))


def test_what_expired_is_gone_from_index_and_rows(rows, clock):
    """TTL keeps both equal: not found at the very second, and the row goes with the next sweep."""
    collection = opened(rows, clock)
    id = put(collection, 0, "short", ttl=10)
    put(collection, 20, "long", ttl=100)
    clock.time += 9.9
    assert 2 == len(collection.near("p", vector(0), 5))
    clock.time += 0.1
    assert 1 == len(collection.near("p", vector(0), 5))
    assert (None, True) == (collection.fetch(id), collection.due)
    collection.maintain()
    assert (False, 1) == (collection.due, len(rows))
    clock.time += 100
    assert 0 == len(opened(rows, clock))


def test_the_least_recently_used_goes_first(rows, clock):
    """At most max_items are held, in the index and in the rows alike."""
    collection = opened(rows, clock, max_items=3)
    ids = [put(collection, angle, f"{angle}") for angle in (0, 30, 60)]
    collection.touch(ids[0])
    put(collection, 90, "90", partition="another")
    assert (3, 3) == (len(collection), len(rows))
    assert (None, b"0") == (collection.fetch(ids[1]), collection.fetch(ids[0]).answer)
    assert 2 == len(opened(rows, clock, max_items=2))


def test_an_entry_is_removed_from_both_and_twice_does_not_matter(rows, clock):
    """Removal is complete."""
    collection = opened(rows, clock)
    id = put(collection, 0, "text")
    collection.note(id, right=True)
    assert 2 == len(rows)
    collection.remove(id)
    collection.remove(id)
    collection.note(id, right=True)
    assert (0, 0, []) == (len(collection), len(rows), collection.near("p", vector(0), 1))


def test_a_user_is_forgotten(rows, clock):
    """Clearing by user drops that user's entries only; clearing drops all."""
    collection = opened(rows, clock)
    put(collection, 0, "a", user="ann")
    put(collection, 30, "b", user="bob")
    put(opened(rows, clock), 60, "c", user="ann")
    assert 2 == collection.clear("ann")
    assert [b"b"] == [collection.fetch(each.id).answer for each in collection.near("p", vector(0), 9)]
    assert 1 == collection.clear()
    assert 0 == len(rows)


def test_an_entry_keeps_its_own_record(rows, clock):
    """Comparisons are counted and survive; a record without its entry is swept, a damaged one dropped."""
    collection = opened(rows, clock)
    id = put(collection, 0, "text")
    for right in (True, True, False):
        collection.note(id, right=right)
    assert (2, 1) == opened(rows, clock).near("p", vector(0), 1)[0][3:]
    rows.put(f"{collection.prefix}record/{5:020d}", b"[1, 1]", None, None)
    rows.put(f"{collection.prefix}record/{id:020d}", b"[1, -1]", None, None)
    assert (0, 0) == opened(rows, clock).near("p", vector(0), 1)[0][3:]
    rows.put(f"{collection.prefix}record/{id:020d}", b"rubbish", None, None)
    assert (0, 0) == opened(rows, clock).near("p", vector(0), 1)[0][3:]
    assert 1 == len(rows)


def test_what_another_process_adds_becomes_visible(rows, clock):
    """A refresh takes in new entries and nothing twice, though the clocks differ by seconds."""
    here, there = opened(rows, clock), opened(rows, clock)
    put(here, 0, "here")
    clock.time -= 5
    put(there, 30, "there")
    assert (1, 0) == (here.refresh(), here.refresh())
    assert 2 == len(here.near("p", vector(0), 5))


def test_what_another_process_removed_is_noticed_when_it_is_fetched(rows, clock):
    """The row is the truth: an entry without one is no answer, and the index forgets it."""
    here = opened(rows, clock)
    id = put(here, 0, "text")
    there = opened(rows, clock)
    here.remove(id)
    assert 1 == len(there.near("p", vector(0), 1))
    assert None is there.fetch(id)
    assert [] == there.near("p", vector(0), 1)


def test_another_embedder_is_another_collection(rows, clock):
    """Vectors of two embedders are never compared, and neither index loses its own."""
    put(opened(rows, clock), 0, "text")
    other = Collection("f", "embedder/3", rows=rows, clock=clock).open()
    assert 0 == len(other)
    assert 0 == len(Collection("g", "embedder/2", rows=rows, clock=clock).open())
    assert 1 == len(opened(rows, clock))


def test_a_damaged_row_is_dropped_and_said(rows, clock, caplog):
    """It answers nothing, harms nothing, and is not met again."""
    collection = opened(rows, clock)
    id = put(collection, 0, "text")
    good = rows.get(f"{collection.prefix}entry/{id:020d}")
    rows.put(f"{collection.prefix}entry/{id:020d}", good[:-1] + b"?", None, None)
    rows.put(f"{collection.prefix}entry/{8:020d}", good, None, None)
    rows.put(f"{collection.prefix}entry/x", b"rubbish", None, None)
    assert 0 == len(opened(rows, clock))
    assert (3, 0) == (len(caplog.records), len(rows))


def test_a_vector_of_another_width_is_refused_and_leaves_no_row(rows, clock):
    """A wrong vector neither enters the partition nor the rows."""
    collection = opened(rows, clock)
    put(collection, 0, "text")
    with pytest.raises(ValueError, match="3 numbers"):
        collection.add("p", "other", [1.0, 0.0, 0.0], answer=b"", answer_class="")
    with pytest.raises(ValueError, match="3 numbers"):
        collection.near("p", [1.0, 0.0, 0.0], 1)
    assert (1, 1) == (len(collection), len(rows))


def test_a_width_that_the_rows_disagree_about_is_left_out(rows, clock, caplog):
    """Rows of an embedder that changed its width without changing its name do not break the opening."""
    wide = Collection("f", "embedder/2", rows=rows, clock=clock)
    wide.add("p", "wide", [1.0, 0.0, 0.0], answer=b"", answer_class="")
    narrow = Collection("f", "embedder/2", rows=rows, clock=clock)
    put(narrow, 0, "narrow")
    assert 1 == len(opened(rows, clock))
    assert "another shape" in caplog.text


@pytest.mark.parametrize("bad", [{"ttl": 0}, {"ttl": -1.0}, {"ttl": float("nan")}])
def test_a_life_that_is_none_is_refused(rows, clock, bad):
    """An entry must live for some time, and a cache hold at least one."""
    with pytest.raises(ValueError, match="ttl is"):
        put(opened(rows, clock), 0, "text", **bad)
    with pytest.raises(ValueError, match="max_items is"):
        Collection("f", "e", max_items=0)


def test_what_policies_learned_is_kept_beside(rows, clock, caplog):
    """Each process keeps a state of its own; damaged ones are left out and logged; old ones go."""
    collection = opened(rows, clock)
    collection.save("one", {"version": 1})
    collection.save("two", {"version": 2}, days=1)
    rows.put(f"{collection.prefix}policy/three", b"{", None, None)
    rows.put(f"{collection.prefix}policy/four", b"[]", None, None)
    assert [{"version": 1}, {"version": 2}] == opened(rows, clock).states()
    assert 2 == len(caplog.records)
    clock.time += 2 * 86_400
    assert [{"version": 1}] == collection.states()


def test_a_large_partition_is_moved_when_asked(rows, clock):
    """`due` says so, `maintain` does it, and all is still found."""
    pytest.importorskip("usearch")
    collection = opened(rows, clock, index=lambda: AutoIndex(limit=8))
    for angle in range(0, 90, 9):
        put(collection, angle, f"{angle}")
    assert collection.due
    collection.maintain()
    assert not collection.due
    assert b"45" == collection.fetch(collection.near("p", vector(45), 1)[0].id).answer


def test_threads_may_ask_while_others_add(rows, clock):
    """Concurrent readers and writers lose nothing and raise nothing."""
    collection = opened(rows, clock)
    failures = []

    def work(part):
        try:
            for at in range(40):
                id = put(collection, part * 20 + at / 4, f"{part}/{at}")
                assert collection.fetch(id) is not None
                collection.near("p", vector(at), 5)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([], 160, 160) == (failures, len(collection), len(opened(rows, clock)))


class FarRows(MemoryRows):
    """Rows that may only be waited for."""

    def get_nowait(self, key):
        """Never at once."""
        raise BlockingIOError(key)


class Slow:
    """An index of a user's own, of which nobody knows how long it takes."""

    def __init__(self):
        self._exact = ExactIndex()
        self.add, self.remove, self.search = self._exact.add, self._exact.remove, self._exact.search

    def __len__(self):
        return len(self._exact)


def test_what_may_not_wait_finds_and_keeps_the_same(rows, clock):
    """A small index, with rows at hand, is looked into and added to at once."""
    collection = opened(rows, clock)
    id = put(collection, 0, "text", wait=False)
    assert collection.near("p", vector(10), 5) == collection.near("p", vector(10), 5, wait=False)
    assert b"text" == collection.fetch(id, wait=False).answer
    assert b"text" == opened(rows, clock).fetch(id, wait=False).answer


@pytest.mark.parametrize("what", ["another thread", "an index that takes its time", "an entry that is over"])
def test_what_may_not_wait_says_so_and_changes_nothing(rows, clock, what):
    """Whoever is on an event loop's thread then has a thread do it."""
    collection = opened(rows, clock, index=Slow if what == "an index that takes its time" else AutoIndex)
    put(collection, 0, "text", ttl=60)
    if what == "an entry that is over":
        clock.time += 61
    held, done = threading.Event(), threading.Event()

    def hold():
        with collection._lock:
            held.set()
            assert done.wait(30)

    thread = threading.Thread(target=hold)
    if what == "another thread":
        thread.start()
        assert held.wait(30)
    before = len(rows)
    with pytest.raises(BlockingIOError):
        collection.near("p", vector(0), 1, wait=False)
    with pytest.raises(BlockingIOError):
        put(collection, 5, "other", alike=(), wait=False)
    assert before == len(rows)
    done.set()
    if thread.ident is not None:
        thread.join()


def test_a_user_s_index_is_not_even_made_where_nothing_may_wait(rows, clock):
    """Its making may open a connection, for all we know."""
    collection = opened(rows, clock, index=lambda: pytest.fail("it was made"))
    with pytest.raises(BlockingIOError):
        put(collection, 0, "text", alike=(), wait=False)
    assert 0 == len(rows)


def test_a_row_that_is_far_is_not_waited_for(clock):
    """What is kept whole is at hand; what is not is to be read in a thread."""
    rows = FarRows(clock)
    here = opened(rows, clock)
    id = put(here, 0, "text")
    assert here.fetch(id, wait=False)
    there = opened(rows, clock)
    with pytest.raises(BlockingIOError):
        there.fetch(id, wait=False)
    with pytest.raises(BlockingIOError):  # whether the new entry takes its place, only its row says
        put(there, 0, "text", alike=[id], wait=False)
    assert 1 == len(rows) == len(there)


@pytest.mark.parametrize("wait", [True, False])
def test_the_same_text_that_came_meanwhile_is_replaced(rows, clock, wait):
    """Of calls that asked at once, each looked before any had added; one entry is left."""
    collection = opened(rows, clock)
    alike = collection.alike(collection.near("p", vector(0), 4))
    assert () == alike
    for _ in range(5):
        put(collection, 0, "text", alike=alike, wait=wait)
    put(collection, 0, "text", "elsewhere", alike=alike, wait=wait)
    assert (2, 2) == (len(collection), len(rows))


def test_a_refresh_reads_no_rows_of_its_own(rows, clock, monkeypatch):
    """A busy process has thousands of entries in the last seconds, and another a few."""
    here, there = opened(rows, clock), opened(rows, clock)
    for angle in range(20):
        put(here, angle, f"here {angle}")
    put(there, 40, "there")
    read = []
    get = rows.get
    monkeypatch.setattr(rows, "get", lambda key: read.append(key) or get(key))
    assert 1 == here.refresh()
    assert 1 == len(read)


def test_an_entry_that_came_while_a_slow_answer_was_awaited_is_found(rows, clock):
    """What this process adds late does not move the place from which it looks."""
    here, there = opened(rows, clock), opened(rows, clock)
    here.refresh()
    clock.time += 1
    put(there, 0, "there")
    clock.time += 60
    put(here, 90, "here")
    assert 1 == here.refresh()


def test_what_another_process_dropped_is_doubted_even_where_it_was_kept_whole(rows, clock):
    """Forgotten there is forgotten here, about a second later."""
    here = opened(rows, clock)
    id = put(here, 0, "text")
    there = opened(rows, clock)
    there.remove(id)
    here.doubt()
    assert here.fetch(id) is None
    assert [] == here.near("p", vector(0), 1)


def test_to_note_a_use_waits_for_nobody(rows, clock):
    """It is done on an event loop's thread, and the order of use may miss one."""
    collection = opened(rows, clock)
    id = put(collection, 0, "text")
    held, done = threading.Event(), threading.Event()

    def hold():
        with collection._lock:
            held.set()
            assert done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    collection.touch(id)
    done.set()
    thread.join()
