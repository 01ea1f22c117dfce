"""Numbers read from words, in English and in Chinese."""

import pytest

from frugal._mechanisms.veto.numerals import chinese_value, english_numbers, plain


@pytest.mark.parametrize(
    ("numeral", "value"),
    [
        ("零", "0"),
        ("十", "10"),
        ("十二", "12"),
        ("二十", "20"),
        ("三十五", "35"),
        ("一百零五", "105"),
        ("一千二百", "1200"),
        ("兩千", "2000"),
        ("三萬五千", "35000"),
        ("一億", "100000000"),
        ("二〇二四", "2024"),
        ("三點五", "3.5"),
        ("十點五", "10.5"),
        ("壹佰", "100"),
        ("百", None),
        ("萬", None),
    ],
)
def test_chinese_numerals_are_read_as_values(numeral, value):
    """A Chinese numeral has the value that its digits and places give; a lone place has none."""
    assert value == chinese_value(numeral)


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("twenty one", ["21"]),
        ("two hundred and five", ["205"]),
        ("three thousand four hundred", ["3400"]),
        ("one million", ["1000000"]),
        ("a dozen eggs", ["12"]),
        ("one", []),
        ("one two three", ["2", "3"]),
        ("salt and two eggs", ["2"]),
        ("the second and the third", ["2", "3"]),
        ("a second", []),
        ("", []),
    ],
)
def test_english_numbers_are_read_as_values(words, numbers):
    """Numbers spelt out are read, compounds as one; a lone "one" is no number."""
    assert numbers == list(english_numbers(words.split()))


@pytest.mark.parametrize(
    ("written", "shortest"),
    [("1,200", "1200"), ("007", "7"), ("2.50", "2.5"), ("2.0", "2"), ("2.10.0", "2.10.0"), ("0", "0")],
)
def test_digits_are_brought_to_their_shortest_form(written, shortest):
    """Commas, leading and trailing zeros do not change a number; a version keeps all of its parts."""
    assert shortest == plain(written)
