"""Rules: how complex a request is, from tables.

Law: with `SOURCE` as its indicators and no shapes, the score is exactly the source's: one for each pattern
found; more than 3 turns, tools, and more than 4,000 tokens of context add one each to complex; complex at 2
or more, else simple when its score is at least 2 or above the complex one, else medium. What is plainly hard,
or cannot be read, is never simple, nor is a small question in words that are not everyday ones; and a word that only
carries on is as hard as what it carries on with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from frugal._values.routing import Request
from frugal.routers.complexity.everyday import EVERYDAY, is_everyday
from frugal.routers.complexity.experts import ENDINGS
from frugal.routers.complexity.indicator import Indicator
from frugal.routers.complexity.shapes import SHAPES, Shape, has_material, long_text, readable, sampled, short_question
from frugal.routers.complexity.tables import CONTINUATIONS, GREETINGS, INDICATORS, SOURCE

__all__ = ["LEVELS", "SOURCE_RULES", "Complexity", "Rules"]

LEVELS = ("simple", "medium", "complex")
"""From the cheapest tier to the dearest."""

_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*")
_TO_SPACES = bytes(c if chr(c).islower() or chr(c) == "-" else 32 for c in range(128)) + b" " * 128
_NAME = re.compile(r"(?<=[ '(])[A-Z][a-z]+")
_EDGE = " \t\r\n.,!?;:~…。，！？；：、"


@dataclass(frozen=True, slots=True)
class Complexity:
    """Say how complex a request is, and what says so.

    Args:
        level: `"simple"`, `"medium"` or `"complex"`.
        simple: the score of the simple indicators.
        complex: the score of the complex ones.
        signals: the names of what was found.
    """

    level: str
    simple: int = 0
    complex: int = 0
    signals: tuple[str, ...] = ()

    def __str__(self) -> str:
        found = ", ".join(self.signals) or "no indicators"
        return f"{self.level}: {found} (complex {self.complex}, simple {self.simple})"


@dataclass(frozen=True)
class Rules:
    """Judge a request by indicators and shapes.

    Args:
        indicators: words and phrases to look for.
        shapes: forms to look for; an empty tuple leaves everything but the words and the context out.
        turns: more user turns than this add one to complex.
        context_tokens: more tokens of input than this add one to complex.
        endings: how words end, in lower case, with which no request is simple; `()` for any.
        everyday: the words that a small question is made of, in lower case; `None` for any.

    >>> print(Rules()(Request(text="Translate to French: good morning")))
    simple: translate (complex 0, simple 1)
    >>> Rules()(Request(text="請分析並比較這兩個方案")).level
    'complex'
    """

    indicators: tuple[Indicator, ...] = INDICATORS
    shapes: tuple[Shape, ...] = SHAPES
    turns: int = 3
    context_tokens: int = 4_000
    endings: tuple[str, ...] = ENDINGS
    everyday: frozenset[str] | None = EVERYDAY

    @cached_property
    def _words(self) -> dict[str, tuple[int, ...]]:
        index: dict[str, tuple[int, ...]] = {}
        for at, one in enumerate(self.indicators):
            for word in one.words:
                index[word] = (*index.get(word, ()), at)
        return index

    @cached_property
    def _spoken(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Phrases that begin with a Latin word, by that word: a text without it is not searched for them."""
        index: dict[str, tuple[tuple[str, int], ...]] = {}
        for phrase, at in self._each_phrase():
            first = _WORD.match(phrase)
            if first is not None:
                index[first[0]] = (*index.get(first[0], ()), (phrase, at))
        return index

    @cached_property
    def _written(self) -> _Written:
        """The other phrases by their first character, and a pattern that finds those first characters.

        It looks for a first character of any phrase with a second character of any behind it: one scan, and
        few texts have more than a handful.
        """
        return _by_first(pair for pair in self._each_phrase() if _WORD.match(pair[0]) is None)

    @cached_property
    def _written_in_ascii(self) -> _Written:
        """Those of them that a text in ASCII can have: a few, and so a scan in a fifth of the time."""
        written = (pair for pair in self._each_phrase() if _WORD.match(pair[0]) is None)
        return _by_first(pair for pair in written if pair[0].replace("…", "").isascii())

    def _each_phrase(self) -> Iterator[tuple[str, int]]:
        return ((phrase, at) for at, one in enumerate(self.indicators) for phrase in one.phrases)

    def __call__(self, request: Request) -> Complexity:
        """Return how complex the request is."""
        now = self._judge(request, request.text)
        if not self.shapes or request.turns <= 1 or not _carries_on(request.text):
            return now
        before = _earlier(request.messages)
        if not before:
            return now if now.level != "simple" else Complexity("medium", now.simple, now.complex, now.signals)
        then = self._judge(request, before)
        carried = Complexity(then.level, then.simple, then.complex, ("carries on", *then.signals))
        return max(now, carried, key=lambda one: LEVELS.index(one.level))

    def _judge(self, request: Request, text: str) -> Complexity:
        sample = sampled(text)
        lower = sample.lower()
        scores, signals = self._found(lower)
        if self.shapes:
            _add_shapes(self.shapes, sample, scores, signals)
        for name, holds in (
            (f"more than {self.turns} turns", request.turns > self.turns),
            ("tools", bool(len(request.tools)) or request.constraints.requires_tools),
            (f"more than {self.context_tokens:,} tokens", self._context(request) > self.context_tokens),
        ):
            if holds:
                scores["complex"] += 1
                signals.append(name)
        if self.shapes and not any(scores.values()):
            _add_trifles(lower, scores, signals)
        hard, easy = scores["complex"] + scores["expert"], scores["simple"]
        if hard >= 2:
            level = "complex"
        elif (easy >= 2 or easy > hard) and not scores["expert"] and (not self.shapes or readable(sample)):
            doubt = self._doubt(sample, lower)
            signals += [doubt] if doubt else []
            level = "medium" if doubt else "simple"
        else:
            level = "medium"
        return Complexity(level, easy, hard, tuple(signals))

    def _doubt(self, sample: str, lower: str) -> str:
        """Return what speaks against calling a text simple that seems to be; asked last, for few get as far."""
        words = _words_of(lower)
        technical = [word for word in words if len(word) > 6 and word.endswith(self.endings)]
        if technical:
            return f"a technical word ({min(technical)})"
        # Of a text to work on, the words are not the task; and other scripts do not part their words.
        if self.everyday is None or not sample.isascii() or has_material(sample):
            return ""
        names = set(_NAME.findall(sample))
        for word in sorted(words - self._simple_words):
            if len(word) > 2 and word.capitalize() not in names and not is_everyday(word, self.everyday):
                return f"no everyday word ({word})"
        return ""

    @cached_property
    def _simple_words(self) -> frozenset[str]:
        return frozenset(word for one in self.indicators if one.side == "simple" for word in one.words)

    def _read_written(self, lower: str, hits: dict[int, int]) -> None:
        search, index = self._written_in_ascii if lower.isascii() else self._written
        for first in set(search.findall(lower)) if search else ():
            for phrase, at in index[first]:
                if _says(phrase, lower):
                    hits[at] = hits.get(at, 0) + 1

    def _context(self, request: Request) -> int:
        """Return the tokens of the request; without an estimate, four characters of Latin make one."""
        if request.input_tokens is not None:
            return request.input_tokens
        return len(request.text) // 4 if request.text.isascii() else len(request.text)

    def _found(self, lower: str) -> tuple[dict[str, int], list[str]]:
        hits: dict[int, int] = {}
        index = self._words
        words = _words_of(lower)
        for word in index.keys() & words:
            for at in index[word]:
                hits[at] = hits.get(at, 0) + 1
        spoken = self._spoken
        for word in spoken.keys() & words:
            for phrase, at in spoken[word]:
                if _says(phrase, lower):
                    hits[at] = hits.get(at, 0) + 1
        self._read_written(lower, hits)
        scores = {"simple": 0, "complex": 0, "expert": 0}
        signals: list[str] = []
        for at in sorted(hits):
            one = self.indicators[at]
            scores[one.side] += one.weight * min(hits[at], one.most)
            signals.append(one.name)
        return scores, signals


