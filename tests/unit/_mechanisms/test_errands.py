"""What the state machine of `Errands` does not say: real threads, loops, and the ends of loops."""

import asyncio
import threading

import pytest

from frugal._mechanisms import errands as module
from frugal._mechanisms.errands import Errands, each


async def test_those_who_come_in_one_turn_go_together():
    """One hop to a thread serves them all; that is what errands are for."""
    jobs = []
    errands = Errands(lambda items: jobs.append(list(items)) or items)
    assert list(range(100)) == await asyncio.gather(*(errands.do(number) for number in range(100)))
    assert [list(range(100))] == jobs


async def test_those_who_come_while_a_job_is_under_way_go_with_the_next():
    """Nobody waits for company, and nobody starts a second thread."""
    jobs, gate, entered = [], threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def work(items):
        jobs.append(list(items))
        loop.call_soon_threadsafe(entered.set)
        assert gate.wait(30)
        return items

    errands = Errands(work)
    first = asyncio.ensure_future(errands.do("first"))
    await entered.wait()
    assert errands.busy
    rest = [asyncio.ensure_future(errands.do(name)) for name in ("second", "third")]
    await asyncio.sleep(0)
    gate.set()
    assert ["first", "second", "third"] == await asyncio.gather(first, *rest)
    assert [["first"], ["second", "third"]] == jobs
    assert not errands.busy


async def test_results_that_do_not_match_reach_everybody_as_an_error():
    """Work that gives too few would leave somebody waiting for ever."""
    errands = Errands(lambda items: items[1:])
    with pytest.raises(RuntimeError, match="of 1 errands gave 0"):
        await asyncio.wait_for(errands.do("one"), 30)
    assert not errands.busy


async def test_calls_that_have_nothing_in_common_share_a_job():
    """Each has its own result, or its own error."""
    errands = Errands(each)
    given = await asyncio.gather(errands.do(lambda: 1), errands.do(lambda: 1 / 0), return_exceptions=True)
    assert 1 == given[0]
    assert isinstance(given[1], ZeroDivisionError)


def test_each_loop_has_errands_of_its_own():
    """Two loops in two threads never wait for each other, and a second `asyncio.run` starts afresh."""
    errands = Errands(lambda items: [item * 2 for item in items])

    async def main(number):
        return await asyncio.gather(*(errands.do(number) for _ in range(10)))

    assert [2] * 10 == asyncio.run(main(1))
    found = []
    threads = [threading.Thread(target=lambda n=n: found.append(asyncio.run(main(n)))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [[0] * 10, [2] * 10, [4] * 10, [6] * 10] == sorted(found)


@pytest.mark.leaves_tasks("the loop ends while a job is under way")
def test_a_loop_that_ends_meanwhile_leaves_nobody_behind():
    """The job is waited for, as for any of the loop's threads; its callers are cancelled."""
    gate = threading.Event()
    errands = Errands(lambda items: gate.wait(30) and items)

    async def main():
        tasks = [asyncio.ensure_future(errands.do(number)) for number in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        threading.Timer(0, gate.set).start()
        return tasks

    assert all(task.cancelled() for task in asyncio.run(main()))
    assert asyncio.run(_one(errands)) == "again"


async def _one(errands):
    return await errands.do("again")


async def test_what_is_short_is_done_on_the_loop_s_own_thread():
    """It gives what it gives, its own refusal included."""
    errands = Errands(each)
    assert threading.get_ident() == errands.here(threading.get_ident)
    with pytest.raises(ZeroDivisionError):
        errands.here(lambda: 1 / 0)


async def test_nothing_is_done_here_while_a_job_is_under_way():
    """Who comes then goes along with the others, and does not overtake them."""
    gate, errands = threading.Event(), Errands(each)
    job = asyncio.ensure_future(errands.do(lambda: gate.wait(30)))
    await asyncio.sleep(0)
    with pytest.raises(BlockingIOError):
        errands.here(pytest.fail)
    gate.set()
    assert await job
    assert 1 == errands.here(lambda: 1)


async def test_what_took_long_is_not_done_here_again_for_as_long(monkeypatch):
    """So the loop has at least every other millisecond for its other tasks."""
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    errands = Errands(each)

    def takes(seconds):
        now[0] += seconds

    errands.here(lambda: takes(0.0004))
    errands.here(lambda: takes(0.25))
    now[0] += 0.2
    with pytest.raises(BlockingIOError):
        errands.here(pytest.fail)
    now[0] += 0.1
    errands.here(lambda: takes(0))
