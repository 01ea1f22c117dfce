"""`semantic_cached`: a question is answered by the answer to one that means the same.

Only the last user turn is matched by meaning; everything else must be equal and is the partition. What is near is found
by a collection, whether it may be served is decided by a policy, and a veto reads what vectors do not see.
"""

from frugal._middleware.semantic_cached.matcher import Matcher, Place
from frugal._middleware.semantic_cached.ring import SemanticCached

__all__ = ["Matcher", "Place", "SemanticCached"]
