"""The canonical form of a value: bytes that are equal exactly when two values are the same to a function.

Law: the form is injective and deny by default. Every node starts with a tag for its type and says its own length, so
no content can pass for structure; `1`, `1.0`, `True` and `"1"` differ, `[1]` and `(1,)` differ, `0.0` and `-0.0`
differ, and a float is its bits. The order of a mapping's keys and of a set's members does not matter; every other
order does. A text is its code points: nothing is folded. What has no form here has no form at all.
"""

from frugal._values.canonical.walk import Unkeyable, canonical, locate

__all__ = ["Unkeyable", "canonical", "locate"]
