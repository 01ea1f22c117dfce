"""`routed`, its routers, and `feedback`: choose the model of each call, and learn from how it turned out."""

from __future__ import annotations

import asyncio
import copy
import inspect
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

from frugal._core.call import Call
from frugal._middleware.routed import RoutedRing
from frugal._values.clock import clock
from frugal._values.money import Money
from frugal._values.routing import Cell, Decision, Model, Outcome, Request
from frugal._values.usage import Usage
from frugal.decorators.wiring import Decorator, decorate, embedder_of, ledger_of, ports
from frugal.providers import text_of
from frugal.routers.adaptive import Adaptive, MemoryState, adaptive, cell_of, recorded
from frugal.routers.adaptive.state import MEMORY, task_name
from frugal.routers.cascade import cascade
from frugal.routers.complexity import by_complexity
from frugal.routers.constraints import checked, prune, resolve
from frugal.routers.deciding import decided, fallback

__all__ = ["adaptive", "by_complexity", "cascade", "feedback", "learned", "routed"]

_log = logging.getLogger("frugal")


def routed(
    router: Callable[[Request], Any],
    /,
    *,
    constraints: Mapping[str, Any] | Callable[[Request], Any] | None = None,
    default: str | None = None,
    argument: str = "model",
    override: bool = False,
) -> Decorator:
    """Choose the model of each call.

    A model that the caller passed is kept (reason `pinned`); where the argument is left at its default, the router
    fills it.

    Args:
        router: `by_complexity`, `cascade`, `adaptive`, `learned`, or any function of the request that returns a model
            or `(model, reason)`, sync or async.
        constraints: what the model must offer: `max_cost_per_request`, `requires_tools`, `requires_vision`,
            `min_context_length`; or a function of the request that returns them.
        default: the model to ask when nothing is eligible.
        argument: the argument that names the model.
        override: choose even where the caller passed a model.

    Returns:
        A decorator.

    Raises:
        TypeError: the router cannot be called, or a constraint is unknown.
        ValueError: a constraint is out of its range.

    A decorated function raises `NoEligibleModelError` when every model is excluded and there is no default.

    >>> import asyncio
    >>> from frugal import by_complexity, routed
    >>> @routed(by_complexity(simple=["gpt-4o-mini"], medium=["gpt-4.1-mini"], complex=["gpt-4o"]))
    ... async def ask(prompt, *, model="gpt-4o"): return model
    >>> asyncio.run(ask("Translate to French: good morning"))
    'gpt-4o-mini'
    """
    if not callable(router) or isinstance(router, type):
        raise TypeError(f"routed() takes a router, such as by_complexity(...), not {router!r}.")
    checked(constraints)
    if default is not None and not isinstance(default, str):
        raise TypeError(f"default={default!r}: give a model's name.")

    def make() -> RoutedRing:
        return _Wired(router, ports(), resolve, _vet, text_of, _pinned, constraints, default, argument, override)

    return decorate(None, make, f"routed({router!r})")  # type: ignore[no-any-return]


def _vet(given: str | Model, request: Request, reason: str) -> Decision:
    """Hold the choice of a user's own router against the constraints."""
    pruned = prune([given], request)
    model = Model.of(given).name
    return decided(pruned, model, reason) if model in pruned.eligible else fallback(
        request, pruned.candidates
    )  # fmt: skip


_pinned_cells: OrderedDict[str, Cell] = OrderedDict()


async def _pinned(call: str, router: Any, request: Request, model: str) -> None:
    """Remember where the outcome of a call belongs whose model the caller chose; its record says only `pinned`."""
    task = router.task_type(request) if getattr(router, "task_type", None) is not None else None
    if inspect.isawaitable(task):
        task = await task
    with _states_lock:
        _pinned_cells[call] = Cell(task_name(task) if task is not None else "any", model)
        while len(_pinned_cells) > _MOST_PINNED:
            _pinned_cells.popitem(last=False)


_MOST_PINNED = 10_000


@dataclass(frozen=True, eq=False, repr=False)
class _Wired(RoutedRing):
    """A routed ring whose adaptive router keeps what it learns of a function in the stack's ledger."""

    bound: dict[str, Callable[[Request], Any]] = field(default_factory=dict)

    def router_of(self, call: Call) -> Callable[[Request], Any]:
        """Return the router, bound to the function's own document where it learns and the stack is metered."""
        meter = call.plan.meter
        if meter is None or not isinstance(self.router, Adaptive) or not isinstance(self.router.state, MemoryState):
            return self.router
        found = self.bound.get(call.function)
        if found is None:
            state = _LedgerState(meter, _document(call.function), self.router.memory)
            found = self.bound[call.function] = self.router.bound(state)
        return found


def _document(function: str) -> str:
    """Name the ledger's document of what was learned about a function."""
    return f"adaptive {function}"


