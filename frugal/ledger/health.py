"""Whether the ledger can be written, and how much patience is left.

Law: patience is counted from the moment at which writing began to fail, so a failure that lasts is waited
out once and not by each call; a failure that no waiting can mend has no patience at all. It is said when it
begins, when patience ends, and when it is over.
"""

from __future__ import annotations

import logging
import time

from frugal.errors import FrugalError, LedgerFormatError, LedgerUnavailableError, StoreCorruptedError
from frugal.ledger.store import failure

__all__ = ["Health"]

_log = logging.getLogger("frugal")
_FIRST_PAUSE, _LAST_PAUSE = 0.005, 1.0  # seconds between two attempts


class Health:
    """Follow the attempts to write.

    Args:
        directory: where, for messages.
        patience: in seconds.
    """

    def __init__(self, directory: str, patience: float) -> None:
        self._directory = directory
        self._patience = patience
        self.error: Exception | None = None
        self.retry_at = 0.0
        self._since = 0.0
        self._pause = _FIRST_PAUSE
        self._said = False

    @property
    def left(self) -> float:
        """How much longer it is of use to wait, in seconds."""
        if self.error is None:
            return self._patience
        if self.is_hopeless:
            return 0.0
        return max(self._since + self._patience - time.monotonic(), 0.0)

    @property
    def is_hopeless(self) -> bool:
        """Whether no waiting can mend it."""
        return isinstance(self.error, (LedgerFormatError, StoreCorruptedError))

    def failed(self, error: Exception) -> None:
        """Note that an attempt failed, and when the next one is due."""
        now = time.monotonic()
        shown = failure(self._directory, error)
        if self.error is None:
            self._since = now
            _log.warning("the ledger at %s cannot be written: %s", self._directory, error)
        self.error = shown if isinstance(shown, (LedgerFormatError, StoreCorruptedError)) else error
        self.retry_at, self._pause = now + self._pause, min(self._pause * 2, _LAST_PAUSE)

    def worked(self) -> None:
        """Note that an attempt succeeded."""
        if self.error is not None:
            _log.warning("the ledger at %s can be written again", self._directory)
            self.error, self._said = None, False
        self._pause, self.retry_at = _FIRST_PAUSE, 0.0

    def give_up(self, waiting: int) -> None:
        """Say once that patience is over."""
        if waiting and not self._said:
            self._said = True
            _log.error(
                "the ledger at %s has been unavailable for %.1f seconds (%s); %d settlements wait to be written",
                self._directory,
                time.monotonic() - self._since,
                self.error,
                waiting,
            )

    def trouble(self) -> FrugalError:
        """Return what is to be raised for work that was not done in time."""
        if self.error is None:
            reason = f"it did not answer within {self._patience} seconds"
            return LedgerUnavailableError(self._directory, reason)
        return failure(self._directory, self.error)
