"""What a text says that no vector shows: numbers, units, dates, denials, quotes, code and names.

Law: features are pure and computed once for a text (the most recent ones are kept). Both widths of a character
count as one (NFKC), and letters are compared without case.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from frugal._mechanisms.veto import words as table
from frugal._mechanisms.veto.chinese import read, unit_at
from frugal._mechanisms.veto.numerals import english_numbers, plain

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
_LATIN = re.compile(r"[A-Za-zÀ-ÖØ-öø-ɏ]+(?:['’][A-Za-z]+)?")
_WORD = re.compile(r"[a-zß-öø-ɏ]+(?:['’][a-z]+)?|\d+(?:[.,]\d+)*|[$€£%&]")
_WHOLE = re.compile(r"\w+", re.ASCII)
_MIXED = re.compile(r"(?<![\w.])(?!v\d+\.)[a-z]+-?\d+[a-z]*(?![\w.]*\w)", re.ASCII)
_NUMBER = re.compile(
    r"(nt\$|[$€£])?\s?((?<![\w.\-])[-−](?=\d))?(?<![a-z\d])(?:v(?=\d))?"
    r"(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)*)"
    r"(?:st|nd|rd|th)?\s?-?\s?(%|[€$]|[a-z]+(?:/h)?|[一-鿿]{1,3})?"
)
_RELATIVE = re.compile(r"\b(this|next|last|past|coming|previous)\s+(week|month|year|quarter|semester|decade|century)\b")
_IDIOM = re.compile(
    r"\bwhy not\b|\b(?:whether )?or not\b|\bnot only\b|\bno problem\b|\bcan'?t wait\b"
    r"|\bif not\b|\bno matter\b"
    r"|\bwhy (?:don|can|won|couldn|wouldn)'?t (?:you|we)\b"
    r"|\b(?:is|are|do|does|did|was|were|wo|would|could|ca|should)n'?t (?:it|you|they|he|she)\s*[?]?$"
    r"|\bdon'?t (?:forget|mind)\b|^\s*(?:no|yes)\b,?\s+(?=(?:that|it|i|there|they|we|you|this)\b)"
    r"|^\s*(?:no|yes)\s*,"
)
_SENTENCE = re.compile(r"(?:^|[.!?:;\n。！？：；]\s*|[\"“「(]\s*)$")
_STEM = 3
_FEW = 3


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
    joined: frozenset[str]
    chinese: str


@lru_cache(maxsize=8192)
def features(text: str) -> Features:
    """Read *text* once for all rules."""
    normal = unicodedata.normalize("NFKC", text)
    folded = normal.casefold()
    tokens = tuple(_token(word) for word in _WORD.findall(folded))
    chinese = read(folded)
    dates = {table.DATES[token] for token in tokens if token in table.DATES}
    dates.update(" ".join(match) for match in _RELATIVE.findall(folded))
    counted = _LISTED.sub(" ", chinese.counted)
    numbers, spelt, units = _amounts(counted, tokens)
    names = {table.NAMES[token] for token in tokens if token in table.NAMES}
    pairs = (f"{first} {second}" for first, second in pairwise(tokens))
    names.update(table.NAMES[pair] for pair in pairs if pair in table.NAMES)
    words = frozenset(_WHOLE.findall(folded)) | frozenset(tokens)
    return Features(
        folded=folded,
        tokens=tokens,
        words=words | {_stem(word) for word in words} | chinese.opposites,
        content=tuple(token for token in tokens if token not in table.STOP),
        numbers=numbers,
        spelt=spelt,
        ones="one" in tokens or "first" in tokens or "a" in tokens or "一" in folded,
        units=frozenset(units) | chinese.units,
        dates=(frozenset(dates) | chinese.dates) - table.IMPLIED,
        denials=_denials(folded, tokens) + chinese.denials,
        quasi=any(token in table.QUASI_NEGATORS for token in tokens),
        quoted=frozenset(_quotes(folded)),
        code=frozenset(_codes(normal)),
        names=frozenset(names) | chinese.names,
        capitals=frozenset(_capitals(normal)),
        initials="".join(token[0] for token in tokens),
        joined=frozenset(first + second for first, second in pairwise(tokens)),
        chinese=chinese.plain,
    )


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


def _amounts(counted: str, tokens: tuple[str, ...]) -> tuple[tuple[str, ...], frozenset[str], set[str]]:
    numbers: list[str] = []
    units = {table.UNITS[token] for token in tokens if token in table.UNITS and token not in table.AMBIGUOUS_UNITS}
    for match in _NUMBER.finditer(counted):
        symbol, sign, digits, unit = match.groups()
        numbers.append(f"{'-' if sign else ''}{plain(digits)}")
        if symbol:
            units.add(table.UNITS.get(symbol, symbol))
        if unit:
            name = table.UNITS.get(unit) or table.TIME_UNITS.get(unit)
            if name is None and not unit.isascii():
                name = unit_at(unit, 0)
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
