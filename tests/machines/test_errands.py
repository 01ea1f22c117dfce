"""`Errands` under any order of callers coming, jobs ending well or badly, and callers being cancelled.

The threads are the machine's own: a job is done when a rule says so, and the loop turns only when a rule turns it.
"""

import asyncio
import contextlib
from concurrent.futures import Future, ThreadPoolExecutor

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from frugal._mechanisms.errands import Errands

MOST = 3


class Held(ThreadPoolExecutor):
    """An executor whose jobs wait until they are let go."""

    def __init__(self):
        super().__init__(1)
        self.jobs = []

    def submit(self, function, /, *args, **kwargs):
        job = Future()
        self.jobs.append((job, function, args))
        return job


class ErrandsMachine(RuleBasedStateMachine):
    """Callers come and go, jobs end."""

    def __init__(self):
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.threads = Held()
        self.loop.set_default_executor(self.threads)
        self.fails = False
        self.done = []
        self.errands = Errands(self.work, most=MOST)
        self.callers = []  # (item, task)
        self.cancelled = set()

    def work(self, items):
        self.done += items
        if self.fails:
            raise OSError("the disk is gone")
        return [ValueError(item) if item % 5 == 4 else -item for item in items]

    async def turns(self):
        for _ in range(6):
            await asyncio.sleep(0)

    def turn(self):
        self.loop.run_until_complete(self.turns())

    @rule(turned=st.booleans())
    def come(self, turned):
        """A caller comes, and perhaps others in the same turn."""
        item = len(self.callers)

        async def start():
            self.callers.append((item, self.loop.create_task(self.errands.do(item))))
            await asyncio.sleep(0)

        self.loop.run_until_complete(start())
        if turned:
            self.turn()

    @precondition(lambda self: any(not task.done() for _, task in self.callers))
    @rule(data=st.data())
    def leave(self, data):
        """A caller is cancelled; it hurts nobody."""
        item, task = data.draw(st.sampled_from([pair for pair in self.callers if not pair[1].done()]))
        task.cancel()
        self.cancelled.add(item)
        self.turn()
        assert task.cancelled()

    @precondition(lambda self: self.threads.jobs)
    @rule(fails=st.booleans())
    def end(self, fails):
        """The job under way ends."""
        assert 1 == len(self.threads.jobs)
        job, function, args = self.threads.jobs.pop()
        before, self.fails = len(self.done), fails
        try:
            job.set_result(function(*args))
        except Exception as error:
            job.set_exception(error)
        self.turn()
        for item in self.done[before:]:
            task = self.callers[item][1]
            assert task.done()
            if item in self.cancelled:
                assert task.cancelled()
            elif fails:
                assert "the disk is gone" == str(task.exception())
            elif item % 5 == 4:
                assert isinstance(task.exception(), ValueError)
            else:
                assert -item == task.result()

    @invariant()
    def each_is_done_once_in_order_and_few_at_a_time(self):
        """And nothing waits while no job is under way."""
        assert self.done == sorted(set(self.done))
        assert all(len(args[0]) <= MOST for _, _, args in self.threads.jobs)
        self.turn()
        if not self.threads.jobs:
            assert all(task.done() for _, task in self.callers)

    def teardown(self):
        while self.threads.jobs:
            self.end(fails=False)
        for _, task in self.callers:
            assert task.done()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                task.result()
        self.threads.shutdown()
        self.loop.close()


TestErrands = ErrandsMachine.TestCase
