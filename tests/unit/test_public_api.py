"""The public API is a reviewed text file: names, signatures, methods.

`tests/public_api.txt` is written by `make api` and read by people: a change of the API is a line of a
diff that somebody has agreed to.
"""

import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import frugal

REVIEWED = Path(__file__).parents[1] / "public_api.txt"
HEAD = "# Every public name of frugal, with its signature. Written by `make api`, reviewed by people.\n"


def signature(thing: Any) -> str:
    """Return the signature of *thing* as text that does not change from run to run, or from 3.11 to 3.13."""
    try:
        text = str(inspect.signature(thing))
    except (TypeError, ValueError):
        return ""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text).replace("pathlib._local.", "pathlib.")


def members(kind: type) -> Iterator[str]:
    """Yield the public methods, properties and class attributes that *kind* adds to its bases."""
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    ours = [base for base in kind.__mro__ if base.__module__.split(".")[0] == "frugal"]
    shown: set[str] = set()
    for base in ours:
        for name, value in vars(base).items():
            if name.startswith("_") or name in shown or name in fields:
                continue
            shown.add(name)
            if isinstance(value, property):
                yield f"{name}: property"
            elif isinstance(value, classmethod | staticmethod):
                yield f"{name}{signature(getattr(kind, name))}: {type(value).__name__}"
            elif inspect.isfunction(value):
                yield f"{'async ' if inspect.iscoroutinefunction(value) else ''}{name}{signature(value)}"
            elif inspect.ismemberdescriptor(value):
                yield f"{name}: attribute"
            else:
                yield f"{name} = {type(value).__name__}"


def describe(module: Any) -> str:
    """Return the public API of *module* as text."""
    lines: list[str] = []
    for name in sorted(module.__all__, key=lambda name: (name.lower(), name)):
        thing = getattr(module, name)
        if not isinstance(thing, type):
            lines.append(f"{name}{signature(thing)}" if callable(thing) else f"{name}: {type(thing).__name__}")
            continue
        bases = ", ".join(base.__name__ for base in thing.__bases__ if base is not object)
        lines.append(f"class {name}({bases})" if bases else f"class {name}")
        if not issubclass(thing, BaseException) or "__init__" in vars(thing):
            lines.append(f"    {signature(thing) or '()'}")
        lines.extend(f"    .{member}" for member in sorted(members(thing)))
    return HEAD + "\n".join(lines) + "\n"


def test_the_public_api_is_the_reviewed_one() -> None:
    """No public name or signature changes without a reviewed change of `tests/public_api.txt`."""
    reviewed = REVIEWED.read_text(encoding="utf-8") if REVIEWED.exists() else "(absent)"
    assert reviewed == describe(frugal), "the API changed: run `make api`, and review the diff"


if __name__ == "__main__":
    sys.stdout.write(describe(frugal))
