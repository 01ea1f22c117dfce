"""Files: the rows of a log on disk, and where each stands.

Law: a file is never changed and never run. A file that is cut off, ragged or in another encoding is an error with the
line, and never a log with fewer or other rows.
"""

from __future__ import annotations

import csv
import gzip
import io
import threading
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from frugal.insight.backtesting.cells import parsed
from frugal.insight.backtesting.presets.rows import Row, Rows

__all__ = ["FORMATS", "opened"]

FORMATS = (".csv", ".jsonl", ".ndjson", ".json")
"""The suffixes of files that can be read; each may be followed by `.gz`."""

_WIDE = 2**31 - 1  # a cell of csv may hold a whole prompt


@contextmanager
def opened(place: Path) -> Iterator[Rows]:
    """Open a file and yield its rows.

    Raises:
        ValueError: the suffix is not known, or what is read is not what the suffix says.
        OSError: it cannot be read.
    """
    suffixes = [suffix.lower() for suffix in place.suffixes]
    zipped = suffixes[-1:] == [".gz"]
    kind = next(iter((suffixes[:-1] if zipped else suffixes)[-1:]), "")
    if kind not in FORMATS:
        raise ValueError(
            f"{str(place)!r} cannot be replayed: its suffix is none of {', '.join(FORMATS)}, each perhaps with .gz."
        )
    try:
        with io.TextIOWrapper(gzip.open(place) if zipped else place.open("rb"), "utf-8-sig", newline="") as file:
            if kind == ".csv":
                with _wide_cells:
                    yield _Csv(file)
            else:
                yield _Json(file) if kind == ".json" else _Lines(file)
    except UnicodeDecodeError as error:
        raise ValueError(f"{str(place)!r} cannot be replayed: it is not UTF-8 ({error}); save it as UTF-8.") from None
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"{str(place)!r} cannot be replayed: it is not a whole gzip file ({error}); copy it again."
        ) from None
    except csv.Error as error:
        raise ValueError(f"{str(place)!r} cannot be replayed: it is not CSV ({error}).") from None


class _WideCells:
    """Lets cells be as long as prompts are; the limit is the process's, and other logs may be read meanwhile."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = csv.field_size_limit(_WIDE)
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                csv.field_size_limit(self._before)


_wide_cells = _WideCells()


class _Csv:
    """The rows of a CSV file."""

    def __init__(self, file: TextIO) -> None:
        self._cells = csv.reader(file, strict=True)
        self._row = 0

    def __iter__(self) -> Iterator[Row]:
        names = next(self._cells, None)
        if names is None:
            return
        names = [name.strip() for name in names]
        self._check(names)
        for cells in self._cells:
            if not cells:
                continue  # an empty line
            self._row += 1
            if len(cells) != len(names):
                raise ValueError(
                    f"{self.where()}, it has {len(cells)} cells, and the header has {len(names)}; "
                    "put cells with commas or line ends in them between quotes"
                )
            yield dict(zip(names, cells, strict=True))

    def _check(self, names: list[str]) -> None:
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"column {twice!r}: it stands twice in the header; rename one")
        if len(names) == 1 and any(mark in names[0] for mark in (";", "\t", "|")):
            raise ValueError(f"the header is one column, {names[0]!r:.60}; separate columns by commas")

    def where(self) -> str:
        """Return the number of the last row, the header aside, and its line."""
        return f"row {self._row} (line {self._cells.line_num})"


class _Lines:
    """The rows of a file of JSON Lines."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._number = 0

    def __iter__(self) -> Iterator[Row]:
        for line in self._file:
            self._number += 1
            if line.strip():
                try:
                    yield parsed(line)
                except ValueError as error:
                    raise ValueError(f"{self.where()}, it is not JSON ({error})") from None

    def where(self) -> str:
        """Return the line."""
        return f"line {self._number}"


class _Json:
    """The rows of a JSON document: a list, or an object with one under `data`."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._number = 0
        self.notes: list[str] = []

    def __iter__(self) -> Iterator[Row]:
        try:
            value = parsed(self._file.read())
        except ValueError as error:
            raise ValueError(f"it is not JSON ({error})") from None
        for row in self._of(value):
            self._number += 1
            yield row

    def _of(self, value: Any) -> list[Any]:
        found = value.get("data") if isinstance(value, Mapping) else value
        if not isinstance(found, list):
            raise ValueError("it is neither a JSON list nor an object with a list under 'data'")  # noqa: TRY004 a bad log
        if isinstance(value, Mapping) and value.get("has_more"):
            self.notes.append("the file is one page of several (has_more): what the others hold is not in the figures")
        return found

    def where(self) -> str:
        """Return the number of the entry."""
        return f"entry {self._number}"
