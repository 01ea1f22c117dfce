"""`batched`: single calls gathered into one call of a function that takes many items.

Each caller keeps an account of its own (a `Branch`); what a batch spends, and what the calls inside its handler spend,
is split among the callers whose items were in that very attempt. Everything about gathering is in
`_mechanisms/batch.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from frugal._core.branch import Branch
from frugal._core.burst import BURST, Burst
from frugal._core.call import Call
from frugal._core.cover import covered
from frugal._core.journal import Inner, Journal
from frugal._core.keying import Keying
from frugal._core.names import new_id
from frugal._core.plan import Plan
from frugal._core.ring import Proceed
from frugal._core.splitting import split_spent
from frugal._mechanisms.batch import Batch
from frugal._values.clock import clock
from frugal._values.facts import Spent, Split
from frugal._values.spelling import spelt
from frugal.errors import FrugalError, UnkeyableCallError

__all__ = ["Batched"]


class _Member:
    """One caller's place in a batch."""

    __slots__ = ("active", "attempts", "branch", "item", "proceed", "refused")

    def __init__(self, branch: Branch, proceed: Proceed, item: Any) -> None:
        self.branch = branch
        self.proceed = proceed
        self.item = item
        self.active = False  # whether an attempt with this item is under way
        self.attempts = 0
        self.refused: FrugalError | None = None  # by a budget, before a further attempt


class _Caller:
    """One caller's place in a batch that nobody meters: what its call is made of, should its item lead an attempt."""

    __slots__ = ("_call", "_instance", "_started", "_target", "_where")

    def __init__(self, target: Any, instance: Any) -> None:
        self._target = target
        self._instance = instance
        self._started = clock.now()
        self._where = copy_context()
        self._call: Call | None = None

    def call(self, plan: Plan, item: Any) -> Call:
        """Return the call, as it would have been made when it was asked for."""
        if self._call is None:
            made = self._where.run(plan.begin, self._target, self._instance, (item,), {})
            self._call = replace(made, started=self._started)
        return self._call


