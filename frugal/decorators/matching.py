"""`semantic_cached`: pay once for questions that mean the same."""

from __future__ import annotations

import inspect
import logging
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, overload

from frugal._core.call import Call
from frugal._core.identity import identity_of
from frugal._core.rehearsal import Rehearsal, rehearsal
from frugal._middleware.semantic_cached import Matcher, SemanticCached
from frugal._values.budget import check_per
from frugal._values.clock import SystemClock, clock
from frugal._values.folding import answer_class
from frugal._values.key import digest
from frugal._values.query import ASKED
from frugal._values.spelling import NONE, spelt
from frugal._values.threads import in_thread
from frugal.decorators.caching import Seconds, home, seconds
from frugal.decorators.forgetting import clear_user, remember
from frugal.decorators.placing import place
from frugal.decorators.wiring import Decorator, decorate, embedder_of, ports
from frugal.errors import MissingExtraError

__all__ = ["semantic_cached"]

_log = logging.getLogger("frugal")

F = TypeVar("F", bound=Callable[..., Any])

_BATCH, _WAIT = 64, 0.001
"""Texts that a user's embedder is given at once, and seconds that the first of them waits for company."""


@overload
def semantic_cached(function: F, /) -> F: ...


@overload
def semantic_cached(
    *,
    threshold: float | None = None,
    max_error_rate: float | None = None,
    embed: Any = None,
    query: Callable[[Call], Any] | None = None,
    per: str | None = "user",
    veto: bool | Callable[[str, str], bool] = True,
    ttl: Seconds | None = None,
    max_items: int = 10_000,
    index: str | Callable[[], Any] = "auto",
    directory: str | os.PathLike[str] | None = None,
    equivalent: Callable[[Any, Any], Any] | None = None,
    copy: bool = True,
) -> Decorator: ...


def semantic_cached(
    function: Any = None,
    /,
    *,
    threshold: float | None = None,
    max_error_rate: float | None = None,
    embed: Any = None,
    query: Callable[[Call], Any] | None = None,
    per: str | None = "user",
    veto: bool | Callable[[str, str], bool] = True,
    ttl: Seconds | None = None,
    max_items: int = 10_000,
    index: str | Callable[[], Any] = "auto",
    directory: str | os.PathLike[str] | None = None,
    equivalent: Callable[[Any, Any], Any] | None = None,
    copy: bool = True,
) -> Any:
    """Answer a question from the answer to one that means the same.

    Only the last user turn is matched by meaning. Everything else that the function receives must be equal, and with
    `per="user"` so must the user.

    Args:
        function: the async function, when used bare.
        threshold: the least cosine similarity of a hit; 0.95 when neither this nor `max_error_rate` is given.
        max_error_rate: in its place, the share of hits that may be wrong: the cache learns from your traffic when a hit
            is right, asks the model while it is unsure, and serves only while the measured share is below this, with
            95 % confidence.
        embed: a function of a list of texts to vectors, sync or async; WordLlama (`frugal[semantic]`) when `None`.
        query: a function of the call to the text that is matched, or `None` to leave the call alone.
        per: keep apart each `"user"`, `"model"`, `"function"` or `"tag:<name>"`; `None` to share among all.
        veto: refuse texts that differ in numbers, dates, negation, names and the like; or a function of two texts that
            says whether to refuse; or false.
        ttl: seconds that an entry lives; for ever when `None`.
        max_items: entries at the most; the least recently used goes first.
        index: `"auto"`, `"exact"` (NumPy), `"ann"` (`frugal[ann]`), or a function that makes an `Index`.
        directory: where entries are kept; `semantic` in frugal's home when `None`.
        equivalent: says of two answers whether they are equal, for `max_error_rate`; by default equal up to Unicode,
            case and white space, numbers and JSON by value.
        copy: keep a copy of what streams, as it passes.

    Returns:
        The function, or a decorator.

    Raises:
        TypeError: both `threshold` and `max_error_rate` are given, or an argument is not what it should be.
        ValueError: an argument is out of its range.
        MissingExtraError: no `embed` is given and WordLlama is not installed, or `index` is `"ann"` and usearch is not.

    >>> import asyncio
    >>> from frugal import semantic_cached
    >>> asked = []
    >>> def embed(texts):  # where WordLlama stands by default
    ...     return [[float("capital" in text), 1.0] for text in texts]
    >>> @semantic_cached(threshold=0.95, embed=embed)
    ... async def ask(prompt):
    ...     asked.append(prompt)
    ...     return "Paris"
    >>> async def main():
    ...     return await ask("the capital of france"), await ask("france has which capital")
    >>> asyncio.run(main()), len(asked)
    (('Paris', 'Paris'), 1)
    """
    if threshold is not None and max_error_rate is not None:
        raise TypeError("semantic_cached() takes threshold= or max_error_rate=, not both.")
    for name, value in (("query", query), ("equivalent", equivalent)):
        if value is not None and not callable(value):
            raise TypeError(f"{name}={value!r}: give a function.")
    if not isinstance(veto, bool) and not callable(veto):
        raise TypeError(f"veto={veto!r}: give True, False, or a function of two texts.")
    if isinstance(max_items, bool) or not isinstance(max_items, int) or max_items < 1:
        raise ValueError(f"max_items={max_items!r}: give a whole number of entries, 1 or more.")
    check_per(per)
    lives = seconds("ttl", ttl)
    made_index = _index(index)
    policy_of = _policy(threshold, max_error_rate)
    policy_of()  # finds what is wrong with the figures now
    embedder = embedder_of(embed)
    said = spelt(
        "semantic_cached",
        threshold=None if max_error_rate is not None else 0.95 if threshold is None else threshold,
        max_error_rate=max_error_rate,
        embed=embed,
        query=query,
        per=None if per == "user" else NONE if per is None else per,
        veto=None if veto is True else veto,
        ttl=lives,
        directory=None if directory is None else os.fspath(directory),
        equivalent=equivalent,
    )

    def make() -> SemanticCached:
        from frugal.stores import copy_of  # noqa: PLC0415 the codec is heavy

        around = rehearsal.get()

        def build(call: Call) -> Matcher:
            where = Path(directory).expanduser() if directory is not None else home("semantic")
            if query is None:
                _see_a_question(call)
            return _matcher(call, where, policy_of(), embedder, embed, query, per, veto, lives, max_items,
                            made_index, equivalent, around)  # fmt: skip

        return SemanticCached(build, ports(), said, copy_of if copy else None)

    return decorate(function, make, said)


