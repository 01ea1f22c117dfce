"""Knowledge: what a learned router knows, made from rows, kept in a file.

Law: a file holds arrays of numbers and one JSON header, nothing that is run when it is read; a file of
another embedder's vectors is refused.
"""

from __future__ import annotations

import json
import logging
import os
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from frugal._values.routing import PriceOf
from frugal._values.usage import Usage
from frugal.routers.learned.calibration import Expected, Policy, calibrated
from frugal.routers.learned.neighbours import LONGEST, Matrix, Neighbours, Space, shape_of
from frugal.routers.learned.rows import Row

__all__ = ["Knowledge", "gathered", "loaded", "saved"]

_log = logging.getLogger("frugal")

FORMAT = 1
LEAST_QUERIES = 20
"""Queries below which a calibration says nothing."""

_TYPICAL_OUTPUT = 500
"""Output tokens of a past call of which only the text is known; the source's number."""


@dataclass(frozen=True)
class Knowledge:
    """Hold what was learned.

    Args:
        names: the models, in the order of the columns.
        space: how a query becomes a point.
        policy: the past, and the price on cost.
        costs_known: whether costs came with the rows, for every model.
        identity: the embedder's, `""` when it has none.
    """

    names: tuple[str, ...]
    space: Space
    policy: Policy
    costs_known: bool
    identity: str


def gathered(
    rows: Iterable[Row],
    names: Sequence[str],
    *,
    quality: float,
    embed: Callable[[list[str]], Matrix],
    identity: str,
    price_of: PriceOf | None,
) -> Knowledge:
    """Learn from rows.

    Args:
        rows: the outcomes; those of other models are left out, with a log line.
        names: the models.
        quality: the share of the strongest model's success to keep.
        embed: turns texts into vectors.
        identity: the embedder's.
        price_of: prices a usage, for rows without a cost.

    Raises:
        ValueError: there are too few queries, a model has no outcome, or its cost is nowhere to be found.
    """
    table = _Table(names)
    for row in rows:
        table.add(row)
    table.check()
    success, cost = table.means()
    costs_known = bool((~np.isnan(cost)).any(axis=0).all())
    if not costs_known:
        _price(cost, names, table.texts, price_of)
    vectors = _embedded(table, embed)
    shapes = np.array([shape_of(text) for text in table.texts], dtype=np.float32)
    space = Space.fitted(vectors, shapes)
    policy = calibrated(Neighbours(space.points(vectors, shapes), success, cost, 1), tuple(names), quality)
    return Knowledge(tuple(names), space, policy, costs_known, identity)