@dataclass(frozen=True, eq=False)
class Batched:
    """Gather items into batches."""

    max_size: int = 10
    max_wait: float = 0.1
    max_tokens: int | None = None
    split: bool | Callable[[BaseException], bool] = False
    size_of: Callable[[Any], int] = field(default=lambda item: max(1, len(str(item).encode()) // 4))
    batches: dict[Any, Batch[Any, Any]] = field(default_factory=dict)
    name: str = "batched"

    def joined(self, stack: tuple[Any, ...]) -> Batched:
        """Have batches of its own: whoever decorates the function anew may meter it otherwise, or not at all."""
        return replace(self, batches={})

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        item, others = self._parts(call)
        batch = await self._batch(call, others)
        await covered(call)
        branch = Branch(call).begin()
        member = _Member(branch, proceed, item)
        burst = call.extras.get(BURST)
        enrolled = None if burst is None else partial(burst[0].joined, burst[1], batch.flush, id(batch))
        try:
            result = await batch.submit(item, context=member, enrolled=enrolled)
        except (asyncio.CancelledError, GeneratorExit):
            if member.active:  # the batch goes on and will commit for this caller
                branch.abandon()
            raise
        finally:
            branch.adopt()
        refused, member.refused = member.refused, None
        if refused is None:
            return result
        try:
            raise refused
        finally:
            del refused  # the frame is in its traceback

    async def short(
        self, plan: Plan, target: Any, instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any], /
    ) -> Any:
        """Answer a call that nobody meters: only the one whose item leads a batch is made at all."""
        if len(args) == 1 and not kwargs:
            item = args[0]
        elif not args and len(kwargs) == 1 and plan.function.first in kwargs:
            (item,) = kwargs.values()
        else:
            return await plan.run(target, instance, args, kwargs)
        return await self._unmetered(plan, instance).submit(item, context=_Caller(target, instance))

    async def many(self, plan: Plan, target: Any, instance: Any, items: Iterable[Any], /, **kwargs: Any) -> list[Any]:
        """Answer many items as single calls would be, without waiting for strangers to join."""
        values = list(items)
        if plan.short is not None and not kwargs and values:
            callers = [_Caller(target, instance) for _ in values]
            return await self._unmetered(plan, instance).many(values, contexts=callers)
        burst = Burst(len(values))
        loop = asyncio.get_running_loop()
        tasks = []
        for number, value in enumerate(values):
            carried = plan.run(target, instance, (value,), dict(kwargs), extras={BURST: (burst, number)})
            tasks.append(loop.create_task(carried))
            tasks[-1].add_done_callback(partial(_done, burst, number))
        results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    # ------------------------------------------------------------------ gathering

    def _parts(self, call: Call) -> tuple[Any, dict[str, Any]]:
        """Return the item and the other arguments; calls with other arguments are other batches."""
        if call.args:
            if len(call.args) > 1:
                raise TypeError(f"{call.function} is batched: it takes one item, and further arguments by name.")
            return call.args[0], dict(call.kwargs)
        name = call.plan.function.first
        if name is None or name not in call.kwargs:
            raise TypeError(f"{call.function} is batched: it takes one item as its first argument.")
        others = dict(call.kwargs)
        return others.pop(name), others

    async def _batch(self, call: Call, others: dict[str, Any]) -> Batch[Any, Any]:
        key: Any = (id(call.instance), None)
        if others:
            try:
                key = (id(call.instance), await _OTHERS.of(call.replace(**{call.plan.function.first or "": None})))
            except UnkeyableCallError:
                key = (id(call.instance), tuple((name, id(value)) for name, value in sorted(others.items())))
        batch = self.batches.get(key)
        return self._made(key, self._handle, call.function) if batch is None else batch

    def _unmetered(self, plan: Plan, instance: Any) -> Batch[Any, Any]:
        batch = self.batches.get(id(instance))
        return self._made(id(instance), partial(self._lead, plan), plan.function.name) if batch is None else batch

    def _made(self, key: Any, handler: Callable[..., Any], name: str) -> Batch[Any, Any]:
        batch = self.batches[key] = Batch(
            handler,
            max_size=self.max_size,
            max_wait=self.max_wait,
            max_tokens=self.max_tokens,
            size_of=self.size_of if self.max_tokens is not None else None,
            split=self.split,
            name=name,
        )
        if len(self.batches) > _MOST_BATCHES:  # the oldest is still held by whoever waits in it
            del self.batches[next(iter(self.batches))]
        return batch

    # ------------------------------------------------------------------ handling

    async def _handle(self, items: Sequence[Any], members: tuple[_Member, ...]) -> Any:
        """Make one attempt for the items whose budgets have room for it."""
        for member in members:
            if member.attempts and member.branch.call.covers:  # for the first one its caller has seen to it
                await self._ask_for_more(member)
            member.attempts += 1
        if not any(member.refused for member in members):
            return await self._attempt(items, members)
        going = [(item, member) for item, member in zip(items, members, strict=True) if member.refused is None]
        if not going:
            return [None] * len(items)
        results = await self._attempt([item for item, _ in going], tuple(member for _, member in going))
        if not isinstance(results, Sequence) or isinstance(results, (str, bytes)) or len(results) != len(going):
            return results  # not in the form of results, which is said where they are given out
        found = iter(results)
        return [next(found) if member.refused is None else None for member in members]

    @staticmethod
    async def _ask_for_more(member: _Member) -> None:
        try:
            await covered(member.branch.call)
        except FrugalError as error:
            member.refused = error

    async def _attempt(self, items: Sequence[Any], members: tuple[_Member, ...]) -> Any:
        """Make one attempt for these items, and split what it spent."""
        call = self._call(members[0].branch.call, items)
        for member in members:
            member.active = True
        try:
            return await members[0].proceed(call)
        finally:
            self._share(call, members)
            for member in members:
                member.active = False
                if member.branch.abandoned:
                    member.branch.finish()

    async def _lead(self, plan: Plan, items: Sequence[Any], callers: tuple[_Caller, ...]) -> Any:
        """Make one attempt that nobody meters."""
        return await plan.inside(self._call(callers[0].call(plan, items[0]), items))

    def _call(self, lead: Call, items: Sequence[Any]) -> Call:
        """Make the call of a whole batch, from that of the caller whose item leads it."""
        _, others = self._parts(lead)  # of this very batch: those of an earlier one may have changed meanwhile
        parent = lead.parent
        if lead.plan.meter is not None:  # what the handler's own calls spend belongs to the batch
            parent = lead._with(inner=Inner(collects=True))  # noqa: SLF001 the core's own
        return replace(
            lead, id=new_id(), args=(list(items),), kwargs=others, journal=Journal(), holds=(), covers=(), parent=parent
        )

    def _share(self, call: Call, members: tuple[_Member, ...]) -> None:
        """Split what one attempt spent among the members that were in it, in proportion to their input."""
        journal = call.journal
        spents = journal.collected or [spent for spent in journal.of(Spent) if spent.rolled_up is None]
        weights = [self._weight(member.item) for member in members] if spents else []
        releases = tuple(journal.releases)
        for spent in spents:
            shares = split_spent(spent, [member.branch.call for member in members], weights)
            for member, share in zip(members, shares, strict=True):
                member.branch.call.journal.add(Split(share, releases, call.id))
                releases = ()
        if releases:
            members[0].branch.call.journal.releases += releases

    def _weight(self, item: Any) -> int:
        return 1 if isinstance(item, (int, float)) else self.size_of(item)

    def __repr__(self) -> str:
        return spelt("batched", max_size=self.max_size, max_wait=self.max_wait, max_tokens=self.max_tokens,
                     split=self.split or None)  # fmt: skip


_OTHERS = Keying()
_MOST_BATCHES = 1024


def _done(burst: Burst, number: int, task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # gather has it; seen, or asyncio would complain
    burst.left(number)
