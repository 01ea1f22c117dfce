"""Adaptive routing: what outcomes teach, kept as sums that forget, and the router that chooses by them."""

from frugal.routers.adaptive.router import Adaptive, adaptive
from frugal.routers.adaptive.standing import Standing, success_and_satisfaction
from frugal.routers.adaptive.state import MemoryState, RouterState, cell_of, merged, recorded

__all__ = [
    "Adaptive",
    "MemoryState",
    "RouterState",
    "Standing",
    "adaptive",
    "cell_of",
    "merged",
    "recorded",
    "success_and_satisfaction",
]
