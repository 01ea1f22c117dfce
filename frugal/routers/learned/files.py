"""Files: what a learned router knows, kept as numbers.

Law: a file holds arrays of numbers and one JSON header, nothing that is run when it is read; what does not fit together
is refused whole, before any of it is used.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from frugal.routers.learned.calibration import ALWAYS_STRONGEST, Expected, Policy
from frugal.routers.learned.forecast import Forecast
from frugal.routers.learned.form import FORMS
from frugal.routers.learned.knowledge import Knowledge
from frugal.routers.learned.line import Lines
from frugal.routers.learned.neighbours import Past
from frugal.routers.learned.space import Matrix, Space

__all__ = ["loaded", "saved"]

FORMAT = 2

_UNFIT = (
    *(ValueError, KeyError, TypeError, AttributeError, IndexError, EOFError, zipfile.BadZipFile),
    # A file may claim more numbers than there is memory.
    *(MemoryError, OverflowError),
)

_SPACE = ("centre", "directions", "form_mean", "form_scale")
_PAST = ("points", "success", "cost")
_LINES = ("slopes", "levels")


def saved(knowledge: Knowledge, path: str | os.PathLike[str]) -> None:
    """Write knowledge to a file, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    policy, forecast = knowledge.policy, knowledge.policy.forecast
    header = {
        "format": FORMAT,
        "names": knowledge.names,
        "quality": knowledge.quality,
        "identity": knowledge.identity,
        "starts": forecast.past.starts,
        "count": forecast.count,
        "share": forecast.share,
        "price": repr(policy.price),
        "expected": asdict(policy.expected),
    }
    arrays = {name: getattr(knowledge.space, name) for name in _SPACE}
    arrays |= {name: getattr(forecast.past, name) for name in _PAST}
    arrays |= {name: getattr(forecast.lines, name) for name in _LINES}
    target = Path(path)
    draft = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            np.savez(file, header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8), **arrays)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def loaded(path: str | os.PathLike[str]) -> Knowledge:
    """Read what `saved` wrote; nothing in the file is ever run.

    Raises:
        ValueError: the file is not one of ours, or is from another version.
        OSError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found: dict[str, Any] = {name: file[name] for name in file.files}
        header = json.loads(found.pop("header").tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']}")
        return _knowledge(header, {name: np.asarray(array, np.float32) for name, array in found.items()})
    except _UNFIT as error:
        raise ValueError(f"{os.fspath(path)!r} is no learned router of format {FORMAT} ({error}); fit anew.") from error


def _knowledge(header: Mapping[str, Any], arrays: Mapping[str, Matrix]) -> Knowledge:
    space = Space(arrays["centre"], arrays["directions"], arrays["form_mean"], arrays["form_scale"])
    starts = tuple(int(start) for start in header["starts"])
    past = Past(arrays["points"], arrays["success"], arrays["cost"], starts)
    lines = Lines(arrays["slopes"], arrays["levels"])
    names = tuple(str(name) for name in header["names"])
    _fits(space, past, lines, len(names))
    forecast = Forecast(past, lines, int(header["count"]), float(header["share"]))
    policy = Policy(forecast, float(header["price"]), Expected(**header["expected"]))
    priced = policy.price >= 0 or policy.price == ALWAYS_STRONGEST
    if not (forecast.count >= 1 and 0 <= forecast.share <= 1 and priced):
        raise ValueError("its numbers are out of their ranges")
    if policy.expected.strongest not in names:
        raise ValueError("its strongest model is none of its models")
    return Knowledge(names, space, policy, float(header["quality"]), str(header["identity"]))


def _fits(space: Space, past: Past, lines: Lines, models: int) -> None:
    """Check that arrays fit together.

    Raises:
        ValueError: they do not.
    """
    rows, wide = past.points.shape
    shapes = (
        (space.directions.shape, (len(space.centre), wide - FORMS)),
        (space.form_mean.shape, (FORMS,)),
        (space.form_scale.shape, (FORMS,)),
        (past.success.shape, (rows, models)),
        (past.cost.shape, (rows, models)),
        (lines.slopes.shape, (past.folds, wide, models)),
        (lines.levels.shape, (past.folds, models)),
    )
    ordered = all(a <= b for a, b in zip(past.starts, past.starts[1:], strict=False))
    if past.folds < 2 or past.starts[0] or past.starts[-1] != rows or not ordered:
        raise ValueError("its folds do not cover its rows")
    if any(is_ != should for is_, should in shapes):
        raise ValueError("its arrays do not fit together")
    finite = (space.centre, space.directions, space.form_mean, past.points, lines.slopes, lines.levels)
    if not all(np.isfinite(array).all() for array in finite) or not (space.form_scale > 0).all():
        raise ValueError("some of its numbers are none")
