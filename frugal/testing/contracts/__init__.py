"""Contracts for those who write an adapter of their own: subclass one, say how yours is made, and let it be tried."""

from frugal.testing.contracts.embedders import EmbedderContract
from frugal.testing.contracts.indexes import IndexContract
from frugal.testing.contracts.ledgers import LedgerContract
from frugal.testing.contracts.promises import Contract
from frugal.testing.contracts.readers import UsageReaderContract
from frugal.testing.contracts.routers import RouterContract
from frugal.testing.contracts.stores import StoreContract

__all__ = [
    "Contract",
    "EmbedderContract",
    "IndexContract",
    "LedgerContract",
    "RouterContract",
    "StoreContract",
    "UsageReaderContract",
]
