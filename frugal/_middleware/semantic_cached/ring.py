"""The ring: look for an entry, serve it or go on inwards, and check some hits behind the caller."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from frugal._core.ambient import bypassed
from frugal._core.answers import is_whole, recorded, replayed
from frugal._core.call import Call
from frugal._core.journal import Journal
from frugal._core.meter import Ports
from frugal._core.names import new_id
from frugal._core.plan import isinstance_stream
from frugal._core.ring import Proceed, compose
from frugal._mechanisms.nearest import NEIGHBOURS, Decision
from frugal._mechanisms.tiers.drops import Drops
from frugal._mechanisms.tiers.layer import LARGE
from frugal._middleware.semantic_cached.keeping import Keep
from frugal._middleware.semantic_cached.matcher import Found, Matcher, Place
from frugal._values.facts import Held, Saved, Spent
from frugal._values.money import Money
from frugal._values.threads import in_thread
from frugal._values.usage import Usage
from frugal.errors import EmbeddingError

__all__ = ["SemanticCached"]

_log = logging.getLogger("frugal")


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
            found = self.made.setdefault(call.function, self.make(call))  # two loops may come at once
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
        found = await self._find(matcher, place, vector, serve=bypass is None)
        decision, entry, _ = found
        if decision.action == "hit" and entry is not None:
            served = await self._serve(call, matcher, decision, entry)
            if served is not None:
                if decision.audit:
                    self._shadow(call, proceed, matcher, decision, entry)
                return served[0]
        keep = Keep(call, matcher, place, vector, found, len(call.journal.facts), ticket, self)
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
            self.fault(call, "embed", error)
            return None

    async def _find(self, matcher: Matcher, place: Place, vector: Any, *, serve: bool) -> Found:
        try:
            return await matcher.find(place, vector, serve=serve)
        except Exception as error:  # a fault of the cache is a miss
            _log.warning("frugal: the semantic cache failed (%s: %s); the model is asked", type(error).__name__, error)
            return Found(Decision("miss", "fault"))

    async def _serve(self, call: Call, matcher: Matcher, decision: Decision, entry: Any) -> tuple[Any] | None:
        """Return the entry's answer, as this caller's own; `None` when its row is damaged."""
        try:
            if len(entry.answer) > LARGE:
                kept = await in_thread(matcher.codec.loads, entry.answer)
            else:
                kept = matcher.codec.loads(entry.answer)
            value, streamed, pico, usage, model, source = kept
        except Exception as error:
            self.fault(call, "decode", error)
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

    def fault(self, call: Call, operation: str, error: Exception, /) -> None:
        """Say once of each kind what went wrong; it is a miss."""
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
        matcher.drops.begin(place.name)
        removing = asyncio.ensure_future(matcher.run(remove))
        removing.add_done_callback(partial(_ended, matcher.drops, place.name))
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


def _ended(drops: Drops, key: str, _: asyncio.Future[Any]) -> None:
    drops.end(key)
