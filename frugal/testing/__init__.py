"""A kit to test code that uses frugal, and adapters that it uses.

A clock that only moves when told, an offline provider, a ledger in memory, records by hand, and the contracts of the
ports. Nothing here sleeps, opens a socket, needs a key or imports a test runner.
"""

from frugal.testing.clock import FakeClock, virtual
from frugal.testing.contracts import (
    Contract,
    EmbedderContract,
    IndexContract,
    LedgerContract,
    RouterContract,
    StoreContract,
    UsageReaderContract,
)
from frugal.testing.ledger import MemoryLedger
from frugal.testing.model import FakeModel, FakeProviderError
from frugal.testing.records import record, recorded

__all__ = [
    "Contract",
    "EmbedderContract",
    "FakeClock",
    "FakeModel",
    "FakeProviderError",
    "IndexContract",
    "LedgerContract",
    "MemoryLedger",
    "RouterContract",
    "StoreContract",
    "UsageReaderContract",
    "record",
    "recorded",
    "virtual",
]
