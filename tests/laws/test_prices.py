"""Laws of prices: genai-prices' own arithmetic is the oracle, for every model that it lists.

Where frugal means to differ, the difference is named here: Claude's one-hour writes where the data has none, our own
rows, tiers beyond the data's variants, and usage that has no listed rate (an estimate must then hold the oracle's
figure within its bounds, or be unpriced).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ClauseAnd, ClauseOr, TieredPrices
from genai_prices.types import ModelPrice as TheirPrice
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal._values.usage import BUCKETS, Usage
from frugal.errors import InvalidPriceError
from frugal.prices import ModelPrice, PriceTable, calculate_cost, default_prices, estimate_monthly, shipped, table
from frugal.prices.catalogue import catalogue
from frugal.prices.listing import spells
from frugal.prices.quote import AUDIO_AT_MOST, from_model_price
from frugal.prices.rates import Rates

CONTEXTS = {
    None: None,
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast", "speed": "fast"},
}
EARLY, LATE = datetime(2024, 1, 1, tzinfo=UTC).timestamp(), datetime(2027, 6, 1, tzinfo=UTC).timestamp()

VARIED = datetime(2026, 9, 1, tzinfo=UTC).timestamp()
"""Most variants of the data begin in October 2026."""


@pytest.fixture(scope="module")
def oracle() -> DataSnapshot:
    """Give the installed data as genai-prices itself reads it."""
    return get_snapshot()


def texts(rule: object) -> Iterator[str]:
    """Yield every literal of a rule of matching."""
    if isinstance(rule, ClauseOr):
        for part in rule.or_:
            yield from texts(part)
    elif isinstance(rule, ClauseAnd):
        for part in rule.and_:
            yield from texts(part)
    else:
        yield from (getattr(rule, k) for k in ("equals", "starts_with", "ends_with", "contains") if hasattr(rule, k))


def theirs(usage: Usage) -> TheirUsage:
    """Turn disjoint buckets into genai-prices' nested counts."""
    return TheirUsage(
        input_tokens=usage.total_input_tokens,
        output_tokens=usage.total_output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        input_image_tokens=usage.input_image_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        output_reasoning_tokens=usage.reasoning_tokens,
        cache_audio_read_tokens=0,
        cache_image_read_tokens=0,
    )


def pico(dollars: Decimal) -> int:
    """Round dollars to pico-dollars, once."""
    with localcontext(prec=60):
        return int(dollars.scaleb(12).to_integral_value(ROUND_HALF_EVEN))


def usages(rng: random.Random) -> Usage:
    """Draw a usage with some buckets empty, and long contexts not rare."""
    return Usage(*(rng.randrange(400_000) if rng.random() < 0.4 else 0 for _ in BUCKETS))


def is_variant(model, tier: str | None, at: float) -> bool:
    """Tell whether the data has rates of its own for that tier and day."""
    context = CONTEXTS[tier]
    return context is None or any(
        (v.constraint is None or v.constraint.active(datetime.fromtimestamp(at, UTC)))
        and all(context.get(key) == value for key, value in v.when.items())
        for v in model.price_variants or ()
    )


def is_ours(provider: str, model, usage: Usage) -> bool:
    """Tell whether frugal means to differ: rows of our own, and Claude's one-hour writes."""
    if table.correction(provider, model.id.lower()) or table.is_elsewhere(provider, model.id.lower()):
        return True
    return usage.cache_write_1h_tokens > 0 and table.ONE_HOUR_WRITE[0].fullmatch(model.id.lower()) is not None


@pytest.mark.parametrize("tier", list(CONTEXTS))
def test_every_listed_model_costs_what_the_oracle_says(oracle: DataSnapshot, tier: str | None) -> None:
    """Exact costs equal calc_price to the pico-dollar; estimates hold it; nothing it knows is lost unsaid."""
    rng = random.Random(f"prices {tier}")
    prices = default_prices()
    compared = 0
    for provider in oracle.providers:
        for listed in provider.models:
            for name in sorted(set(texts(listed.match))):
                _, model = oracle.find_provider_model(name, None, provider.id, None)
                usage, at = usages(rng), rng.uniform(VARIED if tier else EARLY, LATE)
                if not is_variant(model, tier, at) or is_ours(provider.id, model, usage):
                    continue
                when = datetime.fromtimestamp(at, UTC)
                calc = oracle.calc(theirs(usage), name, provider.id, None, when, CONTEXTS[tier])
                expected = pico(calc.total_price)
                cost = prices.cost(name, usage, at=at, provider=provider.id, tier=tier)
                compared += 1
                if cost.amount is None:
                    rates = model.get_prices(when).__dict__
                    assert not rates.get("output_mtok") or not rates.get("input_mtok"), (provider.id, name)
                elif cost.status == "exact":
                    assert (provider.id, name, cost.amount.pico) == (provider.id, name, expected)
                else:
                    assert cost.low.pico <= expected <= cost.high.pico, (provider.id, name, usage)
    assert compared > (3000 if tier is None else 20)


