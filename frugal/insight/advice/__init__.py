"""Advice: what would have cost less, from what this ledger measured.

Law: each saving is computed on the ledger's own records, counts no dollar twice within one tip, and is signed; where
the records cannot tell, it says so (`saving=None`) instead of guessing. Two tips may save the same dollar, so the
savings of different tips do not add up.
"""

from __future__ import annotations

from frugal.insight.advice.advising import advise
from frugal.insight.advice.piece import Advice

__all__ = ["Advice", "advise"]
