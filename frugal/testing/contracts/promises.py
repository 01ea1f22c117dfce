"""Contracts: what an adapter promises, as tests that whoever writes one inherits.

Law: a contract is a class whose methods `test_…` are promises, each with an adapter of its own, a clock that only moves
when told and an empty directory. They need no test runner and import none: pytest collects a subclass whose name begins
with `Test`, and `hold()` runs the same promises anywhere.
"""

from __future__ import annotations

import asyncio
import inspect
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from frugal.testing.clock import FakeClock, virtual

__all__ = ["Contract", "affirm", "expect", "promise"]


class Contract:
    """Hold an adapter to what its port promises; subclasses are the contracts, and theirs are the tests.

    A subclass of a contract says how its adapter is made:

    >>> from frugal.testing import StoreContract
    >>> class NoStore:
    ...     def get(self, key): return None
    ...     def set(self, key, value, expires, tag=None): pass
    ...     def delete(self, key): return False
    ...     def clear(self, tag=None): return 0
    >>> class TestNoStore(StoreContract):
    ...     def make(self, clock, directory): return NoStore()
    >>> "test_what_was_set_is_there" in TestNoStore.broken()
    True
    """

    def make(self, clock: FakeClock, directory: Path) -> Any:
        """Return a new adapter.

        Args:
            clock: the time; it only moves when the contract moves it, and is the ambient clock as well.
            directory: an empty directory, for those that keep something on disk; the same one within a promise.
        """
        raise NotImplementedError(f"{type(self).__name__}.make(clock, directory) must return a new adapter.")

    def close(self, adapter: Any) -> None:
        """Let go of an adapter: by its own `close` or `aclose`, where it has one."""
        for name in ("close", "aclose"):
            method = getattr(adapter, name, None)
            if method is not None:
                closed = method()
                if inspect.iscoroutine(closed):
                    _run(closed)
                return

    # ------------------------------------------------------------------ without a test runner

    @classmethod
    def promises(cls) -> dict[str, str]:
        """Return what is promised, in words, by the name of the test."""
        names = [name for name in dir(cls) if name.startswith("test_")]
        return {name: (inspect.getdoc(getattr(cls, name)) or name).partition("\n")[0] for name in names}

    @classmethod
    def broken(cls) -> dict[str, BaseException]:
        """Return the error of each promise that is not kept, by the name of the test."""
        found: dict[str, BaseException] = {}
        for name in cls.promises():
            try:
                getattr(cls(), name)()
            except Exception as error:
                found[name] = error
        return found

    @classmethod
    def hold(cls) -> None:
        """Try every promise.

        Raises:
            AssertionError: some are not kept; the message says which and why.
        """
        broken = cls.broken()
        if not broken:
            return
        words = cls.promises()
        lines = [f"  {words[name]} ({name}): {type(error).__name__}: {error}" for name, error in broken.items()]
        raise AssertionError(
            f"{cls.__name__}: {len(broken)} of {len(words)} promises are not kept:\n" + "\n".join(lines)
        ) from next(iter(broken.values()))

    @contextmanager
    def _made(self) -> Iterator[tuple[Any, FakeClock, Path]]:
        # Windows cannot remove what a slow closing still has open, and nothing is promised of that.
        with tempfile.TemporaryDirectory(prefix="frugal-contract-", ignore_cleanup_errors=True) as name:
            clock = FakeClock()
            with virtual(clock):
                adapter = self.make(clock, Path(name))
                try:
                    yield adapter, clock, Path(name)
                finally:
                    self.close(adapter)


def promise(function: Callable[..., Any]) -> Callable[[Any], None]:
    """Turn a method into a promise: it is given a new adapter, and the clock and the directory if it names them."""
    wanted = [name for name in inspect.signature(function).parameters if name in {"clock", "directory"}]

    def kept(self: Contract) -> None:
        with self._made() as (adapter, clock, directory):
            given = {"clock": clock, "directory": directory}
            result = function(self, adapter, **{name: given[name] for name in wanted})
            if inspect.iscoroutine(result):
                _run(result)

    # Not functools.wraps: a test runner would follow it to the arguments, and look for fixtures of those names.
    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(kept, name, getattr(function, name))
    return kept


def expect(expected: object, found: object, why: str) -> None:
    """Say that two values are equal.

    Raises:
        AssertionError: they are not.
    """
    if not (found == expected):
        raise AssertionError(f"{why}: expected {_short(expected)}, found {_short(found)}")


def affirm(found: object, why: str) -> None:
    """Say that something is so.

    Raises:
        AssertionError: it is not.
    """
    if not found:
        raise AssertionError(f"{why}: found {_short(found)}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end on a loop of its own, also where one is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
