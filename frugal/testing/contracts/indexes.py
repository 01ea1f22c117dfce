"""The contract of `Index`: what every index of vectors promises."""

from __future__ import annotations

import math
import random
from functools import partial
from typing import Any

from frugal.ports import Index
from frugal.testing.contracts.promises import Contract, expect, promise

__all__ = ["IndexContract"]

_WIDTH = 8


class IndexContract(Contract):
    """Hold an index to what the port says; a subclass gives `make`, for vectors of 8 numbers."""

    accuracy = 1e-5
    """How far a similarity may be from the true cosine."""

    recall = 1.0
    """The share of questions whose nearest entry must be found; 1 for an exact index."""

    @promise
    def test_an_empty_index_finds_nothing(self, index: Index) -> None:
        """There is nothing to find, and that is no error."""
        expect(([], 0), (index.search(_axis(0), 3), len(index)), "an empty index")

    @promise
    def test_what_was_added_is_found_by_itself(self, index: Index) -> None:
        """A vector is its own nearest, with a similarity of 1."""
        index.add(7, _axis(0))
        index.add(8, _axis(1))
        self._near([(7, 1.0)], index.search(_axis(0), 1))

    @promise
    def test_similarity_is_the_cosine(self, index: Index) -> None:
        """How long a vector is does not matter, only where it points."""
        index.add(1, [3.0, 4.0, *_zeros(6)])
        index.add(2, [0.0, 0.001, *_zeros(6)])
        index.add(3, [-5.0, *_zeros(7)])
        self._near([(1, 0.6), (2, 0.0), (3, -1.0)], index.search([1000.0, *_zeros(7)], 3))

    @promise
    def test_the_nearest_come_first_and_no_more_than_asked_for(self, index: Index) -> None:
        """Up to `k`, in order; fewer where there are fewer, none for none."""
        for number in range(5):
            index.add(number, [1.0, number / 2, *_zeros(6)])
        expect([0, 1, 2], [id for id, _ in index.search(_axis(0), 3)], "the three nearest")
        expect([0, 1, 2, 3, 4], [id for id, _ in index.search(_axis(0), 50)], "all there are")
        expect([], index.search(_axis(0), 0), "none")

    @promise
    def test_adding_an_id_again_replaces_its_vector(self, index: Index) -> None:
        """An id stands for one vector, the last."""
        index.add(1, _axis(0))
        index.add(2, _axis(1))
        index.add(1, _axis(2))
        expect(2, len(index), "the count after adding one of two again")
        self._near([(1, 1.0)], index.search(_axis(2), 1))
        expect([0.0, 0.0], [round(near, 3) for _, near in index.search(_axis(0), 2)], "what the old one is near to")

    @promise
    def test_what_was_removed_is_not_found(self, index: Index) -> None:
        """It is gone, the others are not, and removing what is not there does nothing."""
        for number in range(6):
            index.add(number, _axis(number))
        for number in (0, 3, 3, 99):
            index.remove(number)
        expect(4, len(index), "the count after removing two of six")
        expect({1, 2, 4, 5}, {id for id, _ in index.search([1.0] * _WIDTH, 10)}, "what is left")
        index.add(0, _axis(0))
        self._near([(0, 1.0)], index.search(_axis(0), 1))

    @promise
    def test_a_vector_is_copied(self, index: Index) -> None:
        """Whoever gave a vector may change it afterwards."""
        vector = _axis(0)
        index.add(1, vector)
        vector[0], vector[1] = 0.0, 1.0
        self._near([(1, 1.0)], index.search(_axis(0), 1))

    @promise
    def test_a_vector_that_cannot_be_compared_is_refused(self, index: Index) -> None:
        """Another width, no direction, or no number is a `ValueError`, and changes nothing."""
        index.add(1, _axis(0))
        for wrong in ([1.0, 2.0], _zeros(_WIDTH), [math.nan, *_zeros(7)], [math.inf, *_zeros(7)]):
            uses: tuple[Any, ...] = (partial(index.add, 2), partial(index.search, k=1))
            for use in uses:
                try:
                    use(wrong)
                except ValueError:
                    continue
                raise AssertionError(f"a vector that cannot be compared was taken: {wrong}")
        expect(1, len(index), "the count after refusals")

    @promise
    def test_it_finds_what_looking_at_all_of_them_finds(self, index: Index) -> None:
        """Among a few hundred the nearest is found, in the share of questions that the index promises."""
        dice = random.Random(7)
        kept = {number: [dice.gauss(0, 1) for _ in range(_WIDTH)] for number in range(300)}
        for number, vector in kept.items():
            index.add(number, vector)
        questions = [[dice.gauss(0, 1) for _ in range(_WIDTH)] for _ in range(60)]
        right = 0
        for question in questions:
            truly = {number: _cosine(vector, question) for number, vector in kept.items()}
            found, near = index.search(question, 1)[0]
            right += truly[found] == max(truly.values())
            if abs(near - truly[found]) > self.accuracy:
                raise AssertionError(f"the similarity {near} is not the cosine {truly[found]}")
        if right < self.recall * len(questions):
            raise AssertionError(f"the nearest was found for {right} of {len(questions)} questions")

    def _near(self, expected: list[tuple[int, float]], found: list[tuple[int, float]]) -> None:
        expect([id for id, _ in expected], [id for id, _ in found], "the nearest ids")
        for (_, true), (id, near) in zip(expected, found, strict=True):
            if abs(true - near) > self.accuracy:
                raise AssertionError(f"the similarity of {id} is {near}, and should be {true}")


def _axis(at: int) -> list[float]:
    return [float(at == number) for number in range(_WIDTH)]


def _zeros(count: int) -> list[float]:
    return [0.0] * count


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))
