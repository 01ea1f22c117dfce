"""The contract of `Index`, held by the exact index, the graph, and the one that moves from the one to the other."""

import math

import pytest

from frugal.indexes import AutoIndex, ExactIndex, GraphIndex
from frugal.testing import IndexContract


class TestExactIndex(IndexContract):
    def make(self, clock, directory):
        return ExactIndex()


class TestAutoIndex(IndexContract):
    def make(self, clock, directory):
        return AutoIndex()


@pytest.mark.skipif(not GraphIndex.available(), reason="usearch, of frugal[ann], is not installed")
class TestGraphIndex(IndexContract):
    """Nearly exact, in half the memory."""

    accuracy = 2e-3
    recall = 0.95

    def make(self, clock, directory):
        return GraphIndex(8)


# --------------------------------------------------------------------------- indexes that break a promise


class Right:
    """A plain index that keeps every promise; what is broken is one method of it."""

    def __init__(self):
        self.kept = {}

    def checked(self, vector):
        numbers = [float(number) for number in vector]
        if len(numbers) != 8 or not all(map(math.isfinite, numbers)) or not any(numbers):
            raise ValueError("a vector that cannot be compared")
        return numbers

    def add(self, id, vector):
        self.kept[id] = self.checked(vector)

    def search(self, vector, k):
        asked = self.checked(vector)
        found = [(id, self.similarity(kept, asked)) for id, kept in self.kept.items()]
        return sorted(found, key=lambda one: -one[1])[: max(0, k)]

    def similarity(self, a, b):
        return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))

    def remove(self, id):
        self.kept.pop(id, None)

    def __len__(self):
        return len(self.kept)


class NeedsOne(Right):
    def search(self, vector, k):
        return [max(super().search(vector, 99), key=lambda one: one[1])][:k] if k == 3 else super().search(vector, k)


class Backwards(Right):
    def search(self, vector, k):
        return sorted(super().search(vector, 99), key=lambda one: one[1])[:k]


class Dot(Right):
    def similarity(self, a, b):
        return sum(x * y for x, y in zip(a, b, strict=True))


class Everything(Right):
    def search(self, vector, k):
        return super().search(vector, 99)


class Keeping(Right):
    def add(self, id, vector):
        self.kept.setdefault(id, self.checked(vector))


class Sticky(Right):
    def remove(self, id):
        """Leave it where it is."""


class Sharing(Right):
    def add(self, id, vector):
        self.checked(vector)
        self.kept[id] = vector


class Careless(Right):
    def checked(self, vector):
        return [float(number) for number in vector]

    def similarity(self, a, b):
        return sum(x * y for x, y in zip(a, b, strict=False)) / ((math.hypot(*a) * math.hypot(*b)) or 1.0)


class Lazy(Right):
    """Looks at the first hundred only."""

    def search(self, vector, k):
        whole, self.kept = self.kept, dict(list(self.kept.items())[:100])
        try:
            return super().search(vector, k)
        finally:
            self.kept = whole


BROKEN = [
    (NeedsOne, "test_an_empty_index_finds_nothing"),
    (Backwards, "test_what_was_added_is_found_by_itself"),
    (Dot, "test_similarity_is_the_cosine"),
    (Everything, "test_the_nearest_come_first_and_no_more_than_asked_for"),
    (Keeping, "test_adding_an_id_again_replaces_its_vector"),
    (Sticky, "test_what_was_removed_is_not_found"),
    (Sharing, "test_a_vector_is_copied"),
    (Careless, "test_a_vector_that_cannot_be_compared_is_refused"),
    (Lazy, "test_it_finds_what_looking_at_all_of_them_finds"),
]


def contract_of(index):
    """Return the contract of an index."""
    return type(f"{index.__name__}Contract", (IndexContract,), {"make": lambda self, clock, directory: index()})


@pytest.mark.parametrize(("index", "promise"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_an_index_that_breaks_a_promise_is_caught(index, promise):
    """For each promise there is an index that does not keep it."""
    assert promise in contract_of(index).broken()


def test_every_promise_can_be_broken():
    """A contract that cannot fail promises nothing."""
    assert set(IndexContract.promises()) == {promise for _, promise in BROKEN}
    assert {} == contract_of(Right).broken()
