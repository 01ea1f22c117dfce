"""The copy in memory of what is learned about outputs.

It is asked before every call, so it must not cost a transaction.

Law: an answer is at most a few seconds old while the function is in use, and reading it never waits for a
disk except the first time.
"""

from __future__ import annotations

import logging
import time

from frugal.errors import FrugalError
from frugal.ledger.books import decode_outputs
from frugal.ledger.keys import output_key
from frugal.ledger.outputs import Outputs
from frugal.ledger.work import Desk, Job
from frugal.ledger.writer import Writer
from frugal.ports import Clock

__all__ = ["Learned"]

_log = logging.getLogger("frugal")
_FRESH = 2.0  # seconds
_FEW = 64  # while few were seen, each counts


class Learned:
    """Answer from memory, and look again now and then.

    Args:
        writer: reads the rows.
        clock: tells how old an answer is; the ledger's, so that a replayed hour is not one moment.
    """

    def __init__(self, writer: Writer, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._known: dict[str, tuple[Outputs, float]] = {}

    async def quantile(self, function: str, model: str, share: float) -> int | None:
        """Return that quantile; `None` without enough history."""
        key = output_key(function, model)
        known = self._known.get(key)
        # "Not enough history" is never answered from memory: the calls that make it enough may be this moment's.
        if (
            known is None
            or known[0].quantile(share) is None
            or (known[0].seen < _FEW and known[1] < self._age() - 0.05)
        ):
            try:
                known = await self._writer.arun(lambda desk: self._look(desk, key))
            except FrugalError as error:
                _log.warning("what is learned about %s cannot be read: %s", function, error)
                return None
        elif known[1] < self._age() - _FRESH:
            self._known[key] = (known[0], self._age())  # one look is enough
            self._writer.put(Job(lambda desk: self._look(desk, key)))
        return known[0].quantile(share) if known is not None else None

    def _age(self) -> float:
        # By whichever clock runs: a replayed hour passes in a second, and a test's clock may stand still for ever.
        return self._clock.now() + time.monotonic()

    def _look(self, desk: Desk, key: str) -> tuple[Outputs, float]:
        found = desk.unit.load(key, decode_outputs)
        copy = Outputs(dict(found.counts), found.seen) if found is not None else Outputs()
        answer = self._known[key] = (copy, self._age())
        return answer
