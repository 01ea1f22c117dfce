"""What could not be written: kept in a file of its own, and taken in when the ledger is next opened.

Law: a settlement that is given up is logged and written as JSON Lines, under its final name only when it is
complete; taking a file in adds each record once, however often and by however many processes it is tried.
"""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from frugal.ledger.wire import RecordRow

__all__ = ["Unwritten", "spill", "spilled"]

_log = logging.getLogger("frugal")


class Unwritten(msgspec.Struct, omit_defaults=True):
    """Hold a settlement."""

    records: list[RecordRow]
    releases: list[str] = []
    charges: dict[str, str] = {}


_decode = msgspec.json.Decoder(Unwritten).decode


def spill(directory: str, settlements: list[Unwritten], *, ours: bool = True) -> None:
    """Write settlements beside the ledger, or where that cannot be, among the temporary files; log either loudly."""
    lines = b"\n".join(map(msgspec.json.encode, settlements)) + b"\n"
    name = f"unwritten-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
    count = sum(len(settlement.records) for settlement in settlements)
    fallback = Path(tempfile.gettempdir()) / f"frugal-{os.getuid() if hasattr(os, 'getuid') else 'me'}"
    for place in (Path(directory), fallback) if ours else (fallback,):
        try:
            if place is fallback:
                place.mkdir(mode=0o700, exist_ok=True)
            _write(place / name, lines)
        except OSError:
            continue
        _log.error(
            "%d records could not be written to the ledger at %s; they are kept in %s%s",
            count,
            directory,
            place / name,
            "" if place is not fallback else "; move that file into the ledger's directory to take them in",
        )
        return
    _log.critical("%d records could not be written anywhere; here they are:\n%s", count, lines.decode())


def _write(path: Path, lines: bytes) -> None:
    half = path.with_suffix(".part")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except OSError:
        half.unlink(missing_ok=True)
        raise


def spilled(directory: str) -> Iterator[tuple[Path, list[Unwritten]]]:
    """Yield the files that wait beside a ledger, with what they hold; lines that are not ours are left out, loudly."""
    for path in sorted(Path(directory).glob("unwritten-*.jsonl")):
        settlements = []
        try:
            lines = path.read_bytes().splitlines()
        except OSError:  # taken in by another process meanwhile
            continue
        broken = 0
        for line in lines:
            try:
                settlements.append(_decode(line))
            except msgspec.MsgspecError:
                broken += 1
        if broken:
            keep = path.with_suffix(".broken")
            _log.error("%d lines of %s are not settlements; the file is kept as %s", broken, path, keep)
            path.with_suffix(".broken").write_bytes(b"\n".join(lines))
        yield path, settlements
