"""A kit to test code that uses frugal: a clock that only moves when told, and an offline provider.

Nothing here sleeps, opens a socket or needs a key.
"""

from frugal.testing.clock import FakeClock, virtual
from frugal.testing.ledger import MemoryLedger
from frugal.testing.model import FakeModel, FakeProviderError

__all__ = ["FakeClock", "FakeModel", "FakeProviderError", "MemoryLedger", "virtual"]
