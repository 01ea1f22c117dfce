"""Finding a stack by its name in the user's own code."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from frugal.cli.endings import Trouble

__all__ = ["stack_named"]


def stack_named(text: str) -> Any:
    """Return what `module:name` names; the module may stand in the current directory.

    Raises:
        Trouble: there is no such module or name, or the module fails when it is imported.
    """
    module, colon, path = text.partition(":")
    if not (module and colon and path):
        raise Trouble(f"--stack {text!r} is not MODULE:NAME, such as --stack my_app:stack for a stack in my_app.py.")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found: Any = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and (module == error.name or module.startswith(f"{error.name}.")):
            raise Trouble(
                f"--stack {text}: there is no module {error.name!r}, here or installed: "
                "go to its directory, or name another."
            ) from None
        raise Trouble(f"--stack {text}: {module} cannot be imported: {error}.") from error
    except Exception as error:
        raise Trouble(f"--stack {text}: {module} cannot be imported: {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            known = (
                sorted(each for each in vars(found) if not each.startswith("_")) if hasattr(found, "__dict__") else []
            )
            there = f"; there are: {', '.join(known[:20])}" if known else ""
            raise Trouble(f"--stack {text}: {module} has no {name!r}{there}.")
        found = getattr(found, name)
    return found
