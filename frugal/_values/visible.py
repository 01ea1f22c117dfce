r"""What a person sees of a text that somebody else wrote.

Law: every sign of it is seen. What would move a cursor, ring, change colours, reorder, hide or take no room is spelt
out, and so are blanks at either end; so two texts that differ in such a sign are shown as two.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["visible"]

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINER = "\u200d"
_PRESENTED_AS_EMOJI = "\ufe0f"
# Letters and marks that are drawn as nothing, by Unicode's Default_Ignorable_Code_Point, and an empty braille cell.
_NOTHING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0e\uffa0\U000e0100-\U000e01ef]"
)


def visible(text: str) -> str:
    r"""Spell out what is not plainly visible.

    >>> visible("a\x1b[31mb"), visible("ada "), visible("\N{WOMAN}\N{ZERO WIDTH JOINER}\N{PERSONAL COMPUTER}")
    ('a\\x1b[31mb', 'ada\\x20', '👩‍💻')
    """
    if text.isascii() and text.isprintable() and text[:1] != " " and text[-1:] != " ":
        return text
    inside = text.strip()
    begin = len(text) - len(text.lstrip()) if inside else len(text)
    end = begin + len(inside)
    return "".join(
        sign if begin <= at < end and _is_seen(text, at, sign) else _spelt(sign) for at, sign in enumerate(text)
    )


def _spelt(sign: str) -> str:
    return "\\x20" if sign == " " else sign.encode("unicode_escape").decode()


def _is_seen(text: str, at: int, sign: str) -> bool:
    if sign in {_JOINER, _PRESENTED_AS_EMOJI}:  # they make one picture of two, and elsewhere nothing
        return _is_picture(text[at - 1 : at]) and (sign == _PRESENTED_AS_EMOJI or _is_picture(text[at + 1 : at + 2]))
    return unicodedata.category(sign) not in _HIDDEN and _NOTHING.match(sign) is None


def _is_picture(sign: str) -> bool:
    return bool(sign) and (sign == _PRESENTED_AS_EMOJI or unicodedata.category(sign) in {"So", "Sk"})