@pytest.mark.parametrize("tier", list(CONTEXTS))
def test_plain_text_is_priced_exactly_wherever_input_and_output_are_listed(
    oracle: DataSnapshot, tier: str | None
) -> None:
    """Text in and text out of a listed model is never an estimate, and equals calc_price."""
    rng = random.Random(f"text {tier}")
    prices = default_prices()
    for provider in oracle.providers:
        for model in provider.models:
            name = next(texts(model.match), None)
            if name is None or oracle.find_provider_model(name, None, provider.id, None)[1] is not model:
                continue
            at = rng.uniform(VARIED if tier else EARLY, LATE)
            when = datetime.fromtimestamp(at, UTC)
            rates = model.get_prices(when).__dict__
            usage = Usage(input_tokens=rng.randrange(500_000), output_tokens=rng.randrange(9_000))
            listed = rates.get("input_mtok") is not None and rates.get("output_mtok") is not None
            if not listed or not is_variant(model, tier, at) or is_ours(provider.id, model, usage):
                continue
            calc = oracle.calc(theirs(usage), name, provider.id, None, when, CONTEXTS[tier])
            cost = prices.cost(name, usage, at=at, provider=provider.id, tier=tier)
            assert (name, cost.status, cost.amount.pico) == (name, "exact", pico(calc.total_price))


def test_a_bare_name_finds_what_the_oracle_finds(oracle: DataSnapshot) -> None:
    """Without a provider, a name that genai-prices resolves is resolved to the same rates."""
    prices = default_prices()
    usage, at = Usage(input_tokens=1_000, output_tokens=100), datetime(2026, 11, 1, tzinfo=UTC)
    seen = 0
    for provider in oracle.providers:
        for model in provider.models:
            for name in texts(model.match):
                try:
                    found, there = oracle.find_provider_model(name, None, None, None)
                except LookupError:
                    continue
                if not getattr(there.get_prices(at), "output_mtok", None) or is_ours(found.id, there, usage):
                    continue
                cost = prices.cost(name, usage, at=at.timestamp())
                if cost.amount is None or "/" in name or name.count(".") > 1:
                    continue  # a route is heeded here, and guessed at there
                expected = oracle.calc(theirs(usage), name, None, None, at).total_price
                assert (name, cost.amount.pico) == (name, pico(expected))
                seen += 1
    assert seen > 300


def test_every_name_that_is_offered_is_found() -> None:
    """models() and near() offer only names that find a listing."""
    lost = [name for name in default_prices().models() if catalogue.find(name, None) is None]
    assert lost == []


def test_the_text_reads_as_the_module_does() -> None:
    """Reading the data as text and importing it give the same listings, for every model."""
    read, live = shipped.load(), shipped.imported("the test asks for it")
    assert list(read.hosts) == list(live.hosts)
    for name, host in read.hosts.items():
        other = live.hosts[name]
        assert [host.listing(i) for i in range(len(host))] == [other.listing(i) for i in range(len(other))]
        assert (host.model_match, host.provider_match, host.fallbacks) == (
            other.model_match,
            other.provider_match,
            other.fallbacks,
        )


def test_only_candidates_can_be_spelled() -> None:
    """The index by literals never hides a model that a name spells."""
    data = shipped.load()
    rng = random.Random("candidates")
    for host in data.hosts.values():
        names = [name.lower() for name in host.ids()]
        for name in rng.sample(names, min(8, len(names))):
            slow = (host.listing(i) for i in range(len(host)))
            first = next((found for found in slow if spells(found.match, name, found.id)), None)
            assert host.find(name) == first


def test_no_audio_is_dearer_than_the_bound(oracle: DataSnapshot) -> None:
    """The ceiling of an estimate for audio holds for every model whose audio is listed."""

    def first(value: Decimal | TieredPrices) -> Decimal:
        return value.base if isinstance(value, TieredPrices) else value

    sheets = (
        price
        for provider in oracle.providers
        for model in provider.models
        for price in ([model.prices] if isinstance(model.prices, TheirPrice) else [c.prices for c in model.prices])
    )
    for sheet in sheets:
        for side in ("input", "output"):
            audio, text = getattr(sheet, f"{side}_audio_mtok"), getattr(sheet, f"{side}_mtok")
            if audio is not None and text is not None:
                assert first(audio) <= first(text) * AUDIO_AT_MOST


