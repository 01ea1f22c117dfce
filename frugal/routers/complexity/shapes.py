"""Shapes: what a text's form says of how hard it is, whatever its words are.

Law: every shape is found in bounded time on a bounded sample, so a text of a megabyte costs what one of
eight thousand characters costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["SHAPES", "Shape", "has_material", "long_text", "many_parts", "readable", "sampled", "short_question"]

HEAD = 5_000
TAIL = 3_000
"""Characters that are looked at: what is asked stands at the start or at the end, the middle is material."""

_LONG_TEXT = 2_000
_LONG_TEXT_WIDE = 800
"""Characters from which on a text with no simple task in it counts as long; Chinese says more in fewer."""

_LINES = re.compile(r"\n[ \t]*(?:[-*•]|\(?[0-9a-hivx]{1,3}[.)、])[ \t]")
_LETTERED = re.compile(r"\([a-e1-9]\)")
_ORDINAL = re.compile(r"第[一二三四五](?![條条])")
_SYMBOL = re.compile("[∫∑∏√∀∃∈⊂∂∇Δ≡≤≥→⇌§α-ω]")
_POWER = re.compile(r"[A-Za-z0-9)]\^[A-Za-z0-9({-]")
_TEX = re.compile(r"\\[a-z]{2,}[ {_]")
_AFTER_DIGIT = re.compile(
    r"[0-9](?:(?:(?<=[A-Z][0-9])|(?<=[A-Z][a-z][0-9]))[A-Z(]"  # a chemical formula
    r"|(?:,[0-9]){0,5}-[a-z]{5}"  # 2-methylbutane, 1,3-dipolar
    r"| ?(?:mmHg|mg/|µg|mcg|mmol|mol|kJ|kcal|GPa|keV|MeV|eV|nm|Å|ppm)\b"
    r"|[- ]years?[- ]old| ?[歲岁])"
)
_ARTICLE = re.compile(r"第 ?[0-9一二三四五六七八九十百]+ ?[條条]")
_NUMBER = re.compile(r"[0-9][0-9,.]*")
_BRIEF = 300
_MATERIAL = re.compile(r"\n *\S|: *\S|\"[^\"]+\"|(?<![a-z])'[^']+'|`[^`]+`")
_SHORT = re.compile(
    r"(?:who|when|where|what(?:'s| is| are| was| does| time| day| year| colou?r)"
    r"|how do you (?:spell|say))\b"
)
_SHORT_WIDE = (*("是誰", "是谁", "誰是", "谁是", "在哪", "哪一年", "幾點", "几点", "星期幾", "星期几"),)


@dataclass(frozen=True, slots=True)
class Shape:
    """Look for a form.

    Args:
        name: what the reason calls it.
        side: `"simple"`, `"complex"` or `"expert"`.
        found: says whether a sampled text has it.
        weight: what it adds to the side's score.
    """

    name: str
    side: str
    found: Callable[[str], bool]
    weight: int = 1


def sampled(text: str) -> str:
    """Return the text, or its head and tail when it is long."""
    return text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"


def many_parts(text: str) -> bool:
    """Return whether it asks three things or more."""
    if text.count("?") + text.count("？") >= 3:
        return True
    if text.count("\n") >= 2 and len(_LINES.findall(f"\n{text}")) >= 3:
        return True
    if "(" in text and len(set(_LETTERED.findall(text))) >= 3:
        return True
    return "第" in text and len(set(_ORDINAL.findall(text))) >= 3


def formal(text: str) -> bool:
    """Return whether it has formulas, units of science, ages of patients or articles of law."""
    # Each pattern starts with something rare, so most texts are ruled out by one scan for it.
    if "^" in text and _POWER.search(text):
        return True
    if "\\" in text and _TEX.search(text):
        return True
    if _AFTER_DIGIT.search(text):
        return True
    return not text.isascii() and (_SYMBOL.search(text) or _ARTICLE.search(text)) is not None


def many_numbers(text: str) -> bool:
    """Return whether it asks something about three numbers or more."""
    return ("?" in text or "？" in text) and len(_NUMBER.findall(text)) >= 3


def long_text(text: str) -> bool:
    """Return whether it is long, by its script."""
    return len(text) >= (_LONG_TEXT if text.isascii() else _LONG_TEXT_WIDE)


def has_material(text: str) -> bool:
    """Return whether a text brings what is to be worked on: behind a colon, in quotes, on more lines, or at length."""
    return len(text) > _BRIEF or _MATERIAL.search(text) is not None


def short_question(text: str) -> bool:
    """Return whether it is a short question of fact in everyday words."""
    asked = text.strip().lower()
    if len(asked) > 60 or any(c.isdigit() for c in asked):
        return False
    if not asked.isascii() and readable(asked):
        return len(asked) <= 20 and any(phrase in asked for phrase in _SHORT_WIDE)
    words = asked.split()
    # A long word is a technical one more often than not.
    return len(words) <= 9 and _SHORT.match(asked) is not None and all(len(word) <= 10 for word in words)


def readable(text: str) -> bool:
    """Return whether the tables can read it: its letters are Latin or Chinese."""
    if text.isascii():
        return True
    letters = [c for c in text[:400] if c.isalpha()]
    foreign = sum(1 for c in letters if not (c < "ɐ" or "一" <= c <= "鿿" or "㐀" <= c <= "䶿"))
    return foreign * 4 <= len(letters)


SHAPES: tuple[Shape, ...] = (
    Shape("several parts", "complex", many_parts),
    Shape("formulas, units or articles", "expert", formal),
    Shape("several numbers", "complex", many_numbers),
)
"""The default."""
