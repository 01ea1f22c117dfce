"""Listing: one model of the shipped data as plain values, and how its name may be spelled.

Law: a name finds a model only when it *is* that model's name: an exact alias, or one followed by a version
tail (a date, `-latest`, `-v1:0`) or preceded by a route (`us.anthropic.`). A name that merely contains
another, such as an agent's id, finds nothing (LibreChat#11978 priced agents by a `o1` inside a random id).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from frugal.prices.quote import Cliffs

__all__ = [
    "Clause",
    "Listing",
    "Node",
    "Sheet",
    "Variant",
    "When",
    "clause",
    "listing",
    "literals",
    "matches",
    "spells",
]

Node = tuple[str, dict[str, Any]]
"""A class name and its fields."""

Clause = tuple[str, Any]
"""A rule of matching: its kind, and a text or more clauses."""

Sheet = Mapping[str, Cliffs]
"""Rates by the shipped data's own price keys, such as `cache_read_mtok`."""

_DAY = 86_400

_TAIL = re.compile(
    r"""(?:[-@:._]?(?:
        \d[\d.\-]* | v\d+(?:[.:]\d+)* | latest | default | preview | exp | experimental
        | beta | stable | nightly | instruct | thinking | native | audio | customtools
    )(?=[-@:._]|$))*-?""",
    re.VERBOSE,
)
_HEAD = re.compile(r"(?:[a-z0-9-]+[./])*")
_BORDER = "-@:._"
_DIGITS = re.compile(r"\d+$")
_RUN = re.compile(r"\d+")
_SERIAL = 3
_OPEN = ("ft:", ".ft-")
"""Fine-tuned models are named by their owners: after these marks a name may go on as it likes."""


class When(NamedTuple):
    """Hold a condition on time: a UTC day from which, or a slot of each UTC day; neither means always."""

    since: int | None = None
    slot: tuple[float, float] | None = None

    def active(self, at: float) -> bool:
        """Tell whether it holds at that Unix second."""
        if self.since is not None:
            return at >= self.since
        if self.slot is None:
            return True
        begin, end = self.slot
        clock = at % _DAY
        return clock >= begin or clock < end if end < begin else begin <= clock < end


class Variant(NamedTuple):
    """Hold the rates that replace the standard ones in a context such as `processing: batch`."""

    context: Mapping[str, str]
    when: When
    sheet: Sheet


@dataclass(frozen=True, slots=True)
class Listing:
    """Hold what is listed about one model at one provider."""

    provider: str
    id: str
    match: Clause
    context_window: int | None
    sheets: tuple[tuple[When, Sheet], ...]
    variants: tuple[Variant, ...] = ()


# --------------------------------------------------------------------------- from nodes


def listing(provider: str, node: Node) -> Listing:
    """Read a model's node."""
    fields = node[1]
    prices = fields.get("prices") or []
    dated = prices if isinstance(prices, list) else [("ConditionalPrice", {"prices": prices})]
    return Listing(
        provider,
        fields["id"],
        clause(fields["match"]),
        fields.get("context_window"),
        tuple((_when(item[1].get("constraint")), _sheet(item[1]["prices"])) for item in dated),
        tuple(
            Variant(item[1]["when"], _when(item[1].get("constraint")), _sheet(item[1]["prices"]))
            for item in fields.get("price_variants") or ()
        ),
    )


def _when(node: Node | None) -> When:
    if node is None:
        return When()
    kind, fields = node
    if kind == "StartDateConstraint":
        return When(since=midnight(fields["start_date"]))
    if kind == "TimeOfDateConstraint":
        return When(slot=(_seconds(fields["start_time"]), _seconds(fields["end_time"])))
    raise ValueError(f"unknown constraint {kind}")


