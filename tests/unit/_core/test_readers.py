"""A reader of a user's own, before ours: what it knows is taken from it, and what it does not from the shape."""

from frugal import Usage, cached, memory, metered, usd
from frugal.ports import Reading
from frugal.testing import FakeModel, MemoryLedger


class Ours:
    """Reads `{"spent": …}` and streams that end with it."""

    def read(self, response):
        if not isinstance(response, dict) or "spent" not in response:
            return None
        return Reading(
            usage=Usage(**response["spent"]), model=response["by"], finish=response["why"],
            complete=response["why"] == "end",
        )  # fmt: skip

    def stream(self):
        return OurStream(self)


class OurStream:
    def __init__(self, reader):
        self.reader = reader
        self.last = None

    def feed(self, chunk):
        self.last = self.reader.read(chunk) or self.last

    def reading(self):
        return self.last


SAID = {"spent": {"input_tokens": 1_000_000}, "by": "gpt-4o-mini", "why": "end"}


async def test_what_it_knows_is_priced_and_named_by_it():
    """The model that served, the tokens and the way the answer ended are the reader's to say."""
    ledger = MemoryLedger()

    @metered(ledger=ledger, read=Ours())
    async def ask(prompt, *, model="gpt-4o"):
        return SAID

    await ask("hello")
    record = ledger.only(outcome="provider")
    assert ("gpt-4o-mini", usd("0.15"), 1_000_000) == (
        record.model, record.cost.amount, record.usage.input_tokens,
    )  # fmt: skip


async def test_what_it_does_not_know_is_read_by_shape():
    """One function may return both, and a reader need not know everything."""
    ledger, provider = MemoryLedger(), FakeModel()

    @metered(ledger=ledger, read=Ours())
    async def ask(prompt, *, model="gpt-4o", stream=False):
        return await provider(prompt, model=model, stream=stream)

    await ask("hello")
    async for _ in await ask("hello", stream=True):
        pass
    assert provider.charged == ledger.cost.amount
    assert "exact" == ledger.cost.status


async def test_it_reads_a_stream_as_a_whole():
    """Where chunks only add up together, a plain function of one chunk cannot read them."""
    ledger = MemoryLedger()

    @metered(ledger=ledger, read=Ours())
    async def ask(prompt, *, model="gpt-4o"):
        yield "some "
        yield "text"
        yield SAID

    assert ["some ", "text", SAID] == [chunk async for chunk in ask("hello")]
    assert usd("0.15") == ledger.only(model="gpt-4o-mini").cost.amount


async def test_what_it_says_was_cut_short_is_not_kept():
    """Half an answer would be wrong for as long as it is kept."""
    ledger, calls = MemoryLedger(), []

    @metered(ledger=ledger, read=Ours())
    @cached(layers=[memory])
    async def ask(prompt, *, model="gpt-4o"):
        calls.append(prompt)
        return {**SAID, "why": "cut"}

    await ask("hello")
    await ask("hello")
    assert ["hello", "hello"] == calls


async def test_one_that_fails_is_passed_over(caplog):
    """The call goes on, its shape is read, and the log says whose fault it was."""

    class Failing(Ours):
        def read(self, response):
            raise RuntimeError("a fault of the user's own")

    ledger, provider = MemoryLedger(), FakeModel()

    @metered(ledger=ledger, read=Failing())
    async def ask(prompt, *, model="gpt-4o"):
        return await provider(prompt, model=model)

    await ask("hello")
    assert provider.charged == ledger.cost.amount
    assert "a usage reader failed" in caplog.text


async def test_it_counts_wherever_in_the_stack_it_stands():
    """A budget outside meters as well, and says nothing of readers."""
    from frugal import budgeted

    ledger = MemoryLedger()

    @budgeted(daily_usd=10, ledger=ledger)
    @metered(read=Ours())
    async def ask(prompt, *, model="gpt-4o", max_tokens=10):
        return SAID

    await ask("hello")
    assert usd("0.15") == ledger.only(outcome="provider").cost.amount
