"""The exact index."""

import numpy as np
import pytest

from frugal.indexes import ExactIndex


def filled(count, dims=8, seed=0):
    """Give an index of random vectors and the vectors."""
    rows = np.random.default_rng(seed).standard_normal((count, dims)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    index = ExactIndex()
    for id, row in enumerate(rows):
        index.add(id, row)
    return index, rows


def test_an_empty_index_finds_nothing():
    """There is nothing to find, and no width to disagree with."""
    assert [] == ExactIndex().search([1.0, 2.0], 3)
    assert [[], []] == ExactIndex().search_many([[1.0], [2.0]], 3)


def test_it_finds_what_sorting_all_similarities_finds():
    """The nearest k, in order, with their cosine."""
    index, rows = filled(200)
    query = np.random.default_rng(1).standard_normal(8)
    similar = rows @ (query / np.linalg.norm(query))
    expected = np.argsort(-similar)[:10].tolist()
    found = index.search(query, 10)
    assert expected == [id for id, _ in found]
    assert np.allclose(similar[expected], [value for _, value in found], atol=1e-6)
    assert 200 == len(index.search(query, 1_000))
    assert [] == index.search(query, 0)


def test_many_queries_at_once_find_what_each_finds_alone():
    """One product of matrices answers them all."""
    index, _ = filled(100)
    queries = np.random.default_rng(2).standard_normal((5, 8))
    for query, together in zip(queries, index.search_many(queries, 4), strict=True):
        alone = index.search(query, 4)
        assert [id for id, _ in alone] == [id for id, _ in together]


def test_an_insert_copies_nothing_but_in_a_doubling():
    """The array is grown in place: its memory moves about log2(n) times in n inserts."""
    index = ExactIndex()
    moved = 0
    for id in range(1_000):
        before = index._rows
        index.add(id, [1.0, float(id)])
        moved += index._rows is not before
    assert moved <= 12
    assert np.float32 == index._rows.dtype


def test_removal_closes_the_gap_and_shrinks_in_the_end():
    """What is left is found, what is gone is not, and memory is given back."""
    index, rows = filled(256)
    for id in range(250):
        index.remove(id)
    index.remove(999)
    assert 6 == len(index)
    assert set(range(250, 256)) == set(index)
    for id in range(250, 256):
        assert id == index.search(rows[id], 1)[0][0]
        assert np.allclose(rows[id], index.vector(id))
    assert len(index._rows) <= 64
    with pytest.raises(KeyError):
        index.vector(0)


def test_an_id_that_comes_again_replaces_its_vector():
    """One id, one vector."""
    index = ExactIndex()
    index.add(1, [1.0, 0.0])
    index.add(1, [0.0, 1.0])
    assert (1, 1) == (len(index), index.search([0.0, 1.0], 5)[0][0])
    assert 1 in index


def test_a_vector_of_another_width_is_refused_and_changes_nothing():
    """A wrong add or query raises; the index is as before."""
    index = ExactIndex()
    index.add(1, [1.0, 0.0])
    with pytest.raises(ValueError, match="3 numbers"):
        index.add(2, [1.0, 0.0, 0.0])
    with pytest.raises(ValueError, match="3 numbers"):
        index.search([1.0, 0.0, 0.0], 1)
    assert [(1, 1.0)] == index.search([1.0, 0.0], 9)


def test_no_similarity_is_above_one():
    """Rounding does not make a vector nearer to itself than it is."""
    index, rows = filled(500, dims=33)
    assert all(index.search(row, 1)[0][1] <= 1.0 for row in rows)


def test_its_bytes_come_back_as_the_index():
    """Saved and loaded, it answers the same; no pickle is involved."""
    index, rows = filled(37)
    index.remove(5)
    other = ExactIndex.load(index.dump())
    assert index.search(rows[9], 36) == other.search(rows[9], 36)
    other.add(99, rows[5])
    assert 99 == other.search(rows[5], 1)[0][0]
    assert 0 == len(ExactIndex.load(ExactIndex().dump()))


@pytest.mark.parametrize(
    "damage", [lambda data: data[:-1], lambda data: b"XXXX" + data[4:], lambda data: data + b"1", lambda _: b""]
)
def test_damaged_bytes_are_refused(damage):
    """What is not exactly what was written raises and says to rebuild."""
    index, _ = filled(3)
    with pytest.raises(ValueError, match="rebuild"):
        ExactIndex.load(damage(index.dump()))


def test_an_id_twice_in_the_bytes_is_refused():
    """Two rows for one id are damage."""
    index, _ = filled(2)
    data = bytearray(index.dump())
    data[16:32] = data[16:24] * 2
    with pytest.raises(ValueError, match="twice"):
        ExactIndex.load(bytes(data))


def test_an_older_numpy_finds_the_same(monkeypatch):
    """Without NumPy 2's vecdot the similarities are the same."""
    index, rows = filled(50)
    expected = index.search(rows[3], 5)
    monkeypatch.delattr(np, "vecdot", raising=False)
    found = index.search(rows[3], 5)
    assert [id for id, _ in expected] == [id for id, _ in found]
    assert np.allclose([value for _, value in expected], [value for _, value in found], atol=1e-6)


@pytest.mark.parametrize("count", [1, 399, 400, 401, 1_200, 1_203])
def test_rows_are_compared_in_blocks_as_one_by_one(count):
    """Whether they fill the blocks or not."""
    random = np.random.default_rng(count)
    rows = random.standard_normal((count, 16)).astype(np.float32)
    index = ExactIndex()
    for id, row in enumerate(rows):
        index.add(id, row)
    found = dict(index.search(rows[-1], count))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    assert np.allclose([found[id] for id in range(count)], unit @ unit[-1], atol=1e-5)


def test_it_is_quick_while_it_is_small_and_has_room():
    """An event loop's thread neither compares ten megabytes of numbers nor copies one."""
    wide = np.ones(1_000, dtype=np.float32)
    index = ExactIndex()
    quick = []
    for id in range(2_601):
        index.add(id, wide)
        quick.append(index.quick)
    assert all(quick[:250])
    assert [256, 512, 1024, 2048] == [
        id + 1 for id in range(250, 2_600) if not quick[id]
    ]  # full: the next one doubles it
    assert not quick[2_600]
