"""What one account and one hold do."""

import pytest

from frugal._mechanisms.account import Account, Accounts, Holding, Shortage, Standing


class Shelf(dict):
    def account(self, name):
        return self.setdefault(name, Account())


@pytest.fixture
def shelf():
    return Shelf()


@pytest.fixture
def accounts(shelf):
    return Accounts(shelf)


def test_a_hold_that_fits_exactly_is_granted(accounts, shelf):
    """Spent plus held may equal the limit."""
    assert accounts.reserve(Holding(10, 0, [Standing("day", 10, None)])) is None
    assert shelf["day"].held_pico == 10


def test_a_limit_that_is_reached_refuses_even_nothing(accounts):
    """Used ≥ limit is exceeded, whatever is asked for."""
    accounts.spend("day", 10, 0)
    assert accounts.reserve(Holding(0, 0, [Standing("day", 10, None)])) == Shortage(0, "usd")


def test_a_limit_of_zero_refuses_everything(accounts):
    """Zero dollars is a limit, not the absence of one."""
    assert accounts.reserve(Holding(0, 0, [Standing("day", 0, None)])) == Shortage(0, "usd")


def test_the_first_account_without_room_is_reported_and_nothing_is_held(accounts, shelf):
    """All or none: a refusal in the last account leaves the others as they were."""
    accounts.spend("run", 0, 5)
    hold = Holding(1, 1, [Standing("day", 10, None), Standing("run", None, 5), Standing("month", 0, None)])
    assert accounts.reserve(hold) == Shortage(1, "tokens")
    assert all(not account.held_pico and not account.held_tokens for account in shelf.values())


def test_two_budgets_of_one_account_hold_once(accounts, shelf):
    """Two limits on the same account are both asked, and the hold stands there once."""
    hold = Holding(4, 0, [Standing("day", 10, None), Standing("day", 5, None)])
    assert accounts.reserve(hold) is None
    assert shelf["day"].held_pico == 4
    assert accounts.reserve(Holding(2, 0, hold.standings)) == Shortage(1, "usd")
    accounts.release(hold)
    assert shelf["day"].held_pico == 0


def test_a_refused_replacement_leaves_the_first_hold(accounts, shelf):
    """A hold that is to be replaced stays when the new one has no room."""
    first = Holding(6, 2, [Standing("day", 10, None)])
    accounts.reserve(first)
    assert accounts.reserve(Holding(11, 0, first.standings), first) == Shortage(0, "usd")
    assert (shelf["day"].held_pico, shelf["day"].held_tokens) == (6, 2)
    assert accounts.reserve(Holding(9, 0, first.standings), first) is None
    assert (shelf["day"].held_pico, shelf["day"].held_tokens) == (9, 0)


def test_a_hold_grows_in_all_accounts_or_in_none(accounts, shelf):
    """Growth is asked for everywhere before it is taken anywhere, and never shrinks."""
    hold = Holding(3, 0, [Standing("day", 10, None), Standing("run", 5, None)])
    accounts.reserve(hold)
    assert not accounts.grow(hold, 6, 0)
    assert (hold.pico, shelf["day"].held_pico, shelf["run"].held_pico) == (3, 3, 3)
    assert accounts.grow(hold, 5, 7)
    assert (hold.pico, hold.tokens, shelf["day"].held_pico, shelf["run"].held_tokens) == (5, 7, 5, 7)
    assert accounts.grow(hold, 1, 1)
    assert (hold.pico, hold.tokens) == (5, 7)


def test_tokens_and_dollars_never_mix(accounts):
    """A limit in one unit does not see the other."""
    accounts.spend("day", 100, 0)
    assert accounts.reserve(Holding(100, 5, [Standing("day", None, 5)])) is None