def _words_of(lower: str) -> set[str]:
    """Return the Latin words of a text in lower case."""
    # By a table of bytes, it takes a quarter of the time of a pattern. Only what stands at a script without spaces can
    # begin or end with a hyphen that is not of its word.
    if "-" in lower and not lower.isascii():
        return set(_WORD.findall(lower))
    return set(lower.encode("ascii", "replace").translate(_TO_SPACES).decode().split())


_Written = tuple[re.Pattern[str] | None, dict[str, tuple[tuple[str, int], ...]]]


def _by_first(phrases: Iterable[tuple[str, int]]) -> _Written:
    """Return a pattern for the first characters of phrases, where a second one stands behind, and the phrases by it."""
    index: dict[str, tuple[tuple[str, int], ...]] = {}
    seconds: set[str] = set()
    for phrase, at in phrases:
        index[phrase[0]] = (*index.get(phrase[0], ()), (phrase, at))
        seconds.add(_start(phrase)[1:2])
    if not index:
        return None, {}
    behind = "" if "" in seconds else f"(?=[{re.escape(''.join(sorted(seconds)))}])"
    return re.compile(f"[{re.escape(''.join(sorted(index)))}]{behind}"), index


def _start(phrase: str) -> str:
    """Return the part of a phrase before its gap."""
    return phrase.partition("…")[0].rstrip()


