"""The ledger: a directory that keeps what calls cost, and holds what they may cost, across processes."""

from frugal.ledger.auditing import Audit
from frugal.ledger.default import default_ledger
from frugal.ledger.ledger import Ledger
from frugal.ledger.repricing import Repriced
from frugal.ledger.retention import Compacted, Forgotten

__all__ = ["Audit", "Compacted", "Forgotten", "Ledger", "Repriced", "default_ledger"]
