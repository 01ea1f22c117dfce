"""Agreement: on one ledger, the report, the command line, the advice, the backtest and the audit say the same."""

import asyncio
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import frugal
from frugal import (
    Ledger,
    ModelPrice,
    Money,
    PriceTable,
    Usage,
    advise,
    backtest,
    batched,
    cached,
    cascade,
    deduplicated,
    memory,
    metered,
    routed,
    scope,
    stack,
)
from frugal.cli import app
from frugal.cli.documents import money_document
from frugal.insight.backtesting import Backtest
from frugal.testing import FakeClock, FakeModel, virtual

NOON = 1_768_478_400.0
CACHE = cached(layers=[memory(ttl=900, max_items=10_000)])


def command(*words: object) -> Any:
    """Return what a command says to programs."""
    ran = CliRunner().invoke(app, [*map(str, words), "--json"])
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


# --------------------------------------------------------------------------- a workload of 40 % repeats


@pytest.fixture
def repeats(tmp_path: Path) -> Iterator[tuple[Ledger, FakeModel, Money]]:
    """Return a ledger of 250 calls of which 100 repeat one of the hour before, the model, and what these cost."""
    with virtual(FakeClock(NOON)) as clock, Ledger(tmp_path / "ledger", clock=clock) as ledger:
        model = FakeModel(clock=clock)

        @metered(ledger=ledger)
        @deduplicated
        async def ask(prompt: str, *, model_name: str = "gpt-4o") -> Any:
            return await model(prompt=prompt, model=model_name)

        async def live() -> Money:
            before = Money(0)
            for number in range(250):
                if number == 150:
                    before = model.charged
                await ask(f"question {number % 150} " + "word " * (number % 150 % 7))
                clock.advance(7)
            await ledger.flush()
            return model.charged - before

        yield ledger, model, asyncio.run(live())


def test_a_workload_of_forty_percent_repeats_is_told_that_figure_by_all_of_them(
    repeats: tuple[Ledger, FakeModel, Money],
) -> None:
    """What the provider billed for the repeats is what each says that a cache would have saved."""
    ledger, model, wasted = repeats
    found = {advice.tip: advice for advice in advise(ledger)}["exact_cache"]
    assert found.evidence.startswith("40% of 250 calls (100) repeat a request")
    assert wasted == found.saving
    played = backtest(list(ledger.records()), stack(cached(layers=[memory(ttl=3600, max_items=10_000)])))
    assert (wasted, {"cached": wasted}) == (played.saved, played.by_ring)
    assert {"provider": 150, "memory": 100} == played.outcomes
    place = ledger.directory
    said = command("advise", "--ledger", place)
    (told,) = (each for each in said["advice"] if each["tip"] == "exact_cache")
    assert money_document(wasted) == told["saving"]
    assert found.evidence == told["evidence"]
    assert wasted.pico in picos(ledger)
    assert (True, 250) == (ledger.audit().ok, ledger.audit().records)
    assert model.charged == ledger.totals().cost.amount == played.baseline.amount


def picos(ledger: Ledger) -> set[int]:
    """Return every amount that stands on the page of the report."""
    pytest.importorskip("bokeh", reason="the extra frugal[report] is not installed")
    return {int(pico) for pico in re.findall(r'data-pico="(-?\d+)"', frugal.insight.render(ledger))}


# --------------------------------------------------------------------------- everything that a ledger can hold


