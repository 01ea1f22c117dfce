"""What a person sees of a text that somebody else wrote."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugal._values.visible import visible


@pytest.mark.parametrize(
    "text",
    ["王芳", "naïve", "مرحبا بالعالم", "ก็", "👩‍💻", "👩🏽‍💻", "❤️‍🔥", "a b", "王 芳", "[bold]", "", "<b>"],
)
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    """Letters of any language with their marks, joined pictures, and blanks between words."""
    assert text == visible(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada ", "ada\\x20"),
        ("\u3000ada", "\\u3000ada"),
        ("  ", "\\x20\\x20"),
        ("a\u200db", "a\\u200db"),
        ("a\u200cb", "a\\u200cb"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("a\u3164", "a\\u3164"),
        ("\u2066a", "\\u2066a"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_hides_or_acts_is_spelt_out(text: str, shown: str) -> None:
    """Joiners between letters, fillers, directions, escapes, halves of pairs, and blanks at either end."""
    assert shown == visible(text)


@given(st.text())
def test_what_is_shown_is_seen_whole(text: str) -> None:
    """No sign of it acts, and it has no blank at its ends; what needs no spelling is itself."""
    shown = visible(text)
    assert shown == shown.strip()
    assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"} for sign in shown)
    assert shown == visible(shown)


@given(st.text(alphabet="ab \u200b\u200c\u200d\u3164\u202e\ufe0f", max_size=6))
def test_two_texts_that_differ_are_shown_as_two(text: str) -> None:
    """Nobody passes for another by signs that are not seen."""
    assert (visible(text) == "ab") is (text == "ab")
