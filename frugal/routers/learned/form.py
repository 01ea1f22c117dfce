"""Form: what the shape of a text says of how hard it is, beside what it is about.

Law: a form is a fixed number of counts, found in one bounded look at a text. It knows no language's words, and not
how large a number is: the numbers of tickets and orders grow with time, and what was learned would be left behind.
"""

from __future__ import annotations

import math
import re

__all__ = ["FORMS", "LONGEST", "form_of"]

LONGEST = 8_000
"""Characters of a query that are looked at."""

FORMS = 14
"""How many numbers a form has."""

_NUMBER = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
_WORD = re.compile(r"\w+")
_NAME = re.compile(r"\b[A-Z]")
_FRACTION = re.compile(r"[0-9]/[0-9]")
_CODE = re.compile(r"[{}=<>;_\\]")


def form_of(text: str) -> tuple[float, ...]:
    """Return a text's form: length, words, sentences, numbers and their kinds, names, lines, signs of code.

    >>> len(form_of("What is 2.50 times 3?")) == FORMS
    True
    """
    text = text[:LONGEST]
    numbers = _NUMBER.findall(text)
    count = text.count
    return (
        math.log1p(len(text)),
        math.log1p(len(set(_WORD.findall(text.lower())))),
        math.log1p(count(". ") + count("? ") + count("! ") + count("。") + count("？") + count("！")),
        math.log1p(count(",") + count("，") + count("、")),
        math.log1p(count("?") + count("？")),
        math.log1p(count("%") + count("％")),
        math.log1p(count("\n")),
        math.log1p(len(numbers)),
        math.log1p(len(set(numbers))),
        math.log1p(sum("." in number for number in numbers)),
        math.log1p(len(_FRACTION.findall(text))),
        math.log1p(len(_NAME.findall(text))),
        math.log1p(len(_CODE.findall(text))),
        0.0 if text.isascii() else sum(not character.isascii() for character in text) / len(text),
    )
