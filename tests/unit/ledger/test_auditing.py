"""What the audit finds."""

import pytest

from frugal._values.usage import Usage

DEARER = "UPDATE Cache SET value = replace(value, '\"amount\":5', '\"amount\":6') WHERE key LIKE '{}'"
LESS = "UPDATE Cache SET value = replace(value, '\"{0}\":{1}', '\"{0}\":{2}') WHERE key LIKE 'account/%'"
SPOILT = [
    (DEARER.format("day/%"), "the day 2026-03-28"),
    (DEARER.format("hour/%"), "the hour 2026-03-28T12"),
    (DEARER.format("record/one"), "6 pico-dollars"),
    ("DELETE FROM Cache WHERE key LIKE 'day/%'", "says 0 records, 0 pico-dollars, 0 tokens, its records 1 records"),
    ("DELETE FROM Cache WHERE key = 'record/one'", "its records 0 records"),
    (LESS.format("spent_pico", 5, 4), "has spent 4"),
    (LESS.format("held_pico", 7, 0), "holds 0"),
    (LESS.format("holds", 1, 0), "holds 7"),
    ("DELETE FROM Cache WHERE key LIKE 'account/%'", "is missing"),
    ("DELETE FROM Cache WHERE key LIKE 'hold/%'", "its holds 0 and 0"),
    ("DELETE FROM Cache WHERE key LIKE 'owner/%'", "has no owner"),
    ("DELETE FROM Cache WHERE key = 'scopes'", "is of no registered scope"),
    ("UPDATE Cache SET value = '{' WHERE key = 'record/one'", "row 'record/one'"),
    ("UPDATE Cache SET value = '[1]' WHERE key LIKE 'hold/%'", "row 'hold/"),
    ("UPDATE Cache SET value = 7 WHERE key LIKE 'owner/%'", "is not ours"),
    ("UPDATE Cache SET key = 'day/2026-99-99/x' WHERE key LIKE 'day/%'", "has no date"),
    ("UPDATE Cache SET key = 'day/2026-03-28/x' WHERE key LIKE 'day/%'", "day/2026-03-28/x"),
]


@pytest.mark.parametrize(("statement", "words"), SPOILT)
async def test_whatever_is_changed_behind_its_back_is_found(ledger, make, put, claim, statement, words):
    """Every counter, record, account and hold is checked, and named in words."""
    await ledger.reserve([claim()], pico=7, tokens=1, draft=make())
    put(make(id="one", usage=Usage(input_tokens=3)))
    assert ledger.audit().ok

    def spoil(desk):
        assert desk.connection.execute(statement).rowcount

    ledger._writer.run(spoil)
    audit = ledger.audit()
    assert not audit
    assert any(words in problem for problem in audit.problems), audit.problems


async def test_a_ledger_that_is_wrong_everywhere_is_told_briefly(ledger, make, put):
    """A hundred problems are enough."""
    put(*(make(user=f"user-{number}") for number in range(150)))
    spoil = "UPDATE Cache SET value = replace(value, '5', '6') WHERE key LIKE 'day/%'"
    ledger._writer.run(lambda desk: desk.connection.execute(spoil).rowcount)
    audit = ledger.audit()
    assert len(audit.problems) == 101
    assert audit.problems[-1] == "and 50 more"