class _LedgerState:
    """Keep what a router learns in the ledger's directory, shared by every process.

    Decisions read a copy in memory; what is learned is written by a thread, in order.
    """

    def __init__(self, meter: Any, name: str, memory: int) -> None:
        self.name = name
        self.memory = memory
        self._meter = meter
        self._copy: Mapping[str, Any] | None = None
        self._read_at = 0.0
        self._lock = threading.Lock()
        with _states_lock:
            _states[id(self)] = self

    def load(self) -> Mapping[str, Any]:
        """Return the last known state, and look for what others wrote about once a second."""
        now = clock.now()
        if self._copy is None or now - self._read_at > 1:
            self._read_at = now
            read = getattr(self._meter.ledger, "load_state", None)
            found = read(self.name) if read is not None else None
            self._copy = found if found is not None else (self._copy or {})
        return self._copy

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any]], /) -> None:
        """Change the copy at once and the ledger's document behind it."""
        self.see(change)
        write = getattr(self._meter.ledger, "update_state_now", None)
        if write is not None:
            _writing().submit(self._write, write, change)

    def see(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Change the copy alone: the document was changed already."""
        with self._lock:
            self._copy = change(copy.deepcopy(dict(self._copy or {})))

    def _write(self, write: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        try:
            self._copy = write(self.name, lambda document: change(document or {}))
        except Exception:
            _log.exception("frugal: what a router learned could not be written; it goes on with what it knows")


@cache
def _writing() -> ThreadPoolExecutor:
    """Return the thread that writes what routers learn; the interpreter's exit waits for it."""
    return ThreadPoolExecutor(1, "frugal-learning")


_states: WeakValueDictionary[int, _LedgerState] = WeakValueDictionary()
_states_lock = threading.Lock()


def learned(models: Iterable[str | Model], *, quality: float, embed: Any = None) -> Any:
    """Choose by the outcomes of past queries that were like this one.

    Args:
        models: the models, in any order.
        quality: the share of the strongest model's success to keep, as a mean over traffic like the past; with 95 %
            confidence, so a little more is kept, and the more the fewer outcomes there are.
        embed: a function of a list of texts to vectors, sync or async; WordLlama (`frugal[semantic]`) when `None`.

    Returns:
        A router, of use after `.fit(path_or_ledger)`.

    Raises:
        MissingExtraError: no embedder is given and WordLlama is not installed.
        ValueError: `quality` is out of its range.
    """
    from frugal.routers.learned import learned as by_outcomes  # noqa: PLC0415 numpy is heavy

    return by_outcomes(models, quality=quality, embed=embedder_of(embed), price_of=_price_of)


def _price_of(model: str, usage: Usage) -> Money | None:
    """Return what a usage costs today, by the shipped prices."""
    return ports().prices().cost(model, usage, at=clock.now()).amount


async def feedback(
    call_id: str, *, success: bool | None = None, satisfaction: float | None = None, ledger: Any = None
) -> None:
    """Say how a call turned out.

    Args:
        call_id: the call's id: `current_call().id`, or a record's `call`.
        success: whether it did what it should.
        satisfaction: how content the user was, 0 to 1.
        ledger: where the call is recorded; the default ledger when `None`.

    Raises:
        TypeError: `success` is neither true nor false.
        ValueError: nothing is said, or `satisfaction` is out of its range.
        LedgerUnavailableError: it could not be kept in time.
    """
    if success is None and satisfaction is None:
        raise ValueError("feedback() has nothing to say: give success= or satisfaction=.")
    if success is not None and not isinstance(success, bool):
        raise TypeError(f"success={success!r}: give True or False.")
    if satisfaction is not None and (isinstance(satisfaction, bool) or not 0 <= satisfaction <= 1):
        raise ValueError(f"satisfaction={satisfaction!r}: give a number from 0 to 1.")
    kept = ledger_of(ledger)
    await kept.feedback(call_id, success=success, satisfaction=satisfaction)  # type: ignore[attr-defined]
    record = await asyncio.to_thread(_record_of, kept, call_id)
    if record is None:
        return
    with _states_lock:
        pinned = _pinned_cells.get(call_id)
    cell: Cell | None = pinned or cell_of(record.route_reason, record.model_requested)
    if cell is None:
        return
    outcome = Outcome(cell=cell, success=success, satisfaction=satisfaction)
    name = _document(record.function)
    with _states_lock:
        states = [state for state in _states.values() if state.name == name]

    def change(document: dict[str, Any] | None) -> dict[str, Any]:
        return recorded(document or {}, [outcome], memory=states[0].memory if states else MEMORY)

    await kept.update_state(name, change)  # type: ignore[attr-defined]
    for state in states:
        state.see(change)


def _record_of(ledger: Any, call_id: str) -> Any:
    return next(iter(ledger.records(call=call_id)), None)
