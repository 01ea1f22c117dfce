"""Retries: whoever asks again, an SDK behind its caller's back or the caller, the same requests cost the same."""

import asyncio
import json

from hypothesis import given, settings
from hypothesis import strategies as st

from frugal import BudgetExceededError, Money, Usage, budgeted, instrument, metered, usd
from frugal.prices import default_prices
from frugal.testing import MemoryLedger

HELLO = [{"role": "user", "content": "Tell me of the ledger that lost nothing."}]
ANSWERED, BILLED = Usage(input_tokens=12, output_tokens=30), Usage(input_tokens=14, output_tokens=40)


class ReadTimeout(Exception):  # noqa: N818  named as HTTP clients name theirs
    pass


class ConnectError(Exception):
    pass


class StatusError(Exception):
    def __init__(self, status):
        self.status_code = status
        super().__init__(status)


class Request:
    method, url = "POST", "https://api.example.com/v1/chat/completions"

    def __init__(self, asked):
        self.content = json.dumps(asked).encode()


class Answer:
    """An HTTP response that has been read."""

    is_stream_consumed = is_closed = True
    stream = None

    def __init__(self, status):
        self.status_code = status
        message = {"role": "assistant", "content": "Nothing was lost."}
        usage = {"prompt_tokens": ANSWERED.input_tokens, "completion_tokens": ANSWERED.output_tokens}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        self.body = {"model": "gpt-4o-mini", "choices": choices, "usage": usage}


class Http:
    """Send requests as an SDK's HTTP client does, with the fates that were drawn."""

    def __init__(self, fates):
        self.fates = list(fates)
        self.sent = 0
        self.bills = []

    def build_request(self):
        """What an HTTP client is known by."""

    async def send(self, request):
        """Meet the next fate."""
        await asyncio.sleep(0)
        fate = self.fates.pop(0)
        if fate == "unsent":
            raise ConnectError
        self.sent += 1
        if fate == "lost":
            raise ReadTimeout
        if fate == "billed":
            self.bills.append(BILLED)
            raise ReadTimeout
        if fate == "answered":
            self.bills.append(ANSWERED)
        return Answer(200 if fate == "answered" else 408 if fate == "late" else int(fate))

    @property
    def charged(self):
        """What a provider bills."""
        return sum((default_prices().cost("gpt-4o-mini", bill, at=1.8e9).amount for bill in self.bills), Money(0))


async def asked_once(http, messages, model, max_tokens):
    """Ask once, as an SDK does: an error for an error status."""
    response = await http.send(Request({"messages": messages, "model": model, "max_tokens": max_tokens}))
    if response.status_code >= 400:
        raise StatusError(response.status_code)
    return response.body


async def run(fates, *, inside, limit=None, watched=True):
    """Ask until it is answered or the fates run out: inside the decorated function, or round it."""
    http, ledger = Http(fates), MemoryLedger()
    if watched:
        instrument(http)

    async def ask(messages, *, model="gpt-4o-mini", max_tokens=50):
        for _ in range(len(fates) - 1 if inside else 0):
            try:
                return await asked_once(http, messages, model, max_tokens)
            except (ReadTimeout, ConnectError, StatusError):
                continue
        return await asked_once(http, messages, model, max_tokens)

    put = metered(ledger=ledger) if limit is None else budgeted(ledger=ledger, daily_usd=limit)
    decorated = put(ask)
    for _ in range(1 if inside else len(fates)):
        try:
            await decorated(HELLO)
            break
        except BudgetExceededError:  # the repetition was refused
            break
        except (ReadTimeout, ConnectError, StatusError):
            continue
    return http, ledger


fate = st.sampled_from(["lost", "billed", "unsent", "429", "500", "late"])
fates = st.tuples(st.lists(fate, max_size=5), st.booleans()).map(
    lambda drawn: [*drawn[0], "answered"] if drawn[1] else [*drawn[0], "429"]
)


@given(fates)
def test_whoever_asks_again_the_books_are_the_same(fates):
    """Amount, low, high, and the number of requests, whatever became of each of them."""
    http, inside = asyncio.run(run(fates, inside=True))
    same, around = asyncio.run(run(fates, inside=False))
    assert (around.cost.amount, around.cost.low, around.cost.high) == (
        inside.cost.amount, inside.cost.low, inside.cost.high,
    )  # fmt: skip
    assert http.sent == same.sent == sum(record.attempts for record in inside.records)
    assert http.sent == sum(record.attempts for record in around.records)
    assert inside.cost.low <= http.charged <= inside.cost.high
    assert 1 == len(inside.records)


@given(fates)
def test_what_was_answered_is_what_the_record_counts(fates):
    """Its usage is the answer's, and its cost begins there; nothing is estimated where nothing was lost."""
    _, ledger = asyncio.run(run(fates, inside=True))
    (record,) = ledger.records
    lost = sum(one in {"lost", "billed", "late"} for one in fates)
    if fates[-1] == "answered":
        assert ANSWERED == record.usage
        assert default_prices().cost("gpt-4o-mini", ANSWERED, at=1.8e9).amount == record.cost.low
    assert ("estimated" if lost else "exact") == record.cost.status


@settings(max_examples=60)
@given(fates, st.integers(1, 6))
def test_a_budget_is_never_outrun_by_retries(fates, holds):
    """Spent and held stay within the limit, whatever the SDK repeats, and nothing is marked as an overrun."""
    one = usd("0.00006")  # a little more than one such request may cost at the most
    http, ledger = asyncio.run(run(fates, inside=True, limit=one * holds))
    assert ledger.cost.known <= one * holds
    assert http.charged <= one * holds
    assert 0 == ledger.held
    assert not any(record.overrun for record in ledger.records)
    assert http.sent == sum(record.attempts for record in ledger.records)
