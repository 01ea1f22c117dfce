"""A collection against a dictionary, with time, several processes, reopening, and crashes between two writes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from frugal.indexes import Collection, MemoryRows

ANGLES = {f"text {at}": [float(at), 10.0 - at] for at in range(1, 10)}
TEXTS = st.sampled_from(sorted(ANGLES))
PARTITIONS = st.sampled_from(["ann", "bob"])


class CrashError(Exception):
    """The process dies here."""


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


class CrashingRows(MemoryRows):
    """Rows that let only so many writes through."""

    left = None

    def _write(self):
        if self.left is not None:
            if self.left == 0:
                raise CrashError
            self.left -= 1

    def put(self, key, value, expires, tag):
        """Write, or crash before it."""
        self._write()
        super().put(key, value, expires, tag)

    def delete(self, key):
        """Delete, or crash before it."""
        self._write()
        super().delete(key)


class CollectionMachine(RuleBasedStateMachine):
    """One process writes, crashes and is opened again; another only looks."""

    @initialize()
    def begin(self):
        """Open a collection over empty rows."""
        self.clock = Clock()
        self.rows = CrashingRows(self.clock)
        self.model = {}
        self.unsure = set()
        self.collection = self.opened()

    def opened(self):
        """Open the collection as a new process would."""
        return Collection("f", "e", rows=self.rows, clock=self.clock, max_items=100).open()

    @rule(partition=PARTITIONS, text=TEXTS, answer=st.binary(max_size=3), ttl=st.sampled_from([None, 5.0, 50.0]))
    def add(self, partition, text, answer, ttl):
        """Add an entry, in the place of the same text's."""
        self.collection.add(partition, text, ANGLES[text], answer=answer, answer_class="c", ttl=ttl)
        self.model[partition, text] = (answer, None if ttl is None else self.clock.time + ttl)
        self.unsure.discard((partition, text))

    @rule(partition=PARTITIONS, text=TEXTS, writes=st.integers(0, 4))
    def crash_while_adding(self, partition, text, writes):
        """Die after some writes; open again: either answer may be there, but only whole."""
        self.rows.left = writes
        try:
            self.collection.add(partition, text, ANGLES[text], answer=b"crashed", answer_class="c")
            done = True
        except CrashError:
            done = False
        self.rows.left = None
        self.collection = self.opened()
        if done:
            self.model[partition, text] = (b"crashed", None)
            self.unsure.discard((partition, text))
        else:
            self.unsure.add((partition, text))

    @rule(partition=PARTITIONS, text=TEXTS)
    def remove(self, partition, text):
        """Remove whatever the text has."""
        for id in self.ids(partition, text):
            self.collection.remove(id)
        self.model.pop((partition, text), None)
        self.unsure.discard((partition, text))

    @rule(partition=PARTITIONS, text=TEXTS, right=st.booleans())
    def note(self, partition, text, right):
        """Count a comparison."""
        for id in self.ids(partition, text):
            self.collection.note(id, right=right)

    @rule(seconds=st.sampled_from([1.0, 5.0, 60.0]))
    def wait(self, seconds):
        """Let time pass."""
        self.clock.time += seconds

    @rule()
    def reopen(self):
        """End the process in an orderly way."""
        self.collection = self.opened()

    @rule()
    def maintain(self):
        """Sweep; then rows and index hold the same entries."""
        self.collection.maintain()
        entries = [key for key, _ in self.rows.iterate(f"{self.collection.prefix}entry/")]
        assert len(entries) == len(self.collection)

    def ids(self, partition, text):
        """Give the ids that the collection finds for a text."""
        near = self.collection.near(partition, ANGLES[text], 200)
        entries = [self.collection.fetch(each.id) for each in near]
        return [entry.id for entry in entries if entry is not None and entry.text == text]

    @invariant()
    def it_holds_what_the_model_holds(self):
        """Every living entry is found with its answer, by this process and by one that opens now; no other is."""
        if not hasattr(self, "model"):
            return
        living = {key: answer for key, (answer, ends) in self.model.items() if ends is None or ends > self.clock.time}
        for collection in (self.collection, self.opened()):
            for partition in ("ann", "bob"):
                for text, vector in ANGLES.items():
                    near = collection.near(partition, vector, 200)
                    entries = [collection.fetch(each.id) for each in near]
                    assert all(entry is not None and entry.partition == partition for entry in entries)
                    answers = {entry.answer for entry in entries if entry.text == text}
                    if (partition, text) in self.unsure:
                        assert answers <= {
                            b"crashed",
                            *([living[partition, text]] if (partition, text) in living else []),
                        } | {self.model.get((partition, text), (b"crashed", None))[0]}
                    else:
                        expected = {living[partition, text]} if (partition, text) in living else set()
                        assert expected == answers


TestCollection = CollectionMachine.TestCase
TestCollection.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