def _says(phrase: str, lower: str) -> bool:
    """Return whether a text has a phrase; the parts of one with gaps in their order, on one line."""
    if "…" not in phrase:
        return phrase in lower
    parts = phrase.split("…")
    return any(_in_order(parts, line) for line in lower.split("\n"))


def _in_order(parts: Iterable[str], line: str) -> bool:
    # One pass, where a pattern with a gap would go back to every start.
    at = 0
    for part in parts:
        found = line.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _add_shapes(shapes: Iterable[Shape], sample: str, scores: dict[str, int], signals: list[str]) -> None:
    for shape in shapes:
        if shape.found(sample):
            scores[shape.side] += shape.weight
            signals.append(shape.name)
    # A long text to translate is still a translation.
    if not scores["simple"] and long_text(sample):
        scores["complex"] += 1
        signals.append("long text")


def _add_trifles(lower: str, scores: dict[str, int], signals: list[str]) -> None:
    """Look for what is no task at all, or a small question, in a text where nothing else was found."""
    if lower.strip(_EDGE) in GREETINGS:
        scores["simple"] += 1
        signals.append("greeting")
    elif short_question(lower):
        scores["simple"] += 1
        signals.append("short question")


def _carries_on(text: str) -> bool:
    if len(text) > 40:
        return False
    said = " ".join(text.lower().replace(",", " ").replace("，", "").split()).strip(_EDGE)
    return said in CONTINUATIONS or said in GREETINGS or not said


def _earlier(messages: Iterable[Any]) -> str:
    """Return the last user turns before the present one, a few thousand characters of them."""
    texts = [text for text in map(_text_of, tuple(messages)[-40:]) if text]
    kept: list[str] = []
    room = 4_000
    for text in reversed(texts[:-1]):
        if room <= 0:
            break
        if not _carries_on(text):
            kept.append(text[:room])
            room -= len(text)
        if len(kept) == 3:
            break
    return "\n".join(reversed(kept))


def _text_of(message: Any) -> str:
    """Return what a user's message says; `""` for other roles and shapes."""
    read: Callable[[str], Any] = (
        message.get if isinstance(message, Mapping) else lambda name: getattr(message, name, None)
    )
    if read("role") != "user":
        return ""
    content = read("content")
    if isinstance(content, str):
        return content[:8_000]
    if not isinstance(content, (list, tuple)):
        return ""
    parts = (part.get("text") if isinstance(part, Mapping) else getattr(part, "text", None) for part in content)
    return "\n".join(part[:8_000] for part in parts if isinstance(part, str))


SOURCE_RULES = Rules(SOURCE, (), endings=(), everyday=None)
"""The source's rules, exactly."""
