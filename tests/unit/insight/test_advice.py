"""Advice: each tip's figure is what this ledger's own records say."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frugal import Ledger, Money, Usage, advise, cascade, deduplicated, feedback, metered, routed, scope
from frugal._values.cost import Cost
from frugal.insight.advice.batches import Batches
from frugal.insight.advice.prefixes import Prefixes
from frugal.insight.advice.repeats import NearRepeats, Repeats, Rides
from frugal.insight.advice.rivals import Rivals
from frugal.insight.advice.tips import TIPS
from frugal.insight.advice.traffic import Traffic
from frugal.prices import default_prices
from frugal.testing import FakeClock, FakeModel, virtual

DOLLAR = 10**12


def test_every_tip_of_the_checklist_is_there_once_in_four_categories(book):
    """The source's eleven, and the exact cache; an empty ledger knows nothing and says so."""
    found = book.advice()
    assert len(TIPS) == len(found) == 12
    assert {"prompt", "caching", "model", "architecture"} == {advice.category for advice in found.values()}
    assert [None] * 12 == [advice.saving for advice in found.values()]
    assert [0] * 12 == [advice.sample for advice in found.values()]
    assert all("ot enough evidence" in advice.evidence for advice in found.values())


async def test_a_workload_of_forty_percent_repeats_is_told_that_figure(tmp_path):
    """Through the decorators: 300 of 500 requests are new, and the other 200 are what a cache would have saved."""
    with virtual(FakeClock()) as clock, Ledger(tmp_path / "ledger") as ledger:
        model = FakeModel(clock=clock)

        @metered(ledger=ledger)
        @deduplicated
        async def ask(prompt, *, name="gpt-4o-mini"):
            return await model(prompt=prompt, model=name)

        before = Money(0)
        for number in range(500):
            if number == 300:
                before = model.charged
            await ask(f"question {number % 300}")
            clock.advance(1)
        await ledger.flush()
        found = {advice.tip: advice for advice in advise(ledger)}
        best = found["exact_cache"]
        assert best.evidence.startswith("40% of 500 calls (200) repeat a request")
        assert best.saving == model.charged - before
        assert best.sample == 500
        assert best is advise(ledger)[0] or best == advise(ledger)[0]
        assert ledger.audit().ok
        assert ledger.totals().cost.amount == model.charged
        assert found["deduplication"].saving == Money(0)


def test_a_repeat_is_what_came_after_the_answer_and_within_its_life(book):
    """In flight is no repeat, an expired answer answers nothing, and other requests have nothing to do with it."""
    for number in range(20):
        book.add(number, key=f"filler-{number}")
    book.add(100, key="a", cost="1", latency=10)
    book.add(105, key="a", cost="2")  # in flight: a follower, no hit
    book.add(111, key="a", cost="4")  # a hit
    book.add(3_709, key="a", cost="8")  # the last second of its life
    book.add(3_711, key="a", cost="16")  # too late: it fills again
    book.add(3_800, key="a", cost="32")  # a hit of the second
    book.add(3_801, key="b", cost="64")
    found = book.advice()
    assert found["exact_cache"].saving == Money(44 * DOLLAR)
    assert found["deduplication"].saving == Money(2 * DOLLAR)


def test_what_failed_answers_nothing_but_would_have_been_answered(book):
    """A failed call fills no cache; one that failed after an answer was there would not have been made."""
    for number in range(20):
        book.add(number, key=f"filler-{number}")
    book.add(100, key="a", cost="1", outcome="failed")
    book.add(200, key="a", cost="2")
    book.add(300, key="a", cost="4", outcome="cancelled")
    book.add(400, key="a", cost="0", outcome="memory")
    assert book.advice()["exact_cache"].saving == Money(4 * DOLLAR)


def test_all_attempts_of_a_repeated_call_are_saved_and_count_as_one(book):
    """A cascade's refused attempts would not have been made either, and its own second attempt is no repeat."""
    for number in range(20):
        book.add(number, key=f"filler-{number}")
    for at, call in ((100, "one"), (200, "two")):
        book.add(at, key="a", cost="1", outcome="escalated", id=f"{call}.1", call=call)
        book.add(at + 1, key="a", cost="2", id=call, call=call)
    found = book.advice()["exact_cache"]
    assert found.saving == Money(3 * DOLLAR)
    assert "(1)" in found.evidence
    assert found.sample == 22


