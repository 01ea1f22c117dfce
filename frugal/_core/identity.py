"""What a function is, to a cache: its name, where it stands, and what it carries with it.

Law: two functions that can answer one request differently are two functions, however alike their names. A name is not
enough: a factory makes many functions of one name round different prompts, a method is bound to an object with a prompt
of its own, a partial has its first arguments already, and every script's module is `__main__`. A client has no
canonical form, but it asks somebody on somebody's account (`_core/account.py`), and that counts. Two things tell
nothing apart: what else has no form (a lock), since it is another one in every process; and what the function itself
changes (a counter), since it is its state. Code counts only where it is typed in, in a notebook, since there it is
typed again; elsewhere, answers outlive a change of their function's code, until their time is over.
"""

from __future__ import annotations

import dis
import inspect
import sys
import types
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from frugal._core.account import account_of
from frugal._values.canonical import Unkeyable, canonical
from frugal._values.canonical.named import code_form
from frugal._values.key import digest

__all__ = ["identity_of"]

_DEPTH = 16
"""Decorators and partials, one within another."""

_CHANGING = frozenset(
    "add append appendleft clear discard extend insert pop popitem popleft remove setdefault update".split()
)
_LOADS = frozenset({"LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_ATTR", "LOAD_FROM_DICT_OR_DEREF"})
_STORES = frozenset({"STORE_DEREF", "DELETE_DEREF", "STORE_ATTR", "DELETE_ATTR"})
_PUTS = frozenset({"STORE_SUBSCR", "DELETE_SUBSCR", "STORE_ATTR", "DELETE_ATTR"})
_MAKERS = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__"})


def identity_of(function: Any, name: str, *, by_code: bool = False) -> str:
    """Return what tells a function from all others, in this process and the next.

    Args:
        function: the undecorated function, method, partial or callable object.
        name: its module and qualified name.
        by_code: whether its code counts wherever it stands.

    >>> def about(topic):
    ...     async def ask(question): return f"{topic}: {question}"
    ...     return ask
    >>> identity_of(about("cats"), "app.ask") == identity_of(about("cats"), "app.ask")
    True
    >>> identity_of(about("cats"), "app.ask") == identity_of(about("dogs"), "app.ask")
    False
    """
    typed_in = hasattr(sys, "ps1")
    forms = (_form(part) for part in _parts(function, by_code or typed_in))
    return f"{name} {digest(_script(name), *(form for form in forms if form is not None))}"


def _script(name: str) -> bytes:
    """Return the file of a script, all of whose functions are in `__main__`."""
    place = getattr(sys.modules.get("__main__"), "__file__", None) if name.startswith("__main__.") else None
    return str(Path(place).absolute()).encode("utf-8", "surrogateescape") if place else b""


def _parts(function: Any, by_code: bool) -> Iterator[object]:
    """Give what a function carries, from the outside inwards."""
    for _ in range(_DEPTH):
        if isinstance(function, partial):
            given = [*enumerate(function.args), *function.keywords.items()]
            yield "given", [(name, value) for name, value in given if _form(value) is not None]
            function = function.func
            continue
        if inspect.ismethod(function):
            yield "of", _carried(function.__self__)
            function = function.__func__
            continue
        code = getattr(function, "__code__", None)
        if isinstance(code, types.CodeType):
            changed = _changed(code)
            yield "around", _kept(_cells(function, code), changed)
            accounts = {name: found for name, value in _globals(function, code)
                        if name not in changed and (found := account_of(value)) is not None}  # fmt: skip
            if accounts:
                yield "on account of", accounts
            if by_code:
                yield "code", code_form(code)
        elif not isinstance(function, (staticmethod, classmethod)) and not inspect.isroutine(function):
            yield "of", _carried(function)
        function = getattr(function, "__wrapped__", None)
        if function is None:
            return


def _carried(value: Any) -> object:
    """Return what an object that is called, or whose method is, carries."""
    if isinstance(value, type) or _form(value) is not None:
        return value
    changed: set[str] = set()
    for kind in type(value).__mro__[:-1]:
        for name, member in vars(kind).items():
            code = getattr(member, "__code__", None)
            if name not in _MAKERS and isinstance(code, types.CodeType):
                changed |= _changed(code)
    named = f"{type(value).__module__}.{type(value).__qualname__}"
    return named, _kept(getattr(value, "__dict__", {}).items(), changed)


def _cells(function: Any, code: types.CodeType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=False):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not bound yet
            continue


def _globals(function: Any, code: types.CodeType) -> Iterator[tuple[str, Any]]:
    """Give the variables of its module that a function's code names."""
    around = getattr(function, "__globals__", {})
    for name in code.co_names:
        if name in around:
            yield name, around[name]
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _globals(function, constant)


def _kept(values: Iterable[tuple[str, Any]], changed: set[str] | frozenset[str]) -> dict[str, object]:
    """Return those values that tell functions apart."""
    kept: dict[str, object] = {}
    for name, value in values:
        if name in changed:
            continue
        if _form(value) is not None:
            kept[name] = value
        elif (account := account_of(value)) is not None:
            kept[name] = account
    return kept


def _form(value: object) -> bytes | None:
    try:
        return canonical(value)
    except Unkeyable:
        return None


@lru_cache(maxsize=1024)
def _changed(code: types.CodeType) -> frozenset[str]:
    """Return the names of variables around a function, and of attributes, that its code changes."""
    changed: set[str] = set()
    loaded: list[tuple[str, tuple[int | None, int | None]]] = []
    put: set[tuple[int | None, int | None]] = set()
    last = ""
    for step in dis.get_instructions(code):
        place = (step.positions.lineno, step.positions.col_offset) if step.positions is not None else (None, None)
        if step.opname in _STORES:
            changed.add(step.argval)
        if step.opname in _PUTS:  # `it[key] = …` begins where `it` does
            put.add(place)
        if step.opname in {"LOAD_METHOD", "LOAD_ATTR"} and step.argval in _CHANGING:
            changed.add(last)
        last = step.argval if step.opname in _LOADS else ""
        if last:
            loaded.append((last, place))
    changed.update(name for name, place in loaded if place in put)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            changed |= _changed(constant)
    return frozenset(changed)
