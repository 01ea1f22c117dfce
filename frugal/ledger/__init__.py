"""The ledger: a directory that keeps what calls cost, and holds what they may cost, across processes."""

from frugal.ledger.default import default_ledger
from frugal.ledger.ledger import Ledger

__all__ = ["Ledger", "default_ledger"]