def _see_a_question(call: Call) -> None:
    """Say once of a function that it has nothing to be matched by: each of its calls would be a miss, silently."""
    if not any(call.plan.function.accepts(name) for name in ASKED):
        *first, last = ASKED
        _log.warning(
            "frugal: %s has no argument %s or %s, so semantic_cached finds no question in it and never answers. "
            "Name the argument so, or give query= a function of the call.",
            call.function, ", ".join(first), last,
        )  # fmt: skip


def _policy(threshold: float | None, max_error_rate: float | None) -> Callable[[], Any]:
    from frugal._mechanisms.nearest import Fixed, Verified  # noqa: PLC0415

    for name, value in (("threshold", threshold), ("max_error_rate", max_error_rate)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise TypeError(f"{name}={value!r}: give a number.")
    if max_error_rate is not None:
        return lambda: Verified(max_error_rate)
    return lambda: Fixed(0.95 if threshold is None else threshold)


def _index(index: str | Callable[[], Any]) -> Callable[[], Any]:
    from frugal.indexes import AutoIndex, ExactIndex, GraphIndex  # noqa: PLC0415 numpy is heavy

    if callable(index):
        return index
    kinds: dict[str, Any] = {"auto": AutoIndex, "exact": ExactIndex, "ann": GraphIndex}
    if index not in kinds:
        raise ValueError(f"index={index!r}: it is one of {', '.join(kinds)}, or a function that makes an Index.")
    if index == "ann" and not GraphIndex.available():
        raise MissingExtraError("index='ann' (usearch)", "ann")
    made: Callable[[], Any] = kinds[index]
    return made


def _matcher(
    call: Call, where: Path, policy: Any, embedder: Any, embed: Any, query: Any, per: str | None, veto: Any,
    ttl: float | None, max_items: int, index: Callable[[], Any], equivalent: Any, around: Rehearsal | None,
) -> Matcher:  # fmt: skip
    """Make what the ring of one function works with, at its first call."""
    from frugal._mechanisms.veto import veto as rules  # noqa: PLC0415
    from frugal.decorators.caching import _codec  # noqa: PLC0415
    from frugal.indexes import Collection  # noqa: PLC0415
    from frugal.stores import DiskRows  # noqa: PLC0415

    name = digest(call.function.encode())[:16]
    identity = digest(_told_apart(embedder, embed).encode())[:16]
    if around is not None:
        collection = Collection(name, identity, rows=around.rows(where), max_items=max_items, index=index)
    else:
        rows = DiskRows(where)
        collection = Collection(name, identity, rows=rows, max_items=max_items, index=index)
        # What is in memory first; the rows then go with all others of that directory, of whatever function.
        remember(collection, Collection.clear, None)
        remember(rows.store, clear_user, rows.store.directory)
    keeper = _Keeper(collection, policy, where, call.function)
    if veto is True:
        refuse: Any = rules
    else:
        refuse = None if veto is False else partial(_refuse, veto)
    codec = _codec(call)
    return Matcher(
        collection=collection,
        policy=policy,
        codec=codec,
        embed=_embedding(embedder, batched=embed is not None),
        place=lambda call: place(call, query, per),
        refuse=refuse,
        classify=_classify(equivalent, codec),
        compares=equivalent is not None,
        ttl=ttl,
        prepare=keeper.prepare,
        ready=keeper.ready,
        due=keeper.due,
        refresh=keeper.refresh,
        learned=keeper.learned,
        foreign=not isinstance(veto, bool),
        waits=not isinstance(veto, bool) and _is_async(veto),
    )


def _told_apart(embedder: Any, embed: Any) -> str:
    """Name an embedder so that another one's vectors are never compared with its own.

    A function's name is not enough: the model that it asks for stands in its code or around it. Nor is its width in the
    name, which it learns with its first call: the next process would look elsewhere.
    """
    from frugal.embedders import FunctionEmbedder  # noqa: PLC0415 numpy is heavy

    if isinstance(embedder, FunctionEmbedder):
        return embedder.name if embedder is embed else identity_of(embed, embedder.name, by_code=True)
    return str(embedder.identity)


def _refuse(veto: Callable[[str, str], Any], a: str, b: str) -> Any:
    """Name the user's veto where it refuses; it may be async."""

    async def later(verdict: Any) -> str | None:
        return "veto" if await verdict else None

    said = veto(a, b)
    return later(said) if inspect.isawaitable(said) else "veto" if said else None


def _is_async(function: Any) -> bool:
    called = getattr(function, "__call__", None)  # noqa: B004 an object may have an async __call__
    return inspect.iscoroutinefunction(inspect.unwrap(function)) or inspect.iscoroutinefunction(called)


class _Keeper:
    """Opens a collection once, looks for what others added, and keeps what the policy learns."""

    def __init__(self, collection: Any, policy: Any, where: Path, function: str) -> None:
        self._function = function
        self._collection = collection
        self._policy = policy
        self._where = where
        self._lock = threading.Lock()
        self._open = False
        self._looked = 0.0
        self._lessons = 0
        self._tending = False
        self._who = os.urandom(8).hex()

    def prepare(self) -> None:
        """Open what is kept; cheap the second time."""
        if self._open:
            return
        with self._lock:
            if not self._open:
                self._collection.open()
                if hasattr(self._policy, "restore_best"):
                    self._policy.restore_best(self._collection.states())
                self._looked = clock.now()
                self._open = True

    def ready(self) -> bool:
        """Say whether what is kept is open."""
        return self._open

    def due(self) -> bool:
        """Say whether it is time to look for what other processes have added: about once a second, and to one asker."""
        now = clock.now()
        with self._lock:
            if now - self._looked < 1:
                return False
            self._looked = now
            return True

    def refresh(self) -> bool:
        """Take in what other processes have added; say whether there was anything."""
        if self._collection.due and not self._tending:
            self._tending = True  # moving a large index takes from seconds to minutes, and nobody may wait for it
            threading.Thread(target=self._tend, daemon=True).start()
        return bool(self._collection.refresh())

    def _tend(self) -> None:
        try:
            self._collection.maintain()
        except Exception:
            _log.warning("a semantic index could not be moved; it answers as before", exc_info=True)
        finally:
            self._tending = False

    def learned(self) -> None:
        """Keep what the policy has learned, now and then."""
        self._lessons += 1
        if (self._lessons == 1 or self._lessons % 8 == 0) and hasattr(self._policy, "restore_best"):
            self._save()

    def _save(self) -> None:
        try:
            self._collection.save(self._who, {**self._policy.state(), "function": self._function})
        except Exception:
            _log.warning("what a semantic cache learned could not be kept in %s", self._where, exc_info=True)


def _embedding(embedder: Any, *, batched: bool) -> Callable[[str], Any]:
    """Return a function that embeds one text; a user's own embedder is given many at once."""
    if not batched:

        async def embed(text: str) -> Any:
            return (await embedder.embed([text]))[0]

        return embed
    from frugal._mechanisms.batch import Batch  # noqa: PLC0415

    async def handle(texts: Sequence[str], _contexts: tuple[Any, ...]) -> Any:
        return list(await embedder.embed(list(texts)))

    # By the machine's clock: where a test's clock stands still, a moment passes all the same.
    return Batch(handle, max_size=_BATCH, max_wait=_WAIT, name=embedder.identity, clock=SystemClock()).submit


def _classify(equivalent: Callable[[Any, Any], Any] | None, codec: Any) -> Callable[[Any, list[Any]], Any]:
    """Return how an answer's class is named."""
    from frugal.providers import text_of  # noqa: PLC0415

    def text(value: Any) -> str | None:
        if isinstance(value, list):  # a stream's chunks
            said = [text_of(chunk) for chunk in value]
            return "".join(part or "" for part in said) if any(said) else None
        return text_of(value)

    def plainly(value: Any, _near: list[Any]) -> str:
        return answer_class(value, text(value))

    if equivalent is None:
        return plainly

    async def by_user(value: Any, near: list[Any]) -> str:
        for entry in near:
            kept = await in_thread(codec.loads, entry.answer)
            same = equivalent(kept[0], value)
            if await same if inspect.isawaitable(same) else same:
                return str(entry.answer_class)
        return plainly(value, near) + os.urandom(4).hex()

    return by_user
