"""The books: what adding a record to the ledger, replacing it or taking it away changes.

Law: a record and every sum that contains it change together. Nothing here fails for what a record says:
what could go wrong with it was settled when it became text.
"""

from __future__ import annotations

import msgspec

from frugal.ledger.cells import Cell, dims
from frugal.ledger.keys import HOUR, cell_key, day_label, dims_text, hour_label, output_key, record_key
from frugal.ledger.outputs import Outputs, learns_from
from frugal.ledger.scopes import book
from frugal.ledger.unit import Unit
from frugal.ledger.wire import RecordRow, pack, unpack

__all__ = ["Books", "decode_outputs"]

_cell = msgspec.json.Decoder(Cell).decode
decode_outputs = msgspec.json.Decoder(Outputs).decode


class Books:
    """Keep the books in one unit of work.

    Args:
        unit: where the rows are.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._rows: dict[str, tuple[str, float, str | None, str]] = {}
        self._deltas: dict[tuple[int, tuple[str, ...]], Cell] = {}
        self._standing: set[str] = set()
        unit.pending = self._write

    def expect(self, ids: list[str]) -> None:
        """Look up at once which of these records stand already."""
        self._standing |= self._unit.existing([record_key(id) for id in ids])

    def add(self, row: RecordRow, text: str) -> bool:
        """Add a record, unless its id stands already; one that stands in for it is replaced.

        Args:
            row: the record.
            text: its JSON; see `pack`.

        Returns:
            Whether it was added.
        """
        key = record_key(row.id)
        if key in self._standing:
            before = self.find(row.id)
            if before is not None:
                if before.outcome != "presumed" or row.outcome == "presumed":
                    return False
                self.remove(before)
        self._standing.add(key)
        self._rows[key] = (key, row.time / 1e6, row.run, text)
        self._sum(row, 1)
        taught = learns_from(row)
        if taught is not None:
            function, model, tokens = taught
            name = output_key(function, model)
            outputs = self._unit.load(name, decode_outputs) or Outputs()
            outputs.add(tokens)
            self._unit.keep(name, outputs)
        return True

    def replace(self, before: RecordRow, after: RecordRow) -> None:
        """Put another record of the same id in the place of one that stands."""
        self.remove(before)
        key = record_key(after.id)
        self._standing.add(key)
        self._rows[key] = (key, after.time / 1e6, after.run, pack(after))
        self._sum(after, 1)

    def remove(self, row: RecordRow) -> None:
        """Take a record away that stands."""
        key = record_key(row.id)
        if self._rows.pop(key, None) is None:
            self._unit.sql("DELETE FROM Cache WHERE raw = 1 AND key = ?", (key,))
        self._standing.discard(key)
        self._sum(row, -1)

    def find(self, id: str) -> RecordRow | None:
        """Return a record that stands."""
        key = record_key(id)
        waiting = self._rows.get(key)
        if waiting is not None:
            return unpack(waiting[3])
        found = self._unit.sql("SELECT mode, value FROM Cache WHERE raw = 1 AND key = ?", (key,)).fetchone()
        return None if found is None else self._unit.read(key, found, unpack)

    def _sum(self, row: RecordRow, sign: int) -> None:
        at = (row.time // HOUR, dims(row))
        delta = self._deltas.get(at)
        if delta is None:
            delta = self._deltas[at] = Cell()
        delta.count(row, sign)
        book(self._unit, row, sign)

    def _write(self) -> None:
        """Bring what was added into the unit's rows."""
        unit = self._unit
        if self._rows:
            unit.insert(list(self._rows.values()))
            self._rows.clear()
        if not self._deltas:
            return
        deltas, self._deltas = self._deltas, {}
        targets: dict[str, list[Cell]] = {}
        for (hour, dimensions), delta in deltas.items():
            text = dims_text(dimensions)
            targets.setdefault(cell_key("hour", hour_label(hour), text), []).append(delta)
            targets.setdefault(cell_key("day", day_label(hour), text), []).append(delta)
        standing = unit.fetch(targets, _cell)
        for key, parts in targets.items():
            cell = standing.get(key) or Cell()
            for part in parts:
                cell.add(part)
            if cell.is_empty:
                unit.drop(key)
            else:
                unit.keep(key, cell)
