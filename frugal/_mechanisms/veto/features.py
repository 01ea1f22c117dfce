"""What a text says that no vector shows: numbers, units, dates, denials, quotes, code and names.

Law: features are pure and computed once for a text (the most recent ones are kept). Both scripts and widths of
a character count as one where Unicode says so (NFKC), and letters are compared without case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from frugal._mechanisms.veto import words as table
from frugal._mechanisms.veto.numerals import (
    CHINESE_NUMERAL,
    chinese_value,
    english_numbers,
    plain,
    without_wordy,
)

__all__ = ["Features", "features"]

_QUOTED = re.compile(
    r"“([^”\n]{1,400})”|\"([^\"\n]{1,400})\"|「([^」\n]{1,400})」|『([^』\n]{1,400})』|《([^》\n]{1,400})》"
    r"|‘([^’\n]{1,400})’(?!\w)|(?<!\w)'([^'\n]{1,400})'(?!\w)"
)
_FENCED = re.compile(r"```.*?```", re.DOTALL)
_TICKED = re.compile(r"`([^`\n]+)`")
_LISTED = re.compile(r"(?:(?<=\n)|^)\s*\d{1,2}[.)]\s|(?<=\s)\(?\d{1,2}\)\s")
_CODE = re.compile(
    r"https?://[^\s，。）)\]]+|(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+|(?<![\w/.-])/?(?:[\w.-]+/){2,}[\w.-]*|(?<!\S)--?[A-Za-z][\w-]+"
    r"|\b[A-Za-z_]\w*\(\)|\b(?:[A-Za-z]\w*)?_\w+\b|\b[a-z]+[A-Z]\w*\b|\b[A-Z][a-z0-9]+[A-Z]\w*\b"
    r"|\b[A-Za-z_]\w+(?:\.[A-Za-z_]\w+)+\b",
    re.ASCII,
)
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]+(?:['’][A-Za-z]+)?")
_WORD = re.compile(r"[a-zà-ɏ]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)*|[$€£%&]")
_WHOLE = re.compile(r"\w+", re.ASCII)
_MIXED = re.compile(r"(?<![\w.])(?!v\d+\.)[a-z]+-?\d+[a-z]*(?![\w.]*\w)", re.ASCII)
_NUMBER = re.compile(
    r"(nt\$|[$€£])?\s?((?<![\w.\-])[-−](?=\d))?(?<![a-z\d])(?:v(?=\d))?"
    r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)*)"
    r"(?:st|nd|rd|th)?\s?-?\s?(%|[€$]|[a-z]+(?:/h)?|[一-鿿]{1,3})?"
)
_CJK = re.compile(r"[㐀-鿿]")
_RELATIVE = re.compile(
    r"\b(this|next|last|past|coming|previous)\s+(week|month|year|quarter|semester|decade|century)\b"
)
_ZH_RELATIVE = re.compile(r"(上|下|這|这|本)(?:一)?(?:個|个)?(週|周|星期|禮拜|礼拜|月|年|季)")
_IDIOM = re.compile(
    r"\bwhy not\b|\b(?:whether )?or not\b|\bnot only\b|\bno problem\b|\bcan'?t wait\b|\bif not\b|\bno matter\b"
    r"|\bwhy (?:don|can|won|couldn|wouldn)'?t (?:you|we)\b"
    r"|\b(?:is|are|do|does|did|was|were|wo|would|could|ca|should)n'?t (?:it|you|they|he|she)\s*[?]?$"
    r"|\bdon'?t (?:forget|mind)\b|^\s*(?:no|yes)\b,?\s+(?=(?:that|it|i|there|they|we|you|this)\b)|^\s*(?:no|yes)\s*,"
)
_A_NOT_A = re.compile(r"([一-鿿])[不沒没]\1")
_SENTENCE = re.compile(r"(?:^|[.!?:;\n。！？：；]\s*|[\"“「(]\s*)$")
_SPAN = 6
_STEM = 3
_FEW = 3

_ZH_TERMS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(table.HARMLESS, ("harmless", "")),
    **{word: ("opposite", word) for pair in table.OPPOSITES for word in pair if _CJK.match(word)},
    **{word: ("unit", name) for word, name in table.UNITS.items() if _CJK.match(word)},
    **{word: ("name", name) for word, name in table.NAMES.items() if _CJK.match(word)},
    **{word: ("date", name) for word, name in table.DATES.items() if _CJK.match(word)},
}


@dataclass(frozen=True, slots=True)
class Features:
    """All that the rules compare of one text."""

    folded: str
    tokens: tuple[str, ...]
    words: frozenset[str]
    content: tuple[str, ...]
    numbers: tuple[str, ...]
    spelt: frozenset[str]
    ones: bool
    units: frozenset[str]
    dates: frozenset[str]
    denials: int
    quasi: bool
    quoted: frozenset[str]
    code: frozenset[str]
    names: frozenset[str]
    capitals: frozenset[str]
    initials: str
    chinese: str


@lru_cache(maxsize=8192)
def features(text: str) -> Features:
    """Read *text* once for all rules."""
    normal = unicodedata.normalize("NFKC", text)
    folded = normal.casefold()
    tokens = tuple(_token(word) for word in _WORD.findall(folded))
    has_chinese = _CJK.search(folded) is not None
    found = list(_scan(folded)) if has_chinese else []
    denials = _denials(folded, tokens)
    dates = {table.DATES[token] for token in tokens if token in table.DATES}
    dates.update(" ".join(match) for match in _RELATIVE.findall(folded))
    counted = folded
    if has_chinese:
        dates.update(name for kind, name, _ in found if kind == "date")
        dates.update(f"{which}{_ZH_PERIODS.get(unit, unit)}" for which, unit in _ZH_RELATIVE.findall(folded))
        denials += _chinese_denials(folded, found)
        counted = _digits(folded, found)
    counted = _LISTED.sub(" ", counted)
    numbers, spelt, units = _amounts(counted, tokens)
    units.update(name for kind, name, _ in found if kind == "unit")
    names = {table.NAMES[token] for token in tokens if token in table.NAMES}
    pairs = (f"{first} {second}" for first, second in pairwise(tokens))
    names.update(table.NAMES[pair] for pair in pairs if pair in table.NAMES)
    names.update(name for kind, name, _ in found if kind == "name")
    words = frozenset(_WHOLE.findall(folded)) | frozenset(tokens)
    return Features(
        folded=folded,
        tokens=tokens,
        words=words
        | {_stem(word) for word in words}
        | {name for kind, name, _ in found if kind == "opposite"},
        content=tuple(token for token in tokens if token not in table.STOP),
        numbers=numbers,
        spelt=spelt,
        ones="one" in tokens or "first" in tokens or "a" in tokens or "一" in folded,
        units=frozenset(units),
        dates=frozenset(dates) - table.IMPLIED,
        denials=denials,
        quasi=any(token in table.QUASI_NEGATORS for token in tokens),
        quoted=frozenset(_quotes(folded)),
        code=frozenset(_codes(normal)),
        names=frozenset(names),
        capitals=frozenset(_capitals(normal)),
        initials="".join(token[0] for token in tokens),
        chinese="".join(char for char in folded if char not in table.ZH_PARTICLES) if has_chinese else "",
    )


_ZH_PERIODS = {"周": "週", "星期": "週", "禮拜": "週", "礼拜": "週"}


def _token(word: str) -> str:
    if "'" in word or "’" in word:
        word = word.replace("’", "'")
        head, _, tail = word.partition("'")
        return f"{head}t" if tail == "t" else head
    return word


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


def _scan(folded: str) -> Iterator[tuple[str, str, tuple[int, int]]]:
    """Find the known Chinese words, the longest first, from left to right."""
    at, end = 0, len(folded)
    while at < end:
        if folded[at] < "㐀":
            at += 1
            continue
        for length in range(min(_SPAN, end - at), 0, -1):
            term = _ZH_TERMS.get(folded[at : at + length])
            if term is not None:
                yield term[0], term[1], (at, at + length)
                at += length
                break
        else:
            at += 1


def _blank(folded: str, found: list[tuple[str, str, tuple[int, int]]], kinds: tuple[str, ...]) -> str:
    pieces, last = [], 0
    for kind, _, (start, end) in found:
        if kind in kinds:
            pieces += [folded[last:start], " "]
            last = end
    return "".join([*pieces, folded[last:]])


def _chinese_denials(folded: str, found: list[tuple[str, str, tuple[int, int]]]) -> int:
    rest = _A_NOT_A.sub(" ", _blank(folded, found, ("harmless", "date", "name")))
    return sum(char in table.ZH_NEGATORS for char in rest)


def _digits(folded: str, found: list[tuple[str, str, tuple[int, int]]]) -> str:
    """Write Chinese numerals as digits, where they count something."""
    rest = without_wordy(_blank(folded, found, ("harmless", "date", "name")))

    def value(match: re.Match[str]) -> str:
        numeral = match.group()
        if numeral == "一" and rest[: match.start()][-1:] != "第" and not _unit_at(rest, match.end()):
            return " "
        read = chinese_value(numeral)
        return numeral if read is None else f" {read} "

    return CHINESE_NUMERAL.sub(value, rest)


def _unit_at(text: str, at: int) -> str | None:
    for length in (3, 2, 1):
        word = text[at : at + length]
        name = table.UNITS.get(word) or table.TIME_UNITS.get(word)
        if name is not None and len(word) == length:
            return name
    return None


def _amounts(counted: str, tokens: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str], set[str]]:
    numbers: list[str] = []
    units = {
        table.UNITS[token] for token in tokens if token in table.UNITS and token not in table.AMBIGUOUS_UNITS
    }
    for match in _NUMBER.finditer(counted):
        symbol, sign, digits, unit = match.groups()
        numbers.append(f"{'-' if sign else ''}{plain(digits)}")
        if symbol:
            units.add(table.UNITS.get(symbol, symbol))
        if unit:
            name = table.UNITS.get(unit) or table.TIME_UNITS.get(unit)
            if name is None and not unit.isascii():
                name = _unit_at(unit, 0)
            if name:
                units.add(name)
    numbers += _MIXED.findall(counted)
    spelt = list(english_numbers(list(tokens)))
    if spelt:
        numbers += spelt
        units.update(_spelt_units(tokens))
    return tuple(sorted(numbers)), frozenset(spelt), units


def _spelt_units(tokens: tuple[str, ...]) -> Iterator[str]:
    """Find the units behind numbers that are spelt out."""
    for first, second in pairwise(tokens):
        unit = table.UNITS.get(second) or table.TIME_UNITS.get(second)
        if unit and (first == "one" or any(english_numbers([first]))):
            yield unit


def _denials(folded: str, tokens: tuple[str, ...]) -> int:
    if _IDIOM.search(folded):
        tokens = tuple(_token(word) for word in _WORD.findall(_IDIOM.sub(" ", folded)))
    return sum(token in table.NEGATORS for token in tokens)


def _quotes(folded: str) -> Iterator[str]:
    if not any(mark in folded for mark in "\"'“‘「『《"):
        return
    for match in _QUOTED.finditer(folded):
        inner = " ".join((match[match.lastindex or 0]).split()).strip(" .,!?。，！？")
        if inner:
            yield inner


def _codes(normal: str) -> Iterator[str]:
    if "`" in normal:
        # What stands in a fence is read below, name by name: its layout says nothing.
        for match in _TICKED.findall(_FENCED.sub(" ", normal)):
            yield " ".join(match.split()).removesuffix("()").casefold()
    for token in _CODE.findall(normal):
        yield token.removesuffix("()").casefold()


def _capitals(normal: str) -> Iterator[str]:
    """Find the words that a capital letter marks as names: within a sentence, or all capitals."""
    words = list(_LATIN.finditer(normal))
    marked = [word for word in words if word[0][0].isupper()]
    if not marked or (len(marked) > _FEW and len(marked) > 0.7 * len(words)):
        return
    for word in marked:
        text = word[0]
        if text in ("I", "A") or text.startswith(("I'", "I’")):
            continue
        shouted = len(text) > 1 and text.isupper()
        if shouted or not _SENTENCE.search(normal[max(0, word.start() - 3) : word.start()]):
            yield _token(text.casefold())