async def test_a_cascade_through_the_decorators_repeats_as_one_call(tmp_path):
    """What the records of real cascades look like is what the lens reads."""
    with virtual(FakeClock()) as clock, Ledger(tmp_path / "ledger") as ledger:
        fake = FakeModel(clock=clock, latency=0)

        @metered(ledger=ledger)
        @deduplicated
        @routed(cascade(["gpt-4o-mini", "gpt-4o"], accept=lambda response: response.model == "gpt-4o"))
        async def ask(prompt, *, model=None):
            return await fake(prompt=prompt, model=model)

        for number in range(12):
            await ask(f"question {number % 6}")
            clock.advance(1)
        await ledger.flush()
        found = {advice.tip: advice for advice in advise(ledger)}["exact_cache"]
        assert found.sample == 12
        assert found.evidence.startswith("50% of 12 calls (6)")
        assert found.saving is not None
        assert found.saving.pico * 2 == fake.charged.pico


def test_records_without_keys_are_not_enough_evidence(book):
    """What nothing can tell apart is not called different."""
    for number in range(50):
        book.add(number)
    found = book.advice()
    assert found["fewer_steps"].saving is None
    assert "0 calls of 50 say what was asked" in found["fewer_steps"].evidence
    for tip in ("exact_cache", "deduplication"):
        assert found[tip].saving is None
        assert "none of 50 calls" in found[tip].evidence


def test_near_repeats_need_digests_and_leave_exact_ones_out(book):
    """The same words in another case count once an exact cache would not have known them."""
    for number in range(20):
        book.add(number, key=f"filler-{number}", digests={"near": f"filler-{number}"})
    book.add(100, key="a", cost="1", digests={"near": "n"})
    book.add(200, key="b", cost="2", digests={"near": "n"})  # near
    book.add(300, key="b", cost="4", digests={"near": "n"})  # exact
    book.add(400, key="a", cost="8", digests={"near": "n"})  # exact
    found = book.advice()
    assert found["semantic_cache"].saving == Money(2 * DOLLAR)
    assert found["exact_cache"].saving == Money(12 * DOLLAR)