class Life:
    """Make everything that a ledger can hold.

    Streams, read and thrown away, failures, escalations, cached input, batches, several models, one without a price,
    tools, composite calls, a provider's own dollars, and repeats.
    """

    def __init__(self, ledger: Ledger) -> None:
        claude = FakeModel("anthropic", usage=Usage(1_234, 567, 89, 7, output_tokens=333), fail={7: 529, 11: 500})
        gpt = FakeModel(
            usage=lambda text, answer, model: Usage(len(text) + 90, 17, output_tokens=41, reasoning_tokens=5),
            fail={5: 429},
        )
        mine = FakeModel(prices=PriceTable({"nobodys-model": ModelPrice(input=1, output=1)}))
        vectors = FakeModel(usage=lambda text, answer, model: Usage(input_tokens=len(text)))
        ring = stack(metered(ledger=ledger), deduplicated, CACHE)

        @ring
        async def ask(messages: Any, *, model: str = "claude-sonnet-4-5", stream: bool = False) -> Any:
            return await claude(messages, model=model, stream=stream)

        @ring
        async def own(messages: Any, *, model: str = "nobodys-model") -> Any:
            return await mine(messages, model=model)

        @metered(ledger=ledger)
        @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda answer: answer.model == "gpt-4o"))
        async def escalate(messages: Any, *, model: str | None = None) -> Any:
            return await gpt(messages, model=model)

        @metered(ledger=ledger, read=lambda answer: frugal.usd("0.0123"))
        async def stated(messages: Any, *, model: str = "gpt-4o", service_tier: str = "flex") -> Any:
            return await gpt(messages, model=model)

        @metered(ledger=ledger)
        async def embedded(prompt: str, *, model: str = "text-embedding-3-small") -> Any:
            return await vectors(prompt=prompt, model=model)

        @metered(ledger=ledger)
        @batched(max_size=4)
        async def embed(items: list[str]) -> list[str]:
            await embedded(" ".join(items))
            return items

        @metered(ledger=ledger)
        async def look_up(word: str) -> str:
            return word

        @metered(ledger=ledger)
        async def agent(task: str) -> None:
            await ask(f"plan {task}", stream=True)  # and nobody reads it
            await look_up(task)

        self.ask, self.own, self.escalate, self.stated = ask, own, escalate, stated
        self.embed, self.agent = embed, agent

    async def turn(self, number: int) -> None:
        """Live through a few minutes."""
        with scope(user=f"user {number % 3}", run=f"run {number // 2}", feature="=search"):
            await self._one(self.ask(f"question {number % 3}", stream=number % 3 == 0))
            await self._one(self.own(f"mine {number}"))
            await self._one(self.escalate(f"hard {number}"))
            await self._one(self.stated(f"flex {number}"))
            await self._one(self.agent(f"task {number}"))
            await asyncio.gather(*(self._one(self.ask(f"together {number}")) for _ in range(3)))
            await self.embed.many([f"text {number} {at}" for at in range(5)])

    @staticmethod
    async def _one(call: Any) -> None:
        """Make a call to its end; what the provider was told to fail at may fail."""
        try:
            found = await call
            if hasattr(found, "__aiter__"):
                async for _ in found:
                    pass
        except Exception as error:
            if "told to fail" not in str(error):
                raise


def lived(ledger: Ledger, clock: FakeClock) -> None:
    """Let a ledger see an hour of everything."""

    async def hour() -> None:
        life = Life(ledger)
        for number in range(12):
            await life.turn(number)
            clock.advance(271)
        await ledger.flush()

    asyncio.run(hour())


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Return a ledger with an hour of everything in it; not to be written to."""
    clock = FakeClock(NOON)
    with virtual(clock), Ledger(tmp_path_factory.mktemp("agreement") / "ledger", clock=clock) as ledger:
        lived(ledger, clock)
        yield ledger


def paid(ledger: Ledger) -> list[Any]:
    """Return the records of models' calls that a log can replay."""
    return [
        record
        for record in ledger.records()
        if record.kind == "llm" and record.outcome not in {"composite", "shadow", "rejected"}
    ]


def test_the_ledger_has_everything_that_is_promised_of_it(everything: Ledger) -> None:
    """Or what follows would prove less than it says."""
    records = list(everything.records())
    outcomes = {record.outcome for record in records}
    assert {"provider", "memory", "shared", "escalated", "failed", "batched", "composite"} <= outcomes
    assert {"llm", "tool"} == {record.kind for record in records}
    assert len({record.model for record in records}) >= 5
    assert any(record.cost.status == "unpriced" for record in records)
    assert any(record.cost.status == "estimated" for record in records)
    assert any(record.usage.cache_read_tokens for record in records)
    assert any(record.cost.amount == frugal.usd("0.0123") for record in records)
    assert everything.audit().ok


