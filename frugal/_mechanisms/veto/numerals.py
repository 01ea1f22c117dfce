"""Numbers as they are written, read as values: digits, English words and Chinese numerals.

Law: the same amount gives the same string however it is written (``3``, ``３``, ``three``, ``三``; ``1,200``,
``twelve hundred``, ``一千二百``). A lone "one", "a" or 一 is no number: it is an article more often than not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["CHINESE_NUMERAL", "chinese_value", "english_numbers", "plain"]

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_ROUND = "twenty thirty forty fifty sixty seventy eighty ninety"
_RANKS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_UNITS = {word: value for value, word in enumerate(_SMALL.split())}
_TENS = {word: value for value, word in zip(range(20, 100, 10), _ROUND.split(), strict=True)}
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000, "dozen": 12}
_ORDINALS = {word: value for value, word in enumerate(_RANKS.split(), start=3)}

_DIGITS = {
    char: value
    for value, chars in enumerate(
        ("零〇", "一壹", "二兩两貳贰", "三叁", "四肆", "五伍", "六陸陆", "七柒", "八捌", "九玖")
    )
    for char in chars
}
_PLACES = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1_000, "仟": 1_000}
_MYRIADS = {"萬": 10_000, "万": 10_000, "億": 100_000_000, "亿": 100_000_000}

_WRITTEN = "".join((*_DIGITS, *_PLACES, *_MYRIADS))
CHINESE_NUMERAL = re.compile(f"[{_WRITTEN}]+(?:[點点][{''.join(_DIGITS)}]+)?")
_WORDY = re.compile(
    r"一(?:下|些|起|樣|样|直|定|般|切|旦|邊|边|共|同|致|個|个|種|种|點|点|步|會|会|方面|方|時|时|次性)"
    r"|(?:萬|万)一|千萬(?:別|不|要)|千万(?:别|不|要)|十分|百姓|三明治|四川|九份|八卦|五官|七夕|六合|百科|百度"
)


def plain(number: str) -> str:
    """Give digits (with commas, a point, leading or trailing zeros) as the shortest decimal."""
    text = number.replace(",", "")
    whole, dot, rest = text.partition(".")
    if "." in rest:  # A version or an address: every part counts.
        return text
    whole = whole.lstrip("0") or "0"
    rest = rest.rstrip("0")
    return f"{whole}.{rest}" if dot and rest else whole


def english_numbers(words: list[str]) -> Iterator[str]:
    """Give the numbers spelt out in *words* (lower case), compounds as one.

    >>> list(english_numbers("two hundred and five of twenty one and the third".split()))
    ['205', '21', '3']
    """
    at = 0
    while at < len(words):
        word = words[at]
        if word in _ORDINALS:
            yield str(_ORDINALS[word])
        elif word == "second" and at and words[at - 1] in _BEFORE_SECOND:
            yield "2"
        elif word in _UNITS or word in _TENS or (word in _SCALES and at and words[at - 1] in _ARTICLES):
            value, length = _compound(words, at)
            if not (length == 1 and word == "one"):
                yield str(value)
            at += length
            continue
        at += 1


_BEFORE_SECOND = frozenset({"the", "my", "your", "our", "their", "his", "her"})
_ARTICLES = frozenset({"a", "one"})


def _compound(words: list[str], at: int) -> tuple[int, int]:
    total = current = 0
    start = at
    while at < len(words):
        word = words[at]
        if word in _UNITS:
            if at > start and words[at - 1] in _UNITS:  # "one two": two numbers, not one
                break
            current += _UNITS[word]
        elif word in _TENS:
            if at > start and (words[at - 1] in _UNITS or words[at - 1] in _TENS):
                break
            current += _TENS[word]
        elif word in ("hundred", "dozen"):
            current = max(current, 1) * _SCALES[word]
        elif word in _SCALES:
            total += max(current, 1) * _SCALES[word]
            current = 0
        elif not (
            word == "and"
            and words[at - 1] in _SCALES
            and at + 1 < len(words)
            and (words[at + 1] in _UNITS or words[at + 1] in _TENS)
        ):
            break
        at += 1
    return total + current, at - start


def chinese_value(numeral: str) -> str | None:
    """Read a Chinese numeral; None for what is none (a lone 百, say).

    >>> chinese_value("三十五"), chinese_value("一千二百"), chinese_value("二〇二四"), chinese_value("三點五")
    ('35', '1200', '2024', '3.5')
    """
    whole, _, rest = numeral.replace("点", "點").partition("點")
    tail = "".join(str(_DIGITS[digit]) for digit in rest)
    if all(char in _DIGITS for char in whole):
        value = str(int("".join(str(_DIGITS[char]) for char in whole))) if whole else "0"
    else:
        counted = _counted(whole)
        if counted is None:
            return None
        value = str(counted)
    return plain(f"{value}.{tail}") if tail else value


def _counted(whole: str) -> int | None:
    total = section = digit = 0
    seen_digit = False
    for char in whole:
        if char in _DIGITS:
            digit, seen_digit = _DIGITS[char], True
        elif char in _PLACES:
            if not seen_digit and char not in "十拾":
                return None
            section += (digit or 1) * _PLACES[char]
            digit = 0
        else:
            if not (section or digit):
                return None
            total += (section + digit) * _MYRIADS[char]
            section = digit = 0
        seen_digit = seen_digit or char in "十拾"
    return total + section + digit


def without_wordy(text: str) -> str:
    """Blank out Chinese words in which a numeral counts nothing (一下, 十分, 三明治)."""
    return _WORDY.sub(" ", text)