def test_a_semantic_cache_whose_checks_cost_more_than_it_saves_does_not_pay(book):
    """Signed: it says so, below zero, behind everything else."""
    for number in range(12):
        book.add(number, cost="0", outcome="semantic", saved=Money(DOLLAR // 100))
        book.add(number, cost="0.05", outcome="shadow")
    found = book.advice()["semantic_cache"]
    assert found.saving == Money(-48 * DOLLAR // 100)
    assert found.pays is False
    assert "costs more than it saves" in found.evidence
    assert advise(book.ledger)[-1] == found


def test_warm_prefixes_are_what_prompt_caching_would_save(book):
    """Ten calls in five minutes with 2,000 equal tokens: one is written, nine are read at a tenth of the price."""
    for number in range(10):
        book.add(
            number * 60, model="claude-sonnet-4-5", usage=Usage(input_tokens=2_500, output_tokens=10),
            digests={"prefix": "p", "prefix_tokens": "2000"},
        )  # fmt: skip
    found = book.advice()["prompt_caching"]
    write, reads = -2_000 * 750_000, 9 * 2_000 * 2_700_000  # 3.75 and 0.30 instead of 3 dollars a million
    assert found.saving == Money(write + reads)
    assert "9 calls more" in found.evidence
    assert found.sample == 10


def test_prefixes_that_come_back_too_late_cost_more_and_count_so(book):
    """Signed: every write to the cache that nobody reads is a surcharge."""
    for number in range(10):
        book.add(
            number * 3_600, model="claude-sonnet-4-5", usage=Usage(input_tokens=2_500, output_tokens=10),
            digests={"prefix": "p", "prefix_tokens": "2000"},
        )  # fmt: skip
    found = book.advice()["prompt_caching"]
    assert found.saving == Money(-10 * 2_000 * 750_000)
    assert "does not pay for ask" in found.evidence


def test_a_prefix_that_is_read_from_the_cache_already_saves_nothing_more(book):
    """What the provider's cache does today is told, and not counted again."""
    for number in range(10):
        book.add(
            number * 60, model="claude-sonnet-4-5",
            usage=Usage(input_tokens=500, cache_read_tokens=2_000, output_tokens=10),
            digests={"prefix": "p", "prefix_tokens": "2000"},
        )  # fmt: skip
    found = book.advice()
    assert found["prompt_caching"].saving == Money(0)
    assert "reading saved $0.0540" in found["prompt_caching"].evidence
    assert found["shorten_prompt"].saving == Money(10 * 2_000 * 300_000 // 10)


def test_prompt_cache_writes_that_nobody_reads_do_not_pay(book):
    """Also without any digest: the records say what was written and what was read."""
    for number in range(12):
        book.add(number * 60, model="claude-sonnet-4-5", usage=Usage(cache_write_5m_tokens=2_000, output_tokens=10))
    found = book.advice()["prompt_caching"]
    assert found.saving == Money(-12 * 2_000 * 750_000)
    assert "costs more than it saves" in found.evidence


def _rated(book, model, calls, good, **fields):
    for number in range(calls):
        book.add(number, model=model, success=number < good, **fields)


def test_a_cheaper_model_that_answers_as_well_is_worth_its_price_difference_less_its_risk(book):
    """By feedback on both, with what it may lose at 95 % charged as asked again."""
    _rated(book, "gpt-4o", 400, 380)
    _rated(book, "gpt-4o-mini", 400, 380)
    found = book.advice()["routing"]
    whole = sum(record.cost.known.pico for record in book.written if record.model == "gpt-4o")
    cheap = sum(record.cost.known.pico for record in book.written if record.model == "gpt-4o-mini")
    assert found.saving is not None
    assert 0.9 * (whole - cheap) < found.saving.pico < whole - cheap
    assert "400 calls of gpt-4o in ask by gpt-4o-mini" in found.evidence
    assert found.sample == 800
    assert found.triggered


def test_a_cheaper_model_that_fails_does_not_pay(book):
    """Signed: calls lost are asked again, and then cheap is dear."""
    _rated(book, "gpt-4o", 100, 95)
    _rated(book, "gpt-4o-mini", 100, 3)
    found = book.advice()["routing"]
    assert found.saving is not None
    assert found.saving.pico < 0
    assert found.evidence.count("It does not pay.") == 1


def test_nine_ratings_are_not_enough_evidence(book):
    """Nothing is concluded below ten on both sides."""
    _rated(book, "gpt-4o", 100, 95)
    _rated(book, "gpt-4o-mini", 9, 9)
    assert book.advice()["routing"].saving is None


def test_models_of_different_features_are_not_compared(book):
    """The same function under two features does two kinds of work."""
    _rated(book, "gpt-4o", 50, 50, tags={"feature": "law"})
    _rated(book, "gpt-4o-mini", 50, 50, tags={"feature": "jokes"})
    assert book.advice()["routing"].saving is None


async def test_feedback_given_through_the_library_is_what_routing_reads(tmp_path):
    """From `feedback(call_id)` to the figure, with nothing by hand."""
    with Ledger(tmp_path / "ledger") as ledger:
        fake = FakeModel()

        @metered(ledger=ledger)
        async def ask(prompt, *, model):
            return await fake(prompt=prompt, model=model)

        for model in ("gpt-4o", "gpt-4o-mini"):
            for number in range(30):
                with scope() as run:
                    await ask(f"question {number}", model=model)
                await feedback(run.calls[0].id, success=True, ledger=ledger)
        found = {advice.tip: advice for advice in advise(ledger)}["routing"]
        assert found.sample == 60
        assert found.saving is not None
        assert found.saving.pico > 0


def test_long_inputs_that_do_no_better_than_short_ones_are_worth_cutting(book):
    """The saving is what the tokens beyond 2,000 cost, less what short inputs may lose."""
    _rated(book, "gpt-4o", 200, 190, usage=Usage(input_tokens=10_000, output_tokens=100))
    _rated(book, "gpt-4o", 200, 190, usage=Usage(input_tokens=1_000, output_tokens=100))
    found = book.advice()["fit_context"]
    excess = 200 * 8_000 * 2_500_000
    assert found.saving is not None
    assert 0.85 * excess < found.saving.pico < excess
    assert "200 calls of more than 2,000 tokens made" in found.evidence
    assert found.triggered  # 5,500 tokens on average


def test_a_shorter_prompt_that_was_tried_and_does_as_well_is_worth_the_difference(book):
    """Two prompts of one function, told apart by their prefix."""
    long = {"digests": {"prefix": "long", "prefix_tokens": "3000"}, "usage": Usage(input_tokens=3_100)}
    short = {"digests": {"prefix": "short", "prefix_tokens": "500"}, "usage": Usage(input_tokens=600)}
    _rated(book, "gpt-4o", 300, 290, **long)
    _rated(book, "gpt-4o", 300, 290, **short)
    found = book.advice()["fewer_words"]
    assert found.saving is not None
    assert 0 < found.saving.pico < 300 * 2_500 * 2_500_000


def test_embeddings_that_come_together_save_requests_rather_than_dollars(book):
    """Batches are honest: tokens cost the same in them."""
    for number in range(30):
        book.add(number * 0.001, model="text-embedding-3-small", usage=Usage(input_tokens=100))
    found = book.advice()["batching"]
    assert found.saving == Money(0)
    assert "27 of 30 calls (30 embeddings)" in found.evidence
    assert "3 requests in all" in found.evidence
    assert "not dollars" in found.evidence


def test_a_prefix_sent_once_for_a_batch_saves_dollars(book):
    """Chat calls with an equal prefix spare it for all but the first of a batch."""
    for number in range(20):
        book.add(number * 0.001, digests={"prefix": "p", "prefix_tokens": "800"})
    assert book.advice()["batching"].saving == Money(18 * 800 * 2_500_000)


def test_a_step_that_its_run_took_before_is_a_loop(book):
    """However long ago in the run; another run's step is another matter."""
    for number in range(20):
        book.add(number, key=f"filler-{number}", run="other")
    book.add(100, key="a", run="one", cost="1")
    book.add(90_000, key="a", run="one", cost="2")
    book.add(90_010, key="a", run="two", cost="4")
    assert book.advice()["fewer_steps"].saving == Money(2 * DOLLAR)


def test_repeated_tools_save_time_where_they_cost_nothing(book):
    """A tool's repeats are told by their waiting; they are no model's repeats."""
    for number in range(20):
        book.add(number * 10, key=f"tool-{number % 5}", kind="tool", model=None, usage=Usage(), cost="0", latency=2)
    found = book.advice()
    assert found["tool_results"].saving == Money(0)
    assert "75% of 20 tool calls" in found["tool_results"].evidence
    assert "30.0 s of waiting" in found["tool_results"].evidence
    assert found["exact_cache"].sample == 0


def test_triggers_follow_the_sources_thresholds(book):
    """Hits below 30 %, expensive models above half of the cost, more than 2,000 tokens of input on average."""
    for number in range(10):
        book.add(number, model="gpt-4o-mini", usage=Usage(input_tokens=2_000, output_tokens=10))
    for _ in range(5):
        book.add(50, cost="0", outcome="memory", usage=Usage())
    by_tip = book.advice()
    assert {"routing": False, "fit_context": False, "exact_cache": False} == {
        tip: by_tip[tip].triggered for tip in ("routing", "fit_context", "exact_cache")
    }
    for number in range(10):
        book.add(100 + number, model="gpt-4o", usage=Usage(input_tokens=4_000, output_tokens=10))
    by_tip = book.advice()
    assert {"routing": True, "fit_context": True, "exact_cache": True} == {
        tip: by_tip[tip].triggered for tip in ("routing", "fit_context", "exact_cache")
    }
    assert "Caches answered 20% of the calls" in by_tip["exact_cache"].evidence


def test_advice_is_sorted_by_dollars_with_the_unknown_before_what_does_not_pay(book):
    """What pays most stands first, what costs stands last."""
    for number in range(12):
        book.add(number, key=f"k{number % 3}", cost="1")
        book.add(number, cost="0", outcome="semantic", saved=Money(1))
        book.add(number, cost="0.05", outcome="shadow")
    book.ledger.flush_now()
    savings = [advice.saving for advice in advise(book.ledger)]
    known = [saving.pico for saving in savings if saving is not None]
    assert sorted(known, reverse=True) == known
    places = [1 if saving is None else 0 if saving.pico > 0 else 2 for saving in savings]
    assert sorted(places) == places


def test_only_the_asked_time_is_looked_at(book):
    """`since` and `until` bound the records."""
    for number in range(40):
        book.add(number, key="a", cost="1", latency=0)
    since = book.written[20].time
    found = book.advice(since=since, until=since + timedelta(seconds=15))["exact_cache"]
    assert found.sample == 15
    assert found.saving == Money(14 * DOLLAR)


def test_prices_given_are_the_ones_that_count(book):
    """To ask "what if" takes a plain mapping of models to prices."""
    for number in range(10):
        book.add(number * 60, digests={"prefix": "p", "prefix_tokens": "1100"}, usage=Usage(input_tokens=1_200))
    prices = {"gpt-4o": {"input": 10, "cached_input": 1, "cache_write_5m": 10, "output": 0}}
    assert book.advice(prices=prices)["prompt_caching"].saving == Money(9 * 1_100 * 9 * 10**6)


def test_models_without_a_price_are_counted_apart(book):
    """A repeat whose cost nobody knows adds nothing, and is said."""
    for number in range(20):
        book.add(number, key="a", model="nobody-knows", cost=Cost.unpriced(), latency=0)
    found = book.advice()["exact_cache"]
    assert found.saving == Money(0)
    assert "19 repeats had no price" in found.evidence


def test_memory_is_bounded_and_what_was_forgotten_is_said(book):
    """A ledger of ever new requests keeps as many as it may, and calls its figure a lower bound."""
    repeats, near, rides = Repeats(lambda r: r.key, most=50), NearRepeats(lambda r: r.key, most=50), Rides(most=50)
    for number in range(500):
        record = book.add(number, key=f"k{number}", cost="0")
        for lens in (repeats, near, rides):
            lens.see(record, record.time.timestamp())
    assert len(repeats._answers) == len(near._answers) == len(near._exact) == len(rides._flights) == 50
    assert repeats.forgotten == 450


@given(
    calls=st.lists(
        st.tuples(st.integers(0, 5_000), st.sampled_from("abc"), st.integers(0, 300), st.integers(1, 9)), max_size=30
    )
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_lens_counts_a_call_twice_or_the_first_of_its_kind(book, calls):
    """A hit saves at most what the call cost, a follower likewise, and the first call of a kind is never saved."""
    lenses = Repeats(lambda record: record.key), Rides()
    total, first = 0, {}
    for at, key, latency, cost in sorted(calls):
        record = book.add(at, key=key, cost=str(cost), latency=float(latency))
        total += cost
        first.setdefault(key, cost)
        for lens in lenses:
            before = lens.pico
            lens.see(record, record.time.timestamp())
            assert lens.pico - before in {0, cost * DOLLAR}
    for lens in lenses:
        assert lens.pico <= (total - sum(first.values())) * DOLLAR


def test_what_an_hour_forgets_is_said_in_the_evidence(book, monkeypatch):
    """A figure that is a lower bound says so."""
    monkeypatch.setattr(
        "frugal.insight.advice.advising.Repeats", lambda digest, **more: Repeats(digest, most=5, **more)
    )
    for number in range(30):
        book.add(number, key=f"k{number}", cost="1")
    assert "At least: only the last 5 different requests" in book.advice()["exact_cache"].evidence


def test_groups_that_grow_without_end_are_bounded(book):
    """Prompts, functions and open batches that are ever new fill no memory; what came first is still compared."""
    variants = Rivals(lambda record: (("work",), record.digests["prefix"]))
    crowd = Rivals(lambda record: ((record.function,), "arm"))
    prefixes, batches, traffic = Prefixes(default_prices()), Batches(default_prices()), Traffic(default_prices())
    for number in range(40):
        record = book.add(number, digests={"prefix": f"p{number}", "prefix_tokens": "900"}, function=f"f{number}")
        for lens in (variants, crowd, prefixes, batches, traffic):
            lens.see(record, record.time.timestamp())
    assert len(variants.groups["work",]) == 32
    assert (len(crowd.groups), prefixes.known, batches.calls, traffic.calls) == (40, 40, 40, 40)


def test_a_model_without_a_price_is_not_weighed(book):
    """Its prefixes are not counted as free, and it is no rival."""
    for number in range(20):
        book.add(
            number, model="nobody-knows", cost=Cost.unpriced(), success=True,
            digests={"prefix": "p", "prefix_tokens": "2000"},
        )  # fmt: skip
    _rated(book, "gpt-4o", 20, 20)
    found = book.advice()
    assert found["prompt_caching"].saving is None
    assert found["routing"].saving is None


def test_what_went_in_batches_already_is_told(book):
    """It is neither a call that could have joined nor one that stood alone."""
    for number in range(12):
        book.add(number, outcome="batched", usage=Usage(input_tokens=10), model="text-embedding-3-small")
    found = book.advice()["batching"]
    assert found.saving is None
    assert "12 went in batches" in found.evidence


def test_a_fee_for_each_request_is_what_a_batch_spares(book):
    """Where a price has one."""
    for number in range(20):
        book.add(number * 0.001, model="per-call", usage=Usage(input_tokens=100))
    prices = {"per-call": {"input": 1, "output": 0, "per_request": "0.01"}}
    assert book.advice(prices=prices)["batching"].saving == Money(18 * DOLLAR // 100)


def test_reasoning_is_told_beside_the_steps(book):
    """How much of the output nobody reads."""
    for number in range(20):
        book.add(number, key=f"k{number}", run="r", usage=Usage(output_tokens=25, reasoning_tokens=75))
    found = book.advice()["fewer_steps"]
    assert found.saving == Money(0)
    assert "75% of all output tokens are reasoning" in found.evidence


def test_calls_without_input_have_no_length(book):
    """They are neither long nor short."""
    _rated(book, "gpt-4o", 20, 20, usage=Usage(output_tokens=5))
    assert book.advice()["fit_context"].sample == 0


def test_tools_and_other_kinds_do_not_count_against_the_caches(book):
    """The sign is the hit rate of what models were asked; a hundred tools are no misses."""
    for number in range(20):
        book.add(number, cost="0", outcome="memory") if number % 2 else book.add(number)
    for number in range(100):
        book.add(number, kind="tool", model=None, usage=Usage(), cost="0")
        book.add(number, kind="vector store", model=None, usage=Usage(), cost="0.001")
    found = book.advice()["exact_cache"]
    assert not found.triggered
    assert book.advice()["semantic_cache"].triggered is False


def test_three_checks_of_a_semantic_cache_are_not_enough_to_condemn_it(book):
    """Below ten, nothing is concluded."""
    for number in range(3):
        book.add(number, cost="0.05", outcome="shadow")
    assert book.advice()["semantic_cache"].saving is None


def test_near_repeats_of_other_users_are_not_what_a_semantic_cache_would_answer(book):
    """It keeps its users apart, unless it is told otherwise."""
    for number in range(12):
        book.add(number, key=f"k{number}", user=f"user {number}", cost="1", latency=0, digests={"near": "n"})
    assert book.advice()["semantic_cache"].saving == Money(0)
    book.add(100, key="other", user="user 3", cost="2", digests={"near": "n"})
    found = book.advice()["semantic_cache"]
    assert found.saving == Money(2 * DOLLAR)
    assert "1 call of 13 asked in other words what the same user had been answered" in found.evidence


def test_a_call_that_is_a_run_of_its_own_is_no_step_of_a_loop(book):
    """Without a scope each call is its own run: that says nothing of loops."""
    for number in range(20):
        book.add(number, key="a", id=f"c{number}", call=f"c{number}", run=f"c{number}")
    found = book.advice()["fewer_steps"]
    assert found.saving is None
    assert "0 calls of 20 say what was asked, and in which run" in found.evidence


def test_a_prefix_that_the_model_does_not_cache_saves_nothing(book):
    """Some models keep only long ones."""
    for number in range(10):
        for model, prefix in (("claude-haiku-4-5", "p"), ("claude-opus-4-5", "q")):
            book.add(
                number * 60, model=model, usage=Usage(input_tokens=4_500, output_tokens=10),
                digests={"prefix": prefix, "prefix_tokens": "4000"},
            )  # fmt: skip
    found = book.advice()["prompt_caching"]
    assert found.saving == Money(0)
    for number in range(10):
        book.add(
            number * 60, model="claude-haiku-4-5", usage=Usage(input_tokens=4_500, output_tokens=10),
            digests={"prefix": "long", "prefix_tokens": "4200"},
        )  # fmt: skip
    saving = book.advice()["prompt_caching"].saving
    assert saving is not None
    assert saving.pico > 0


def test_calls_in_flight_without_a_price_and_forgotten_ones_are_said(book, monkeypatch):
    """A figure that is a lower bound says so."""
    monkeypatch.setattr("frugal.insight.advice.advising.Rides", lambda: Rides(most=5))
    for number in range(20):
        book.add(number, key=f"k{number}", latency=0)
    book.add(50, key="x", latency=9)
    book.add(51, key="x", model="nobody-knows", cost=Cost.unpriced(), latency=9)
    said = book.advice()["deduplication"].evidence
    assert "1 of them had no price and add nothing." in said
    for number in range(20):
        book.add(60 + number / 100, key=f"j{number}", latency=9)
    assert "At least: only the last 5 different requests" in book.advice()["deduplication"].evidence


def test_a_cheaper_model_is_compared_at_the_same_tokens_and_says_so(book):
    """What it would write itself, nobody knows."""
    _rated(book, "gpt-4o", 50, 50)
    _rated(book, "gpt-4o-mini", 50, 50)
    assert "by gpt-4o-mini, at the same tokens" in book.advice()["routing"].evidence
