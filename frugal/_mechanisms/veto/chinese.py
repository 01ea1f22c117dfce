"""Chinese text, which has no spaces: its telling words are found by looking at every place.

Law: the longest known word wins at each place, read from left to right, so that a character inside a harmless
word (不 in 不過, 到 in 遇到) tells nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from frugal._mechanisms.veto import words as table
from frugal._mechanisms.veto.numerals import CHINESE_NUMERAL, chinese_value, without_wordy

__all__ = ["Chinese", "read", "unit_at"]

_CJK = re.compile(r"[㐀-鿿]")
_RELATIVE = re.compile(r"(上|下|這|这|本)(?:一)?(?:個|个)?(週|周|星期|禮拜|礼拜|月|年|季)")
_A_NOT_A = re.compile(r"([一-鿿])[不沒没]\1")
_SPAN = 6
_PERIODS = {"周": "週", "星期": "週", "禮拜": "週", "礼拜": "週"}

_TERMS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(table.HARMLESS, ("harmless", "")),
    **{word: ("opposite", word) for pair in table.OPPOSITES for word in pair if _CJK.match(word)},
    **{word: ("unit", name) for word, name in table.UNITS.items() if _CJK.match(word)},
    **{word: ("name", name) for word, name in table.NAMES.items() if _CJK.match(word)},
    **{word: ("date", name) for word, name in table.DATES.items() if _CJK.match(word)},
}

_Found = list[tuple[str, str, tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Chinese:
    """What the Chinese in a text says.

    ``counted`` is the text with its numerals as digits; ``plain`` is it without particles and punctuation,
    empty where there is no Chinese.
    """

    counted: str
    plain: str = ""
    denials: int = 0
    dates: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    opposites: frozenset[str] = frozenset()


def read(folded: str) -> Chinese:
    """Read the Chinese in a folded text."""
    if _CJK.search(folded) is None:
        return Chinese(folded)
    found = list(_scan(folded))
    named: dict[str, set[str]] = {"date": set(), "unit": set(), "name": set(), "opposite": set()}
    for kind, name, _ in found:
        if kind in named:
            named[kind].add(name)
    named["date"].update(f"{which}{_PERIODS.get(unit, unit)}" for which, unit in _RELATIVE.findall(folded))
    return Chinese(
        counted=_digits(folded, found),
        plain="".join(char for char in folded if char not in table.ZH_PARTICLES),
        denials=_denials(folded, found),
        dates=frozenset(named["date"]),
        units=frozenset(named["unit"]),
        names=frozenset(named["name"]),
        opposites=frozenset(named["opposite"]),
    )


def _scan(folded: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Find the known Chinese words, the longest first, from left to right."""
    at, end = 0, len(folded)
    while at < end:
        if folded[at] < "㐀":
            at += 1
            continue
        for length in range(min(_SPAN, end - at), 0, -1):
            term = _TERMS.get(folded[at : at + length])
            if term is not None:
                yield term[0], term[1], (at, at + length)
                at += length
                break
        else:
            at += 1


def _blank(folded: str, found: _Found, kinds: tuple[str, ...]) -> str:
    pieces, last = [], 0
    for kind, _, (start, end) in found:
        if kind in kinds:
            pieces += [folded[last:start], " "]
            last = end
    return "".join([*pieces, folded[last:]])


def _denials(folded: str, found: _Found) -> int:
    rest = _A_NOT_A.sub(" ", _blank(folded, found, ("harmless", "date", "name")))
    return sum(char in table.ZH_NEGATORS for char in rest)


def _digits(folded: str, found: _Found) -> str:
    """Write Chinese numerals as digits, where they count something."""
    rest = without_wordy(_blank(folded, found, ("harmless", "date", "name")))

    def value(match: re.Match[str]) -> str:
        numeral = match.group()
        if numeral == "一" and rest[: match.start()][-1:] != "第" and not unit_at(rest, match.end()):
            return " "
        read = chinese_value(numeral)
        return numeral if read is None else f" {read} "

    return CHINESE_NUMERAL.sub(value, rest)


def unit_at(text: str, at: int) -> str | None:
    """Name the unit of measure that stands at a place, if one does."""
    for length in (3, 2, 1):
        word = text[at : at + length]
        name = table.UNITS.get(word) or table.TIME_UNITS.get(word)
        if name is not None and len(word) == length:
            return name
    return None
