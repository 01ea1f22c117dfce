"""The law of composition: in any order of the decorators, the money is right and the answers are the function's own.

What happens in a world is in `tests/playing`: callers with equal and different questions, of several users, in several
runs, some of them cancelled at any turn of the loop; a provider whose every call is released, failed or lost when the
tape says so; streams that are read to their end, half, or thrown away; cascades that go on, rings of a user's own that
ask twice, batches that are split.
"""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orders import NAMES, SET_UP, decorated, orders, runs
from worlds import Tape, World, callers_of, played

from frugal import Ledger, OrderWarning, StackError
from frugal.testing import FakeClock

pytestmark = pytest.mark.filterwarnings("ignore::frugal.errors.OrderWarning")


def legal(names):
    """Return the rings of a draw in an order that may be: nothing but a rate limit under a batch."""
    if "batched" not in names:
        return tuple(names)
    at = names.index("batched")
    below = tuple(name for name in names[at + 1 :] if name == "rate_limited")
    above = tuple(name for name in names if name != "batched" and name not in below)
    return (*above, "batched", *below)


def world_of(names, tape, *, callers, runner=None, ledger=None):
    """Play a world under these decorators, and hold its books against its provider's."""
    world = World(tape, ledger)
    drawn = callers_of(tape, callers, streams="batched" not in names)
    played(world, lambda world: decorated(names, world), drawn, runner)
    world.check(names)
    return world


def tape_of(seed, length):
    """Return a tape that is the same for the same seed."""
    dice = random.Random(f"{seed}")
    return Tape([dice.randrange(2**16) for _ in range(length)])


stacks = st.lists(st.sampled_from(NAMES), unique=True, max_size=9).map(legal)
tapes = st.lists(st.integers(0, 2**16 - 1), max_size=150)


@settings(max_examples=120)
@given(names=stacks, numbers=tapes, callers=st.integers(1, 6))
def test_in_any_order_whatever_happens_the_money_is_right(names, numbers, callers):
    """What is recorded is what the provider charged, or bounds it, and nobody is answered wrongly or forgotten."""
    world_of(names, Tape(numbers), callers=callers)


@pytest.mark.parametrize("begins", [*orders([1]), *orders([2])], ids=" › ".join)
def test_every_order_of_up_to_five_runs_with_the_right_money_or_is_refused(begins):
    """All permutations of every choice, each in a world of its own."""
    with asyncio.Runner() as runner:
        for names in orders(range(2, 6)) if len(begins) == 2 else [begins]:
            if names[:2] != begins:
                continue
            if not runs(names):
                with pytest.raises(StackError, match="stands under @batched"):
                    decorated(names, World(Tape(())))
                continue
            try:
                # `metered` is no ring: where it stands the others are as without it, and are played by more callers.
                callers = 1 if "metered" in names else 2 if len(names) == 5 else 3
                world_of(names, tape_of(names, 15 * callers), callers=callers, runner=runner)
            except BaseException as error:
                error.add_note(f"in the order {' › '.join(names)}")
                raise


@pytest.mark.parametrize("seed", range(12))
def test_the_books_of_a_ledger_on_disk_are_right_in_any_order(tmp_path, seed):
    """The same with the real ledger, whose audit finds nothing and whose sums are its records'."""
    dice = random.Random(seed)
    names = legal(dice.sample(NAMES, dice.randrange(4, 10)))
    clock = FakeClock()
    with Ledger(tmp_path / "ledger", clock=clock) as ledger:
        world = world_of(names, tape_of((names, seed), 150), callers=6, ledger=ledger)
        audit = ledger.audit()
        assert audit.ok, audit.problems
        total = ledger.totals().cost
        assert total.low <= world.provider.charged <= total.high


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("outermost", NAMES)
def test_every_order_of_up_to_five_in_many_worlds(outermost):
    """The same with more callers, more that happens, and several worlds for each order."""
    with asyncio.Runner() as runner:
        for names in orders(range(1, 6)):
            if names[0] != outermost or not runs(names):
                continue
            for seed in range(10):
                world_of(names, tape_of((names, seed), 250), callers=7, runner=runner)


@pytest.mark.soak
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("size", [6, 7, 8, 9])
def test_orders_of_more_than_five_in_many_worlds(size):
    """Sampled: all would be half a million."""
    dice = random.Random(size)
    with asyncio.Runner() as runner:
        for number in range(20_000):
            names = legal(dice.sample(NAMES, size))
            world_of(names, tape_of((names, number), 250), callers=7, runner=runner)


def test_each_decorator_takes_part():
    """The list of what is permuted is that of all decorators and a user's own ring."""
    assert set(SET_UP) == set(NAMES)
    assert issubclass(OrderWarning, UserWarning)
