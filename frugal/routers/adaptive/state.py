"""What an adaptive router has learned: plain JSON, sums per task and model that forget.

Law: a state is sums. Each judged outcome multiplies what its task has summed so far by `1 - 1/memory` and
adds itself, so old evidence fades with new evidence and not with idle time. Two states that grew apart
merge by addition, in any order. Nothing here knows a router, so feedback may arrive in a process that has
none.
"""

from __future__ import annotations

import copy
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from frugal._values.routing import Cell, Outcome

__all__ = [
    "MEMORY",
    "MemoryState",
    "RouterState",
    "cell_of",
    "cells",
    "empty",
    "merged",
    "recorded",
    "task_name",
]

MEMORY = 200
"""Judged outcomes of a task after which an old one counts for a third (1/e)."""

FORMAT = 1
_MOST_TASKS = 500
"""Tasks that are kept; the one that was heard of the longest ago goes first."""

SUMS = (
    "judged",
    "successes",
    "success_count",
    "satisfaction",
    "satisfaction_count",
    "latency",
    "latency_count",
    "cost",
    "cost_count",
)
"""What is summed for each model of a task; all fade, none is ever negative."""

_JUDGED = SUMS[:5]
_REASON = re.compile(r"adaptive\[([^\]]*)\]: ")


class RouterState(Protocol):
    """Keeps what a router has learned, for every process that shares it."""

    def load(self) -> Mapping[str, Any]:
        """Return the last known state; asked for every decision, so from memory or nearly."""
        ...

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any]], /) -> None:
        """Replace the state by `change(state)` as one atomic step; may wait, so not on an event loop."""
        ...


class MemoryState:
    """Keep the state in this process.

    >>> kept = MemoryState()
    >>> kept.update(lambda state: recorded(state, [Outcome(cell=Cell("any", "small"), success=True)]))
    >>> cells(kept.load(), "any")["small"]["successes"]
    1.0
    """

    __slots__ = ("_lock", "_state")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = empty()

    def load(self) -> Mapping[str, Any]:
        """Return the state; updates replace it, so what was returned never changes."""
        return self._state

    def update(self, change: Callable[[dict[str, Any]], dict[str, Any]], /) -> None:
        """Replace the state by `change(state)`."""
        with self._lock:
            self._state = change(self._state)

    def __repr__(self) -> str:
        return "MemoryState()"


def empty(memory: int = MEMORY) -> dict[str, Any]:
    """Return the state of a router that has learned nothing."""
    return {"format": FORMAT, "memory": memory, "heard": 0, "tasks": {}}


def task_name(task: object) -> str:
    """Return the name under which a task is kept: a short line without brackets, for a reason to carry."""
    return " ".join(str(task).replace("[", "(").replace("]", ")").split())[:80]


def cell_of(reason: str | None, model: str | None) -> Cell | None:
    """Return the cell that a recorded decision belongs to; `None` when no adaptive router made it.

    Args:
        reason: the record's route reason.
        model: the model that was requested.

    >>> cell_of("adaptive[maths]: base choice", "small")
    Cell(task='maths', model='small')
    """
    found = _REASON.match(reason or "")
    return Cell(found[1], model) if found and model else None


def cells(state: Mapping[str, Any], task: str) -> dict[str, dict[str, float]]:
    """Return the sums of each model in a task.

    Raises:
        ValueError: the state is not one of ours, or its sums of this task are none.
    """
    found = _table(_task(state, task).get("cells", {}), f"the models of {task!r}")
    return {model: _sums(model, sums) for model, sums in found.items()}


def heard(state: Mapping[str, Any], task: str) -> int:
    """Return how many outcomes a task has heard of.

    Raises:
        ValueError: the state is not one of ours.
    """
    return _count(_task(state, task).get("heard", 0))


def _task(state: Any, name: str) -> Mapping[str, Any]:
    tasks = _table(_ours(state).get("tasks", {}), "the tasks")
    return _table(tasks.get(name, {}), f"the task {name!r}")


def _ours(state: Any) -> Mapping[str, Any]:
    found = _table(state, "the state")
    if found.get("format", FORMAT) != FORMAT:
        raise ValueError(f"not a router's state of format {FORMAT}; move it away and the router starts anew.")
    return found


def _table(value: Any, what: str) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{what} of a router's state is no table; what was there is learned anew.")


