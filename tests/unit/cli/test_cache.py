"""`frugal cache stats` and `frugal cache clear`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import diskcache
import pytest

from frugal import Ledger, cached, disk, metered
from frugal._middleware.cached import labels
from frugal.stores import DiskStore


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Return a disk cache with answers of two functions for two users."""
    store = DiskStore(tmp_path / "answers")
    for function in ("app.ask", "app.tell"):
        for user in ("ada", "grace", None):
            store.set(f"{function} {user}", b"answer", None, labels(function, user))
    store.close()
    return tmp_path / "answers"


def kept(place: Path) -> set[str]:
    """Return what is kept there."""
    store = DiskStore(place)
    names = {f"{function} {user}" for function in ("app.ask", "app.tell") for user in ("ada", "grace", None)}
    found = {name for name in names if store.get(name) is not None}
    store.close()
    return found


def test_hits_are_told_by_function_and_layer(frugal: Callable[..., Any], week: Path) -> None:
    """With their share and what they saved, as the ledger has it."""
    document = frugal("cache", "stats", "--json", "--ledger", week).document
    with Ledger(week) as ledger:
        rows = {(row.group["function"], row.group["outcome"]): row for row in ledger.usage(by=("function", "outcome"))}
    hits = 0
    for one in document["functions"]:
        for layer, number in one["hits"].items():
            row = rows.get((one["function"], layer))
            assert number == (row.outcomes[layer] if row else 0)
            hits += number
        assert 0 <= one["hit_rate"] <= 1
    assert hits > 0


@pytest.mark.parametrize(
    ("words", "gone"),
    [
        ([], {"app.ask ada", "app.ask grace", "app.ask None", "app.tell ada", "app.tell grace", "app.tell None"}),
        (["--user", "ada"], {"app.ask ada", "app.tell ada"}),
        (["--function", "app.ask"], {"app.ask ada", "app.ask grace", "app.ask None"}),
        (["--function", "app.ask", "--user", "grace"], {"app.ask grace"}),
        (["--user", "nobody"], set()),
    ],
)
def test_what_is_named_is_cleared_and_nothing_else(
    frugal: Callable[..., Any], answers: Path, words: list[str], gone: set[str]
) -> None:
    """All of it, one function's, one user's, or both."""
    before = kept(answers)
    said = frugal("cache", "clear", *words, "--cache", answers, "--yes", "--json").document
    assert said["removed"] == len(gone)
    assert kept(answers) == before - gone


async def test_what_a_decorated_function_kept_is_found_by_its_default_place(
    frugal: Callable[..., Any], tmp_path: Path
) -> None:
    """`disk` without a directory and `frugal cache clear` without one mean the same place."""
    asked = []

    @metered(ledger=Ledger(tmp_path / "ledger"))
    @cached(layers=[disk])
    async def ask(prompt: str) -> str:
        asked.append(prompt)
        return prompt.upper()

    await ask("hi")
    import asyncio

    for _ in range(200):  # the disk layer is written to from a thread
        said = await asyncio.to_thread(frugal, "cache", "clear", "--yes", "--json")
        if said.document["removed"]:
            break
        await asyncio.sleep(0.01)
    assert said.document["removed"] == 1
    assert await ask("hi") == "HI"
    assert asked == ["hi", "hi"]


def test_nothing_is_cleared_unasked(frugal: Callable[..., Any], answers: Path) -> None:
    """Where nobody can be asked, --yes must be said."""
    ran = frugal("cache", "clear", "--cache", answers)
    assert ran.code == 2
    assert len(kept(answers)) == 6


def test_where_nothing_is_kept_it_says_so(frugal: Callable[..., Any]) -> None:
    """An absent cache is no error."""
    ran = frugal("cache", "clear")
    assert ran.code == 0
    assert "Nothing is kept" in ran.out


def test_a_directory_of_somebody_else_is_left_alone(frugal: Callable[..., Any], tmp_path: Path) -> None:
    """What is not a cache of ours is refused."""
    with diskcache.Cache(tmp_path / "theirs") as cache:
        cache["key"] = "theirs"
    ran = frugal("cache", "clear", "--cache", tmp_path / "theirs", "--yes")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    with diskcache.Cache(tmp_path / "theirs") as cache:
        assert cache["key"] == "theirs"
