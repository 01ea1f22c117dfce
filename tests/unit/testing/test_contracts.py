"""Contracts as a product: they run anywhere, say what is broken in words, and need no test runner."""

import subprocess
import sys

import pytest

import frugal.testing
from frugal.stores import MemoryStore
from frugal.testing import Contract, StoreContract

CONTRACTS = [kind for kind in vars(frugal.testing).values() if isinstance(kind, type) and issubclass(kind, Contract)]


class Kept(StoreContract):
    def make(self, clock, directory):
        return MemoryStore(clock=clock)


class Forgetful(MemoryStore):
    def get(self, key):
        return None


class Broken(StoreContract):
    def make(self, clock, directory):
        return Forgetful(clock=clock)


def test_what_is_kept_holds():
    """Nothing is said of an adapter that keeps its promises."""
    Kept.hold()
    assert {} == Kept.broken()


async def test_it_holds_on_a_running_loop_too():
    """A page, a notebook or an async test may try it."""
    Kept.hold()


def test_what_is_broken_is_said_in_words():
    """The message names each promise, in words and by the name of its test, and what was found."""
    with pytest.raises(AssertionError) as raised:
        Broken.hold()
    message = str(raised.value)
    assert f"Broken: {len(Broken.broken())} of {len(StoreContract.promises())} promises are not kept" in message
    assert "A value comes back as it was, with its expiry. (test_what_was_set_is_there): AssertionError" in message
    assert "expected Stored(value=b'value', expires=4000000000.0), found None" in message


@pytest.mark.parametrize(
    "contract", [kind for kind in CONTRACTS if kind is not Contract], ids=lambda kind: kind.__name__
)
def test_every_promise_says_what_it_means(contract):
    """The words of a promise are its documentation."""
    silent = [name for name, words in contract.promises().items() if words == name or not words.endswith(".")]
    assert [] == silent
    assert contract.promises()


@pytest.mark.parametrize(
    "contract", [kind for kind in CONTRACTS if kind is not Contract], ids=lambda kind: kind.__name__
)
def test_a_contract_without_an_adapter_says_what_is_missing(contract):
    """Forgetting `make` is said as such."""
    message = str(next(iter(contract.broken().values())))
    assert "must return" in message


def test_each_promise_has_an_adapter_and_a_directory_of_its_own():
    """What one promise leaves behind is not there for the next; a closed adapter is let go."""
    seen = []

    class Watching(StoreContract):
        def make(self, clock, directory):
            seen.append(directory)
            assert [] == list(directory.iterdir())
            (directory / "left behind").write_text("here")
            return MemoryStore(clock=clock)

    Watching.hold()
    assert len(set(seen)) == len(seen) == len(StoreContract.promises())
    assert not any(directory.exists() for directory in seen)


def test_pytest_collects_the_promises_of_a_subclass(tmp_path):
    """As a class of tests it needs nothing but a name that begins with Test."""
    (tmp_path / "test_mine.py").write_text(
        "from frugal.stores import MemoryStore\n"
        "from frugal.testing import StoreContract\n"
        "class TestMine(StoreContract):\n"
        "    def make(self, clock, directory):\n"
        "        return MemoryStore(clock=clock)\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:asyncio", str(tmp_path)],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert f"{len(StoreContract.promises())} passed" in run.stdout, run.stdout


def test_the_kit_imports_no_test_runner():
    """It may be used in a program, a page or another runner."""
    code = "import sys, frugal.testing; print({'pytest', 'hypothesis', 'unittest'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "set()" == run.stdout.strip()
