"""`semantic_cached`: a question is answered by the answer to one that means the same.

Only the last user turn is matched by meaning; everything else must be equal and is the partition. What is near is found
by a collection, whether it may be served is decided by a policy, and a veto reads what vectors do not see.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

from frugal._core.ambient import bypassed
from frugal._core.answers import is_whole, paid, recorded, replayed
from frugal._core.call import Call
from frugal._core.journal import Journal
from frugal._core.meter import Ports
from frugal._core.names import new_id
from frugal._core.plan import isinstance_stream
from frugal._core.ring import Proceed, compose
from frugal._mechanisms.errands import Errands, each
from frugal._mechanisms.nearest import NEIGHBOURS, Decision, Neighbour
from frugal._mechanisms.tiers.drops import Drops
from frugal._values.facts import Held, Saved, Spent
from frugal._values.money import Money
from frugal._values.threads import in_thread, sealed
from frugal._values.usage import Usage
from frugal.errors import EmbeddingError

__all__ = ["Matcher", "Place", "SemanticCached"]

_log = logging.getLogger("frugal")

LARGE = 256 * 1024


class Place(NamedTuple):
    """Where a question belongs: what is matched by meaning, and the digest of all that must be equal."""

    text: str
    partition: str


@dataclass(frozen=True, eq=False)
class Matcher:
    """What the ring of one function works with.

    Args:
        collection: finds and keeps entries.
        policy: decides whether to serve.
        codec: turns answers into bytes.
        embed: turns a text into a vector.
        place: says where a call's question belongs; `None` when it is not to be matched.
        refuse: names why one text must not answer another, or gives `None`; it is sync unless `waits`.
        classify: names the class of equal answers that an answer belongs to, given the entries near it.
        ttl: seconds that an entry lives.
        prepare: opens what is kept on disk; called in a thread, and cheap the second time.
        refreshed: looks for entries of other processes about once a second, in a thread; says whether there were any.
        learned: notes that the policy has learned, so that it is kept.
        foreign: whether `refuse` is the user's own.
        drops: which questions were dropped, so that answers that were under way are not kept.
        waits: whether it is async.
    """

    collection: Any
    policy: Any
    codec: Any
    embed: Callable[[str], Any]
    place: Callable[[Call], Any]
    refuse: Callable[[str, str], Any] | None
    classify: Callable[[Any, list[Any]], Any]
    ttl: float | None
    prepare: Callable[[], None]
    refreshed: Callable[[], bool]
    learned: Callable[[], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    foreign: bool = False
    waits: bool = False
    threads: list[ThreadPoolExecutor] = field(default_factory=list)
    errands: Errands[Callable[[], Any]] = field(default_factory=lambda: Errands(each))
    drops: Drops = field(default_factory=Drops)

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function that may wait for the disk or take long, in a thread, with the caller's context."""
        return await self.errands.do(partial(copy_context().run, function, *args))

    async def look(self, look: Callable[[], Any]) -> Any:
        """Run a lookup in a thread; beside others where a user's veto may take its time over each.

        One that waits for the loop has a thread of its own kind: an async veto may itself want one of the loop's
        threads, while lookups wait for their turn in all of them.
        """
        if not self.foreign:
            return await self.run(look)
        if not self.waits:
            return await in_thread(look)
        if not self.threads:
            self.threads.append(ThreadPoolExecutor(1, "frugal-veto"))
        return await asyncio.get_running_loop().run_in_executor(self.threads[0], sealed, look)

    def learn(self, decision: Decision, *, right: bool) -> None:
        """Tell the policy, and the entry's own record; may wait for the disk."""
        with self.lock:
            self.policy.learn(decision, right=right)
        self.collection.note(decision.entry, right=right)
        self.learned()


