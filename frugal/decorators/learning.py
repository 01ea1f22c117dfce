"""What routers learn, kept in the ledger: the state that decisions read, and `feedback`, which adds to it.

Law: an outcome is taken in once, however often it is told; a decision reads memory, and no disk is touched on the event
loop. What cannot be read or written is logged once, and the router goes on with what it knows.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache, reduce
from typing import Any
from weakref import WeakSet

from frugal._values.clock import clock
from frugal._values.record import Record
from frugal._values.routing import Cell, Outcome, Request
from frugal.decorators.wiring import ledger_of
from frugal.routers.adaptive import cell_of, recorded
from frugal.routers.adaptive.state import task_name

__all__ = ["LedgerState", "document_of", "feedback", "note_pinned"]

_log = logging.getLogger("frugal")

_YOUNG = 1.0
"""Seconds after which what other processes learned is looked for."""

_MOST_PINNED = 10_000

_Change = Callable[[dict[str, Any]], dict[str, Any]]

_states: WeakSet[LedgerState] = WeakSet()
_pinned_cells: OrderedDict[str, Cell] = OrderedDict()
_lock = threading.Lock()


def document_of(function: str) -> str:
    """Name the ledger's document of what was learned about a function."""
    return f"adaptive {function}"


@cache
def _writing() -> ThreadPoolExecutor:
    """Return the thread that reads and writes what routers learn; the interpreter's exit waits for it."""
    return ThreadPoolExecutor(1, "frugal-learning")


class LedgerState:
    """Keep what a router learns in the ledger's directory, shared by every process.

    Decisions read a copy in memory; what is learned is written by a thread, in order, as much at a time as has come.

    Args:
        meter: knows the ledger.
        name: the document's name.
        memory: the router's memory, in judged outcomes.
    """

    def __init__(self, meter: Any, name: str, memory: int) -> None:
        self.name = name
        self.memory = memory
        self._meter = meter
        self._copy: Mapping[str, Any] | None = None
        self._read_at = 0.0
        self._pending: list[_Change] = []
        self._told: set[str] = set()
        self._lock = threading.Lock()
        with _lock:
            _states.add(self)

    async def ready(self) -> None:
        """Have a copy; look for what others wrote about once a second, beside the call."""
        now = clock.now()
        if self._copy is None:
            self._read_at = now
            await asyncio.to_thread(self._read)
        elif now - self._read_at > _YOUNG:
            self._read_at = now
            _writing().submit(self._read)

    def load(self) -> Mapping[str, Any]:
        """Return the last known state."""
        if self._copy is None:
            self._read()
        return self._copy or {}

    def update(self, change: _Change, /) -> None:
        """Change the copy at once and the ledger's document behind it."""
        write = getattr(self._meter.ledger, "update_state_now", None)
        with self._lock:
            self._copy = change(dict(self._copy or {}))
            if write is None:
                return
            self._pending.append(change)
            if len(self._pending) > 1:  # whoever writes the first takes the others along
                return
        _writing().submit(self._write, write)

    def see(self, ledger: Any, name: str, change: _Change) -> None:
        """Take in what was written to the document just now."""
        if name != self.name or ledger is not self._meter.ledger or self._copy is None:
            return
        with self._lock:
            self._copy = change(dict(self._copy or {}))

    def _read(self) -> None:
        read = getattr(self._meter.ledger, "load_state", None)
        try:
            found = (read(self.name) if read is not None else self._copy) or {}
        except Exception as error:
            self._tell("what a router learned cannot be read", error)
            found = self._copy or {}
        with self._lock:
            self._copy = _after(found, self._pending if read is not None else ())

    def _write(self, write: Any) -> None:
        with self._lock:
            taken = tuple(self._pending)
        found: Mapping[str, Any] | None = None
        try:
            found = write(self.name, lambda document: dict(_after(document or {}, taken)))
        except Exception as error:
            self._tell("what a router learned cannot be written", error)
        with self._lock:
            del self._pending[: len(taken)]
            if found is not None:
                self._copy = _after(found, self._pending)
            again = bool(self._pending)
        if again:
            _writing().submit(self._write, write)

    def _tell(self, what: str, error: Exception) -> None:
        said = f"{what}: {type(error).__name__}: {error}"
        if said not in self._told and len(self._told) < 100:
            self._told.add(said)
            _log.warning("frugal: %s; it goes on with what it knows", said)


