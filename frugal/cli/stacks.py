"""Stacks: the decorators that a user names on the command line, `module:name`.

Law: the module is found as `python -m` would find it, in the directory where the command is run first. What is wrong
with it is one line that names it, and the line of it that failed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from frugal._core.pipeline import plan_of
from frugal.cli.endings import Trouble

__all__ = ["stack_named", "where_in"]

_FORM = "--stack takes MODULE:NAME, such as --stack stacks:cheap for `cheap = frugal.stack(...)` in stacks.py"


def stack_named(text: str) -> Callable[[Any], Any]:
    """Import a stack.

    Raises:
        Trouble: the name cannot be read, the module not imported, or there is no stack of that name in it.
    """
    module, _, name = text.partition(":")
    if not module or not name or text.count(":") > 1:
        raise Trouble(f"{text!r} is no stack: {_FORM}.")
    if module.endswith(".py") or "/" in module or "\\" in module:
        raise Trouble(f"{text!r} names a file, and a module is wanted: {_FORM}.")
    found = _imported(module)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise Trouble(f"module {module!r} has no {name!r}{_near(found)}: {_FORM}.") from None
    if plan_of(found) is not None:
        raise Trouble(
            f"{text!r} is a decorated function, and its decorators are wanted: give them a name, "
            "`cheap = frugal.stack(...)`, put @cheap on the function, and name that."
        )
    if not callable(found):
        raise Trouble(f"{text!r} is {type(found).__name__} {found!r:.40}, and no stack: {_FORM}.")
    return found  # type: ignore[no-any-return]  # whatever the user's module has there


def _imported(module: str) -> Any:
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise Trouble(
                f"there is no module {module!r} here or in this Python ({sys.executable}): run the command in the "
                "directory that has it, or install it."
            ) from None
        raise Trouble(f"module {module!r} cannot be imported: {_told(error)}.") from None
    except Exception as error:
        raise Trouble(f"module {module!r} cannot be imported: {_told(error)}.") from None
    except SystemExit as error:
        raise Trouble(
            f"module {module!r} ended the program with exit code {error.code!r} as it was imported: put what it runs "
            "under `if __name__ == '__main__':`."
        ) from None


def _told(error: BaseException) -> str:
    place = (
        f"{Path(error.filename).name}, line {error.lineno}"
        if isinstance(error, SyntaxError) and error.filename
        else (where_in(error))
    )
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {said.rstrip('.')}" + (f" ({place})" if place else "")


def where_in(error: BaseException) -> str:
    """Return the file and the line of the user's code at which an error was raised; `""` where there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_users(frame.filename)]
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""


def _is_users(filename: str) -> bool:
    place = Path(filename)
    ours = Path(__file__).resolve().parents[1]
    outside = ("site-packages", "dist-packages", f"python{sys.version_info.major}.{sys.version_info.minor}")
    return place.is_file() and not place.is_relative_to(ours) and not any(part in outside for part in place.parts)


def _near(found: Any) -> str:
    """Say which names of a module may be stacks."""
    names = [name for name, value in vars(found).items() if _may_be(value)] if hasattr(found, "__dict__") else []
    return f" (it has {', '.join(names[:5])})" if names else ""


def _may_be(value: Any) -> bool:
    return callable(value) and type(value).__module__.startswith("frugal.") and plan_of(value) is None
