"""Laws of caching by meaning: the veto, the query, the index and its bytes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from frugal._mechanisms.nearest import Fixed, Neighbour, Verified
from frugal._mechanisms.nearest.certificate import LEVELS, Certificate
from frugal._mechanisms.veto import veto
from frugal._values.query import MARK, last_user_turn
from frugal.indexes import ExactIndex
from frugal.indexes.rows import Entry, decode, encode
from frugal.indexes.vectors import direction

WORDS = st.sampled_from(
    'a the not no from to 3 three 三 兩 不 沒有 台北 Paris paris buy sell `x_y` "q" 5km %, km 明天 before'.split()
)
TEXTS = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=12).map(" ".join))


@given(TEXTS, TEXTS)
@settings(max_examples=300)
def test_the_veto_is_symmetric_and_never_refuses_a_text_to_itself(one, other):
    """What differs between two texts does not depend on their order; a text does not differ from itself."""
    assert veto(one, other) == veto(other, one)
    assert None is veto(one, one)
    assert None is veto(one, one + " ")


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.sampled_from(["pay {} euros", "付{}元", "{}", "page {} of it"]))
def test_two_different_numbers_are_always_refused(one, other, sentence):
    """However a sentence goes on, another number is another question."""
    assert (one == other) == (veto(sentence.format(one), sentence.format(other)) is None)


TURNS = st.lists(
    st.fixed_dictionaries({"role": st.sampled_from(["system", "user", "assistant"]), "content": st.text(max_size=20)}),
    max_size=4,
)


@given(TURNS, st.text(max_size=30), st.text(max_size=5))
def test_text_and_rest_are_the_request(turns, text, model):
    """Putting the text back where the mark is gives the request; without text there is no query."""
    arguments = {"messages": [*turns, {"role": "user", "content": text}], "model": model}
    found = last_user_turn(arguments)
    assert (found is not None) == bool(text.strip())
    if found is not None:
        assert MARK == found[1]["messages"][-1]["content"]
        rest = {**found[1], "messages": [*found[1]["messages"][:-1], {"role": "user", "content": found[0]}]}
        assert arguments == rest


VECTORS = st.lists(st.floats(-100, 100, width=32), min_size=3, max_size=3).filter(
    lambda v: any(abs(x) > 1e-3 for x in v)
)


@given(
    st.dictionaries(st.integers(1, 2**62), VECTORS, max_size=20), st.lists(st.integers(1, 2**62), max_size=5), VECTORS
)
def test_an_index_equals_its_bytes_and_a_sorted_list(entries, removed, query):
    """Searching equals sorting; saving and loading changes nothing."""
    index = ExactIndex()
    for id, vector in entries.items():
        index.add(id, vector)
    for id in removed:
        index.remove(id)
        entries.pop(id, None)
    expected = sorted((float(direction(vector) @ direction(query)) for vector in entries.values()), reverse=True)
    for each in (index, ExactIndex.load(index.dump())):
        found = each.search(query, len(entries) + 1)
        assert set(entries) == {id for id, _ in found}
        assert np.allclose(expected, [value for _, value in found], atol=1e-5)


@given(
    st.text(),
    st.text(),
    st.binary(),
    st.one_of(st.none(), st.floats(0, 1e12)),
    st.one_of(st.none(), st.text()),
    VECTORS,
)
def test_a_row_comes_back_whatever_it_holds(partition, text, answer, expires, user, vector):
    """Any text and any answer survive their row."""
    entry = Entry(
        id=1, partition=partition, text=text, vector=direction(vector), answer=answer, answer_class=text,
        created=1.0, expires=expires, user=user,
    )  # fmt: skip
    other = decode(encode(entry))
    assert (partition, text, answer, expires, user) == (
        other.partition, other.text, other.answer, other.expires, other.user,
    )  # fmt: skip


AUDITS = st.lists(st.tuples(st.integers(0, LEVELS - 1), st.booleans()), max_size=60)


@given(AUDITS, st.floats(0.01, 0.5))
@settings(max_examples=60)
def test_the_level_served_always_holds_the_promise(audits, rate):
    """Whenever a level is served its bound is at most the rate, and the measured share is below the bound."""
    certificate = Certificate(rate)
    for level, wrong in audits:
        for _ in range(20):
            certificate.audit(level, wrong=wrong)
        certificate.settle()
        count, bad = certificate.measured
        if certificate.level is not None:
            assert bad / count <= certificate.bound <= rate + 1e-9
        assert 0.0 <= certificate.bound <= 1.0


NEIGHBOURS = st.lists(
    st.tuples(st.floats(-1, 1), st.sampled_from("abc"), st.integers(0, 9), st.integers(0, 9)), max_size=16
).map(lambda rows: [Neighbour(at, *row) for at, row in enumerate(sorted(rows, key=lambda row: -row[0]))])


@given(
    st.lists(st.tuples(NEIGHBOURS, st.booleans(), st.booleans()), max_size=40),
    st.sampled_from([Fixed(0.8), Verified(0.3, seed=1)]),
)
@settings(max_examples=60)
def test_no_policy_ever_serves_what_is_refused_or_not_there(steps, policy):
    """A hit names one of the neighbours, and one that the veto lets pass."""
    for neighbours, refused, right in steps:
        decision = policy.decide(neighbours, lambda id, refused=refused: "rule" if refused and id % 2 == 0 else None)
        if decision.action == "hit":
            assert decision.entry in {each.id for each in neighbours}
            assert not (refused and decision.entry % 2 == 0)
        if decision.action == "explore" or decision.audit:
            policy.learn(decision, right=right)