class _Table:
    """Collect rows by query; two outcomes of one model for one query are averaged."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.texts: list[str] = []
        self.vectors: list[tuple[float, ...] | None] = []
        self._at: dict[object, int] = {}
        self._found: list[dict[int, list[tuple[float, float | None]]]] = []
        self._left_out: dict[str, int] = {}

    def add(self, row: Row) -> None:
        if row.model not in self.names:
            self._left_out[row.model] = self._left_out.get(row.model, 0) + 1
            return
        key: object = row.vector if row.vector is not None else row.query
        at = self._at.setdefault(key, len(self.texts))
        if at == len(self.texts):
            self.texts.append(row.query)
            self.vectors.append(row.vector)
            self._found.append({})
        self._found[at].setdefault(self.names.index(row.model), []).append((row.success, row.cost))

    def check(self) -> None:
        if self._left_out:
            _log.info("learned router left out rows of models that it does not route to: %s", self._left_out)
        if len(self.texts) < LEAST_QUERIES:
            raise ValueError(f"{len(self.texts)} queries are too few to learn from; give {LEAST_QUERIES} or more.")
        for column, name in enumerate(self.names):
            if not any(column in found for found in self._found):
                raise ValueError(f"no row tells of model {name!r}; give outcomes for it, or leave it out.")

    def means(self) -> tuple[Matrix, Matrix]:
        success = np.full((len(self.texts), len(self.names)), np.nan, dtype=np.float32)
        cost = success.copy()
        for at, found in enumerate(self._found):
            for column, outcomes in found.items():
                success[at, column] = sum(s for s, _ in outcomes) / len(outcomes)
                paid = [c for _, c in outcomes if c is not None]
                if paid:
                    cost[at, column] = sum(paid) / len(paid)
        return success, cost


def _price(cost: Matrix, names: Sequence[str], texts: Sequence[str], price_of: PriceOf | None) -> None:
    """Fill in by price what the rows do not say, for the models of which no row does."""
    for column, name in enumerate(names):
        if not np.isnan(cost[:, column]).all():
            continue
        for at, text in enumerate(texts):
            usage = Usage(input_tokens=max(1, len(text.encode()) // 4), output_tokens=_TYPICAL_OUTPUT)
            price = price_of(name, usage) if price_of is not None else None
            if price is None:
                raise ValueError(f"what {name!r} costs is not known; give the rows a cost, or fit(price_of=).")
            cost[at, column] = float(price)


def _embedded(table: _Table, embed: Callable[[list[str]], Matrix]) -> Matrix:
    missing = [at for at, vector in enumerate(table.vectors) if vector is None]
    got = embed([table.texts[at][:LONGEST] for at in missing]) if missing else None
    widths = {len(vector) for vector in table.vectors if vector is not None}
    widths |= {int(got.shape[1])} if got is not None else set()
    if len(widths) != 1:
        raise ValueError(f"vectors of {sorted(widths)} numbers cannot be compared; embed all rows alike.")
    vectors = np.empty((len(table.texts), widths.pop()), dtype=np.float32)
    for at, vector in enumerate(table.vectors):
        if vector is not None:
            vectors[at] = vector
    if got is not None:
        vectors[missing] = got
    return vectors


def saved(knowledge: Knowledge, path: str | os.PathLike[str]) -> None:
    """Write knowledge to a file, whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    policy, space = knowledge.policy, knowledge.space
    header = {
        "format": FORMAT,
        "names": knowledge.names,
        "costs_known": knowledge.costs_known,
        "identity": knowledge.identity,
        "count": policy.neighbours.count,
        "price": repr(policy.price),
        "expected": asdict(policy.expected),
    }
    target = Path(path)
    draft = target.with_name(f"{target.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            np.savez(
                file,
                header=np.frombuffer(json.dumps(header).encode(), dtype=np.uint8),
                centre=space.centre,
                shape_mean=space.shape_mean,
                shape_scale=space.shape_scale,
                points=policy.neighbours.points,
                success=policy.neighbours.success,
                cost=policy.neighbours.cost,
            )
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def loaded(path: str | os.PathLike[str]) -> Knowledge:
    """Read what `saved` wrote; nothing in the file is ever run.

    Raises:
        ValueError: the file is not one of ours, or is from a newer version.
        OSError: it cannot be read.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            found: dict[str, Any] = {name: file[name] for name in file.files}
        header = json.loads(found.pop("header").tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"format {header['format']}")
        space = Space(*(np.asarray(found[n], np.float32) for n in ("centre", "shape_mean", "shape_scale")))
        points, success, cost = (np.asarray(found[n], np.float32) for n in ("points", "success", "cost"))
        past = Neighbours(points, success, cost, int(header["count"]))
        names = tuple(str(name) for name in header["names"])
        width = len(space.centre) + len(space.shape_mean)
        if past.points.shape[1] != width or past.success.shape != (len(past.points), len(names)):
            raise ValueError("its arrays do not fit together")
        policy = Policy(past, float(header["price"]), Expected(**header["expected"]))
        return Knowledge(names, space, policy, bool(header["costs_known"]), str(header["identity"]))
    except (ValueError, KeyError, TypeError, IndexError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{os.fspath(path)!r} is no learned router of format {FORMAT} ({error}); fit anew.") from error
