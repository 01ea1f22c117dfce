"""Where frugal's directories are by default.

Law: looked up when a directory is needed, never at import; nothing is made here.
"""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

__all__ = ["home"]


def home(name: str) -> Path:
    """Return the default directory of that name: in `$FRUGAL_HOME`, else in the platform's user-data directory."""
    given = os.environ.get("FRUGAL_HOME")
    return (Path(given).expanduser() if given else Path(platformdirs.user_data_dir("frugal"))) / name
