"""Each row of the table of orders: what it says is lost is lost in that order, and not in the recommended one."""

import asyncio
import re
import warnings
from pathlib import Path

import pytest

from frugal import (
    Budget,
    BudgetExceededError,
    OrderWarning,
    batched,
    budgeted,
    cached,
    cascade,
    deduplicated,
    memory,
    metered,
    middleware,
    rate_limited,
    routed,
    semantic_cached,
    stack,
)
from frugal._core.order import LOSSES, RECOMMENDED
from frugal.testing import FakeClock, FakeModel, MemoryLedger, virtual

LOST_BY = {}
"""What shows the loss of each row, by the row."""


def row(outer, inner):
    """Note that a function shows what a row loses: it says whether that was lost in an order of its rings."""

    def noted(shows):
        LOST_BY[outer, inner] = shows
        return shows

    return noted


def in_order(function, rings, first, second):
    """Return a function under two rings, `first` outermost, without being told what that loses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", OrderWarning)
        return rings[first](rings[second](function))


def asking(provider):
    """Return a function that asks a provider."""

    async def ask(prompt, *, model="gpt-4o", max_tokens=64):
        return await provider(prompt, model=model)

    return ask


async def turns(count=30):
    """Give the loop its turns."""
    for _ in range(count):
        await asyncio.sleep(0)


class Same:
    """An embedder to which all texts mean the same; it counts them."""

    identity = "same/2"

    def __init__(self):
        self.embedded = 0

    async def embed(self, texts):
        self.embedded += len(texts)
        return [[1.0, 0.0] for _ in texts]


def meaning(tmp_path, **said):
    """Return a semantic cache with a directory of its own."""
    return semantic_cached(**{"threshold": 0.95, "embed": Same(), "directory": tmp_path / "semantic", **said})


# --------------------------------------------------------------------------- what a cache outside a flight loses


@row("cached", "deduplicated")
async def asks_again_while_storing(outer, inner, tmp_path):
    """An answer that is being stored is in no flight any more, and in no layer yet."""
    provider, storing, stored = FakeModel(), asyncio.Event(), asyncio.Event()

    async def slow_to_store(answer):
        storing.set()
        await stored.wait()
        return True

    rings = {"cached": cached(layers=[memory], cache_if=slow_to_store), "deduplicated": deduplicated}
    ask = in_order(asking(provider), rings, outer, inner)
    first = asyncio.create_task(ask("hello"))
    await storing.wait()
    second = asyncio.create_task(ask("hello"))
    await turns()
    stored.set()
    await asyncio.gather(first, second)
    return len(provider.calls) == 2


@row("semantic_cached", "deduplicated")
async def asks_again_while_keeping(outer, inner, tmp_path):
    """Likewise by meaning: what is being written is found by nobody."""
    provider, keeping, kept = FakeModel(), asyncio.Event(), asyncio.Event()

    async def slow_to_compare(one, other):
        keeping.set()
        await kept.wait()
        return True

    rings = {
        # It explores: each answer is compared with the one that it would have served, before it is kept.
        "semantic_cached": meaning(tmp_path, threshold=None, max_error_rate=0.1, equivalent=slow_to_compare),
        "deduplicated": deduplicated,
    }
    ask = in_order(asking(provider), rings, outer, inner)
    await ask("what is an apple")
    first = asyncio.create_task(ask("what is an apple"))
    await keeping.wait()
    second = asyncio.create_task(ask("what is an apple"))
    while len(provider.calls) < 3 and not second.done():
        await asyncio.sleep(0)
        if _joined(second):
            await turns()  # whoever leads has asked by then
            break
    asked = len(provider.calls)
    kept.set()
    await asyncio.gather(first, second)
    return asked == 3


def _joined(task):
    """Say whether a task waits in a flight: nothing else in it can be waited for without a thread or a gate."""
    coroutine, names = task.get_coro(), []
    while coroutine is not None and hasattr(coroutine, "cr_frame"):
        names.append(coroutine.__qualname__)
        coroutine = coroutine.cr_await
    return "Flight._wait" in names


@row("semantic_cached", "cached")
async def embeds_exact_repeats(outer, inner, tmp_path):
    """The exact lookup is the cheap one."""
    same = Same()
    rings = {"semantic_cached": meaning(tmp_path, embed=same), "cached": cached(layers=[memory])}
    ask = in_order(asking(FakeModel()), rings, outer, inner)
    await ask("what is an apple")
    await ask("what is an apple")
    return same.embedded == 2


# --------------------------------------------------------------------------- what a router outside loses


def changing_its_mind():
    """Return a router that chooses another model each time, as one that learns or explores may."""
    models = iter(["gpt-4o-mini", "gpt-4.1-mini", "gpt-4o"])
    return routed(lambda request: next(models))


@row("routed", "deduplicated")
async def flies_apart(outer, inner, tmp_path):
    """Equal requests that are sent to two models are two flights."""
    provider = FakeModel(gated=True)
    ask = in_order(asking(provider), {"routed": changing_its_mind(), "deduplicated": deduplicated}, outer, inner)
    tasks = [asyncio.create_task(ask("hello")) for _ in range(2)]
    await turns()
    asked = len(provider.calls)
    provider.release()
    await asyncio.gather(*tasks)
    return asked == 2


@row("routed", "cached")
async def misses_what_another_model_said(outer, inner, tmp_path):
    """The model is part of the key."""
    provider = FakeModel()
    rings = {"routed": changing_its_mind(), "cached": cached(layers=[memory])}
    ask = in_order(asking(provider), rings, outer, inner)
    await ask("hello")
    await ask("hello")
    return len(provider.calls) == 2


@row("routed", "semantic_cached")
async def misses_what_another_model_meant(outer, inner, tmp_path):
    """The model is part of the partition."""
    provider = FakeModel()
    rings = {"routed": changing_its_mind(), "semantic_cached": meaning(tmp_path)}
    ask = in_order(asking(provider), rings, outer, inner)
    await ask("what is an apple")
    await ask("what is an apple")
    return len(provider.calls) == 2


# --------------------------------------------------------------------------- what a budget outside loses


def small():
    """Return a budget that holds one call of gpt-4o with 64 tokens ($0.0007), and not two."""
    return budgeted(Budget(usd="0.001"), ledger=MemoryLedger())


async def refused(*calls):
    """Say whether one of these calls was refused by a budget."""
    results = await asyncio.gather(*calls, return_exceptions=True)
    return any(isinstance(result, BudgetExceededError) for result in results)


@row("budgeted", "deduplicated")
async def refuses_a_follower(outer, inner, tmp_path):
    """A follower would cost nothing, and has to find room all the same."""
    provider = FakeModel(gated=True)
    ask = in_order(asking(provider), {"budgeted": small(), "deduplicated": deduplicated}, outer, inner)
    tasks = [asyncio.create_task(ask("hello")) for _ in range(2)]
    await turns()
    provider.release()
    return await refused(*tasks)


@row("budgeted", "cached")
async def refuses_a_hit(outer, inner, tmp_path):
    """What is there already is refused when the money is spent."""
    provider = FakeModel(answer="x" * 900)
    ask = in_order(asking(provider), {"budgeted": small(), "cached": cached(layers=[memory])}, outer, inner)
    await ask("hello")
    return await refused(ask("hello"))


@row("budgeted", "semantic_cached")
async def refuses_a_near_hit(outer, inner, tmp_path):
    """Likewise by meaning."""
    provider = FakeModel(answer="x" * 900)
    ask = in_order(asking(provider), {"budgeted": small(), "semantic_cached": meaning(tmp_path)}, outer, inner)
    await ask("what is an apple")
    return await refused(ask("what is an apple"))


@row("budgeted", "routed")
async def refuses_what_the_chosen_model_could_do(outer, inner, tmp_path):
    """A budget that fits the cheap model is asked for the dear one, which the function names."""
    rings = {"budgeted": budgeted(daily_usd="0.0001", ledger=MemoryLedger()), "routed": routed(lambda _: "gpt-4o-mini")}
    return await refused(in_order(asking(FakeModel()), rings, outer, inner)("hello"))


# --------------------------------------------------------------------------- what a rate outside loses


async def waits(clock, call):
    """Say whether a call has to wait for longer than the moment in which texts to embed are gathered."""
    task, waited = asyncio.create_task(call), False
    while not task.done():
        await asyncio.sleep(0)
        if clock.next_due is not None:
            waited = waited or clock.next_due > clock.now() + 1
            clock.advance(max(0.0, clock.next_due - clock.now()))
    await task
    return waited


@row("rate_limited", "deduplicated")
async def a_follower_waits(outer, inner, tmp_path):
    """Two callers of one flight make one request."""
    provider = FakeModel(gated=True)
    with virtual(FakeClock()) as clock:
        ask = in_order(
            asking(provider), {"rate_limited": rate_limited(rpm=1), "deduplicated": deduplicated}, outer, inner
        )
        tasks = [asyncio.create_task(ask("hello")) for _ in range(2)]
        await turns()
        waiting = clock.sleepers > 0
        provider.release()
        await turns()
        clock.advance(3600)
        await turns()
        provider.release()
        await asyncio.gather(*tasks)
        return waiting


@row("rate_limited", "cached")
async def a_hit_waits(outer, inner, tmp_path):
    """A hit makes no request."""
    with virtual(FakeClock()) as clock:
        rings = {"rate_limited": rate_limited(rpm=1), "cached": cached(layers=[memory])}
        ask = in_order(asking(FakeModel()), rings, outer, inner)
        await ask("hello")
        return await waits(clock, ask("hello"))


@row("rate_limited", "semantic_cached")
async def a_near_hit_waits(outer, inner, tmp_path):
    """Nor does a near one."""
    with virtual(FakeClock()) as clock:
        rings = {"rate_limited": rate_limited(rpm=1), "semantic_cached": meaning(tmp_path)}
        ask = in_order(asking(FakeModel()), rings, outer, inner)
        await waits(clock, ask("what is an apple"))
        return await waits(clock, ask("what is an apple"))


@row("rate_limited", "batched")
async def items_wait_for_each_other(outer, inner, tmp_path):
    """A batch is one request, however many items are in it."""

    async def lengths(texts):
        return [len(text) for text in texts]

    with virtual(FakeClock()) as clock:
        rings = {"rate_limited": rate_limited(rpm=1), "batched": batched(max_size=2)}
        measure = in_order(lengths, rings, outer, inner)
        tasks = [asyncio.create_task(measure(text)) for text in ("a", "bc")]
        await turns()
        done = all(task.done() for task in tasks)
        for _ in range(3):
            clock.advance(3600)
            await turns()
        assert [1, 2] == await asyncio.gather(*tasks)
        return not done


@row("rate_limited", "routed")
async def a_cascade_goes_as_one(outer, inner, tmp_path):
    """A cascade may ask several models for one call."""
    provider = FakeModel()
    with virtual(FakeClock()) as clock:
        rings = {
            "rate_limited": rate_limited(rpm=1),
            "routed": routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: False)),
        }
        return not await waits(clock, in_order(asking(provider), rings, outer, inner)("hello"))


# --------------------------------------------------------------------------- the tests


@pytest.mark.parametrize("outer_inner", LOSSES, ids=lambda pair: f"{pair[0]} outside {pair[1]}")
async def test_a_row_loses_what_it_says_in_that_order_and_not_in_the_recommended_one(outer_inner, tmp_path):
    """A warning that warns of nothing is worse than none: each row has what shows its loss."""
    outer, inner = outer_inner
    shows = LOST_BY[outer, inner]
    assert await shows(outer, inner, tmp_path / "lost")
    assert not await shows(inner, outer, tmp_path / "kept")


@pytest.mark.parametrize(("outer", "inner"), LOSSES)
def test_an_order_that_loses_something_warns_with_the_reason_and_the_fix(outer, inner, tmp_path):
    """It is said where the decorator stands, at decoration, and only in that order."""
    rings = {
        "batched": batched,
        "budgeted": budgeted(daily_usd=1),
        "cached": cached,
        "deduplicated": deduplicated,
        "rate_limited": rate_limited(rpm=1),
        "routed": routed(lambda request: "gpt-4o"),
        "semantic_cached": meaning(tmp_path),
    }

    async def ask(items, *, model="gpt-4o"):
        return items

    with pytest.warns(OrderWarning, match=f"Put @{inner} above @{outer}") as seen:
        rings[outer](rings[inner](ask))
    assert [__file__] == [warning.filename for warning in seen]
    assert LOSSES[outer, inner] in str(seen[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if inner != "batched":
            rings[inner](rings[outer](ask))


def test_the_recommended_order_loses_nothing():
    """All eight, in the order that the messages recommend."""
    places = {name: at for at, name in enumerate(RECOMMENDED)}
    assert [] == [pair for pair in LOSSES if places[pair[0]] < places[pair[1]]]


@pytest.mark.parametrize("how", ["bare", "called", "stack"])
def test_a_warning_points_at_the_line_that_decorates(how):
    """However it is written, the line is the user's own."""

    async def ask(prompt):
        return prompt

    inner = deduplicated(ask)
    outer = {"bare": cached, "called": cached(), "stack": stack(cached)}[how]
    with pytest.warns(OrderWarning) as seen:
        outer(inner)
    assert [__file__] == [warning.filename for warning in seen]