@pytest.mark.parametrize("form", ["records", "log.jsonl", "log.csv"])
def test_a_backtest_of_our_own_log_costs_what_it_cost_to_the_pico_dollar(
    everything: Ledger, tmp_path: Path, form: str
) -> None:
    """With the stack that it was made by, hour by hour; and with none, what the caches saved as well."""
    log: Any = list(everything.records())
    if form != "records":
        log = tmp_path / form
        everything.export(log)
    total = everything.totals(kind="llm")
    assert sum(record.cost.known.pico for record in paid(everything)) == total.cost.known.pico > 0
    bare = backtest(log, stack())
    assert bare.cost.known == bare.baseline.known == total.cost.known + total.saved
    played = backtest(log, stack(deduplicated, CACHE))
    adds_up(played)
    assert (total.cost.known, total.saved) == (played.cost.known, played.saved)
    assert total.cost.unpriced_calls == played.cost.unpriced_calls > 0
    hours = {row.group["hour"]: row for row in everything.usage(by=("hour",), kind="llm")}
    for hour in played.by_hour:
        row = hours.pop(f"{hour.start:%Y-%m-%dT%H}+0000")
        assert (row.cost.known, row.saved) == (hour.cost.known, hour.saved)
    assert {Money(0)} >= {row.cost.known for row in hours.values()}
    for name in ("memory", "shared"):
        assert total.outcomes[name] == played.outcomes[name] > 0
    # A caller's leaving is the same to a provider as a failure of which it billed something.
    assert total.outcomes["failed"] + total.outcomes["cancelled"] == played.outcomes["failed"]


def adds_up(found: Backtest) -> None:
    """Check that the parts add up to the whole."""
    assert found.saved == found.baseline.known - found.cost.known
    assert sum(money.pico for money in found.by_ring.values()) == found.saved.pico
    assert sum(hour.saved.pico for hour in found.by_hour) == found.saved.pico


def test_the_command_line_the_report_the_advice_and_the_audit_say_the_same(everything: Ledger) -> None:
    """One ledger has one cost, one number of records, and one saving by tip."""
    place, total, audit = everything.directory, everything.totals(), everything.audit()
    assert audit.ok
    records = list(everything.records())
    assert audit.records == len(records) == sum(total.outcomes.values())
    assert sum(record.cost.known.pico for record in records) == total.cost.known.pico
    used = command("usage", "--ledger", place)
    assert money_document(total.cost.amount) == used["total"]["cost"]["amount"]
    assert money_document(total.saved) == used["total"]["saved"]
    played, bare = backtest(records, stack(deduplicated, CACHE)), backtest(records, stack())
    assert money_document(bare.cost.amount) == backtested(place, "nothing")["cost"]["amount"]
    assert money_document(played.saved) == backtested(place, "same")["saved"]
    model = everything.totals(kind="llm")
    assert model.cost.known == played.cost.known
    on_page = picos(everything)
    assert {total.cost.known.pico, total.saved.pico} <= on_page
    said = {each["tip"]: each for each in command("advise", "--ledger", place)["advice"]}
    for advice in advise(everything):
        assert money_document(advice.saving) == said[advice.tip]["saving"]
        assert advice.saving is None or advice.saving.pico in on_page
    exported = command("audit", "--ledger", place)
    assert (True, audit.records) == (exported["ok"], exported["records"])


same = stack(deduplicated, CACHE)
nothing = stack()


def backtested(place: Path, name: str) -> Any:
    """Return what `frugal backtest` says of a ledger, through a stack of this module."""
    import sys

    sys.modules.setdefault("the_agreement", sys.modules[__name__])
    try:
        return command("backtest", "--ledger", place, "--stack", f"the_agreement:{name}")
    finally:
        del sys.modules["the_agreement"]
