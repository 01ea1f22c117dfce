"""How values read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal import Cost, Money, usd
from frugal.cli import wording

NASTY = ["\x1b[31m", "\x07", "\r", "\n", "\t", "\x9b2J", "\u202e", "\u2066", "\u200b", "\ud800", "\x00", "\u2028"]


@pytest.mark.parametrize("sign", NASTY)
def test_what_would_act_on_a_terminal_is_spelled_out(sign: str) -> None:
    """Control characters, reordering and hidden letters of a user's text never reach the terminal."""
    shown = wording.clean(f"a{sign}b")
    assert sign[0] not in shown
    assert shown.startswith("a\\")
    assert shown.endswith("b")


@given(st.text())
def test_clean_text_is_always_printable_and_encodable(text: str) -> None:
    """Whatever a user wrote, what is shown moves no cursor and can be written as UTF-8."""
    shown = wording.clean(text)
    shown.encode("utf-8")
    assert not any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in shown)


@pytest.mark.parametrize("text", ["王芳", "naïve", "👩‍💻", "plain", "[bold]"])
def test_visible_text_stays_as_it_is(text: str) -> None:
    """Letters of any language, emoji and brackets are text."""
    assert text == wording.clean(text)


@given(st.integers(min_value=-(10**20), max_value=10**20))
def test_money_that_is_not_zero_never_reads_as_zero(pico: int) -> None:
    """An amount reads as zero only when it is."""
    assert (wording.money(Money(pico)) == "$0.0000") is (pico == 0)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (usd("1234.56789"), "$1,234.5679"),
        (usd("-2.5"), "-$2.5000"),
        (Money(1), "<$0.0001"),
        (Money(-1), ">-$0.0001"),
        (None, "unpriced"),
    ],
)
def test_money_has_four_decimals(amount: Money | None, shown: str) -> None:
    """Dollars line up in a column."""
    assert shown == wording.money(amount)


def test_an_estimate_is_marked_and_so_is_what_has_no_price() -> None:
    """A reader sees which sums are bounds and which leave calls out."""
    estimate = Cost.estimated(usd(1), usd(0), usd(2))
    assert wording.cost(estimate) == "~$1.0000"
    assert wording.cost(Cost.exact(usd(1)) + Cost.unpriced()) == "$1.0000+?"
    assert wording.cost(Cost.unpriced()) == "unpriced"


@given(st.integers(min_value=0, max_value=10**13))
def test_counts_keep_three_digits(number: int) -> None:
    """A shortened count is within half a percent of the truth."""
    shown = wording.count(number)
    factor = {"k": 1e3, "M": 1e6, "B": 1e9}.get(shown[-1], 1)
    value = float(shown.rstrip("kMB").replace(",", "")) * factor
    assert abs(value - number) <= number * 0.0051


def test_shares_are_never_rounded_to_nothing_or_to_all() -> None:
    """Little is not nothing, and nearly all is not all."""
    assert [wording.percent(share) for share in (0, 0.0001, 0.5, 0.9999, 1, 1.2)] == [
        "0%", "<1%", "50%", ">99%", "100%", "120%",
    ]  # fmt: skip


def test_times_are_told_on_the_asked_wall_clock() -> None:
    """The zone is the reader's."""
    at = datetime(2026, 7, 1, 22, 30, tzinfo=UTC)
    assert wording.when(at) == "2026-07-01 22:30:00"
    assert wording.when(at, "Europe/Berlin", now=at) == "07-02 00:30:00"
