"""The matcher: what the ring of one function works with, and how it finds an entry for a question.

Law: whatever may wait for a disk, a lock, a long comparison or a user's veto is done in a thread. What needs none of
them is done at once, on the loop's own thread, as long as that is short and rare; if it then turns out to need one,
nothing has been changed or counted, and a thread does it over.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from frugal._core.call import Call
from frugal._mechanisms.errands import Errands, each
from frugal._mechanisms.nearest import NEIGHBOURS, Decision, Neighbour
from frugal._mechanisms.tiers.drops import Drops
from frugal._values.threads import in_thread, sealed

__all__ = ["Found", "Matcher", "Place"]

_log = logging.getLogger("frugal")

_READABLE = 1_000
"""Characters of two texts that a veto reads in about a millisecond; longer ones are read in a thread."""


class Place(NamedTuple):
    """Where a question belongs: what is matched by meaning, and the digest of all that must be equal."""

    text: str
    partition: str

    @property
    def name(self) -> str:
        """The key under which it is dropped."""
        return f"{self.partition}\n{self.text}"


class Found(NamedTuple):
    """What is decided of a question.

    Args:
        decision: what to do.
        entry: the entry that it is about, where there is one.
        alike: entries that may be of the very same text; `None` where nobody looked.
    """

    decision: Decision
    entry: Any = None
    alike: Any = None


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
        compares: whether it looks at them, also where none of them may answer.
        ttl: seconds that an entry lives.
        prepare: opens what is kept on disk; called in a thread, and cheap the second time.
        ready: whether it is open.
        due: whether it is time to look for entries of other processes; true about once a second.
        refresh: looks for them, in a thread; says whether there were any.
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
    ready: Callable[[], bool]
    due: Callable[[], bool]
    refresh: Callable[[], bool]
    learned: Callable[[], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    compares: bool = False
    foreign: bool = False
    waits: bool = False
    threads: list[ThreadPoolExecutor] = field(default_factory=list)
    errands: Errands[Callable[[], Any]] = field(default_factory=lambda: Errands(each))
    drops: Drops = field(default_factory=Drops)

    async def run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Call a function that may wait for the disk or take long, in a thread, with the caller's context."""
        return await self.errands.do(partial(copy_context().run, function, *args))

    def learn(self, decision: Decision, *, right: bool) -> None:
        """Tell the policy, and the entry's own record; may wait for the disk."""
        with self.lock:
            self.policy.learn(decision, right=right)
        self.collection.note(decision.entry, right=right)
        self.learned()

    # ------------------------------------------------------------------ finding

    async def find(self, place: Place, vector: Any, *, serve: bool) -> Found:
        """Decide what to do for a question: at once where nothing has to be waited for, else in a thread.

        Args:
            place: the question.
            vector: of its text.
            serve: whether it may be answered.
        """
        seek = partial(self._seek, place, vector, serve=serve)
        refreshing = None
        if serve and self.ready() and self.due():  # beside the lookup: a hit does not wait for it
            self.collection.doubt()
            looking = partial(copy_context().run, self._refreshed)
            refreshing = asyncio.get_running_loop().run_in_executor(None, looking)
        found = await self._sought(seek)
        if refreshing is not None and found.decision.action == "miss" and await refreshing:
            found = await self._sought(seek)
        return found

    async def _sought(self, seek: Callable[..., Found]) -> Found:
        if self.ready():
            with suppress(BlockingIOError):
                return self.errands.here(partial(seek, None))
        look = partial(self._look, seek, asyncio.get_running_loop())
        found: Found = await (self._apart(look) if self.foreign else self.run(look))
        return found

    def _look(self, seek: Callable[..., Found], loop: asyncio.AbstractEventLoop) -> Found:
        """Look for an entry; called in a thread."""
        self.prepare()
        return seek(loop)

    def _refreshed(self) -> bool:
        """Look for what other processes have added; called in a thread, and nobody may wait for it."""
        try:
            return self.refresh()
        except Exception as error:
            _log.warning("frugal: entries of other processes cannot be taken in now: %s", error)
            return False

    async def _apart(self, look: Callable[[], Any]) -> Any:
        """Run a lookup beside others, since a user's veto may take its time over each.

        One that waits for the loop has a thread of its own kind: an async veto may itself want one of the loop's
        threads, while lookups wait for their turn in all of them.
        """
        if not self.waits:
            return await in_thread(look)
        if not self.threads:
            self.threads.append(ThreadPoolExecutor(1, "frugal-veto"))
        return await asyncio.get_running_loop().run_in_executor(self.threads[0], sealed, look)

    def _seek(self, place: Place, vector: Any, loop: asyncio.AbstractEventLoop | None, *, serve: bool) -> Found:
        """Look for an entry.

        Args:
            place: the question.
            vector: of its text.
            loop: where an async veto is asked, from a thread; `None` on the loop's own, where nothing may wait.
            serve: whether it may be answered.

        Raises:
            BlockingIOError: something has to be waited for, and may not.
        """
        wait = loop is not None
        near = self.collection.near(place.partition, vector, NEIGHBOURS, wait=wait)
        refuse = None if self.refuse is None else partial(self._refused, place.text, loop)
        if refuse is None and not wait and near:  # so that nothing is counted twice, should it have to be waited for
            self.collection.fetch(near[0].id, wait=False)
        if not self.lock.acquire(blocking=wait):
            raise BlockingIOError("another thread asks the policy")
        try:  # a policy is one state machine, asked from many threads
            decision = self.policy.decide([Neighbour(*one) for one in near], refuse, serve=serve)
        finally:
            self.lock.release()
        wanted = decision.entry if self.compares or decision.action != "miss" else None
        entry = None if wanted is None else self.collection.fetch(wanted, wait=wait)
        return Found(decision, entry, self.collection.alike(near))

    def _refused(self, text: str, loop: asyncio.AbstractEventLoop | None, id: int) -> str | None:
        """Name why an entry must not answer a text.

        Raises:
            BlockingIOError: as `_seek`.
        """
        entry = self.collection.fetch(id, wait=loop is not None)
        if entry is None:
            return "gone"
        assert self.refuse is not None  # noqa: S101 checked by the caller
        if loop is None and text != entry.text and (self.foreign or len(text) + len(entry.text) > _READABLE):
            raise BlockingIOError("a veto takes its time")
        rule: Any = self.refuse(text, entry.text)
        if inspect.isawaitable(rule):
            assert loop is not None  # noqa: S101 a user's own is asked in a thread
            rule = asyncio.run_coroutine_threadsafe(_awaited(rule), loop).result()
        return None if rule is None else str(rule)


async def _awaited(answer: Any) -> Any:
    return await answer