@dataclass(frozen=True, eq=False)
class SemanticCached:
    """Answer by meaning."""

    make: Callable[[Call], Matcher]
    ports: Ports
    words: str
    copy: Callable[[Any], Any] | None = None
    made: dict[str, Matcher] = field(default_factory=dict)
    shadows: set[asyncio.Task[None]] = field(default_factory=set)
    told: set[str] = field(default_factory=set)
    around: tuple[Any, ...] = ()
    name: str = "semantic_cached"

    def joined(self, stack: tuple[Any, ...]) -> SemanticCached:
        """Learn which budgets stand outside: a check behind the caller asks them anew."""
        outside = stack[: stack.index(self)]
        return replace(self, around=tuple(ring for ring in outside if getattr(ring, "name", "") == "budgeted"))

    def matcher(self, call: Call) -> Matcher:
        """Return what the function's ring works with; it is made at its first call."""
        found = self.made.get(call.function)
        if found is None:
            found = self.made[call.function] = self.make(call)
        return found

    async def __call__(self, call: Call, proceed: Proceed, /) -> Any:
        bypass = bypassed("semantic_cached")
        if bypass is False:
            return await proceed(call)
        matcher = self.matcher(call)
        ticket = matcher.drops.ticket()
        place = matcher.place(call)
        if inspect.isawaitable(place):
            place = await place
        vector = None if place is None else await self._vector(call, matcher, place.text)
        if place is None or vector is None:
            return await proceed(call)
        decision, entry = await self._decide(matcher, place, vector, serve=bypass is None)
        if decision.action == "hit" and entry is not None:
            served = await self._serve(call, matcher, decision, entry)
            if served is not None:
                if decision.audit:
                    self._shadow(call, proceed, matcher, decision, entry)
                return served[0]
        keep = _Keep(self, call, matcher, place, vector, decision, entry, len(call.journal.facts), ticket)
        response = await proceed(call)
        if isinstance_stream(response):
            return recorded(response, keep.stream, self.copy)
        await keep.whole(response)
        return response

    # ------------------------------------------------------------------ finding

    async def _vector(self, call: Call, matcher: Matcher, text: str) -> Any:
        """Embed the question; what cannot be embedded is a miss."""
        try:
            return await matcher.embed(text)
        except (EmbeddingError, Exception) as error:
            self._fault(call, "embed", error)
            return None

    async def _decide(self, matcher: Matcher, place: Place, vector: Any, *, serve: bool) -> tuple[Decision, Any]:
        look = partial(self._look, matcher, place, vector, serve, asyncio.get_running_loop())
        try:
            decision, entry = await matcher.look(look)
        except Exception as error:  # a fault of the cache is a miss
            _log.warning("frugal: the semantic cache failed (%s: %s); the model is asked", type(error).__name__, error)
            return Decision("miss", "fault"), None
        return decision, entry

    def _look(
        self, matcher: Matcher, place: Place, vector: Any, serve: bool, loop: asyncio.AbstractEventLoop
    ) -> tuple[Decision, Any]:
        """Look for an entry, also among what other processes have added meanwhile; called in a thread."""
        matcher.prepare()
        found = self._seek(matcher, place, vector, serve, loop)
        if found[0].action == "miss" and serve and matcher.refreshed():
            return self._seek(matcher, place, vector, serve, loop)
        return found

    def _seek(
        self, matcher: Matcher, place: Place, vector: Any, serve: bool, loop: asyncio.AbstractEventLoop
    ) -> tuple[Decision, Any]:
        near = matcher.collection.near(place.partition, vector, NEIGHBOURS)
        refuse = None if matcher.refuse is None else partial(_refused, matcher, place.text, loop)
        with matcher.lock:  # a policy is one state machine, asked from many threads
            decision = matcher.policy.decide([Neighbour(*one) for one in near], refuse, serve=serve)
        entry = None if decision.entry is None else matcher.collection.fetch(decision.entry)
        return decision, entry

    async def _serve(self, call: Call, matcher: Matcher, decision: Decision, entry: Any) -> tuple[Any] | None:
        """Return the entry's answer, as this caller's own; `None` when its row is damaged."""
        try:
            if len(entry.answer) > LARGE:
                kept = await in_thread(matcher.codec.loads, entry.answer)
            else:
                kept = matcher.codec.loads(entry.answer)
            value, streamed, pico, usage, model, source = kept
        except Exception as error:
            self._fault(call, "decode", error)
            await matcher.run(matcher.collection.remove, entry.id)
            return None
        matcher.collection.touch(entry.id)
        saved = Saved("semantic", Money(pico), Usage(*usage), model, source, decision.similarity)
        call.journal.add(saved)
        return (replayed(value) if streamed else value,)

    # ------------------------------------------------------------------ checking hits behind the caller

    def _shadow(self, call: Call, proceed: Proceed, matcher: Matcher, decision: Decision, entry: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._ask_again(call, proceed, matcher, decision, entry))
        self.shadows.add(task)
        task.add_done_callback(self.shadows.discard)

    async def _ask_again(self, call: Call, proceed: Proceed, matcher: Matcher, decision: Decision, entry: Any) -> None:
        """Ask the model what it would have said; under the budgets, on a record of its own."""
        shadow = replace(call, id=new_id(), journal=Journal(), holds=(), covers=())
        error: BaseException | None = None
        try:
            response = await compose(self.around, proceed)(shadow)
            if isinstance_stream(response):
                chunks = [chunk async for chunk in response]
                if is_whole(shadow, 0, self.ports.reader, None, chunks):
                    await self._judge(matcher, decision, entry, chunks)
            elif is_whole(shadow, 0, self.ports.reader, response):
                await self._judge(matcher, decision, entry, response)
        except Exception as failure:  # a check that fails says nothing of the hit
            error = failure
            _log.debug("frugal: a shadow check of %s failed", call.function, exc_info=True)
        except BaseException as failure:
            error = failure
            raise
        finally:
            facts = shadow.journal.facts
            facts[:] = [
                replace(fact, outcome="shadow") if type(fact) is Spent and fact.outcome == "provider" else fact
                for fact in facts
            ]
            # Also where one budget held and another refused: what is held must be let go.
            if call.plan.meter is not None and any(type(fact) in {Spent, Held} for fact in facts):
                call.plan.meter.commit(shadow, error)

    async def _judge(self, matcher: Matcher, decision: Decision, entry: Any, value: Any) -> None:
        """Tell the policy whether the entry's answer equals the model's."""
        named = matcher.classify(value, [entry])
        if inspect.isawaitable(named):
            named = await named
        await matcher.run(partial(matcher.learn, decision, right=named == entry.answer_class))

    # ------------------------------------------------------------------ the rest

    def _fault(self, call: Call, operation: str, error: Exception) -> None:
        kind = f"{operation} {type(error).__name__}"
        if kind not in self.told:
            self.told.add(kind)
            _log.warning("frugal: semantic cache of %s, %s: %s; it is a miss", call.function, operation, error)
        meter = call.plan.meter
        if meter is not None:
            meter.telemetry.event(
                call.span, "frugal.cache.fault", {"layer": "semantic", "operation": operation, "error": kind}
            )

    async def drop(self, call: Call) -> bool:
        """Drop the entry of this very question."""
        matcher = self.matcher(call)
        place = matcher.place(call)
        if inspect.isawaitable(place):
            place = await place
        vector = None if place is None else await self._vector(call, matcher, place.text)
        if place is None or vector is None:
            return False

        def remove() -> bool:
            matcher.prepare()
            near = matcher.collection.near(place.partition, vector, NEIGHBOURS)
            entries = [matcher.collection.fetch(one.id) for one in near]
            same = [entry for entry in entries if entry is not None and entry.text == place.text]
            for entry in same:
                matcher.collection.remove(entry.id)
            return bool(same)

        # An answer that is under way is not kept either; a caller that is cancelled now has dropped it all the same.
        matcher.drops.begin(_dropped(place))
        removing = asyncio.ensure_future(matcher.run(remove))
        removing.add_done_callback(partial(_ended, matcher.drops, _dropped(place)))
        return bool(await asyncio.shield(removing))

    async def foresee(self, dry: Any) -> None:
        """Say what is nearest."""
        matcher = self.matcher(dry.call)
        place = matcher.place(dry.call)
        if inspect.isawaitable(place):
            place = await place
        if place is None:
            dry.say(self.words, "would not match: there is no last user turn to match by meaning")
            return
        vector = await self._vector(dry.call, matcher, place.text)
        await matcher.run(matcher.prepare)
        near = [] if vector is None else matcher.collection.near(place.partition, vector, 1)
        told = f"nearest entry at {near[0].similarity:.3f}" if near else "nothing near"
        dry.say(self.words, f"would search partition {place.partition[:12]}: {told}")

    def __repr__(self) -> str:
        return self.words