def _after(document: Mapping[str, Any], changes: Iterable[_Change]) -> Mapping[str, Any]:
    return reduce(lambda found, change: change(dict(found)), changes, document)


async def note_pinned(call: str, router: Any, request: Request, model: str) -> None:
    """Remember where the outcome of a call belongs whose model the caller chose; its record says only `pinned`."""
    task = router.task_type(request) if getattr(router, "task_type", None) is not None else None
    if inspect.isawaitable(task):
        task = await task
    with _lock:
        _pinned_cells[call] = Cell(task_name(task) if task is not None else "any", model)
        while len(_pinned_cells) > _MOST_PINNED:
            _pinned_cells.popitem(last=False)


async def feedback(
    call_id: str, *, success: bool | None = None, satisfaction: float | None = None, ledger: Any = None
) -> None:
    """Say how a call turned out.

    Said again, it counts once; said otherwise, what is said last counts besides.

    Args:
        call_id: the call's id: `current_call().id`, or a record's `call`.
        success: whether it did what it should.
        satisfaction: how content the user was, 0 to 1.
        ledger: where the call is recorded; the default ledger when `None`.

    Raises:
        TypeError: `success` is neither true nor false.
        ValueError: nothing is said, or `satisfaction` is out of its range.
        LedgerUnavailableError: it could not be kept in time.

    >>> import asyncio
    >>> from frugal import Ledger, feedback, metered, scope
    >>> from frugal.testing import FakeModel
    >>> model = FakeModel()
    >>> @metered
    ... async def ask(prompt, *, name="gpt-4o"): return await model(prompt, model=name)
    >>> async def main():
    ...     with scope() as run:
    ...         await ask("Hello")
    ...     await feedback(run.calls[0].id, success=True)
    ...     async with Ledger() as ledger:
    ...         return [record.success for record in ledger.records(rated=True)]
    >>> asyncio.run(main())
    [True]
    """
    if success is None and satisfaction is None:
        raise ValueError("feedback() has nothing to say: give success= or satisfaction=.")
    if success is not None and not isinstance(success, bool):
        raise TypeError(f"success={success!r}: give True or False.")
    if satisfaction is not None and (isinstance(satisfaction, bool) or not 0 <= satisfaction <= 1):
        raise ValueError(f"satisfaction={satisfaction!r}: give a number from 0 to 1.")
    kept: Any = ledger_of(ledger)
    before = await kept.feedback(call_id, success=success, satisfaction=satisfaction)
    record = await asyncio.to_thread(_record_of, kept, call_id)
    outcome = None if record is None else _outcome(record, before, success, satisfaction)
    if record is None or outcome is None:
        return
    with _lock:
        states = list(_states)
    name = document_of(record.function)
    memory = next((state.memory for state in states if state.name == name), None)

    def change(document: dict[str, Any] | None) -> dict[str, Any]:
        return recorded(document, [outcome], memory=memory)

    await kept.update_state(name, change)
    for state in states:
        state.see(kept, name, change)


def _outcome(
    record: Record, before: tuple[bool | None, float | None], success: bool | None, satisfaction: float | None
) -> Outcome | None:
    """Return what is news of a call that an adaptive router routed."""
    with _lock:
        pinned = _pinned_cells.get(record.call)
    cell = pinned or cell_of(record.route_reason, record.model_requested)
    news = (success if success != before[0] else None, satisfaction if satisfaction != before[1] else None)
    if cell is None or news == (None, None):
        return None
    return Outcome(cell=cell, success=news[0], satisfaction=news[1], more=before != (None, None))


def _record_of(ledger: Any, call_id: str) -> Record | None:
    return next(iter(ledger.records(call=call_id)), None)
