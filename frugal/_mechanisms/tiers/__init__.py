"""Read-through over stores: the nearest layer that has a value gives it, and the nearer ones learn it."""

from frugal._mechanisms.tiers.layer import Found, Layer
from frugal._mechanisms.tiers.tiers import Tiers

__all__ = ["Found", "Layer", "Tiers"]
