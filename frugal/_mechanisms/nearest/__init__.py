"""Whether the nearest answers may be served: policy without index, embedder, store or model."""

from frugal._mechanisms.nearest.certificate import Certificate
from frugal._mechanisms.nearest.decision import Action, Decision, Report
from frugal._mechanisms.nearest.evidence import NEIGHBOURS, Evidence, Neighbour, Refuse
from frugal._mechanisms.nearest.fixed import Fixed
from frugal._mechanisms.nearest.verified import Verified

__all__ = [
    "NEIGHBOURS",
    "Action",
    "Certificate",
    "Decision",
    "Evidence",
    "Fixed",
    "Neighbour",
    "Refuse",
    "Report",
    "Verified",
]
