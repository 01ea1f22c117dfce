"""The door of a stack: the decorated function that the requests of a log are asked of.

Law: the function is a new one for each name in the log, as each function in production has rings of its own, and it
bears that name, so that budgets and records by function are what they are in production.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from frugal._core.pipeline import plan_of
from frugal._middleware.batched import Batched
from frugal._middleware.semantic_cached import SemanticCached
from frugal.decorators.metering import metered
from frugal.insight.backtesting.judging import matches
from frugal.insight.backtesting.logged import Logged
from frugal.insight.backtesting.playing import Playing
from frugal.insight.backtesting.provider import content_of, item_key
from frugal.insight.backtesting.stage import Stage

__all__ = ["Door"]


class Door:
    """The decorated function that requests of one name go through.

    Args:
        name: the function's whole name in the log.
        stack: what decorates it.
        stage: what it finds around it.
    """

    def __init__(self, name: str, stack: Callable[[Any], Any], stage: Stage) -> None:
        self._provider = stage.provider
        self._rings = stage.rings
        before = len(stage.rings)
        self.function = self._decorated(_single(stage), name, stack)
        plan = plan_of(self.function)
        self.batched = plan is not None and any(isinstance(ring, Batched) for ring in plan.stack)
        if self.batched:
            del stage.rings[before:]
            self.function = self._decorated(_many(stage), name, stack)
            plan = plan_of(self.function)
        assert plan is not None  # noqa: S101 it is metered
        stage.rings += [ring for ring in plan.stack if isinstance(ring, Batched)]
        self.name = plan.function.name
        self._model = plan.model_argument
        self._by_meaning = any(isinstance(ring, SemanticCached) for ring in stage.rings)

    @staticmethod
    def _decorated(function: Any, name: str, stack: Callable[[Any], Any]) -> Any:
        module, _, rest = name.rpartition(".")
        function.__module__, function.__qualname__, function.__name__ = module or "log", rest, rest
        try:
            made = stack(function)
            if not callable(made):
                raise TypeError(f"{stack!r} made {made!r:.60} of a function, and a decorator returns a function")
        except Exception as error:
            error.add_note("This was as the stack was put on a function.")
            raise
        plan = plan_of(made)
        # What no decorator meters is metered here: a mark, whose place cannot matter.
        return made if plan is not None and plan.meter is not None else metered(made)

    async def ask(self, now: Playing) -> None:
        """Make one request, and wait for the whole of its answer."""
        logged = now.logged
        content = content_of(logged, now.number)
        given = {str(name): value for name, value in logged.parameters.items() if name not in _TAKEN}
        given[self._model] = logged.model
        if self.batched:
            key = item_key(content)
            self._provider.waiting.setdefault(key, []).append(now)
            try:
                await self.function(key, **given)
            finally:
                self._provider.waiting[key].remove(now)
                if not self._provider.waiting[key]:
                    del self._provider.waiting[key]
            return
        if logged.max_tokens is not None:
            given["max_tokens"] = logged.max_tokens
        if logged.stream:
            given["stream"] = True
        messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
        answer = await self.function(messages, **given)
        if logged.stream:
            async for _ in answer:
                pass

    def bypassed(self, logged: Logged) -> tuple[str, ...]:
        """Return the rings that cannot be asked for a request."""
        if not logged.is_known:
            return ("cached", "deduplicated", "semantic_cached")
        return () if not self._by_meaning or matches(self._rings, logged) else ("semantic_cached",)


_TAKEN = frozenset({"messages", "items", "max_tokens", "stream", "model"})


def _single(stage: Stage) -> Any:
    async def ask(
        messages: list[Any],  # noqa: ARG001 what rings read, and a provider that only plays has no use for
        *,
        model: str = "",
        max_tokens: int | None = None,  # noqa: ARG001 likewise
        stream: bool = False,
        **parameters: Any,
    ) -> Any:
        return await stage.provider.answer(_asked(model, parameters), stream)

    return ask


def _many(stage: Stage) -> Any:
    async def ask(items: list[Any], *, model: str = "", **parameters: Any) -> list[Any]:
        return await stage.provider.answer_many(items, _asked(model, parameters))

    return ask


def _asked(model: str, parameters: Mapping[str, Any]) -> str:
    """Return the model asked for, where a router fills an argument of another name."""
    if model:
        return model
    return next((value for value in parameters.values() if isinstance(value, str)), "")