def _sums(model: str, kept: Any) -> dict[str, float]:
    sums = _table(kept, f"what is kept of {model!r}")
    try:
        read = {name: float(sums.get(name, 0.0)) for name in SUMS}
    except (TypeError, OverflowError) as error:
        raise ValueError(f"the sums of {model!r} are no numbers ({error}); they are learned anew.") from error
    sound = all(math.isfinite(value) and value >= 0 for value in read.values())
    # Rounding alone may take a rate above one by a hair.
    rates = (("successes", "success_count"), ("satisfaction", "satisfaction_count"))
    if not sound or any(read[total] > read[count] * (1 + 1e-9) + 1e-9 for total, count in rates):
        raise ValueError(f"the sums of {model!r} contradict each other; they are learned anew.")
    return read


def _count(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def recorded(
    state: Mapping[str, Any] | None, outcomes: Iterable[Outcome], *, memory: int | None = None
) -> dict[str, Any]:
    """Return the state with outcomes added, in their order; what it had of other tasks is shared, not copied.

    A task that cannot be read is learned anew.

    Args:
        state: the state so far, or `None`; it is not changed.
        outcomes: what happened.
        memory: how many judged outcomes are remembered; by default what the state says.

    Raises:
        ValueError: the state is of another format, such as a newer version's, and is left alone.
    """
    old = _ours(state or {})
    found = old.get("tasks")
    tasks: dict[str, Any] = dict(found) if isinstance(found, Mapping) else {}
    new: dict[str, Any] = {
        "format": FORMAT,
        "memory": memory or _count(old.get("memory")) or MEMORY,
        "heard": _count(old.get("heard")),
        "tasks": tasks,
    }
    fresh: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        name = task_name(outcome.cell.task)
        task = fresh.get(name)
        if task is None:
            task = fresh[name] = tasks[name] = _opened(tasks, name)
        _add(new, task, outcome)
        if len(tasks) > _MOST_TASKS:
            gone = min(tasks, key=lambda each: _last(tasks[each]))
            del tasks[gone]
            fresh.pop(gone, None)
    return new


def _opened(tasks: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a copy of a task to add to; an empty one in the place of one that cannot be read."""
    try:
        found = cells({"tasks": tasks}, name)
    except ValueError:
        found = {}
    kept = tasks.get(name)
    seen = kept if isinstance(kept, Mapping) else {}
    return {"heard": _count(seen.get("heard")), "last": _count(seen.get("last")), "cells": found}


def _last(task: Any) -> int:
    return _count(task.get("last")) if isinstance(task, Mapping) else -1


def _add(state: dict[str, Any], task: dict[str, Any], outcome: Outcome) -> None:
    keep = 1 - 1 / max(2, state["memory"])
    state["heard"] += 1
    task["heard"], task["last"] = task["heard"] + 1, state["heard"]
    sums = task["cells"].setdefault(outcome.cell.model, dict.fromkeys(SUMS, 0.0))
    if outcome.success is not None or outcome.satisfaction is not None:
        if not outcome.more:
            for other in task["cells"].values():
                for name in _JUDGED:
                    other[name] *= keep
            sums["judged"] += 1
        if outcome.success is not None:
            sums["successes"] += bool(outcome.success)
            sums["success_count"] += 1
        if outcome.satisfaction is not None:
            sums["satisfaction"] += outcome.satisfaction
            sums["satisfaction_count"] += 1
    measured = (("latency", outcome.latency), ("cost", None if outcome.cost is None else float(outcome.cost)))
    for name, value in measured:
        if value is not None:
            sums[name] = sums[name] * keep + value
            sums[f"{name}_count"] = sums[f"{name}_count"] * keep + 1


def merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two states that grew apart know together: the sums of their sums.

    Do not merge a state with a copy of itself: what it knows would count twice.
    """
    new = copy.deepcopy(dict(one)) if one else empty()
    new["heard"] = int(new.get("heard", 0)) + int(other.get("heard", 0))
    new["memory"] = max(int(new.get("memory", MEMORY)), int(other.get("memory", MEMORY)))
    for name, task in other.get("tasks", {}).items():
        ours = new.setdefault("tasks", {}).setdefault(name, {"heard": 0, "last": 0, "cells": {}})
        ours["heard"] = int(ours.get("heard", 0)) + int(task.get("heard", 0))
        ours["last"] = max(int(ours.get("last", 0)), int(task.get("last", 0)))
        for model, sums in task.get("cells", {}).items():
            mine = ours["cells"].setdefault(model, dict.fromkeys(SUMS, 0.0))
            for key in SUMS:
                mine[key] = float(mine.get(key, 0.0)) + float(sums.get(key, 0.0))
    return new
