"""Learned routing: past queries with known outcomes, nearest neighbours, and a price on cost."""

from frugal.routers.learned.calibration import Expected
from frugal.routers.learned.router import Learned, learned

__all__ = ["Expected", "Learned", "learned"]
