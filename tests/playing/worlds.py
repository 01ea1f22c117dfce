"""A small world to try a decorated function out in: a provider behind gates, a ledger that is watched, callers.

Law: nothing here waits for luck. Every provider call stands at a gate, time stands still, threads run at once, and what
happens next is read off a `Tape` of numbers, so that Hypothesis can draw it and shrink it.
"""

import asyncio
import gc
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from frugal import BudgetExceededError, NoEligibleModelError, Usage, metered, scope
from frugal._values.cost import FREE, Cost
from frugal._values.record import FREE_OUTCOMES
from frugal.prices import default_prices
from frugal.testing import FakeClock, FakeModel, FakeProviderError, MemoryLedger, virtual

MEANINGS = ("what is an apple", "name a city by the sea", "why do cats purr")
PHRASINGS = ("{}", "please tell me: {}", "{} I wonder")
QUESTIONS = tuple(phrasing.format(meaning) for meaning in MEANINGS for phrasing in PHRASINGS[:2])
MAX_TOKENS = 64
HOWS = ("plain", "plain", "stream", "half", "dropped")
ERRORS = (500, 429, TimeoutError, ValueError)


class Tape:
    """Numbers that decide what happens next; 0 for ever once they are used up."""

    def __init__(self, numbers):
        self._numbers = iter(numbers)

    def __call__(self, options):
        """Return a number below `options`."""
        return next(self._numbers, 0) % options


class AtOnce(ThreadPoolExecutor):
    """Threads without threads: what is handed to one has been done when it is looked for."""

    def shutdown(self, *_, **__):
        """Go on: it is every loop's, and holds nothing."""

    def submit(self, work, /, *args, **kwargs):
        done = Future()
        try:
            done.set_result(work(*args, **kwargs))
        except BaseException as error:
            done.set_exception(error)
        return done


class WatchedLedger(MemoryLedger):
    """A ledger that says after every change whether a budget was passed."""

    def __init__(self, clock):
        super().__init__(clock=clock)
        self.claims = {}
        self.passed = []

    def commit(self, settlement):
        ticket = super().commit(settlement)
        self.look()
        return ticket

    async def reserve(self, claims, **asked):
        for claim in claims:
            self.claims[claim.name, claim.subject, claim.run] = claim
        grant = await super().reserve(claims, **asked)
        self.look()
        return grant

    async def grow(self, hold, **asked):
        grown = await super().grow(hold, **asked)
        self.look()
        return grown

    def look(self):
        """Note every budget of which more is spent and held than its limit."""
        for claim in self.claims.values():
            spent, tokens, held, held_tokens = self._sums(claim, self._clock.now())
            if claim.limit_pico is not None and spent + held > claim.limit_pico:
                self.passed.append((claim, spent, held))
            if claim.limit_tokens is not None and tokens + held_tokens > claim.limit_tokens:
                self.passed.append((claim, tokens, held_tokens))


def meaning_of(text):
    """Return what a question means, however it is phrased."""
    return next(meaning for meaning in MEANINGS if meaning in text)


async def embed(texts):
    """Place questions of one meaning together, and others at right angles."""
    return [[float(meaning_of(text) == meaning) for meaning in MEANINGS] for text in texts]


def answered(text):
    """Say to each line of a prompt what the undecorated function says to it."""
    return "\n".join(f"re: {meaning_of(line)}" for line in text.split("\n"))


