"""Rows of outcomes: who answered what, whether it was right, and what it cost.

Law: a row that cannot be read is an error that names it, never a silent gap; what a row leaves open (the
cost) is `None`. Rows come from CSV or JSON Lines (gzipped or not), or from anything that yields them.
"""

from __future__ import annotations

import csv
import gzip
import json
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TextIO

__all__ = ["Row", "read"]

_YES = frozenset({"true", "yes", "y", "t"})
_NO = frozenset({"false", "no", "n", "f"})


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one outcome.

    Args:
        query: what was asked; `""` where only a vector was kept.
        model: who answered.
        success: how right it was, 0 to 1.
        cost: what it cost in dollars, or `None`.
        vector: the embedded query, where it was kept instead of the text.
    """

    query: str
    model: str
    success: float
    cost: float | None = None
    vector: tuple[float, ...] | None = None


def read(source: Any) -> Iterator[Row]:
    """Yield the rows of a file, of an iterable, or of whatever has `outcomes()`.

    Args:
        source: a path to CSV with a header or to JSON Lines (`.gz` too); or mappings, or objects, with
        `query` (or `vector`), `model`, `success` and, where known, `cost` in dollars; or an object, such
        as a ledger, whose `outcomes()` gives those.

    Raises:
        ValueError: a row lacks something or holds what cannot be read; it is named by its number.
        TypeError: the source is none of these.
        OSError: the file cannot be read.
    """
    if isinstance(source, (str, PathLike)):
        yield from _from_file(Path(fspath(source)))
        return
    found = source.outcomes() if callable(getattr(source, "outcomes", None)) else source
    if isinstance(found, Mapping) or not isinstance(found, Iterable):
        raise TypeError(f"fit() cannot read {source!r}; give a path, or rows of query, model, success, cost.")
    for number, row in enumerate(found, start=1):
        yield row if isinstance(row, Row) else _row(_mapping(row), f"row {number}")


def _from_file(path: Path) -> Iterator[Row]:
    kind = [suffix for suffix in path.suffixes if suffix != ".gz"][-1:]
    if kind not in ([".csv"], [".jsonl"], [".ndjson"], [".json"]):
        raise ValueError(f"{path.name} is neither .csv nor .jsonl; name it so, or hand the rows in.")
    with _opened(path) as file:
        found = _table(file) if kind == [".csv"] else _objects(file, path.name)
        line = 0
        while True:
            try:
                line, row = next(found, (line, None))
            except _DAMAGED as error:
                raise ValueError(
                    f"{path.name} cannot be read after line {line} ({error}); mend the file, or write JSON Lines."
                ) from error
            if row is None:
                return
            yield _row(row, f"{path.name} line {line}")


_DAMAGED = (csv.Error, EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError)
"""What the readers raise on a file that is broken, cut off, of another encoding, or one quote short."""


def _opened(path: Path) -> TextIO:
    # What a spreadsheet saves begins with a byte order mark.
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _table(file: TextIO) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(file)
    for row in reader:
        yield reader.line_num, row


def _objects(file: TextIO, name: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for line, text in enumerate(file, start=1):
        if text.strip():
            yield line, _parsed(text, f"{name} line {line}")


def _parsed(text: str, where: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is not JSON ({error}); write one object a line.") from None
    if isinstance(found, dict):
        return found
    raise ValueError(f"{where} is {found!r}; write one object a line.")


def _mapping(row: Any) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    return {name: getattr(row, name, None) for name in ("query", "vector", "model", "success", "cost")}


def _row(found: Mapping[str, Any], where: str) -> Row:
    query, vector, model = found.get("query"), found.get("vector"), found.get("model")
    if not isinstance(model, str) or not model:
        raise ValueError(f"{where} names no model; it needs query, model and success, and may have cost.")
    if vector is None and not (isinstance(query, str) and query.strip()):
        raise ValueError(f"{where} has no query; it needs query, model and success, and may have cost.")
    return Row(
        query if isinstance(query, str) else "",
        model,
        _share(found.get("success"), where),
        _dollars(found.get("cost"), where),
        None if vector is None else _numbers(vector, where),
    )


def _share(value: Any, where: str) -> float:
    if isinstance(value, str):
        said = value.strip().lower()
        if said in _YES or said in _NO:
            return float(said in _YES)
    number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise ValueError(f"{where} has success {value!r}; give true or false, or a number from 0 to 1.")
    return number


def _dollars(value: Any, where: str) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    number = None if isinstance(value, bool) else _number(value)
    if number is None or number < 0:
        raise ValueError(f"{where} has cost {value!r}; give dollars, 0 or more, or leave it out.")
    return number


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _numbers(vector: Any, where: str) -> tuple[float, ...]:
    numbers = [_number(v) for v in vector] if isinstance(vector, Sequence) else []
    kept = tuple(n for n in numbers if n is not None)
    if not kept or len(kept) < len(numbers) or not any(kept):
        raise ValueError(f"{where} has a vector that is no list of finite numbers with a direction.")
    return kept
