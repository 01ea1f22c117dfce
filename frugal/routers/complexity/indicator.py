"""Indicator: one thing to look for in a request, as data.

Law: an indicator is a name, a side, a weight, and what it is found by; how it is searched is for the rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Indicator", "indicator"]

SIDES = ("simple", "complex", "expert")


@dataclass(frozen=True, slots=True)
class Indicator:
    """Look for words and phrases that make a request simple or complex.

    Args:
        name: what the reason calls it.
        side: `"simple"`, `"complex"`, or `"expert"`: complex, and never for the simple tier.
        words: whole words, in lower case, found in texts of Latin letters.
        phrases: pieces of text, in lower case; `…` stands for anything on the same line.
        weight: what one hit adds to the side's score.
        most: how many different hits count.

    Raises:
        ValueError: the side is unknown, or there is nothing to look for.
    """

    name: str
    side: str
    words: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    weight: int = 1
    most: int = 1

    def __post_init__(self) -> None:
        if self.side not in SIDES:
            raise ValueError(f"side of indicator {self.name!r} is {self.side!r}; it is one of {', '.join(SIDES)}.")
        if not self.words and not self.phrases:
            raise ValueError(f"indicator {self.name!r} looks for nothing; give words= or phrases=.")


def indicator(
    name: str,
    side: str,
    words: str = "",
    *,
    phrases: Iterable[str] = (),
    written: str = "",
    weight: int = 1,
    most: int = 1,
) -> Indicator:
    """Make an indicator from strings, parted by white space.

    Args:
        name: what the reason calls it.
        side: `"simple"`, `"complex"` or `"expert"`.
        words: whole words of Latin letters.
        phrases: phrases that hold white space.
        written: phrases of a script that puts none between its words.
        weight: what one hit adds.
        most: how many different hits count.

    >>> indicator("translate", "simple", "translate translation", written="翻譯 翻译").phrases
    ('翻譯', '翻译')
    """
    return Indicator(name, side, frozenset(words.split()), (*phrases, *written.split()), weight, most)