def _dropped(place: Place) -> str:
    """Return the key under which a question is dropped."""
    return f"{place.partition}\n{place.text}"


def _ended(drops: Drops, key: str, _: asyncio.Future[Any]) -> None:
    drops.end(key)


def _refused(matcher: Matcher, text: str, loop: asyncio.AbstractEventLoop, id: int) -> str | None:
    """Name why an entry must not answer a text; called in a thread."""
    entry = matcher.collection.fetch(id)
    if entry is None:
        return "gone"
    assert matcher.refuse is not None  # noqa: S101 checked by the caller
    rule: Any = matcher.refuse(text, entry.text)
    if inspect.isawaitable(rule):
        rule = asyncio.run_coroutine_threadsafe(_awaited(rule), loop).result()
    return None if rule is None else str(rule)


async def _awaited(answer: Any) -> Any:
    return await answer


@dataclass(frozen=True, slots=True)
class _Keep:
    """Keep one call's answer, and learn from it what the cache would have said."""

    ring: SemanticCached
    call: Call
    matcher: Matcher
    place: Place
    vector: Any
    decision: Decision
    entry: Any
    before: int
    ticket: int

    async def whole(self, response: Any) -> None:
        """Keep a plain answer."""
        if is_whole(self.call, self.before, self.ring.ports.reader, response):
            await self._put(response, streamed=False)

    async def stream(self, chunks: list[Any]) -> None:
        """Keep a stream that was read to its end."""
        if is_whole(self.call, self.before, self.ring.ports.reader, None, chunks):
            await self._put(chunks, streamed=True)

    async def _put(self, value: Any, *, streamed: bool) -> None:
        matcher = self.matcher
        cost = paid(self.call, self.before)
        try:
            near = [self.entry] if self.entry is not None else []
            named = matcher.classify(value, near)
            if inspect.isawaitable(named):
                named = await named
            if self.decision.action == "explore" and self.entry is not None:
                await matcher.run(partial(matcher.learn, self.decision, right=named == self.entry.answer_class))
            kept = (value, streamed, cost.pico, tuple(cost.usage), cost.model, cost.source)
            await matcher.run(self._add, kept, named, cost)
        except Exception as error:
            self.ring._fault(self.call, "keep", error)  # noqa: SLF001 the other half of the ring

    def _add(self, kept: tuple[Any, ...], named: str, cost: Any) -> None:
        if self.matcher.drops.void(_dropped(self.place), self.ticket):
            return
        added = self.matcher.collection.add(
            self.place.partition,
            self.place.text,
            self.vector,
            answer=self.matcher.codec.dumps(kept),
            answer_class=named,
            ttl=self.matcher.ttl,
            user=self.call.user,
            source=cost.source,
            saved=cost.pico,
        )
        if self.matcher.drops.void(_dropped(self.place), self.ticket):  # meanwhile, by a loop in another thread
            self.matcher.collection.remove(added)