def test_one_order_is_warned_of_once():
    """Two caches outside one flight are one mistake, said when the second of them is put there."""

    async def ask(prompt):
        return prompt

    with pytest.warns(OrderWarning):
        once = cached(deduplicated(ask))
    with pytest.warns(OrderWarning) as seen:
        cached(once)
    assert 1 == len(seen)


@pytest.mark.parametrize("inner", ["a middleware", "budgeted", "cached", "deduplicated", "metered", "routed"])
def test_what_would_see_a_list_in_the_place_of_a_call_is_refused(inner):
    """Under a batch only a rate limit may stand."""

    @middleware
    async def passing(call, proceed):
        return await proceed(call)

    rings = {
        "a middleware": passing,
        "budgeted": budgeted(daily_usd=1),
        "cached": cached,
        "deduplicated": deduplicated,
        "metered": metered,
        "routed": routed(lambda request: "gpt-4o"),
    }

    async def ask(items, *, model="gpt-4o"):
        return items

    named = "passing" if inner == "a middleware" else inner
    with pytest.raises(TypeError, match=rf"@.*{named} stands under @batched"):
        batched(rings[inner](ask))
    batched(rate_limited(rpm=1)(ask))


def test_the_page_on_order_tells_every_row_and_no_other():
    """Who reads why an order loses something reads what the warning says."""
    page = Path(__file__).parents[3] / "docs" / "explanation" / "order.md"
    told = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(*pair, loss) for pair, loss in LOSSES.items()] == told
