"""Vectors as they are kept: float32, length one, and as raw little-endian bytes on disk.

Law: what is not a finite vector of the right length, or has no direction, never becomes one. Nothing here can
execute what it reads: bytes are numbers and nothing else.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Vector", "direction", "pack", "unpack"]

Vector: TypeAlias = NDArray[np.float32]
"""One vector, or a matrix with a vector in each row."""


def direction(vector: Any, dims: int | None = None) -> Vector:
    """Return *vector* as float32 of length one.

    Args:
        vector: numbers in a row: a list, an array.
        dims: how many there must be, if that is known.

    Returns:
        A new array, or the same one when it is a unit vector already.

    Raises:
        ValueError: not one row of finite numbers, the wrong length, or all zeros.

    >>> direction([3.0, 4.0]).tolist()
    [0.6000000238418579, 0.800000011920929]
    """
    array = np.asarray(vector, dtype=np.float32)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"a vector must be one row of numbers, not of shape {array.shape}")
    if dims is not None and array.size != dims:
        raise ValueError(f"a vector of {array.size} numbers cannot be compared with vectors of {dims}")
    with np.errstate(over="ignore", invalid="ignore"):
        square = float(np.dot(array, array))
    if abs(square - 1.0) < 1e-6:
        return array
    if not np.isfinite(array).all():
        raise ValueError("a vector must be finite, without NaN or infinity")
    # Scaled first: the squares of very large or very small numbers do not fit into float32.
    largest = float(np.abs(array).max())
    if largest == 0.0:
        raise ValueError("a vector of zeros has no direction and is near to nothing")
    array = (array / np.float32(largest)).astype(np.float64)
    return np.asarray(array / np.sqrt(np.dot(array, array)), dtype=np.float32)


def pack(vector: Vector) -> bytes:
    """Return the bytes of *vector*.

    >>> unpack(pack(direction([1.0, 0.0]))).tolist()
    [1.0, 0.0]
    """
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def unpack(data: bytes) -> Vector:
    """Return the vector whose bytes *data* are; read-only.

    Raises:
        ValueError: the bytes are no row of finite float32 numbers.
    """
    if not data or len(data) % 4:
        raise ValueError(f"{len(data)} bytes are no vector of float32")
    vector = np.frombuffer(data, dtype="<f4")
    if not np.isfinite(vector).all():
        raise ValueError("the stored vector is not finite")
    return vector.astype(np.float32, copy=False)
