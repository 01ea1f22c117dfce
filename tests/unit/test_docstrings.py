"""Every public name says what it does, what it takes, what comes back, what goes wrong, and shows it.

The reference is made of these docstrings, so what is missing here is missing there.
"""

import ast
import inspect
import re
import textwrap
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import frugal
from frugal import insight, ports, telemetry, testing

ROOMS = (frugal, testing, telemetry, insight)
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"

# What is promised by a port is told there once, for all adapters.
OF_A_PORT = {
    name
    for port in vars(ports).values()
    if isinstance(port, type) and getattr(port, "_is_protocol", False)
    for name in vars(port)
    if not name.startswith("_")
}


def is_error(thing: Any) -> bool:
    """Say whether it is one of the errors or warnings that users catch and never make."""
    return isinstance(thing, type) and issubclass(thing, BaseException) and thing is not testing.FakeProviderError


def public() -> Iterator[tuple[str, Any]]:
    """Yield every public name that is not a room, and every method of the public classes."""
    for room in ROOMS:
        for name in room.__all__:
            thing = getattr(room, name)
            if isinstance(thing, types.ModuleType):
                continue
            yield f"{room.__name__}.{name}", thing
            if not isinstance(thing, type) or issubclass(thing, testing.Contract):  # whose methods are tests
                continue
            ours = [base for base in thing.__mro__ if base.__module__.startswith("frugal.")]
            for method in sorted({key for base in ours for key in vars(base) if not key.startswith("_")}):
                found = inspect.getattr_static(thing, method)
                if isinstance(found, (classmethod, staticmethod)):
                    found = found.__func__
                if inspect.isfunction(found):
                    yield f"{room.__name__}.{name}.{method}", found


PUBLIC = dict(public())


def sections(thing: Any) -> dict[str, str]:
    """Return the sections of a docstring by their headings, and what stands before them as `""`."""
    found: dict[str, str] = {}
    heading = ""
    for line in (inspect.getdoc(thing) or "").splitlines():
        match = re.fullmatch(r"(Args|Attributes|Returns|Yields|Raises):", line)
        if match:
            heading = match[1]
        elif line and not line.startswith(" ") and heading:
            heading = "after"
        found[heading] = found.get(heading, "") + line + "\n"
    return found


def parameters(thing: Any) -> list[str]:
    """Return the names that a caller gives."""
    shown = type(thing).__call__ if not inspect.isroutine(thing) and not isinstance(thing, type) else thing
    names = list(inspect.signature(shown).parameters)
    return [name for name in names if name not in {"self", "cls"}]


def raised(thing: Any) -> set[str]:
    """Return the names of the errors that stand in the code of a function, or of a class's constructor."""
    bodies = [thing]
    if isinstance(thing, type):
        bodies = [vars(thing)[name] for name in ("__init__", "__post_init__") if name in vars(thing)]
    found = set()
    for body in bodies:
        if not inspect.isfunction(body) or not body.__code__.co_filename.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(body)))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and isinstance(node.exc.func, ast.Name):
                found.add(node.exc.func.id)
    return found


@pytest.mark.parametrize("name", PUBLIC)
def test_it_says_what_it_does_in_one_line(name):
    """The first line is a sentence of its own: it is all that an editor and an index show."""
    first, _, rest = (inspect.getdoc(PUBLIC[name]) or "").partition("\n")
    assert first.endswith("."), first
    assert not rest or rest.startswith("\n"), "the first sentence fits one line"
    if not is_error(PUBLIC[name]):
        assert not re.match(r"(A|An|The|This|Returns?ed|Returns|Gets|Makes) ", first), "it is an imperative"


@pytest.mark.parametrize("name", [name for name in PUBLIC if name.rpartition(".")[2] not in OF_A_PORT])
def test_it_says_what_it_takes(name):
    """Each argument by its name; of an error, each attribute that a handler can read."""
    thing = PUBLIC[name]
    told = sections(thing)
    where = "Attributes" if is_error(thing) else "Args"
    own = "__init__" in vars(thing) if is_error(thing) else True
    wanted = parameters(thing) if own else []
    silent = [arg for arg in wanted if not re.search(rf"^ +\**{arg}:", told.get(where, ""), re.MULTILINE)]
    assert [] == silent


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, thing in PUBLIC.items()
        if not isinstance(thing, type) and name.rpartition(".")[2] not in OF_A_PORT
    ],
)
def test_it_says_what_comes_back(name):
    """Whatever returns something says what."""
    thing = PUBLIC[name]
    back = inspect.signature(thing).return_annotation if inspect.isroutine(thing) else "layer"
    if back in {None, "None"}:
        return
    assert {"Returns", "Yields"} & set(sections(thing))


@pytest.mark.parametrize("name", [name for name, thing in PUBLIC.items() if not is_error(thing)])
def test_it_says_what_goes_wrong(name):
    """Each error that its own code raises stands under Raises."""
    thing = PUBLIC[name]
    told = sections(thing).get("Raises", "")
    assert [] == [error for error in sorted(raised(thing)) if error not in told]


@pytest.mark.parametrize("name", [name for name in PUBLIC if name.count(".") == 1 or name.startswith("frugal.te")])
def test_it_shows_itself(name):
    """Each name has an example, which `make blocks` runs; errors and contracts have theirs in a how-to."""
    thing = PUBLIC[name]
    if is_error(thing):
        assert f"`{thing.__name__}`" in (HOW_TO / "errors.md").read_text(encoding="utf-8")
    elif isinstance(thing, type) and issubclass(thing, testing.Contract):
        assert any(thing.__name__ in page.read_text(encoding="utf-8") for page in HOW_TO.glob("*.md"))
    elif inspect.isfunction(thing) and "." in thing.__qualname__:
        return  # a method: its class shows it
    else:
        assert ">>> " in (inspect.getdoc(thing) or "")