# --------------------------------------------------------------------------- our own arithmetic

price_texts = st.decimals(0, 1000, places=9, allow_nan=False).map(str)
optional = st.none() | price_texts
models = st.builds(
    ModelPrice,
    input=price_texts,
    output=price_texts,
    cached_input=optional,
    cache_write_5m=optional,
    cache_write_1h=optional,
    input_audio=optional,
    output_audio=optional,
    input_image=optional,
    reasoning=optional,
    per_request=optional,
)
counts = st.integers(0, 10**7)
some_usage = st.builds(Usage, **dict.fromkeys(BUCKETS, counts))


@given(price=models, usage=some_usage)
def test_parts_add_up_and_bounds_hold(price: ModelPrice, usage: Usage) -> None:
    """The parts of a cost add up to it, low <= amount <= high, and it is off by at most half a pico-dollar."""
    cost = Rates(from_model_price(price), "t", float("-inf"), float("inf")).cost(usage)
    assert sum(part.pico for part in cost.by_bucket.values()) == cost.amount.pico
    assert cost.low <= cost.amount <= cost.high
    if cost.status == "exact" and not any((usage.input_audio_tokens, usage.output_audio_tokens)):
        exact = Fraction(price.per_request or 0) * 10**12
        for bucket, count in zip(BUCKETS, usage, strict=True):
            rate = from_model_price(price).band(-1)[bucket]
            exact += count * rate.amount * 10**6
        assert abs(exact - cost.amount.pico) <= Fraction(1, 2)


@given(price=models, a=some_usage, b=some_usage)
def test_more_usage_never_costs_less(price: ModelPrice, a: Usage, b: Usage) -> None:
    """Without long-context steps, cost grows with usage."""
    rates = Rates(from_model_price(price), "t", float("-inf"), float("inf"))
    assert rates.cost(a).amount <= rates.cost(a + b).amount


@given(price=models)
def test_a_price_reads_back_from_its_repr(price: ModelPrice) -> None:
    """The repr of a price makes an equal price."""
    fields = eval(repr(price), {"ModelPrice": ModelPrice})
    assert fields == price


@given(number=st.floats(0, 10**9, allow_nan=False).filter(lambda x: x == 0 or x > 1e-9))
def test_a_float_is_read_as_it_prints(number: float) -> None:
    """A float price is the decimal that it prints as."""
    assert ModelPrice(input=number).input == Decimal(repr(number))


@given(
    number=st.floats(max_value=0, exclude_max=True) | st.sampled_from([float("nan"), float("inf"), "x", None, True, []])
)
def test_what_is_not_a_price_is_refused(number: object) -> None:
    """Negative, infinite and meaningless prices raise InvalidPriceError."""
    with pytest.raises(InvalidPriceError):
        ModelPrice(input=number)


@settings(deadline=None)
@given(
    sent=st.integers(0, 10**6),
    made=st.integers(0, 10**5),
    daily=st.integers(0, 10**4),
    cached=st.integers(0, 100),
    hits=st.integers(0, 100),
)
def test_a_month_adds_up(sent: int, made: int, daily: int, cached: int, hits: int) -> None:
    """The parts of a month add up to its cost, and its cost is the exact one, rounded once."""
    prices = PriceTable({"m": ModelPrice(input="2.5", output="10", cached_input="1.25")}, base=False)
    month = estimate_monthly(
        "m",
        input_tokens=sent,
        output_tokens=made,
        requests_per_day=daily,
        cache_hit_rate=cached / 100,
        response_hit_rate=hits / 100,
        prices=prices,
    )
    assert month.input_cost + month.cached_input_cost + month.output_cost == month.cost
    billed = daily * 30 * (1 - Fraction(hits, 100))
    share = Fraction(cached, 100)
    exact = billed * (sent * ((1 - share) * 2_500_000 + share * 1_250_000) + made * 10_000_000)
    assert month.cost.pico == round(exact)


@given(sent=counts, made=counts, part=st.floats(0, 1))
def test_cached_tokens_are_part_of_the_input(sent: int, made: int, part: float) -> None:
    """calculate_cost bills cached tokens once, at the cached price."""
    cached = int(sent * part)
    cost = calculate_cost("gpt-4o-mini", input_tokens=sent, output_tokens=made, cached_tokens=cached, at=1.8e9)
    assert cost.amount.pico == (sent - cached) * 150_000 + cached * 75_000 + made * 600_000