def used(text, answer, model):
    """Count a token for four bytes of each line, so that a batch uses what its items would."""
    return Usage(
        input_tokens=sum(len(line) // 4 for line in text.split("\n")),
        output_tokens=sum(len(line) // 4 for line in answer.split("\n")),
    )


class _Watched:
    """A provider's stream; notes when the caller has been sent all of it."""

    def __init__(self, stream, whole):
        self._stream = stream
        self._whole = whole

    def __aiter__(self):
        return self

    async def __anext__(self):
        chunk = await anext(self._stream)
        if chunk.usage is not None:
            self._whole()
        return chunk

    async def aclose(self):
        await self._stream.aclose()


@dataclass
class Caller:
    """One who calls, and what came of it."""

    question: str
    how: str
    user: str | None
    run: str | None
    slow: bool = False
    task: asyncio.Task | None = None
    cancelled: bool = False
    began: bool = False
    heard: list = field(default_factory=list)
    answer: str | None = None
    error: type | None = None
    why: str = ""


class World:
    """Hold a provider, a ledger and a clock together.

    Args:
        tape: says what happens.
        ledger: where calls are recorded; a watched one in memory when `None`.
    """

    def __init__(self, tape, ledger=None):
        self.tape = tape
        self.clock = FakeClock()
        self.ledger = WatchedLedger(self.clock) if ledger is None else ledger
        self.provider = FakeModel(answer=answered, usage=used, gated=True, clock=self.clock)
        self.inner = metered(ledger=self.ledger)(self.ask)
        self.whole = 0
        """What the provider charged for answers that came whole, in pico-dollars."""
        self.thrown = set()
        self.callers = []
        self.readers = []

    # ------------------------------------------------------------------ the centre

    async def ask(self, prompt, *, model="gpt-4o", stream=False, max_tokens=MAX_TOKENS):
        """Answer a question: what the decorators stand on."""
        return await self._asked(prompt, model, max_tokens, stream=stream)

    async def ask_all(self, prompts, *, model="gpt-4o", max_tokens=MAX_TOKENS):
        """Answer several at once: what `batched` stands on. What it returns does not say what was used."""
        before = self.whole
        reply = await self._asked("\n".join(prompts), model, max_tokens)
        self.whole = before
        return reply.choices[0].message.content.split("\n")

    async def ask_each(self, prompts, *, model="gpt-4o", max_tokens=MAX_TOKENS):
        """Answer several by calls that are metered themselves, one after another."""
        replies = [await self.inner(prompt, model=model, max_tokens=max_tokens) for prompt in prompts]
        return [reply.choices[0].message.content for reply in replies]

    async def _asked(self, prompt, model, max_tokens, *, stream=False):
        price = default_prices().cost(model, used(prompt, answered(prompt), model), at=self.clock.now()).known
        billed_though_lost = self.tape(2)
        try:
            reply = await self.provider(prompt, model=model, stream=stream, max_tokens=max_tokens)
        except (TimeoutError, asyncio.CancelledError):
            if billed_though_lost:
                self.provider.charged += price
            raise

        def whole():
            self.whole += price.pico

        if stream:
            return _Watched(reply, whole)
        whole()
        return reply

    # ------------------------------------------------------------------ callers

    async def _run(self, decorated, caller):
        """Keep what came of a call; not the error itself, in whose frames its streams would live on."""
        caller.began = True
        try:
            caller.answer = await self._call(decorated, caller)
        except BaseException as error:
            caller.error, caller.why = type(error), str(error)

    async def _call(self, decorated, caller):
        with scope(user=caller.user, run=caller.run):
            if caller.how == "plain":
                reply = await decorated(caller.question)
                return reply if isinstance(reply, str) else reply.choices[0].message.content
            stream = await decorated(caller.question, stream=True)
        async for chunk in stream:
            caller.heard += [choice.delta.content or "" for choice in chunk.choices]
            if caller.slow:
                turn = asyncio.get_running_loop().create_future()
                self.readers.append(turn)
                await turn
            if caller.how == "half":
                await stream.aclose()
                return None
            if caller.how == "dropped":
                return None
        return "".join(caller.heard)

    # ------------------------------------------------------------------ the books

    @property
    def records(self):
        """Every record, in the order in which they were committed."""
        return list(self.ledger.records if isinstance(self.ledger, MemoryLedger) else self.ledger.records())

    def is_open(self):
        """Say whether a task runs, somebody who began has no record yet, or a hold stands."""
        if len(asyncio.all_tasks()) > 1 or not isinstance(self.ledger, MemoryLedger):
            return True
        called = {record.call for record in self.ledger.records if record.outcome != "shadow"}
        return self.ledger.held > 0 or len(called) < sum(caller.began for caller in self.callers)

    def check(self, names):
        """Hold what was recorded and answered against what the provider charged and was asked."""
        records = self.records
        counted = [record for record in records if record.outcome != "shadow"]
        began = [caller for caller in self.callers if caller.began]
        total = Cost.total(record.cost for record in records)
        assert total.unpriced_calls == 0
        assert total.low <= self.provider.charged <= total.high, (total, self.provider.charged)
        exact = [record.cost.known.pico for record in records if record.cost.status == "exact"]
        if all(record.cost.status in {"exact", "estimated"} for record in records):
            assert self.whole == sum(exact), "what is known to have been paid is in the books, to the pico-dollar"
        for record in records:
            if record.outcome in FREE_OUTCOMES:
                assert record.cost == FREE, "a hit costs nothing"
        assert len({record.id for record in records}) == len(records)
        assert len(began) == len({record.call for record in counted}), "each call has its record"
        if "batched" not in names:
            made = [record for record in records if record.outcome not in FREE_OUTCOMES and record.attempts]
            assert len(self.provider.calls) == len(made), "each provider call has its record"
        for caller in self.callers:
            self._check_answer(caller, names)
        if isinstance(self.ledger, WatchedLedger):
            assert not self.ledger.passed, "no budget was passed at any moment"
            assert self.ledger.held == 0, "no hold is left"

    def _check_answer(self, caller, names):
        """An undecorated function would have said the same, or have failed in the same way."""
        if caller.error is None:
            assert (
                caller.how not in {"plain", "stream"} or not caller.began or answered(caller.question) == caller.answer
            )
        elif caller.error is asyncio.CancelledError:
            assert caller.cancelled, "nobody meets another's cancellation"
        elif caller.error not in self.thrown:
            assert issubclass(caller.error, (BudgetExceededError, NoEligibleModelError)), caller.why
            assert "budgeted" in names

    # ------------------------------------------------------------------ what happens

    async def play(self, decorated, callers):
        """Let it all happen, until every caller has its answer or its error."""
        waiting = list(reversed(callers))
        self.callers = callers
        loop = asyncio.get_running_loop()
        while waiting or any(not caller.task.done() for caller in callers):
            running = [caller for caller in callers if caller.task is not None and not caller.task.done()]
            self._act(self.tape(16), waiting, running, decorated, loop)
            await self._settle(self.tape(6))
        while self.provider.waiting or self.clock.sleepers:  # work that outlives its callers
            self.provider.release()
            self._pass()
            await self._settle()

    def _act(self, choice, waiting, running, decorated, loop):
        gates = self.provider.waiting
        if choice == 13 and gates:
            error = ERRORS[self.tape(len(ERRORS))]
            failure = FakeProviderError(error) if isinstance(error, int) else error("lost")
            self.thrown.add(type(failure))
            self.provider.release(gates[self.tape(len(gates))], failure)
        elif choice in {14, 15} and running:
            victim = running[self.tape(len(running))]
            victim.cancelled = victim.task.cancel() or victim.cancelled
        elif choice == 12 and self.clock.sleepers:
            self._pass()
        elif choice >= 9 and self.readers:
            self._read_on()
        elif choice >= 5 and gates:
            self.provider.release(gates[self.tape(len(gates))])
        elif waiting:
            caller = waiting.pop()
            caller.task = loop.create_task(self._run(decorated, caller))
        elif gates:
            self.provider.release(gates[0])
        elif self.readers:
            self._read_on()
        elif self.clock.sleepers:
            self._pass()

    def _read_on(self):
        turn = self.readers.pop(self.tape(len(self.readers)))
        if not turn.done():
            turn.set_result(None)

    def _pass(self):
        if self.clock.next_due is not None:
            self.clock.advance(max(0.0, self.clock.next_due - self.clock.now()))

    async def _settle(self, turns=0):
        """Give the loop its turns until nothing moves, or only a few of them."""
        if turns > 3:
            for _ in range(turns - 3):
                await asyncio.sleep(0)
            return
        ready = asyncio.get_running_loop()._ready
        while True:
            await asyncio.sleep(0)
            if not ready:
                if isinstance(self.ledger, MemoryLedger):
                    return
                await self.ledger.flush()
                if not ready:
                    return


def played(world, decorate, callers, runner=None):
    """Play a world on a loop of its own, or on a runner's; return it when nothing is left to happen."""

    async def main():
        asyncio.get_running_loop().set_default_executor(_AT_ONCE)
        await world.play(decorate(world), callers)
        await world._settle()
        for turn in range(20_000):
            if not world.is_open():
                break
            if turn % 4_000 == 0:
                gc.collect()  # what was thrown away in a cycle is known once it is collected, on another thread
            await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, [str(task) for task in left]

    with virtual(world.clock):
        if runner is None:
            asyncio.run(main())
        else:
            runner.run(main())
    return world


_AT_ONCE = AtOnce(1)


def callers_of(tape, count, *, streams=True):
    """Draw who calls, and what for."""
    return [
        Caller(
            question=QUESTIONS[tape(len(QUESTIONS))],
            how=HOWS[tape(len(HOWS))] if streams else "plain",
            user=(None, "ann", "bob")[tape(3)],
            run=(None, "one", "two")[tape(3)],
            slow=bool(tape(2)),
        )
        for _ in range(count)
    ]
