"""Accounts against a naive model, over windows, owners and leases."""

from __future__ import annotations

from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from frugal._mechanisms.account import Account, Accounts, Holding, Standing
from frugal._values.window import window_of

ZONE = "Europe/Berlin"
START = 1774738800.0 - 36 * 3600  # a day and a half before the clocks of Berlin go forward
LIMITS = {"day": (1000, 300), "hour": (400, None), "run": (None, 250)}
LEASE = 30.0

kinds = st.lists(st.sampled_from(sorted(LIMITS)), min_size=1, max_size=3, unique=True)
amounts = st.tuples(st.integers(0, 500), st.integers(0, 120))


class Shelf(dict):
    """Accounts by name, made when they are asked for."""

    def account(self, name):
        return self.setdefault(name, Account())


@dataclass
class Call:
    """What the model knows of one call: where it stands, what it holds, who owns it and until when."""

    kinds: list
    at: float
    pico: int
    tokens: int
    owner: int
    hold: Holding
    state: str = "held"
    spent: tuple = (0, 0)
    overrun: bool = False
    names: list = field(default_factory=list)


class AccountMachine(RuleBasedStateMachine):
    """Every interleaving of what can happen to a hold keeps the sums, and never grants beyond a limit."""

    calls = Bundle("calls")

    def __init__(self):
        super().__init__()
        self.shelf = Shelf()
        self.accounts = Accounts(self.shelf)
        self.now = START
        self.all: list[Call] = []
        self.leases = dict.fromkeys(range(3), START + LEASE)
        self.dead: set[int] = set()

    # -- the model: nothing but the list of calls

    def names(self, kinds, at):
        return [f"{kind} {at if kind == 'run' else window_of(kind, at, ZONE).label}" for kind in kinds]

    def naive(self, name):
        there = [call for call in self.all if name in call.names]
        spent = [call.spent for call in there if call.state in ("settled", "presumed")]
        held = [(call.pico, call.tokens) for call in there if call.state == "held"]
        return tuple(sum(part) for part in zip((0, 0), *spent, strict=True)), tuple(
            sum(part) for part in zip((0, 0), *held, strict=True)
        )

    def fits(self, kinds, at, pico, tokens):
        for kind, name in zip(kinds, self.names(kinds, at), strict=True):
            (spent_pico, spent_tokens), (held_pico, held_tokens) = self.naive(name)
            limit_pico, limit_tokens = LIMITS[kind]
            if limit_pico is not None and (spent_pico >= limit_pico or spent_pico + held_pico + pico > limit_pico):
                return False
            if limit_tokens is not None and (
                spent_tokens >= limit_tokens or spent_tokens + held_tokens + tokens > limit_tokens
            ):
                return False
        return True

    def spend(self, call, pico, tokens, state):
        self.accounts.release(call.hold)
        for name in call.names:
            self.accounts.spend(name, pico, tokens)
        call.state, call.spent = state, (pico, tokens)

    # -- what can happen

    @rule(target=calls, kinds=kinds, amount=amounts, owner=st.integers(0, 2))
    def reserve(self, kinds, amount, owner):
        """A hold is granted exactly when the model has room for it, and a refusal changes nothing."""
        if owner in self.dead:
            return multiple()
        at = self.now
        names = self.names(kinds, at)
        hold = Holding(*amount, [Standing(name, *LIMITS[kind]) for kind, name in zip(kinds, names, strict=True)])
        before = {name: vars_of(account) for name, account in self.shelf.items()}
        fits = self.fits(kinds, at, *amount)
        short = self.accounts.reserve(hold)
        assert (short is None) == fits
        if short is not None:
            assert all(vars_of(self.shelf[name]) == figures for name, figures in before.items())
            return multiple()
        call = Call(kinds, at, *amount, owner, hold, names=names)
        self.all.append(call)
        return call

    @rule(call=calls, pico=st.integers(0, 700), tokens=st.integers(0, 200))
    def grow(self, call, pico, tokens):
        """A hold grows in all of its accounts or in none, and never shrinks."""
        if call.state != "held" or call.owner in self.dead:
            return
        pico, tokens = max(pico, call.pico), max(tokens, call.tokens)
        call.state = "set aside"  # the model judges room as if the hold were not there
        room = self.fits(call.kinds, call.at, pico, tokens)
        call.state = "held"
        grown = self.accounts.grow(call.hold, pico, tokens)
        assert grown == (room or (pico, tokens) == (call.pico, call.tokens))
        if grown:
            call.pico, call.tokens = pico, tokens

    @rule(call=consumes(calls), share=st.floats(0, 1), over=st.integers(0, 50))
    def settle(self, call, share, over):
        """A call settles to its true cost, above its hold too; a presumption is replaced by it."""
        if call.state == "settled" or call.owner in self.dead:
            return
        pico, tokens = int(call.pico * share) + over, int(call.tokens * share)
        call.overrun = pico > call.pico
        if call.state == "presumed":  # its owner only slept
            for name in call.names:
                self.accounts.spend(name, -call.spent[0], -call.spent[1])
                self.accounts.spend(name, pico, tokens)
            call.state, call.spent = "settled", (pico, tokens)
            return
        self.spend(call, pico, tokens, "settled")

    @rule(call=consumes(calls))
    def release(self, call):
        """A call that was never sent costs nothing."""
        if call.state == "held" and call.owner not in self.dead:
            self.spend(call, 0, 0, "settled")

    @rule(call=consumes(calls), amount=amounts)
    def adopt(self, call, amount):
        """A hold is replaced by another of the same call, or stays as it was."""
        if call.state != "held" or call.owner in self.dead:
            return
        call.state = "set aside"
        fits = self.fits(call.kinds, call.at, *amount)
        call.state = "held"
        hold = Holding(*amount, call.hold.standings)
        assert (self.accounts.reserve(hold, call.hold) is None) == fits
        if fits:
            call.hold, call.pico, call.tokens = hold, *amount

    @rule(owner=st.integers(0, 2))
    def die(self, owner):
        """An owner dies with its holds."""
        if len(self.dead) < 2:
            self.dead.add(owner)

    @rule(seconds=st.sampled_from([1.0, 29.0, 600.0, 3600.0, 7200.0, 43_200.0]), asleep=st.sets(st.integers(0, 2)))
    def wait(self, seconds, asleep):
        """Time passes, over the hour and the day, over the night that loses an hour; who lives renews."""
        self.now += seconds
        for owner in self.leases:
            if owner not in self.dead and owner not in asleep:
                self.leases[owner] = self.now + LEASE

    @rule()
    def sweep(self):
        """Whoever reserves or reads settles the holds of the dead, at what they held, where they were taken."""
        for call in self.all:
            gone = call.owner in self.dead or self.leases[call.owner] < self.now
            if call.state == "held" and gone:
                self.spend(call, call.pico, call.tokens, "presumed")
        late = {call.owner for call in self.all if call.state == "held"}
        assert not any(owner in self.dead or self.leases[owner] < self.now for owner in late)

    # -- what is always so

    @invariant()
    def sums_are_right(self):
        """Each account says what the list of calls says."""
        for name, account in self.shelf.items():
            spent, held = self.naive(name)
            assert (account.spent_pico, account.spent_tokens) == spent
            assert (account.held_pico, account.held_tokens) == held
            assert account.holds == sum(name in call.names and call.state == "held" for call in self.all)

    @invariant()
    def nothing_is_overspent_but_by_overruns(self):
        """Spent and held together exceed a limit by no more than what overran its hold."""
        for name, account in self.shelf.items():
            there = [call for call in self.all if name in call.names]
            over = sum(max(call.spent[0] - call.pico, 0) for call in there if call.overrun)
            # An overrun may also use room that a presumption, since replaced, had left free.
            limit = LIMITS[name.split(" ", maxsplit=1)[0]][0]
            if limit is not None:
                assert account.spent_pico + account.held_pico <= limit + over


def vars_of(account):
    return account.spent_pico, account.spent_tokens, account.held_pico, account.held_tokens


AccountMachine.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestAccountMachine = AccountMachine.TestCase
