"""The rules of the veto: each names one way in which two near texts ask for different things.

Law: a rule is symmetric and refuses only on what is written in the texts. The table is in the order in which
rules are tried, the cheap and telling ones first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from frugal._mechanisms.veto import words as table
from frugal._mechanisms.veto.features import Features

__all__ = ["RULES"]

_OPPOSITE: dict[str, set[str]] = {}
for _one, _other in table.OPPOSITES:
    _OPPOSITE.setdefault(_one, set()).add(_other)
    _OPPOSITE.setdefault(_other, set()).add(_one)

_LEFT, _RIGHT = 4, 3
_ACRONYM = range(2, 6)
_ALIKE = 0.75
_LONG = 16


def _numbers(a: Features, b: Features) -> bool:
    if a.numbers == b.numbers:
        return False
    only_a, only_b = Counter(a.numbers), Counter(b.numbers)
    only_a, only_b = only_a - only_b, only_b - only_a
    # "a ticket", "one ticket" and "1 ticket" are the same.
    if b.ones:
        del only_a["1"]
    if a.ones:
        del only_b["1"]
    if _long(a, b) and not (only_a and only_b):
        # In prose "the two parts" counts what is named anyway.
        return bool(set(only_a) - a.spelt or set(only_b) - b.spelt)
    return bool(only_a or only_b)


def _long(a: Features, b: Features) -> bool:
    """Tell whether both are prose rather than a question: there, counts of small words vary freely."""
    return len(a.tokens) >= _LONG and len(b.tokens) >= _LONG


def _units(a: Features, b: Features) -> bool:
    return a.units != b.units


def _dates(a: Features, b: Features) -> bool:
    return a.dates != b.dates


def _negation(a: Features, b: Features) -> bool:
    if (a.denials > 0) != (b.denials > 0):
        return not (_long(a, b) and (b if a.denials else a).quasi)
    # Denied once or more than once: "not red and not blue" is not "not red and blue".
    return not _long(a, b) and (a.denials > 1) != (b.denials > 1)


def _opposites(a: Features, b: Features) -> bool:
    return any(
        other in b.words and other not in a.words
        for word in a.words - b.words
        if word in _OPPOSITE
        for other in _OPPOSITE[word]
    )


def _quotes(a: Features, b: Features) -> bool:
    return any(quote not in b.folded for quote in a.quoted) or any(quote not in a.folded for quote in b.quoted)


def _code(a: Features, b: Features) -> bool:
    return _lacks(b, a.code) or _lacks(a, b.code)


def _lacks(text: Features, tokens: frozenset[str]) -> bool:
    return any(token not in text.words and token not in text.code and not _said(text, token) for token in tokens)


def _said(text: Features, token: str) -> bool:
    """Tell whether a piece of code stands in *text* in another spelling."""
    last = token.rpartition(".")[2]
    # `datasets.Audio` may be called `Audio`, but not where there is another `….Audio`.
    if last != token and last in text.words and not any(code.endswith(f".{last}") for code in text.code):
        return True
    if token in text.joined:
        return True
    return not token.isidentifier() and (token in text.folded or token in text.folded.replace(" ", ""))


def _names(a: Features, b: Features) -> bool:
    if a.names != b.names:
        return True
    return _unnamed(a, b) or _unnamed(b, a)


def _unnamed(a: Features, b: Features) -> bool:
    """Tell whether a name of *a* is not in *b* in any spelling."""
    missing = a.capitals - b.words
    return bool(missing) and any(not _spelt_otherwise(name, a, b) for name in missing)


def _spelt_otherwise(name: str, a: Features, b: Features) -> bool:
    """Tell whether *b* has a name of *a* as a plural, as initials or what they stand for, or run together."""
    return (
        name.rstrip("s") in b.words
        or f"{name}s" in b.words
        or name in table.NAMES  # Compared already, with their spellings.
        or name in table.DATES
        or (len(name) in _ACRONYM and name in b.initials)
        or any(len(word) in _ACRONYM and name[0] in word and word in a.initials for word in b.capitals - a.words)
        or name in b.joined
        or any(name in pair for pair in a.joined & b.words)
        or (not name.isalpha() and name in b.folded)
    )


def _reversal(a: Features, b: Features) -> bool:
    if a.chinese and b.chinese and (_swapped_sides(a.chinese, b.chinese) or _exchanged(a.chinese, b.chinese)):
        return True
    if not _alike(a.content, b.content):
        return False
    if a.tokens != b.tokens and (_exchanged(a.tokens, b.tokens) or (len(a.content) > 2 and a.tokens == b.tokens[::-1])):
        return True
    there, back = dict(_sides(a.tokens)), dict(_sides(b.tokens))
    for word in there.keys() & back.keys():
        for left, right in there[word]:
            if left != right and (right, left) in back[word] and (left, right) not in back[word]:
                return True
    return False


def _alike(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
    one, other = set(a), set(b)
    return len(one & other) >= _ALIKE * len(one | other)


def _sides(tokens: tuple[str, ...]) -> Iterator[tuple[str, set[tuple[str, str]]]]:
    """Give, for each directed word, which content words stand on its left and on its right."""
    for at, word in enumerate(tokens):
        if word in table.DIRECTED:
            lefts = _content(tokens[:at][::-1], _LEFT)
            rights = _content(tokens[at + 1 :], _RIGHT)
            yield word, {(left, right) for left in lefts for right in rights}


def _content(tokens: tuple[str, ...], most: int) -> list[str]:
    kept: list[str] = []
    for token in tokens:
        if token in table.DIRECTED or len(kept) == most:
            break
        if token not in table.STOP:
            kept.append(token)
    return kept


def _exchanged(a: tuple[str, ...] | str, b: tuple[str, ...] | str) -> bool:
    """Tell whether *b* is *a* with two of its parts exchanged across something that has a direction."""
    if len(a) != len(b) or a == b:
        return False
    differing = [at for at, (one, other) in enumerate(zip(a, b, strict=True)) if one != other]
    first, last = differing[0], differing[-1]
    for length in range(1, (last - first + 2) // 2):
        left, right = slice(first, first + length), slice(last - length + 1, last + 1)
        between = slice(first + length, last - length + 1)
        if a[left] == b[right] and a[right] == b[left] and a[between] == b[between]:
            return not _commutes(a[between]) and not all(part in table.STOP for part in (*a[left], *a[right]))
    return False


def _commutes(between: tuple[str, ...] | str) -> bool:
    parts = [part for part in between if part not in table.STOP]
    return all(part in table.COMMUTATIVE for part in parts) if parts else not isinstance(between, str)


def _swapped_sides(a: str, b: str) -> bool:
    """Tell whether two Chinese texts have exchanged what stands on the two sides of a directed word."""
    for word in table.ZH_DIRECTED:
        if word not in a or word not in b:
            continue
        left_a, _, right_a = a.partition(word)
        left_b, _, right_b = b.partition(word)
        there, back = _shared(left_a, right_b), _shared(right_a, left_b)
        if there >= 1 and back >= 1 and there + back > _shared(left_a, left_b) + _shared(right_a, right_b):
            return True
    return False


def _shared(a: str, b: str) -> int:
    """Give the length of the longest run of characters in both, looking at the first dozens only."""
    a, b = a[-24:], b[:24]
    longest = 0
    for start in range(len(a)):
        while start + longest < len(a) and a[start : start + longest + 1] in b:
            longest += 1
    return longest


RULES: tuple[tuple[str, Callable[[Features, Features], bool]], ...] = (
    ("numbers", _numbers),
    ("units", _units),
    ("dates", _dates),
    ("negation", _negation),
    ("opposites", _opposites),
    ("quotes", _quotes),
    ("code", _code),
    ("names", _names),
    ("reversal", _reversal),
)
"""Name and test of each rule."""