def midnight(day: date) -> int:
    """Return the Unix second at which a UTC day begins."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _seconds(clock: time) -> float:
    offset = clock.utcoffset()
    away = offset.total_seconds() if offset else 0.0
    return (clock.hour * 3600 + clock.minute * 60 + clock.second + clock.microsecond / 1e6 - away) % _DAY


def _sheet(node: Node) -> Sheet:
    return {key: _cliffs(value) for key, value in node[1].items() if value is not None}


def _cliffs(value: Decimal | Node) -> Cliffs:
    if isinstance(value, Decimal):
        return ((-1, Fraction(value)),)
    fields = value[1]
    tiers = sorted((tier[1]["start"], Fraction(tier[1]["price"])) for tier in fields["tiers"])
    return ((-1, Fraction(fields["base"])), *tiers)


def clause(node: Node) -> Clause:
    """Read a rule of matching."""
    kind, fields = node
    ((name, value),) = fields.items()
    if kind in {"ClauseOr", "ClauseAnd"}:
        return name.strip("_"), tuple(clause(part) for part in value)
    if name == "regex":
        return name, value
    return name, value.lower()


# --------------------------------------------------------------------------- names


def matches(rule: Clause, name: str) -> bool:
    """Tell whether a lower-case name satisfies a rule, as genai-prices decides it."""
    kind, what = rule
    if kind == "or":
        return any(matches(part, name) for part in what)
    if kind == "and":
        return all(matches(part, name) for part in what)
    return _TESTS[kind](what, name)


@lru_cache(maxsize=512)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


_TESTS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda text, name: name == text,
    "starts_with": lambda text, name: name.startswith(text),
    "ends_with": lambda text, name: name.endswith(text),
    "contains": lambda text, name: text in name,
    "regex": lambda text, name: _pattern(text).search(name) is not None,
}


def spells(rule: Clause, name: str, model: str) -> bool:
    """Tell whether a lower-case name is a spelling of the model, which is stricter than matching it."""
    kind, what = rule
    if kind == "or":
        return any(spells(part, name, model) for part in what)
    if kind == "and":
        return matches(rule, name) and any(spells(part, name, model) for part in what)
    if name == model.lower():
        return True
    if not matches(rule, name):
        return False
    if kind == "equals":
        return True
    if kind == "regex":
        found = _pattern(what).search(name)
        return found is not None and found.start() == 0 and found.end() > 0 and _is_tail(name, found.end())
    at = name.rfind(what) if kind == "ends_with" else name.find(what)
    return _HEAD.fullmatch(name[:at]) is not None and (_is_tail(name, at + len(what)) or _is_open(what))


def _is_tail(name: str, at: int) -> bool:
    # A tail begins at a border, or goes on with the digits of a date or a serial number (`flash-0` in
    # `flash-001`); `opus-4-1` must not be found in `opus-4-10`.
    border = at == len(name) or name[at] in _BORDER or name[at - 1] in _BORDER
    digits = _DIGITS.search(name, 0, at)
    if not border and digits is not None:
        run = _RUN.match(name, digits.start())
        border = run is not None and run.end() > at and run.end() - run.start() >= _SERIAL
    return border and _TAIL.fullmatch(name, at) is not None


def _is_open(text: str) -> bool:
    return text.startswith(_OPEN[0]) or text.endswith(_OPEN[1])


_PLAIN = re.compile(r"\^((?:[a-z0-9_/-]|\\\.)+)(?![?*+{|])")


def literals(rule: Clause) -> Iterator[tuple[str, str]]:
    """Yield what must stand in a name (`within`), or begin it (`starts`), before the rule can match."""
    kind, what = rule
    if kind in {"or", "and"}:
        for part in what:
            yield from literals(part)
    elif kind == "regex":
        # Only the letters before the first special sign are certain, less the last, which a sign may follow.
        found = _PLAIN.match(what)
        certain = found[1][:-1].removesuffix("\\") if found and "|" not in what else ""
        yield "starts", certain.replace("\\.", ".")
    else:
        yield ("starts" if kind in {"equals", "starts_with"} else "within"), what.lower()
