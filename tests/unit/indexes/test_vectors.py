"""What may become a vector, and its bytes."""

import numpy as np
import pytest

from frugal.indexes.vectors import direction, pack, unpack


@pytest.mark.parametrize(
    ("vector", "what"),
    [
        ([], "one row"),
        ([[1.0, 2.0]], "one row"),
        ([0.0, 0.0], "zeros"),
        ([1.0, float("nan")], "finite"),
        ([1.0, float("inf")], "finite"),
        (["a", "b"], "convert"),
    ],
)
def test_what_has_no_direction_is_refused(vector, what):
    """Empty, nested, zero, NaN and infinite vectors raise and say why."""
    with pytest.raises(ValueError, match=what):
        direction(vector)


def test_the_wrong_length_is_refused():
    """Vectors of two lengths are never compared."""
    with pytest.raises(ValueError, match="of 2 numbers"):
        direction([1.0, 2.0], 3)


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1.0, 1e10, 1e30])
def test_any_length_of_vector_becomes_one(scale):
    """Neither tiny nor huge vectors are lost to float32."""
    assert np.allclose([0.6, 0.8], direction([3.0 * scale, 4.0 * scale]))


def test_the_bytes_come_back_as_the_vector():
    """Bytes are numbers and nothing else; what is not is refused."""
    vector = direction([1.0, 2.0, 2.0])
    assert np.array_equal(vector, unpack(pack(vector)))
    for damaged in (b"", b"123", b"\xff\xff\xff\x7f"):
        with pytest.raises(ValueError, match=r"vector"):
            unpack(damaged)
