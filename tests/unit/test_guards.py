"""The list of guards fits the code: what is to be broken is there, and so is the test that catches it."""

import ast
import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

spec = importlib.util.spec_from_file_location("mutants", ROOT / ".ci" / "mutants.py")
mutants = importlib.util.module_from_spec(spec)
spec.loader.exec_module(mutants)
GUARDS = mutants.guards()


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard["keeps"])
def test_a_guard_can_be_broken_where_it_is_said_to_stand(guard):
    """The edit fits exactly one place, changes it, and leaves a file that Python can read."""
    whole = (ROOT / guard["file"]).read_text(encoding="utf-8")
    assert 1 == whole.count(guard["old"])
    assert guard["old"] != guard["new"]
    ast.parse(whole.replace(guard["old"], guard["new"]))


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard["keeps"])
def test_the_test_that_catches_it_is_there(guard):
    """A test that was renamed catches nothing."""
    path, *names = guard["test"].split("::")
    assert (ROOT / path).is_file()
    text = (ROOT / path).read_text(encoding="utf-8")
    # A promise of a contract stands in the kit, and its class here.
    kit = "\n".join(one.read_text(encoding="utf-8") for one in (ROOT / "frugal/testing/contracts").glob("*.py"))
    assert [] == [name for name in names if f" {name}(" not in text and f"def {name}(" not in kit]


def test_contributing_lists_the_guards():
    """What is written for people is what is tried: `python .ci/mutants.py --table` writes it."""
    assert mutants.table() in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_each_guard_is_named_once():
    """A name that stands twice hides that one of two was meant to be another."""
    names = [guard["keeps"] for guard in GUARDS]
    assert sorted(set(names)) == sorted(names)
