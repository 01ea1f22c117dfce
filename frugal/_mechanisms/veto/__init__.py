"""The veto: refuses to answer one text with another's answer, however near their vectors are.

Vectors hardly see numbers, negations and the order of words: over nine encoders a question and its exact
reversal have a similarity of 0.83 to 0.9997 (zilliztech/GPTCache#694). What can be read in the text is
therefore read in the text.

Law: symmetric, deterministic, offline; a text is never refused against itself. English and Chinese; other
languages get the rules that need no words (numbers, quotes, code, capitals).
"""

from __future__ import annotations

from frugal._mechanisms.veto.features import features
from frugal._mechanisms.veto.rules import RULES

__all__ = ["veto"]


def veto(a: str, b: str) -> str | None:
    """Name the rule by which two texts ask for different things, or give None.

    Args:
        a: one text, such as the query.
        b: the other, such as the query of the cached answer.

    Returns:
        ``"numbers"``, ``"units"``, ``"dates"``, ``"negation"``, ``"opposites"``, ``"quotes"``, ``"code"``,
        ``"names"``, ``"reversal"``, or None.

    >>> veto("Convert 5 km to miles", "convert five kilometers to miles") is None
    True
    >>> veto("Translate French to English", "Translate English to French")
    'reversal'
    >>> veto("我要取消訂單", "我不要取消訂單")
    'negation'
    """
    if a == b:
        return None
    one, other = features(a), features(b)
    for name, differ in RULES:
        if differ(one, other) or differ(other, one):  # a rule may look from one side only
            return name
    return None
