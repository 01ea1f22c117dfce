"""Digests for analysis: what makes two requests near, and that no text of them is kept."""

from hypothesis import example, given
from hypothesis import strategies as st

from frugal import metered
from frugal._core.digests import digests_of
from frugal._core.pipeline import plan_of
from frugal.testing import MemoryLedger


@metered(ledger=MemoryLedger())
async def ask(prompt, *, model="gpt-4o", tools=None):
    return prompt


def near(text, **others):
    plan = plan_of(ask)
    return digests_of(plan.begin(ask.__wrapped__, None, (text,), others, dry=True))[1].get("near")


def plainly(text):
    """Fold a text as the law says, letter by letter."""
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()


@given(one=st.text(), other=st.text())
@example(one="What's the time?", other="what s  THE time")
@example(one="Straße 5", other="STRASSE 5")
@example(one="a_b", other="a b")
@example(one="ÀÉ", other="àé")
@example(one="１２", other="12")
def test_two_texts_are_near_exactly_when_case_spacing_and_punctuation_are_all_that_differs(one, other):
    """By the fast ways for ASCII and for the rest alike."""
    if not one.strip() or not other.strip():
        return
    assert (plainly(one) == plainly(other)) == (near(one) == near(other))


def test_everything_else_must_be_equal():
    """The same words to another model, or with other tools, are not near."""
    assert near("Hello") == near("hello!")
    assert near("Hello") != near("hello!", model="gpt-4o-mini")
    assert near("Hello") != near("hello!", tools=[{"name": "search"}])


def test_a_record_has_the_digests_of_the_request_as_it_was_made():
    """Whatever a ring has put in its place since: the key of a routed call is the caller's."""
    call = plan_of(ask).begin(ask.__wrapped__, None, ("Hello",), {}, dry=True)
    routed = call.replace(model="gpt-4o-mini")
    assert call.key != routed.key
    assert (call.key, digests_of(call)[1]) == digests_of(call) == digests_of(routed)
    assert call is routed.asked is routed.replace(model="gpt-4.1").asked
