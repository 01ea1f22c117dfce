"""What the semantic benchmarks share: the data where it is, the vectors, and who is near whom.

Law: the data is read from beside the repository and never copied into it; where it is absent a benchmark says
so and ends well.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

from frugal.embedders import WordLlamaEmbedder

PROMPTS = Path(__file__).parents[1] / "../shared/data/prompts"
REACH = 300


def load(name: str) -> Any:
    """Read a data file, or end the benchmark with the reason why not."""
    path = PROMPTS / name
    if not path.exists():
        print(f"{Path(sys.argv[0]).name}: nothing measured, for {path} is not here")
        raise SystemExit(0)
    if not WordLlamaEmbedder.available():
        print(f"{Path(sys.argv[0]).name}: nothing measured, for wordllama is not installed (frugal[semantic])")
        raise SystemExit(0)
    raw = path.read_bytes()
    return json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)


def embed(texts: list[str]) -> np.ndarray[Any, Any]:
    """Embed with the default embedder."""
    return asyncio.run(WordLlamaEmbedder().embed(texts))


def machine() -> str:
    """Say on what this ran."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, NumPy {np.__version__}"


def nearest(rows: np.ndarray[Any, Any], reach: int = REACH) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Give each row's nearest others, by place and by similarity, nearest first."""
    count = len(rows)
    places = np.empty((count, reach), dtype=np.int32)
    values = np.empty((count, reach), dtype=np.float32)
    for start in range(0, count, 1000):
        part = rows[start : start + 1000] @ rows.T
        part[np.arange(len(part)), np.arange(start, start + len(part))] = -2.0
        found = np.argpartition(-part, reach, axis=1)[:, :reach]
        similar = np.take_along_axis(part, found, axis=1)
        order = np.argsort(-similar, axis=1)
        places[start : start + 1000] = np.take_along_axis(found, order, axis=1)
        values[start : start + 1000] = np.take_along_axis(similar, order, axis=1)
    return places, values
