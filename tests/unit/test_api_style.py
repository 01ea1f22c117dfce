"""The catalogue of violations in `docs/explanation/api-style.md` is the API's own: none is missing, and none is mended.

A rule that can be looked up in signatures is looked up here, in all public rooms, and what breaks it must stand in the
page under that rule's mark. Mend one, and its line goes; break a rule, and you must say so in public.
"""

import inspect
import re
import types
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import frugal
from frugal import errors, insight, ports, telemetry, testing

ROOMS = (frugal, testing, telemetry, insight)
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "api-style.md"


def public() -> Iterator[tuple[str, Any]]:
    """Yield every public function, class and method that users call, but for errors and contracts."""
    seen = set()
    for room in ROOMS:
        for name in room.__all__:
            thing = getattr(room, name)
            outside = isinstance(thing, type) and issubclass(thing, (BaseException, testing.Contract))
            if isinstance(thing, types.ModuleType) or outside or name in seen:
                continue
            seen.add(name)
            yield name, thing
            if not isinstance(thing, type):
                continue
            for method in sorted({key for base in thing.__mro__ if _is_ours(base) for key in vars(base)}):
                found = inspect.getattr_static(thing, method)
                found = found.__func__ if isinstance(found, (classmethod, staticmethod)) else found
                if not method.startswith("_") and inspect.isfunction(found):
                    yield f"{name}.{method}", found


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith("frugal.")


def parameters(thing: Any) -> list[inspect.Parameter]:
    """Return what a caller gives."""
    shown = type(thing).__call__ if not inspect.isroutine(thing) and not isinstance(thing, type) else thing
    return [one for one in inspect.signature(shown).parameters.values() if one.name not in {"self", "cls"}]


def members(annotation: Any) -> list[str]:
    """Return the members of a union that is written in an annotation, without `None`."""
    depth, part, found = 0, "", []
    for letter in f"{annotation}|":
        depth += (letter in "[(") - (letter in "])")
        if letter == "|" and not depth:
            found.append(part.strip())
            part = ""
        else:
            part += letter
    return [one for one in found if one != "None"]


def positional() -> set[str]:
    """Find what takes more than one argument by place."""
    by_place = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    return {name for name, thing in public() if sum(one.kind in by_place for one in parameters(thing)) > 1}


def untyped() -> set[str]:
    """Find what is given as `Any`, but for decorated functions, whose arguments and answers are anybody's."""
    anybodys = {"function", "response"}
    many = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return {
        f"{name}({one.name})"
        for name, thing in public()
        for one in parameters(thing)
        if str(one.annotation) == "Any" and one.kind not in many and one.name not in anybodys
    }


def shapes() -> set[str]:
    """Find what may be given in several shapes."""
    return {
        f"{name}({one.name})"
        for name, thing in public()
        for one in parameters(thing)
        if len(members(one.annotation)) > 1
    }


def twins() -> set[str]:
    """Find public names that stand in two rooms."""
    places: dict[str, list[str]] = {}
    for room in (*ROOMS, errors):
        for name in room.__all__:
            if not name.endswith(("Error", "Warning")):
                places.setdefault(name, []).append(room.__name__)
    return {name for name, rooms in places.items() if len(rooms) > 1}


def wide() -> set[str]:
    """Find ports of more than four methods."""
    found = set()
    for name in ports.__all__:
        port = getattr(ports, name)
        if getattr(port, "_is_protocol", False):
            methods = [
                one for one, value in vars(port).items() if inspect.isfunction(value) and not one.startswith("_")
            ]
            found |= {name} if len(methods) > 4 else set()
    return found


def without_data() -> set[str]:
    """Find errors that carry nothing but their message."""
    return {name for name in errors.__all__ if name != "FrugalError" and "__init__" not in vars(getattr(errors, name))}


def listed(mark: str) -> set[str]:
    """Return what the page lists under a rule's mark."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"<!-- violations: {mark} -->\n(.*?)<!-- end -->", text, re.DOTALL)
    assert found, f"the page has no list {mark!r}"
    return set(re.findall(r"`([^`]+)`", found[1]))


RULES: dict[str, Callable[[], set[str]]] = {
    "positional": positional,
    "untyped": untyped,
    "shapes": shapes,
    "twins": twins,
    "wide": wide,
    "without-data": without_data,
}


@pytest.mark.parametrize("rule", RULES)
def test_the_catalogue_names_what_breaks_a_rule_and_nothing_else(rule):
    """What breaks it and is not listed is new; what is listed and breaks it no longer was mended."""
    assert listed(rule) == RULES[rule]()


def test_a_rule_is_broken_by_what_breaks_it():
    """The detectors see what they look for."""

    def careless(first: int, second: "Any", *, third: "str | Callable[[int], str | None] | None" = None) -> None:
        """Break three rules."""

    assert ["str", "Callable[[int], str | None]"] == members(parameters(careless)[2].annotation)
    assert 2 == sum(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters(careless))
    assert "Any" == parameters(careless)[1].annotation
    assert typing.get_origin(frugal.Budget) is None
